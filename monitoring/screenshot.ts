// Pictures of a running Prometheus' own pages, by a browser without a window.
import { stat } from 'node:fs/promises';
import { startChromium } from './chromium.ts';

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
  const chromium = await startChromium(url, [
    '--hide-scrollbars',
    `--window-size=${width},${height}`,
    `--virtual-time-budget=${DRAWN_WITHIN}`,
    `--screenshot=${file}`,
  ]);
  const giveUp = setTimeout(() => void chromium.close(), GIVEN_UP_AFTER);
  try {
    const code = await chromium.ended;
    if (code !== 0) throw new Error(`no picture of ${url} was taken:\n${chromium.output()}`);
    await stat(file);
  } finally {
    clearTimeout(giveUp);
    await chromium.close();
  }
}

/** Where this Prometheus has its pages: Debian's serves the classic ones, below a path of their own. */
export async function pagesOf(prometheusUrl: string): Promise<string> {
  const { url } = await fetch(prometheusUrl);
  return new URL('.', url).href;
}
