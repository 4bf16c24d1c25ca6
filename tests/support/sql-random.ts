/** Randomness that a failing test can repeat: the seed comes from TEST_SEED, or is new and printed. */

export interface Random {
  /** A whole number from 0 to `bound - 1`. */
  below(bound: number): number;
  /** True in `share` of all cases, 0 to 1. */
  chance(share: number): boolean;
  pick<T>(values: readonly [T, ...T[]]): T;
}

export function testSeed(): number {
  return Number(process.env.TEST_SEED ?? Date.now() % 2 ** 32);
}

/** mulberry32: small, and good enough to choose test cases. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (bound: number) => Math.floor(next() * bound);
  return {
    below,
    chance: (share) => next() < share,
    pick: (values) => values[below(values.length)] ?? values[0],
  };
}
