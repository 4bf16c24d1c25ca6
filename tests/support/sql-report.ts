/** What the tests of guarantees share: many calls at once, and one line that says how many were tried. */

/** 0 .. count - 1, each made into something. */
export function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

/** Starts `count` calls together and waits for all of them. */
export function atOnce<T>(count: number, start: (index: number) => Promise<T>): Promise<T[]> {
  return Promise.all(times(count, start));
}

/** Prints how many operations stand behind a guarantee. */
export function report(guarantee: string, operations: number, seed?: number): void {
  const suffix = seed === undefined ? '' : `, seed ${seed}`;
  console.info(`${operations} operations: ${guarantee}${suffix}`);
}

/** The whole numbers from 1 to `last`. */
export function oneTo(last: number): number[] {
  return times(last, (index) => index + 1);
}

export function ascending(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b);
}

/** Counts values by what they are. */
export function tally(values: readonly (string | undefined)[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value ?? 'none'] = (counts[value ?? 'none'] ?? 0) + 1;
  return counts;
}
