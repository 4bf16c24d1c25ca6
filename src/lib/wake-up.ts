// How a waiter learns that a clinic's line changed. A small interface with one implementation per target.

/** A clinic's line at a version: what a waiter has seen, or what a writer made. */
export interface LineVersion {
  readonly day: string;
  readonly clinic: string;
  readonly version: number;
}

export interface WakeUps {
  /** Tells the waiters of this process at once; others find out by looking. Never throws. */
  changed(line: LineVersion): void;
  /**
   * Resolves to `look` when the clinic's line is newer than `seen` or `milliseconds` have passed (also, rarely, without
   * reason), and to `stop` when `signal` aborts or this process shuts down. Never rejects.
   */
  wait(seen: LineVersion, milliseconds: number, signal: AbortSignal): Promise<'look' | 'stop'>;
  /** Stops every waiter now and all that come later: the process shuts down. */
  close(): void;
}

/** Reads the version of every line of a day. */
export type ReadVersions = (day: string) => Promise<Readonly<Record<string, number>>>;

/** Milliseconds between two looks at the versions: a change is seen well within the second that is promised. */
const LOOK_EVERY = 400;

interface Waiter {
  readonly seen: LineVersion;
  readonly wake: (reason: 'look' | 'stop') => void;
}

/**
 * One look at the versions serves all waiters of this process, however many there are; writes of this process wake
 * them at once. For targets whose requests may share timers and promises (Node); not for Workers.
 */
export function createSharedWakeUps(readVersions: ReadVersions): WakeUps {
  const waiters = new Set<Waiter>();
  let looking = false;
  let closed = false;

  function wakeNewer(isNewer: (seen: LineVersion) => boolean): void {
    for (const waiter of waiters) {
      if (isNewer(waiter.seen)) waiter.wake('look');
    }
  }

  async function lookOnce(): Promise<void> {
    for (const day of new Set([...waiters].map(({ seen }) => seen.day))) {
      // A failed look is a look that saw nothing: the waiters go on and ask for themselves at their end.
      const versions = await readVersions(day).catch(() => ({}) as Record<string, number>);
      wakeNewer((seen) => seen.day === day && (versions[seen.clinic] ?? 0) > seen.version);
    }
  }

  function lookWhileSomebodyWaits(): void {
    if (looking) return;
    looking = true;
    setTimeout(() => {
      void lookOnce().finally(() => {
        looking = false;
        if (waiters.size > 0) lookWhileSomebodyWaits();
      });
    }, LOOK_EVERY);
  }

  return {
    changed(line) {
      wakeNewer(
        (seen) => seen.day === line.day && seen.clinic === line.clinic && line.version > seen.version,
      );
    },
    wait(seen, milliseconds, signal) {
      if (closed || signal.aborted) return Promise.resolve('stop');
      return new Promise((resolve) => {
        const stop = () => wake('stop');
        const wake: Waiter['wake'] = (reason) => {
          waiters.delete(waiter);
          clearTimeout(timer);
          signal.removeEventListener('abort', stop);
          resolve(reason);
        };
        const waiter: Waiter = { seen, wake };
        const timer = setTimeout(() => wake('look'), milliseconds);
        signal.addEventListener('abort', stop);
        waiters.add(waiter);
        lookWhileSomebodyWaits();
      });
    },
    close() {
      closed = true;
      for (const waiter of waiters) waiter.wake('stop');
    },
  };
}
