// A seeded source of chance: a day that went wrong can be run again with the same patients and habits.

/** Draws numbers; the same seed and labels always give the same sequence. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** A whole number from `min` to `max`, both included. */
  integer(min: number, max: number): number;
  /** True with the given probability. */
  chance(probability: number): boolean;
  /** One element of a list that is not empty. */
  pick<T>(list: readonly [T, ...T[]]): T;
  /** A copy of the list in random order. */
  shuffled<T>(list: readonly T[]): T[];
  /** A duration around `mean`, between half and twice of it, with a tail to the long side. */
  duration(mean: number): number;
  /** An independent source. Each patient has one, so that timing on the server changes nobody's habits. */
  branch(label: string): Random;
}

function hash(seed: number, label: string): number {
  let state = (seed ^ 0x811c9dc5) >>> 0;
  for (const character of label) {
    state = Math.imul(state ^ (character.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  }
  return state;
}

/** Makes a source from a seed of 32 bits (mulberry32: small, and good enough to spread people over a day). */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  const integer = (min: number, max: number): number => min + Math.floor(next() * (max - min + 1));
  return {
    next,
    integer,
    chance: (probability) => next() < probability,
    pick: (list) => list[integer(0, list.length - 1)] ?? list[0],
    shuffled(list) {
      const keyed = list.map((value) => ({ value, key: next() }));
      return keyed.sort((a, b) => a.key - b.key).map((entry) => entry.value);
    },
    duration: (mean) => mean * Math.min(2, Math.max(0.5, 0.5 - 0.5 * Math.log(1 - next()))),
    branch: (label) => createRandom(hash(seed, label)),
  };
}
