import { describe, expect, it } from 'vitest';
import { createRandom } from './random.ts';

const draw = (seed: number, count: number): number[] => {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => random.next());
};

describe('random', () => {
  it('gives the same sequence for the same seed, and another for another seed', () => {
    expect(draw(7, 50)).toEqual(draw(7, 50));
    expect(draw(7, 50)).not.toEqual(draw(8, 50));
  });

  it('spreads evenly over [0, 1)', () => {
    const values = draw(1, 100_000);
    const buckets = new Array<number>(10).fill(0);
    for (const value of values) {
      const bucket = Math.floor(value * 10);
      buckets[bucket] = (buckets[bucket] ?? 0) + 1;
    }
    expect(buckets.reduce((sum, count) => sum + count, 0)).toBe(values.length);
    expect(buckets.length).toBe(10);
    for (const count of buckets) expect(Math.abs(count - 10_000)).toBeLessThan(500);
  });

  it('reaches both ends of an integer range and nothing outside', () => {
    const random = createRandom(3);
    const seen = new Set(Array.from({ length: 1000 }, () => random.integer(2, 5)));
    expect([...seen].sort()).toEqual([2, 3, 4, 5]);
  });

  it('shuffles without losing anybody', () => {
    const list = Array.from({ length: 100 }, (_, index) => index);
    const shuffled = createRandom(5).shuffled(list);
    expect(shuffled).not.toEqual(list);
    expect([...shuffled].sort((a, b) => a - b)).toEqual(list);
  });

  it('keeps durations between half and twice the mean', () => {
    const random = createRandom(9);
    const durations = Array.from({ length: 10_000 }, () => random.duration(100));
    expect(Math.min(...durations)).toBeGreaterThanOrEqual(50);
    expect(Math.max(...durations)).toBeLessThanOrEqual(200);
  });

  it('gives a branch its own sequence, whatever was drawn before', () => {
    const early = createRandom(11).branch('patient 1').next();
    const parent = createRandom(11);
    parent.next();
    expect(parent.branch('patient 1').next()).toBe(early);
    expect(parent.branch('patient 2').next()).not.toBe(early);
  });
});
