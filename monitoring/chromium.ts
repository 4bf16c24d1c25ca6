// Chromium without a window: Debian's, since no npm package brings it. For pictures, and for the test of the page.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const FLAGS = [
  '--headless=new',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Chromium refuses root its sandbox; the page is our own, on loopback.
  ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
];

/** For one that stays open: it then ends with this process too, whose end of the pipe closes however it ends. */
export const UNTIL_CLOSED = '--remote-debugging-pipe';

export interface Chromium {
  /** Its exit code; null when it was killed. */
  readonly ended: Promise<number | null>;
  /** What it wrote to standard error so far. */
  output(): string;
  /** Ends it with every process it started, and removes its profile. May be called twice. */
  close(): Promise<void>;
}

/** Opens this page in a new, empty profile. Rejects when there is no Chromium. */
export async function startChromium(url: string, flags: readonly string[]): Promise<Chromium> {
  const profile = await mkdtemp(join(tmpdir(), 'mmc-chromium-'));
  const removeProfile = () => rm(profile, { recursive: true, force: true, maxRetries: 10 });
  const child = spawn('chromium', [...FLAGS, ...flags, `--user-data-dir=${profile}`, url], {
    // What it leaves beside its profile when it is killed goes with it.
    env: { ...process.env, TMPDIR: profile },
    // A process group of its own, so that its many processes can be ended together.
    detached: true,
    // The last two are what UNTIL_CLOSED reads and writes.
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  let output = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  try {
    await once(child, 'spawn');
  } catch (cause) {
    await removeProfile();
    throw cause;
  }

  async function end(): Promise<void> {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // Nobody of the group is left.
    }
    await ended;
    await removeProfile();
  }
  let closing: Promise<void> | undefined;
  return {
    ended,
    output: () => output,
    close() {
      closing ??= end();
      return closing;
    },
  };
}
