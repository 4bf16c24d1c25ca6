// How a waiter learns that a clinic's line changed. A small interface with one implementation per target.

/** A clinic's line at a version: what a waiter has seen, or what a writer made. */
export interface LineVersion {
  readonly day: string;
  readonly clinic: string;
  readonly version: number;
}

/** The versions of all lines of a day that a waiter has seen. */
export interface SeenLines {
  readonly day: string;
  readonly versions: Readonly<Record<string, number>>;
  /** The mark taken before these versions were read. */
  readonly since: number;
}

export interface WakeUps {
  /** Tells the waiters of this process at once; others find out by looking. Never throws. */
  changed(line: LineVersion): void;
  /** A mark of this moment: what is known to have changed after it ends a wait for any line at once. */
  mark(): number;
  /**
   * Resolves to `look` when the clinic's line is newer than `seen` or `milliseconds` have passed (also, rarely, without
   * reason), and to `stop` when `signal` aborts or this process shuts down. Never rejects.
   */
  wait(seen: LineVersion, milliseconds: number, signal: AbortSignal): Promise<'look' | 'stop'>;
  /** The same for a change of any line; one that is not in `seen` counts as changed by its first version. */
  waitForAny(seen: SeenLines, milliseconds: number, signal: AbortSignal): Promise<'look' | 'stop'>;
  /** Stops every waiter now and all that come later: the process shuts down. */
  close(): void;
}

/** Reads the version of every line of a day. */
export type ReadVersions = (day: string) => Promise<Readonly<Record<string, number>>>;

/** Milliseconds between two looks at the versions: a change is seen well within the second that is promised. */
const LOOK_EVERY = 400;

/** The newest version of a line that this process knows, and when it learned of it. */
interface Known extends LineVersion {
  readonly mark: number;
}

interface Waiter {
  readonly day: string;
  readonly isNewer: (clinic: string, version: number) => boolean;
  readonly wake: (reason: 'look' | 'stop') => void;
}

/**
 * One look at the versions serves all waiters of this process, however many there are; writes of this process wake
 * them at once. For targets whose requests may share timers and promises (Node); not for Workers.
 */
export function createSharedWakeUps(readVersions: ReadVersions): WakeUps {
  const waiters = new Set<Waiter>();
  const known = new Map<string, Known>();
  let mark = 0;
  let looking = false;
  let closed = false;

  function wakeNewer(day: string, clinic: string, version: number): void {
    const last = known.get(clinic);
    if (last?.day !== day || last.version < version) {
      mark += 1;
      known.set(clinic, { day, clinic, version, mark });
    }
    for (const waiter of waiters) {
      if (waiter.day === day && waiter.isNewer(clinic, version)) waiter.wake('look');
    }
  }

  async function lookOnce(): Promise<void> {
    for (const day of new Set([...waiters].map((waiter) => waiter.day))) {
      // A failed look is a look that saw nothing: the waiters go on and ask for themselves at their end.
      const versions = await readVersions(day).catch(() => ({}) as Record<string, number>);
      for (const [clinic, version] of Object.entries(versions)) wakeNewer(day, clinic, version);
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

  function wait(
    watch: Pick<Waiter, 'day' | 'isNewer'>,
    milliseconds: number,
    signal: AbortSignal,
  ): Promise<'look' | 'stop'> {
    if (closed || signal.aborted) return Promise.resolve('stop');
    return new Promise((resolve) => {
      const stop = () => wake('stop');
      const wake: Waiter['wake'] = (reason) => {
        waiters.delete(waiter);
        clearTimeout(timer);
        signal.removeEventListener('abort', stop);
        resolve(reason);
      };
      const waiter: Waiter = { ...watch, wake };
      const timer = setTimeout(() => wake('look'), milliseconds);
      signal.addEventListener('abort', stop);
      waiters.add(waiter);
      lookWhileSomebodyWaits();
    });
  }

  return {
    changed: ({ day, clinic, version }) => wakeNewer(day, clinic, version),
    wait: (seen, milliseconds, signal) =>
      wait(
        { day: seen.day, isNewer: (clinic, version) => clinic === seen.clinic && version > seen.version },
        milliseconds,
        signal,
      ),
    mark: () => mark,
    waitForAny({ day, versions, since }, milliseconds, signal) {
      const isNewer = (clinic: string, version: number) => version > (versions[clinic] ?? 0);
      const missed = [...known.values()].some(
        (line) => line.mark > since && line.day === day && isNewer(line.clinic, line.version),
      );
      return wait({ day, isNewer }, missed ? 0 : milliseconds, signal);
    },
    close() {
      closed = true;
      for (const waiter of waiters) waiter.wake('stop');
    },
  };
}
