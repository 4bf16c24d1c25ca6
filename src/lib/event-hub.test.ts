import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Admin } from './admin-token.ts';
import type { StreamEvent } from './event-frame.ts';
import { type Changes, createEventHub, type Listener, type Look } from './event-hub.ts';
import { createSharedWakeUps } from './wake-up.ts';

const DAY = '2025-10-29';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const settle = () => vi.advanceTimersByTimeAsync(0);

function event(id: string): StreamEvent {
  const timestamp = '2025-10-29T12:00:00.000Z';
  return { id, type: 'CALLED', clinic: 'lab', user: 'u', number: 1, position: null, data: {}, timestamp };
}

/** A database in memory: a log of which everything can be read, and one line with its version. */
class FakeLog {
  readonly looks: Look[] = [];
  readonly events: StreamEvent[] = [];
  readonly answers: Partial<Changes>[] = [];
  cursor = 100;
  version = 1;
  fails = false;
  #gate: Promise<void> | undefined;

  readonly read = async (look: Look): Promise<Changes> => {
    this.looks.push(look);
    const { after } = look;
    const answer: Changes = {
      events:
        after === null
          ? []
          : this.events.filter(({ id }) => Number.parseInt(id, 10) >= Number.parseInt(after, 10)),
      cursor: `${this.cursor}-0`,
      more: false,
      hidden: false,
      versions: { lab: this.version },
      told: { lab: this.version },
      states: [],
      notifications: true,
      admins: look.admins,
      ...this.answers.shift(),
    };
    const fails = this.fails;
    await this.#gate;
    if (fails) throw new Error('the database is away');
    return answer;
  };

  readonly versions = async () => ({ lab: this.version });

  /** Commits an event, as a transaction of its own. */
  write(): string {
    const id = `${this.cursor}-${this.events.length + 1}`;
    this.events.push(event(id));
    this.cursor += 1;
    this.version += 1;
    return id;
  }

  /** Answers read from now on arrive when the result is called. */
  delay(): () => Promise<void> {
    let open = () => {};
    this.#gate = new Promise((resolve) => {
      open = resolve;
    });
    return async () => {
      this.#gate = undefined;
      open();
      await settle();
    };
  }
}

class Heard implements Listener {
  readonly ids: string[] = [];
  readonly days: string[] = [];
  stops = 0;

  constructor(
    readonly user: string | undefined = undefined,
    readonly admin: Admin | undefined = undefined,
  ) {}

  changed(day: string, { events }: Changes): void {
    this.days.push(day);
    this.ids.push(...events.map(({ id }) => id));
  }

  stopped(): void {
    this.stops += 1;
  }
}

function setUp() {
  const log = new FakeLog();
  const clock = { day: DAY };
  const wakeUps = createSharedWakeUps(log.versions);
  const hub = createEventHub(log.read, wakeUps, () => clock.day);
  /** A write of this process: it wakes the hub when it is answered. */
  const writeHere = () => {
    const id = log.write();
    wakeUps.changed({ day: clock.day, clinic: 'lab', version: log.version });
    return id;
  };
  const listen = async (listener = new Heard()) => {
    await hub.attach(listener);
    hub.begin(listener, `${log.cursor}-0`);
    return listener;
  };
  return { log, clock, wakeUps, hub, writeHere, listen };
}

describe('a hub that may ask the cache', () => {
  it('leaves idle looks out, but not for ever, and none for an admin', async () => {
    vi.useFakeTimers();
    try {
      const reads = async (admin: Admin | undefined) => {
        const log = new FakeLog();
        let count = 0;
        const wakeUps = createSharedWakeUps(log.versions);
        const hub = createEventHub(
          (look) => {
            count += 1;
            return log.read(look);
          },
          wakeUps,
          () => DAY,
          log.versions,
        );
        const listener = new Heard(undefined, admin);
        await hub.attach(listener);
        hub.begin(listener, `${log.cursor}-0`);
        await vi.advanceTimersByTimeAsync(40_500);
        hub.detach(listener);
        wakeUps.close();
        return count;
      };
      // One to begin, then every fifth of the twenty looks.
      expect(await reads(undefined)).toBe(5);
      expect(await reads({ sub: 'a', ver: 1 } as Admin)).toBeGreaterThan(15);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('all listeners of a process', () => {
  it('hear every event once and in order, for one read a change', async () => {
    const { log, writeHere, listen } = setUp();
    const listeners = await Promise.all(Array.from({ length: 200 }, () => listen()));
    const ids: string[] = [];
    for (let turn = 0; turn < 10; turn += 1) {
      ids.push(writeHere(), writeHere());
      await settle();
    }
    for (const { ids: heard } of listeners) expect(heard).toEqual(ids);
    expect(log.looks).toHaveLength(1 + 10);
  });

  it('cost one read in two seconds while nothing happens, besides the look at the versions', async () => {
    const { log, listen } = setUp();
    await Promise.all(Array.from({ length: 200 }, () => listen()));
    await vi.advanceTimersByTimeAsync(20_000);
    expect(log.looks.length).toBeLessThanOrEqual(11);
  });

  it('are asked for once: each patient and each token', async () => {
    const { log, listen } = setUp();
    const admin: Admin = { sub: 'nurse', role: 'admin', ver: 3, exp: 9 };
    await listen(new Heard('patient-a'));
    await listen(new Heard('patient-a'));
    await listen(new Heard(undefined, admin));
    await listen(new Heard(undefined, admin));
    await vi.advanceTimersByTimeAsync(2_000);
    expect(log.looks.at(-1)).toMatchObject({ users: ['patient-a'], admins: [{ sub: 'nurse', ver: 3 }] });
  });
});

describe('a look', () => {
  it('finds what another process wrote', async () => {
    const { log, listen } = setUp();
    const { ids } = await listen();
    const id = log.write();
    await vi.advanceTimersByTimeAsync(500);
    expect(ids).toEqual([id]);
  });

  it('follows at once when something was written while the last one was under way', async () => {
    const { log, writeHere, listen } = setUp();
    const { ids } = await listen();
    const answer = log.delay();
    const first = writeHere();
    await settle();
    const second = writeHere();
    await answer();
    expect(ids).toEqual([first, second]);
  });

  it('is repeated after 200 ms while an event is hidden, and at once while there are more', async () => {
    const { log, writeHere, listen } = setUp();
    await listen();
    log.answers.push({ hidden: true }, { hidden: true }, { more: true }, {});
    writeHere();
    await settle();
    expect(log.looks).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(199);
    expect(log.looks).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1);
    expect(log.looks).toHaveLength(3);
    await vi.advanceTimersByTimeAsync(201);
    expect(log.looks).toHaveLength(5);
  });

  it('that fails is repeated from where the last good one ended, and loses nothing', async () => {
    const { log, writeHere, listen } = setUp();
    const { ids } = await listen();
    log.fails = true;
    const first = writeHere();
    await vi.advanceTimersByTimeAsync(3_000);
    expect(ids).toEqual([]);
    log.fails = false;
    const second = writeHere();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(ids).toEqual([first, second]);
  });

  it('never goes back, even if the database says so', async () => {
    const { log, writeHere, listen } = setUp();
    await listen();
    log.answers.push({ cursor: '7-0' });
    writeHere();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(log.looks.at(-1)?.after).toBe('100-0');
  });

  it('of a new service day begins with unknown lines', async () => {
    const { log, clock, listen } = setUp();
    const { days } = await listen();
    await vi.advanceTimersByTimeAsync(2_000);
    clock.day = '2025-10-30';
    await vi.advanceTimersByTimeAsync(2_000);
    expect(days.at(-1)).toBe('2025-10-30');
    expect(log.looks.at(-1)).toMatchObject({ day: '2025-10-30', told: {}, after: '100-0' });
  });

  it('hands on which states it held back, and waits for what is newer than all of them', async () => {
    const { log, writeHere, listen } = setUp();
    await listen();
    log.answers.push({ hidden: true, versions: { lab: 2 }, told: { lab: 1 } });
    writeHere();
    await vi.advanceTimersByTimeAsync(199);
    expect(log.looks).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1);
    expect(log.looks.at(-1)?.told).toEqual({ lab: 1 });
  });
});

describe('a new listener', () => {
  it('is not ready before every look that does not know of it is over', async () => {
    const { log, hub, writeHere, listen } = setUp();
    const early = await listen();
    const answer = log.delay();
    const first = writeHere();
    await settle();
    const late = new Heard('patient-b');
    let isReady = false;
    const attached = hub.attach(late).then(() => {
      isReady = true;
    });
    await settle();
    expect(isReady).toBe(false);
    await answer();
    await attached;
    expect(log.looks.at(-1)?.users).toEqual([]);

    const second = writeHere();
    await settle();
    expect(log.looks.at(-1)?.users).toEqual(['patient-b']);
    hub.begin(late, '101-0');
    expect(late.ids).toEqual([second]);
    expect(early.ids).toEqual([first, second]);
  });

  it('gets what came before it began, without what its start has', async () => {
    const { hub, writeHere, listen } = setUp();
    await listen();
    const late = new Heard();
    await hub.attach(late);
    const ids: string[] = [];
    for (let turn = 0; turn < 4; turn += 1) {
      ids.push(writeHere());
      await settle();
    }
    expect(late.ids).toEqual([]);
    hub.begin(late, String(ids[1]));
    expect(late.ids).toEqual(ids.slice(2));
    ids.push(writeHere());
    await settle();
    expect(late.ids).toEqual(ids.slice(2));
  });

  it('whose start is ahead of the hub hears nothing twice', async () => {
    const { log, hub, writeHere } = setUp();
    const listener = new Heard();
    await hub.attach(listener);
    log.write();
    log.write();
    hub.begin(listener, `${log.cursor}-0`);
    const id = writeHere();
    await settle();
    expect(listener.ids).toEqual([id]);
  });

  it('is given up when it never begins', async () => {
    const { hub, writeHere } = setUp();
    const listener = new Heard();
    await hub.attach(listener);
    for (let turn = 0; turn < 1_001; turn += 1) {
      writeHere();
      await settle();
    }
    expect(listener.stops).toBe(1);
  });
});

describe('the hub', () => {
  it('refuses whoever comes while its first look fails, and begins anew with the next', async () => {
    const { log, hub, writeHere, listen } = setUp();
    log.fails = true;
    const refused = await Promise.allSettled([hub.attach(new Heard()), hub.attach(new Heard())]);
    expect(refused.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(vi.getTimerCount()).toBe(0);
    log.fails = false;
    const { ids } = await listen();
    const id = writeHere();
    await settle();
    expect(ids).toEqual([id]);
  });

  it('stops with its last listener and leaves no timer', async () => {
    const { log, hub, listen } = setUp();
    const listeners = await Promise.all([listen(), listen()]);
    for (const listener of listeners) hub.detach(listener);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(vi.getTimerCount()).toBe(0);
    expect(log.looks).toHaveLength(1);
  });

  it('stops when its last listener leaves during a look, and tells nobody', async () => {
    const { log, hub, writeHere, listen } = setUp();
    const listener = await listen();
    const answer = log.delay();
    writeHere();
    await settle();
    hub.detach(listener);
    await answer();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(listener.ids).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('serves the next listener with one reader after everybody left', async () => {
    const { log, hub, writeHere, listen } = setUp();
    const answer = log.delay();
    const gone = new Heard();
    const attaching = hub.attach(gone);
    hub.detach(gone);
    const next = listen();
    await answer();
    await attaching;
    const { ids } = await next;
    const id = writeHere();
    await settle();
    expect(ids).toEqual([id]);
    expect(log.looks).toHaveLength(3);
  });

  it('tells every listener when the process shuts down', async () => {
    const { wakeUps, hub, listen } = setUp();
    const listeners = [await listen(), await listen()];
    const kept = new Heard();
    await hub.attach(kept);
    wakeUps.close();
    await settle();
    expect([...listeners, kept].map(({ stops }) => stops)).toEqual([1, 1, 1]);
  });
});
