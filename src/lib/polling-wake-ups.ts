// Wake-ups of one request that looks for itself: for targets whose requests cannot wake each other.
import type { ReadVersions, WakeUps } from './wake-up.ts';

/**
 * Milliseconds between two looks at the versions; each is a subrequest, and Workers count those. A held request is
 * short and its answer is promised within a second of the change; a stream is long.
 */
const LOOK_EVERY = { held: 600, stream: 1_000 } as const;

/**
 * Looks at the versions again and again while somebody waits, with timers of this request only. A look that fails saw
 * nothing. What this request itself changes wakes nobody: it has been answered by then.
 */
export function createPollingWakeUps(readVersions: ReadVersions): WakeUps {
  const closing = new AbortController();

  async function waitUntilNewer(
    lookEvery: number,
    day: string,
    isNewer: (versions: Readonly<Record<string, number>>) => boolean,
    milliseconds: number,
    signal: AbortSignal,
  ): Promise<'look' | 'stop'> {
    const stops = [signal, closing.signal];
    const deadline = performance.now() + milliseconds;
    for (;;) {
      const left = deadline - performance.now();
      await sleep(Math.min(left, lookEvery), stops);
      if (stops.some(({ aborted }) => aborted)) return 'stop';
      // At the end the caller looks anyway.
      if (left <= lookEvery) return 'look';
      const versions = await readVersions(day).catch(() => ({}));
      if (stops.some(({ aborted }) => aborted)) return 'stop';
      if (isNewer(versions)) return 'look';
    }
  }

  return {
    changed() {},
    mark: () => 0,
    wait: ({ day, clinic, version }, milliseconds, signal) =>
      waitUntilNewer(
        LOOK_EVERY.held,
        day,
        (versions) => (versions[clinic] ?? 0) > version,
        milliseconds,
        signal,
      ),
    waitForAny: ({ day, versions: seen }, milliseconds, signal) =>
      waitUntilNewer(
        LOOK_EVERY.stream,
        day,
        (versions) => Object.entries(versions).some(([clinic, version]) => version > (seen[clinic] ?? 0)),
        milliseconds,
        signal,
      ),
    close: () => closing.abort(),
  };
}

/** Resolves after the time, or as soon as one of the signals aborts. */
function sleep(milliseconds: number, signals: readonly AbortSignal[]): Promise<void> {
  if (signals.some(({ aborted }) => aborted)) return Promise.resolve();
  return new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer);
      for (const signal of signals) signal.removeEventListener('abort', wake);
      resolve();
    };
    const timer = setTimeout(wake, Math.max(0, milliseconds));
    for (const signal of signals) signal.addEventListener('abort', wake);
  });
}
