import { describe, expect, it } from 'vitest';
import { countRepeated, median, medianRatio, percentile } from './statistics.ts';

describe('median', () => {
  it('is the middle of an odd number of values, whatever their order', () => {
    expect(median([9, 1, 5])).toBe(5);
  });

  it('is the mean of the two middle ones of an even number', () => {
    expect(median([4, 1, 3, 100])).toBe(3.5);
  });

  it('is not moved by one round that went wrong', () => {
    expect(median([10, 11, 10, 12, 10_000])).toBe(11);
  });

  it('is no number when there is nothing', () => {
    expect(median([])).toBeNaN();
  });
});

describe('percentile', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);

  it('is a value that was measured, by nearest rank', () => {
    expect(percentile(hundred, 50)).toBe(50);
    expect(percentile(hundred, 95)).toBe(95);
    expect(percentile(hundred, 100)).toBe(100);
  });

  it('is the smallest value at 0 and the only one of a single value', () => {
    expect(percentile(hundred, 0)).toBe(1);
    expect(percentile([7], 95)).toBe(7);
  });

  it('is no number when there is nothing', () => {
    expect(percentile([], 95)).toBeNaN();
  });
});

describe('medianRatio', () => {
  it('compares pair by pair, so that a slow moment which hit both drops out', () => {
    expect(medianRatio([80, 8, 80], [100, 10, 100])).toBeCloseTo(0.8);
  });

  it('leaves out a value whose partner is missing', () => {
    expect(medianRatio([50, 1], [100])).toBe(0.5);
  });
});

describe('countRepeated', () => {
  it('counts every hand-out after the first', () => {
    expect(countRepeated(['a', 'b', 'a', 'a', 'c', 'b'])).toBe(3);
  });

  it('is 0 when all differ', () => {
    expect(countRepeated(['a', 'b', 'c'])).toBe(0);
    expect(countRepeated([])).toBe(0);
  });
});
