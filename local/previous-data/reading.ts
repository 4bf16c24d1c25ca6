// What every reader of a key needs: the service's clinics, zone and day, and the account of what it makes of the key.
import { serviceDay } from '../../src/lib/service-day.ts';
import type { Ledger, Source } from './ledger.ts';
import { type TimeReader, timeReader } from './previous-times.ts';
import type { OptionalFields } from './previous-values.ts';
import { refuse, Unreadable } from './unreadable.ts';

/** What the database says of itself (the SQL function `import_state`). */
export interface ImportState {
  readonly day: string;
  readonly day_end: string;
  readonly timezone: string;
  readonly service_day_start: string;
  readonly clinics: readonly {
    readonly code: string;
    readonly aliases: readonly string[];
    readonly names: readonly (string | null)[];
  }[];
}

export interface Reading {
  readonly ledger: Ledger;
  /** The present service day. */
  readonly today: string;
  /** The code of a clinic by any of its names; throws `Unreadable` for what names none. */
  readonly clinicOf: (name: string | undefined) => string;
  readonly timeOf: TimeReader;
  /** The service day of a moment in ISO 8601. */
  readonly dayOf: (time: string) => string;
  /** Runs it; what it throws rejects the source and nothing else. */
  readonly attempt: (source: Source, read: () => void) => void;
  /** Puts into the file what was left out of a row that is taken over all the same. */
  readonly mention: (source: Source, fields: OptionalFields) => void;
}

/** For a file that is read at `now`. */
export function readingOf(state: ImportState, ledger: Ledger, now: Date): Reading {
  const { timezone, service_day_start: dayStart, day } = state;
  return {
    ledger,
    today: day,
    clinicOf: clinicNames(state),
    timeOf: timeReader(timezone, dayStart, now),
    dayOf: (time) => serviceDay(new Date(time), timezone, dayStart).day,
    attempt: (source, read) => {
      try {
        read();
      } catch (error) {
        // A mistake of ours with one odd value must not cost the rest of the file; its message may quote the value.
        const name = error instanceof Error ? error.name : 'an error';
        ledger.reject(source, error instanceof Unreadable ? error.message : `could not be read (${name})`);
      }
    },
    mention: (source, { leftOut }) => {
      if (leftOut.length > 0)
        ledger.reject(source, `taken over without what is unreadable: ${leftOut.join(', ')}`);
    },
  };
}

/** Resolves every spelling of a clinic: a code wins over an alias, an alias over a name. */
function clinicNames({ clinics }: ImportState): (name: string | undefined) => string {
  const codes = new Map<string, string>();
  const spellings = [
    (clinic: ImportState['clinics'][number]) => [clinic.code],
    (clinic: ImportState['clinics'][number]) => clinic.aliases,
    (clinic: ImportState['clinics'][number]) => clinic.names,
  ];
  for (const namesOf of spellings) {
    for (const clinic of clinics) {
      for (const name of namesOf(clinic)) {
        const spelled = name?.toLowerCase().trim();
        if (spelled && !codes.has(spelled)) codes.set(spelled, clinic.code);
      }
    }
  }
  return (name) => codes.get(name?.toLowerCase().trim() ?? '') ?? refuse('no clinic of this name');
}
