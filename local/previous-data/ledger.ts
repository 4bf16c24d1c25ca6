// The account of every key of an export: taken over, here already, left out on purpose, or in the file of rejected
// entries with its reason. What no reader said anything of is a mistake of ours, and is rejected as forgotten.
import type { ExportedEntry } from './export-file.ts';
import { copyOfKey, copyOfValue } from './without-secrets.ts';

/** What could not be read or placed, as it goes into the file of rejected entries. It holds no password and no PIN. */
export interface Rejected {
  readonly reason: string;
  /** Where it is in the export, from 1: the line, or the element or member of a single document. */
  readonly line: number;
  readonly key?: string;
  readonly part?: string;
  readonly value?: unknown;
  /** Of what is no JSON. */
  readonly text?: string;
}

/** Where a row comes from: a key, or one element of its list. */
export interface Source {
  readonly entry: ExportedEntry;
  readonly value: unknown;
  /** Which member of the value, in words that hold no secret. */
  readonly part?: string;
}

/** How many keys of the file went which way. The four add up to all of them. */
export interface Fates {
  /** At least one row is new or changed, and nothing was rejected. */
  readonly imported: number;
  /** Every row was here before. */
  readonly present: number;
  /** Left out on purpose. */
  readonly skipped: number;
  /** The key, or something in it, is in the file of rejected entries. */
  readonly rejected: number;
}

/** The reason of a key that no reader said anything of. */
export const FORGOTTEN = 'the import forgot it: a mistake of the import, please report it';

export class Ledger {
  readonly rejected: Rejected[];
  readonly #entries: readonly ExportedEntry[];
  readonly #unreadable: number;
  readonly #skipped = new Map<ExportedEntry, string>();
  readonly #isNew = new Map<ExportedEntry, boolean>();
  readonly #inFile = new Set<ExportedEntry>();

  /** For these keys, and for what was no key at all. */
  constructor(entries: readonly ExportedEntry[], unreadable: readonly Rejected[]) {
    this.#entries = entries;
    this.#unreadable = unreadable.length;
    this.rejected = [...unreadable];
  }

  /** The key is left out on purpose. */
  skip(entry: ExportedEntry, kind: string): void {
    this.#skipped.set(entry, kind);
  }

  /** It goes into the file; whatever else became of its key, the key counts as rejected. */
  reject({ entry, value, part }: Source, reason: string): void {
    this.#inFile.add(entry);
    const { key, line } = entry;
    this.rejected.push({
      reason,
      line,
      key: copyOfKey(key),
      ...(part !== undefined && { part }),
      value: copyOfValue(key, value),
    });
  }

  /** A row of it is in the database; `isNew` when this import put it there or changed it. */
  place({ entry }: Source, isNew: boolean): void {
    this.#isNew.set(entry, isNew || this.#isNew.get(entry) === true);
  }

  /** To be called before the fates are: whatever has none by then is rejected. */
  rejectForgotten(): void {
    for (const entry of this.#entries) {
      if (this.#inFile.has(entry) || this.#isNew.has(entry) || this.#skipped.has(entry)) continue;
      this.reject({ entry, value: entry.value }, FORGOTTEN);
    }
  }

  fates(): Fates {
    const fates = { imported: 0, present: 0, skipped: 0, rejected: this.#unreadable };
    for (const entry of this.#entries) {
      if (this.#inFile.has(entry)) fates.rejected += 1;
      else if (this.#isNew.has(entry)) fates[this.#isNew.get(entry) ? 'imported' : 'present'] += 1;
      else if (this.#skipped.has(entry)) fates.skipped += 1;
    }
    return fates;
  }

  /** The keys left out on purpose, by kind. */
  skipped(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const [entry, kind] of this.#skipped) {
      if (this.#inFile.has(entry) || this.#isNew.has(entry)) continue;
      counts[kind] = (counts[kind] ?? 0) + 1;
    }
    return counts;
  }
}
