// Pictures of a running Prometheus' own pages, by a browser without a window.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Milliseconds of the page's own clock until the picture is taken: its graphs are drawn by then. */
const DRAWN_WITHIN = 10_000;

const GIVEN_UP_AFTER = 60_000;

export interface Picture {
  readonly url: string;
  /** A `.png`. */
  readonly file: string;
  readonly width: number;
  readonly height: number;
}

/** Writes it. Rejects when the browser did not. */
export async function takePicture({ url, file, width, height }: Picture): Promise<void> {
  const profile = await mkdtemp(join(tmpdir(), 'mmc-chromium-'));
  try {
    await promisify(execFile)(
      'chromium',
      [
        '--headless=new',
        '--disable-gpu',
        '--hide-scrollbars',
        // Chromium refuses root its sandbox; the page is our own, on loopback.
        ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
        `--user-data-dir=${profile}`,
        `--window-size=${width},${height}`,
        `--virtual-time-budget=${DRAWN_WITHIN}`,
        `--screenshot=${file}`,
        url,
      ],
      { timeout: GIVEN_UP_AFTER, killSignal: 'SIGKILL' },
    );
    await stat(file);
  } finally {
    await rm(profile, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Where this Prometheus has its pages: Debian's serves the classic ones, below a path of their own. */
export async function pagesOf(prometheusUrl: string): Promise<string> {
  const { url } = await fetch(prometheusUrl);
  return new URL('.', url).href;
}
