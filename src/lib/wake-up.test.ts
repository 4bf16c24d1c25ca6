import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  createSharedWakeUps,
  type LineVersion,
  type ReadVersions,
  type SubscribeToLines,
} from './wake-up.ts';

const DAY = '2025-10-29';
const SEEN: LineVersion = { day: DAY, clinic: 'lab', version: 5 };

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Shared wake-ups over versions that a test sets. */
function setUp(read: ReadVersions = async () => ({})) {
  const looks: string[] = [];
  const wakeUps = createSharedWakeUps(async (day) => {
    looks.push(day);
    return read(day);
  });
  const { signal, abort } = abortable();
  return { wakeUps, looks, signal, abort };
}

function abortable() {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}

/** What a waiter got, or 'waits'. */
function outcome(waiting: Promise<string>): () => Promise<string> {
  let got = 'waits';
  void waiting.then((reason) => {
    got = reason;
  });
  return async () => {
    await vi.advanceTimersByTimeAsync(0);
    return got;
  };
}

describe('a waiter', () => {
  it('is woken at once by a newer version of its line', async () => {
    const { wakeUps, signal } = setUp();
    const got = outcome(wakeUps.wait(SEEN, 8_000, signal));
    wakeUps.changed({ ...SEEN, version: 6 });
    expect(await got()).toBe('look');
  });

  it('sleeps on at the same or an older version, another line, another day', async () => {
    const { wakeUps, signal } = setUp();
    const got = outcome(wakeUps.wait(SEEN, 8_000, signal));
    wakeUps.changed(SEEN);
    wakeUps.changed({ ...SEEN, version: 4 });
    wakeUps.changed({ ...SEEN, clinic: 'xray', version: 9 });
    wakeUps.changed({ ...SEEN, day: '2025-10-30', version: 9 });
    expect(await got()).toBe('waits');
  });

  it('looks for itself when its time is over', async () => {
    const { wakeUps, signal } = setUp();
    const got = outcome(wakeUps.wait(SEEN, 8_000, signal));
    await vi.advanceTimersByTimeAsync(7_999);
    expect(await got()).toBe('waits');
    await vi.advanceTimersByTimeAsync(1);
    expect(await got()).toBe('look');
  });

  it('learns within a second what another process wrote', async () => {
    let version = 5;
    const { wakeUps, signal } = setUp(async () => ({ lab: version, xray: 99 }));
    const got = outcome(wakeUps.wait(SEEN, 8_000, signal));
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await got()).toBe('waits');
    version = 6;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await got()).toBe('look');
  });

  it('stops when its client goes away, and when there never was one', async () => {
    const { wakeUps, signal, abort } = setUp();
    const got = outcome(wakeUps.wait(SEEN, 8_000, signal));
    abort();
    expect(await got()).toBe('stop');
    expect(await outcome(wakeUps.wait(SEEN, 8_000, signal))()).toBe('stop');
  });

  it('leaves nothing behind: no timer, no listener, no further look', async () => {
    const { wakeUps, looks, signal } = setUp();
    const remove = vi.spyOn(signal, 'removeEventListener');
    const got = outcome(wakeUps.wait(SEEN, 8_000, signal));
    wakeUps.changed({ ...SEEN, version: 6 });
    expect(await got()).toBe('look');
    expect(remove).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(vi.getTimerCount()).toBe(0);
    expect(looks.length).toBeLessThanOrEqual(1);
  });
});

describe('all waiters of a process', () => {
  it('share one look at a time, however many they are', async () => {
    const { wakeUps, looks } = setUp();
    for (let person = 0; person < 200; person += 1) void wakeUps.wait(SEEN, 8_000, abortable().signal);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(looks.length).toBeGreaterThanOrEqual(2);
    expect(looks.length).toBeLessThanOrEqual(5);
  });

  it('ask for each day that one of them waits in', async () => {
    const { wakeUps, looks, signal } = setUp();
    void wakeUps.wait(SEEN, 8_000, signal);
    void wakeUps.wait({ ...SEEN, day: '2025-10-30' }, 8_000, signal);
    await vi.advanceTimersByTimeAsync(500);
    expect(new Set(looks)).toEqual(new Set([DAY, '2025-10-30']));
  });

  it('wake only those whose line changed', async () => {
    const { wakeUps, signal } = setUp(async () => ({ lab: 6, xray: 5 }));
    const woken = outcome(wakeUps.wait(SEEN, 8_000, signal));
    const calm = outcome(wakeUps.wait({ ...SEEN, clinic: 'xray' }, 8_000, signal));
    const unknown = outcome(wakeUps.wait({ ...SEEN, clinic: 'nowhere' }, 8_000, signal));
    await vi.advanceTimersByTimeAsync(1_000);
    expect([await woken(), await calm(), await unknown()]).toEqual(['look', 'waits', 'waits']);
  });

  it('go on looking when a look fails', async () => {
    let fails = true;
    const { wakeUps, signal } = setUp(async () => {
      if (fails) throw new Error('database gone');
      return { lab: 6 };
    });
    const got = outcome(wakeUps.wait(SEEN, 8_000, signal));
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await got()).toBe('waits');
    fails = false;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await got()).toBe('look');
  });

  it('are looked for again after nobody waited for a while', async () => {
    const { wakeUps, signal } = setUp(async () => ({ lab: 6 }));
    const first = outcome(wakeUps.wait(SEEN, 8_000, signal));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await first()).toBe('look');
    const second = outcome(wakeUps.wait(SEEN, 8_000, signal));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await second()).toBe('look');
  });

  it('stop when the process shuts down, and so does whoever comes later', async () => {
    const { wakeUps, signal } = setUp();
    const waiting = [outcome(wakeUps.wait(SEEN, 8_000, signal)), outcome(wakeUps.wait(SEEN, 8_000, signal))];
    wakeUps.close();
    for (const got of waiting) expect(await got()).toBe('stop');
    expect(await outcome(wakeUps.wait(SEEN, 8_000, signal))()).toBe('stop');
  });
});

describe('a waiter for any line', () => {
  const forAny = (wakeUps: ReturnType<typeof setUp>['wakeUps'], since: number) => {
    const seen = { day: DAY, versions: { lab: 5, xray: 5 }, since };
    return outcome(wakeUps.waitForAny(seen, 8_000, abortable().signal));
  };

  it('is woken by a newer version of any line, also of one it has not seen', async () => {
    const { wakeUps } = setUp();
    const known = forAny(wakeUps, wakeUps.mark());
    wakeUps.changed({ ...SEEN, clinic: 'xray', version: 5 });
    expect(await known()).toBe('waits');
    wakeUps.changed({ ...SEEN, clinic: 'ecg', version: 1 });
    expect(await known()).toBe('look');
  });

  it('looks at once when a line changed between its mark and its wait', async () => {
    const { wakeUps } = setUp();
    const since = wakeUps.mark();
    wakeUps.changed({ ...SEEN, version: 6 });
    expect(await forAny(wakeUps, since)()).toBe('look');
  });

  it('waits when what changed is older than its mark or part of what it has seen', async () => {
    const { wakeUps } = setUp();
    wakeUps.changed({ ...SEEN, version: 9 });
    expect(await forAny(wakeUps, wakeUps.mark())()).toBe('waits');
    const since = wakeUps.mark();
    wakeUps.changed({ ...SEEN, clinic: 'xray', version: 5 });
    wakeUps.changed({ ...SEEN, day: '2025-10-30', clinic: 'ecg', version: 7 });
    expect(await forAny(wakeUps, since)()).toBe('waits');
  });
});

describe('a subscription', () => {
  /** Wake-ups over a subscription that a test opens, feeds and breaks. */
  function subscribed() {
    const looks: string[] = [];
    const attempts: { handlers: Parameters<SubscribeToLines>[0]; signal: AbortSignal; end: () => void }[] =
      [];
    const subscribe: SubscribeToLines = (handlers, signal) =>
      new Promise((resolve) => {
        attempts.push({ handlers, signal, end: resolve });
        signal.addEventListener('abort', () => resolve());
      });
    const read: ReadVersions = async (day) => {
      looks.push(day);
      return {};
    };
    const wakeUps = createSharedWakeUps(read, { subscribe });
    return { wakeUps, looks, attempts, signal: new AbortController().signal };
  }

  it('is one for all who wait, and spares the looks while it is open', async () => {
    const { wakeUps, looks, attempts, signal } = subscribed();
    const got = outcome(wakeUps.wait(SEEN, 8_000, signal));
    void wakeUps.wait({ ...SEEN, clinic: 'xray' }, 8_000, signal);
    attempts[0]?.handlers.opened();
    await vi.advanceTimersByTimeAsync(3_000);
    // One look when it opens: what was written before the first message.
    expect([attempts.length, looks.length]).toEqual([1, 1]);
    attempts[0]?.handlers.changed({ ...SEEN, version: 6 });
    expect(await got()).toBe('look');
  });

  it('that does not open or that ends is replaced by looks, and tried again', async () => {
    const { wakeUps, looks, attempts, signal } = subscribed();
    void wakeUps.wait(SEEN, 60_000, signal);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(looks.length).toBeGreaterThan(1);
    attempts[0]?.handlers.opened();
    attempts[0]?.end();
    await vi.advanceTimersByTimeAsync(0);
    const before = looks.length;
    await vi.advanceTimersByTimeAsync(3_000);
    expect(looks.length).toBeGreaterThan(before + 2);
    expect(attempts).toHaveLength(2);
  });

  it('outlives its last waiter for a moment, and not for long', async () => {
    const { wakeUps, attempts, signal } = subscribed();
    const pending = wakeUps.wait(SEEN, 1_000, signal);
    attempts[0]?.handlers.opened();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await pending).toBe('look');
    expect(attempts[0]?.signal.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(6_000);
    expect(attempts[0]?.signal.aborted).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('ends with the process', async () => {
    const { wakeUps, attempts, signal } = subscribed();
    const pending = wakeUps.wait(SEEN, 8_000, signal);
    wakeUps.close();
    expect(await pending).toBe('stop');
    expect(attempts[0]?.signal.aborted).toBe(true);
  });

  it('tells a waiter who comes a moment after the news, but not for ever', async () => {
    const { wakeUps, attempts, signal } = subscribed();
    void wakeUps.wait({ ...SEEN, clinic: 'xray' }, 60_000, signal);
    attempts[0]?.handlers.changed({ ...SEEN, version: 6 });
    expect(await outcome(wakeUps.wait(SEEN, 8_000, signal))()).toBe('look');
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await outcome(wakeUps.wait(SEEN, 8_000, signal))()).toBe('waits');
  });
});
