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
  const learned = new Map<string, Learned>();
  return {
    idOf(name, evenOld = false) {
      const found = learned.get(keyOf(name));
      return found && (evenOld || now() - found.at < KEPT_FOR) ? found.id : undefined;
    },
    learn(name, id) {
      // Beyond ASCII the database may not agree on what is lower case.
      if (/^[\x21-\x7E]+$/.test(name)) learned.set(keyOf(name), { id, at: now() });
    },
  };
}

function keyOf(name: string): string {
  return name.toLowerCase();
}
