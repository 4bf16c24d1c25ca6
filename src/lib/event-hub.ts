// One reader of changes for all streams of a process: each change costs one database read, however many listen. A
// target whose requests cannot share I/O makes a hub for each stream; the code is the same.
import type { Admin } from './admin-token.ts';
import { isAfter, later } from './event-cursor.ts';
import type { StreamEvent } from './event-frame.ts';
import type { PatientState } from './patient-frames.ts';
import type { ReadVersions, WakeUps } from './wake-up.ts';

/** An account's token, as far as the database can tell whether it is current. */
export type AdminToken = Pick<Admin, 'sub' | 'ver'>;

/** What changed since the last look. */
export interface Changes {
  readonly events: readonly StreamEvent[];
  /** Everything up to here has been read. */
  readonly cursor: string;
  /** There were too many events for one look: the next look has more. */
  readonly more: boolean;
  /** A committed event still waits behind an older transaction. */
  readonly hidden: boolean;
  readonly versions: Readonly<Record<string, number>>;
  /** The versions up to which the states of a line have been told; behind `versions` where an event is hidden. */
  readonly told: Readonly<Record<string, number | null>>;
  readonly states: readonly PatientState[];
  /** False while staff have switched the frames for patients off. */
  readonly notifications: boolean;
  /** Those of the listeners' tokens that are current. */
  readonly admins: readonly AdminToken[];
}

export interface Look {
  readonly day: string;
  readonly after: string | null;
  readonly told: Readonly<Record<string, number | null>>;
  readonly users: readonly string[];
  readonly admins: readonly AdminToken[];
}

export interface Listener {
  /** The patient whose states this stream wants. */
  readonly user: string | undefined;
  /** The admin whose token must stay current for this stream. */
  readonly admin: Admin | undefined;
  /** Gets every change once, in order. Must not throw. */
  changed(day: string, changes: Changes): void;
  /** The hub gives up: the process shuts down, or this listener took too long to begin. */
  stopped(): void;
}

export interface EventHub {
  /**
   * From now on changes are kept for this listener. Resolves when every look that does not know of it is over, so
   * that what the caller reads next is not older than any of them. Rejects when the hub cannot read.
   */
  attach(listener: Listener): Promise<void>;
  /** From now on the listener gets what comes after this cursor, beginning with what was kept. */
  begin(listener: Listener, cursor: string): void;
  detach(listener: Listener): void;
}

/** Milliseconds between two looks when nobody wakes the hub, while an event is hidden, and after a failed look. */
const LOOK_AGAIN = { idle: 2_000, hidden: 200, failed: 1_000 } as const;

/** Idle looks in a row that may be left out: what raises no version, such as a switched setting, is seen after them. */
const MOST_LEFT_OUT = 4;

/** Looks that are kept for a listener which does not begin. */
const MOST_KEPT = 1_000;

interface Kept {
  readonly day: string;
  readonly changes: Changes;
}

interface Delivery {
  /** The looks since `attach`; undefined from `begin` on. */
  kept: Kept[] | undefined;
  /** Where the listener began; undefined once the hub has read past it. */
  skipTo: string | undefined;
}

interface Run {
  readonly stop: AbortController;
  /** The look under way, or the last one. Rejects for the first look only. */
  look: Promise<unknown>;
}

/**
 * A hub over one function that reads changes; `today` is the service day by the clock. With `readVersions`, which the
 * cache answers, an idle look leaves the database alone while no line is newer: for hubs that serve one stream each.
 * An admin's token must be looked at each time.
 */
export function createEventHub(
  read: (look: Look) => Promise<Changes>,
  wakeUps: WakeUps,
  today: () => string,
  readVersions?: ReadVersions,
): EventHub {
  const deliveries = new Map<Listener, Delivery>();
  let running: Run | undefined;

  function start(): Run {
    const day = today();
    const since = wakeUps.mark();
    const first = read({ day, after: null, told: {}, users: [], admins: [] });
    const run: Run = { stop: new AbortController(), look: first };
    first.then(
      (changes) => void follow(run, day, changes, since),
      () => {
        if (running === run) running = undefined;
      },
    );
    return run;
  }

  async function isQuiet(day: string, seen: Readonly<Record<string, number>>): Promise<boolean> {
    if (!readVersions || [...deliveries.keys()].some(({ admin }) => admin)) return false;
    const versions = await readVersions(day).catch(() => undefined);
    return (
      versions !== undefined &&
      Object.entries(versions).every(([clinic, version]) => version <= (seen[clinic] ?? 0))
    );
  }

  /** Goes on by itself until stopped; never rejects. */
  async function follow(run: Run, firstDay: string, first: Changes, firstMark: number): Promise<void> {
    const { signal } = run.stop;
    let day = firstDay;
    let { cursor, versions, told } = first;
    let since = firstMark;
    let pause = pauseAfter(first);
    let leftOut = 0;
    while (!signal.aborted) {
      const reason = await wakeUps.waitForAny({ day, versions, since }, pause, signal);
      if (signal.aborted) return;
      if (reason === 'stop') {
        for (const listener of [...deliveries.keys()]) listener.stopped();
        return;
      }
      const now = today();
      if (now !== day) {
        day = now;
        versions = {};
        told = {};
      }
      since = wakeUps.mark();
      const mayLeaveOut = now === day && pause === LOOK_AGAIN.idle && leftOut < MOST_LEFT_OUT;
      if (mayLeaveOut && (await isQuiet(day, versions))) {
        leftOut += 1;
        continue;
      }
      leftOut = 0;
      const listeners = [...deliveries.keys()];
      const look = read({ day, after: cursor, told, ...wishes(listeners) });
      run.look = look.catch(() => undefined);
      try {
        const changes = await look;
        cursor = later(changes.cursor, cursor);
        ({ versions, told } = changes);
        pause = pauseAfter(changes);
        for (const listener of listeners) give(listener, { day, changes });
      } catch {
        // Streams stay open while the database is away; what was missed is read when it is back.
        pause = LOOK_AGAIN.failed;
      }
    }
  }

  function give(listener: Listener, kept: Kept): void {
    const delivery = deliveries.get(listener);
    if (!delivery) return;
    if (delivery.kept) {
      delivery.kept.push(kept);
      if (delivery.kept.length > MOST_KEPT) listener.stopped();
      return;
    }
    const { day, changes } = kept;
    const { skipTo } = delivery;
    if (skipTo === undefined) {
      listener.changed(day, changes);
      return;
    }
    if (!isAfter(skipTo, changes.cursor)) delivery.skipTo = undefined;
    listener.changed(day, { ...changes, events: changes.events.filter(({ id }) => isAfter(id, skipTo)) });
  }

  return {
    async attach(listener) {
      deliveries.set(listener, { kept: [], skipTo: undefined });
      running ??= start();
      try {
        await running.look;
      } catch (error) {
        deliveries.delete(listener);
        throw error;
      }
    },
    begin(listener, cursor) {
      const delivery = deliveries.get(listener);
      if (!delivery?.kept) return;
      const { kept } = delivery;
      delivery.kept = undefined;
      delivery.skipTo = cursor;
      for (const each of kept) give(listener, each);
    },
    detach(listener) {
      deliveries.delete(listener);
      if (deliveries.size > 0) return;
      running?.stop.abort();
      running = undefined;
    },
  };
}

function pauseAfter({ more, hidden }: Changes): number {
  if (more) return 0;
  return hidden ? LOOK_AGAIN.hidden : LOOK_AGAIN.idle;
}

/** What these listeners want to know, each once. */
function wishes(listeners: readonly Listener[]): Pick<Look, 'users' | 'admins'> {
  const admins = new Map<string, AdminToken>();
  for (const { admin } of listeners) {
    if (admin) admins.set(`${admin.ver} ${admin.sub}`, { sub: admin.sub, ver: admin.ver });
  }
  return {
    users: [...new Set(listeners.flatMap(({ user }) => user ?? []))],
    admins: [...admins.values()],
  };
}
