// The few numbers that sum up a round, and the count of what was handed out twice.

/** The middle value; the mean of the two middle ones of an even number; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? Number.NaN) + upper) / 2 : upper;
}

/** The smallest value that at least `percent` of the values do not exceed (nearest rank); NaN of nothing. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = Float64Array.from(values).sort();
  const rank = Math.ceil((percent / 100) * sorted.length);
  return sorted[Math.max(1, rank) - 1] ?? Number.NaN;
}

/**
 * The median of `values[i] / baseline[i]`: the two of a pair ran one right after the other, so what slowed the machine
 * down for a while slowed both, and drops out of their ratio.
 */
export function medianRatio(values: readonly number[], baseline: readonly number[]): number {
  return median(
    values.flatMap((value, index) => {
      const base = baseline[index];
      return base === undefined ? [] : [value / base];
    }),
  );
}

/** How many of the keys were there before: n handed out to n + 1 callers counts n times. */
export function countRepeated(keys: Iterable<string>): number {
  const seen = new Set<string>();
  let repeated = 0;
  for (const key of keys) {
    if (seen.has(key)) repeated += 1;
    seen.add(key);
  }
  return repeated;
}
