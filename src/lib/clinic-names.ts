// Which clinic a name means, as the database said it: a key of the cache is made from nothing else.

/** Milliseconds after which a name is asked for again: a clinic may have been closed or renamed. */
const KEPT_FOR = 60_000;

export interface ClinicNames {
  /**
   * The canonical id of a name that the database resolved within the last minute, else undefined; `evenOld` for a
   * database that cannot be asked now.
   */
  idOf(name: string, evenOld?: boolean): string | undefined;
  learn(name: string, id: string): void;
  /** A name that the database resolved at some time, for somebody: known from now on, as an old one. */
  recall(name: string, id: string): void;
}

interface Learned {
  readonly id: string;
  readonly at: number;
}

/**
 * The names of one isolate. There are as many as clinics have ids and aliases, since only a name that was found is
 * learned, whatever its case.
 */
export function createClinicNames(now: () => number = () => performance.now()): ClinicNames {
  const known = new Map<string, Learned>();
  const keep = (name: string, id: string, at: number) => {
    const spelled = spelling(name);
    if (spelled !== undefined) known.set(spelled, { id, at });
  };
  return {
    idOf(name, evenOld = false) {
      const found = known.get(spelling(name) ?? '');
      return found && (evenOld || now() - found.at < KEPT_FOR) ? found.id : undefined;
    },
    learn: (name, id) => keep(name, id, now()),
    recall: (name, id) => keep(name, id, Number.NEGATIVE_INFINITY),
  };
}

/** A name as it is kept, whatever its case. Undefined beyond ASCII: there the database may not agree on lower case. */
export function spelling(name: string): string | undefined {
  return /^[\x21-\x7E]+$/.test(name) ? name.toLowerCase() : undefined;
}
