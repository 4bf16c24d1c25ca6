import { describe, expect, it } from 'vitest';
import { mean, percentile } from './statistics.ts';

describe('statistics', () => {
  it('takes the mean, and 0 of nothing', () => {
    expect(mean([1, 2, 6])).toBe(3);
    expect(mean([])).toBe(0);
  });

  it('takes the nearest rank of an unsorted list without changing it', () => {
    const values = [5, 1, 4, 2, 3, 10, 9, 8, 7, 6];
    expect(percentile(values, 50)).toBe(5);
    expect(percentile(values, 90)).toBe(9);
    expect(percentile(values, 95)).toBe(10);
    expect(percentile(values, 0)).toBe(1);
    expect(percentile(values, 100)).toBe(10);
    expect(values[0]).toBe(5);
  });

  it('gives 0 of nothing and the value of a single one', () => {
    expect(percentile([], 95)).toBe(0);
    expect(percentile([42], 1)).toBe(42);
  });
});
