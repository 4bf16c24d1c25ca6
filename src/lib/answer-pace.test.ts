import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AnswerPace } from './answer-pace.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const never = new AbortController().signal;

describe('the pace of answers', () => {
  it('lets two a second through, and each later one when it is its turn', async () => {
    const pace = new AnswerPace();
    const answered: number[] = [];
    for (let caller = 0; caller < 6; caller += 1) {
      void pace.turn('a', never).then(() => answered.push(Math.round(performance.now())));
    }
    const start = Math.round(performance.now());
    await vi.advanceTimersByTimeAsync(3_000);
    expect(answered.map((at) => Math.round((at - start) / 1_000))).toEqual([0, 0, 1, 1, 2, 2]);
  });

  it('tells who had to wait', async () => {
    const pace = new AnswerPace();
    expect([await pace.turn('a', never), await pace.turn('a', never)]).toEqual(['now', 'now']);
    const third = pace.turn('a', never);
    expect(await pace.turn('b', never)).toBe('now');
    await vi.advanceTimersByTimeAsync(1_100);
    expect(await third).toBe('later');
  });

  it('gives no turn to a caller who is gone', async () => {
    const pace = new AnswerPace();
    const leaving = Array.from({ length: 50 }, () => new AbortController());
    await pace.turn('a', never);
    await pace.turn('a', never);
    const left = leaving.map(({ signal }) => pace.turn('a', signal));
    const stays = pace.turn('a', never);
    for (const controller of leaving) controller.abort();
    expect(new Set(await Promise.all(left))).toEqual(new Set(['gone']));
    await vi.advanceTimersByTimeAsync(1_100);
    expect(await stays).toBe('later');
  });

  it('remembers at most 10,000 callers', async () => {
    const pace = new AnswerPace();
    await pace.turn('first', never);
    await pace.turn('first', never);
    for (let caller = 0; caller < 10_000; caller += 1) await pace.turn(`caller ${caller}`, never);
    expect(await pace.turn('first', never)).toBe('now');
  });
});
