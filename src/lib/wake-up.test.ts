import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createSharedWakeUps, type LineVersion, type ReadVersions } from './wake-up.ts';

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
