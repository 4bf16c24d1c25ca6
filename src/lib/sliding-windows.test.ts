import { describe, expect, it } from 'vitest';
import { SlidingWindows } from './sliding-windows.ts';

const WINDOW = 60_000;

/** How many of these moments (milliseconds) are admitted. */
function admitted(limit: number, moments: readonly number[]): number {
  const windows = new SlidingWindows(limit, WINDOW);
  return moments.filter((now) => windows.take('a', now).admitted).length;
}

const every = (step: number, from: number, to: number) =>
  Array.from({ length: Math.floor((to - from) / step) }, (_, index) => from + index * step);

describe('a window in memory', () => {
  it('admits the limit and tells how many are left', () => {
    const windows = new SlidingWindows(3, WINDOW);
    const standings = [0, 1, 2, 3].map((now) => windows.take('a', now));
    expect(standings.map(({ remaining }) => remaining)).toEqual([2, 1, 0, 0]);
    expect(standings.map(({ admitted }) => admitted)).toEqual([true, true, true, false]);
    expect(standings[3]).toEqual({ admitted: false, limit: 3, remaining: 0, reset: WINDOW });
    expect(windows.take('b', 4).admitted).toBe(true);
  });

  it.each([4, 10, 40])('admits the limit in each minute of an attack at %i times its rate', (factor) => {
    const limit = 60;
    const minutes = 5;
    const attack = every(WINDOW / (limit * factor), 0, minutes * WINDOW);
    const share = admitted(limit, attack) / (limit * minutes);
    expect(share).toBeGreaterThanOrEqual(1);
    expect(share).toBeLessThanOrEqual(1.05);
  });

  it('remembers at most 10,000 callers, those who asked last', () => {
    const windows = new SlidingWindows(1, WINDOW);
    windows.take('quiet', 0);
    windows.take('busy', 0);
    for (let caller = 0; caller < 9_999; caller += 1) {
      windows.take(`caller ${caller}`, 1);
      windows.take('busy', 1);
    }
    expect(windows.take('busy', 2).admitted).toBe(false);
    expect(windows.take('quiet', 2).admitted).toBe(true);
  });
});
