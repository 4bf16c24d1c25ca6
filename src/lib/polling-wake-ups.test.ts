import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createPollingWakeUps } from './polling-wake-ups.ts';
import type { LineVersion, ReadVersions } from './wake-up.ts';

const DAY = '2025-10-29';
const SEEN: LineVersion = { day: DAY, clinic: 'lab', version: 5 };

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Wake-ups of one request over versions that a test changes. */
function setUp(first: Record<string, number> = { lab: 5, xray: 9 }) {
  const state = { versions: first };
  const read = vi.fn<ReadVersions>(async () => state.versions);
  const wakeUps = createPollingWakeUps(read);
  const client = new AbortController();
  return { state, read, wakeUps, client };
}

/** What a waiter got so far, or 'waits'. */
function outcome(waiting: Promise<string>): () => string {
  let got = 'waits';
  void waiting.then((reason) => {
    got = reason;
  });
  return () => got;
}

const pass = (milliseconds: number) => vi.advanceTimersByTimeAsync(milliseconds);

describe('a waiter that looks for itself', () => {
  it('sees a newer version of its line within a second, and no other change', async () => {
    const { state, wakeUps, client } = setUp();
    const got = outcome(wakeUps.wait(SEEN, 8_000, client.signal));
    state.versions = { lab: 5, xray: 10 };
    await pass(3_000);
    expect(got()).toBe('waits');
    state.versions = { lab: 6, xray: 10 };
    await pass(1_000);
    expect(got()).toBe('look');
  });

  it('of a held request looks every 600 ms, and not at the end: its caller looks then', async () => {
    const { read, wakeUps, client } = setUp();
    const got = outcome(wakeUps.wait(SEEN, 8_000, client.signal));
    await pass(7_999);
    expect(got()).toBe('waits');
    await pass(1);
    expect(got()).toBe('look');
    expect(read).toHaveBeenCalledTimes(13);
    expect(read).toHaveBeenCalledWith(DAY);
  });

  it('goes on after a look that failed', async () => {
    const { state, read, wakeUps, client } = setUp();
    read.mockRejectedValueOnce(new Error('the database is away'));
    const got = outcome(wakeUps.wait(SEEN, 8_000, client.signal));
    await pass(1_000);
    expect(got()).toBe('waits');
    state.versions = { lab: 6 };
    await pass(1_000);
    expect(got()).toBe('look');
  });

  it('waits for any line: a newer one, or one that it has not seen', async () => {
    const { state, wakeUps, client } = setUp();
    const seen = { day: DAY, versions: { lab: 5, xray: 9 }, since: wakeUps.mark() };
    const newer = outcome(wakeUps.waitForAny(seen, 8_000, client.signal));
    await pass(2_000);
    expect(newer()).toBe('waits');
    state.versions = { lab: 5, xray: 9, ecg: 1 };
    await pass(1_000);
    expect(newer()).toBe('look');
  });

  it('stops at once when its client is gone, also before it began and during a look', async () => {
    const { read, wakeUps, client } = setUp();
    const pausing = outcome(wakeUps.wait(SEEN, 8_000, client.signal));
    client.abort();
    await pass(0);
    expect(pausing()).toBe('stop');
    const late = outcome(wakeUps.wait(SEEN, 8_000, client.signal));
    await pass(0);
    expect(late()).toBe('stop');
    expect(read).not.toHaveBeenCalled();

    const other = new AbortController();
    read.mockImplementationOnce(async () => {
      other.abort();
      return { lab: 6 };
    });
    const looking = outcome(wakeUps.wait(SEEN, 8_000, other.signal));
    await pass(1_000);
    expect(looking()).toBe('stop');
  });

  it('stops when everything closes, and leaves no timer and no listener behind', async () => {
    const { wakeUps, client } = setUp();
    const removed = vi.spyOn(client.signal, 'removeEventListener');
    const got = outcome(wakeUps.wait(SEEN, 8_000, client.signal));
    await pass(900);
    wakeUps.close();
    await pass(0);
    expect(got()).toBe('stop');
    expect(vi.getTimerCount()).toBe(0);
    expect(removed).toHaveBeenCalledTimes(2);
  });
});
