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

/**
 * Hears of changes until `signal` aborts. Calls `opened` once none is missed any more. Settles when none will be heard
 * any longer, whatever the reason.
 */
export type SubscribeToLines = (
  handlers: { readonly opened: () => void; readonly changed: (line: LineVersion) => void },
  signal: AbortSignal,
) => Promise<void>;

export interface SharedWakeUpsOptions {
  /** Absent: looking is all there is. */
  readonly subscribe?: SubscribeToLines | undefined;
  /** Milliseconds between two looks while no subscription is open; 400 when left out. */
  readonly lookEvery?: number;
}

/** Milliseconds between two looks at the versions: a change is seen well within the second that is promised. */
const LOOK_EVERY = 400;

/** Milliseconds for which a subscription outlives its last waiter: whoever asks again comes back within them. */
const LINGER = 5_000;

/** Milliseconds before a subscription that ended is tried again. */
const SUBSCRIBE_AGAIN = 2_000;

/**
 * Milliseconds for which news is news: a waiter who comes later has asked the cache, and what it was told then counts.
 * A version from before a database was restored must not wake people for ever.
 */
const NEWS = 1_000;

/** The newest version of a line that this process knows, and when it learned of it. */
interface Known extends LineVersion {
  readonly mark: number;
  readonly at: number;
}

interface Waiter {
  readonly day: string;
  readonly isNewer: (clinic: string, version: number) => boolean;
  readonly wake: (reason: 'look' | 'stop') => void;
}

/**
 * One subscription, and while there is none one look at the versions, serves all waiters, however many there are;
 * writes of this process wake them at once. One for a process where requests may share timers and promises (Node), one
 * for each request elsewhere.
 */
export function createSharedWakeUps(
  readVersions: ReadVersions,
  { subscribe, lookEvery = LOOK_EVERY }: SharedWakeUpsOptions = {},
): WakeUps {
  const waiters = new Set<Waiter>();
  const known = new Map<string, Known>();
  let mark = 0;
  let looking = false;
  let closed = false;
  let lastWaited = 0;
  let subscription: AbortController | undefined;
  let hears = false;
  let subscribeAgainAt = 0;

  function wakeNewer(day: string, clinic: string, version: number): void {
    const last = known.get(clinic);
    if (last?.day !== day || last.version < version) {
      mark += 1;
      known.set(clinic, { day, clinic, version, mark, at: performance.now() });
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

  /** Never rejects; ends when nobody has waited for a while. */
  function listen(): void {
    if (!subscribe || subscription || closed || performance.now() < subscribeAgainAt) return;
    const own = new AbortController();
    subscription = own;
    const opened = () => {
      hears = true;
      // What was written before the first message is seen by a look.
      void lookOnce();
    };
    const ended = () => {
      hears = false;
      subscription = undefined;
      subscribeAgainAt = own.signal.aborted ? 0 : performance.now() + SUBSCRIBE_AGAIN;
    };
    const changed = ({ day, clinic, version }: LineVersion) => wakeNewer(day, clinic, version);
    subscribe({ opened, changed }, own.signal).then(ended, ended);
  }

  function lookWhileSomebodyWaits(): void {
    listen();
    if (looking) return;
    looking = true;
    setTimeout(() => {
      if (waiters.size > 0) lastWaited = performance.now();
      void (hears ? Promise.resolve() : lookOnce()).finally(() => {
        looking = false;
        const lingers = subscription !== undefined && performance.now() - lastWaited < LINGER;
        if (!closed && (waiters.size > 0 || lingers)) lookWhileSomebodyWaits();
        else subscription?.abort();
      });
    }, lookEvery);
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
    wait({ day, clinic, version: seen }, milliseconds, signal) {
      const last = known.get(clinic);
      const missed = last?.day === day && last.version > seen && performance.now() - last.at < NEWS;
      const isNewer = (changed: string, version: number) => changed === clinic && version > seen;
      return wait({ day, isNewer }, missed ? 0 : milliseconds, signal);
    },
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
      subscription?.abort();
      for (const waiter of waiters) waiter.wake('stop');
    },
  };
}
