// From keys of the previous backend to rows of this one. Pure: knows neither a file nor a database.
import type { ExportedEntry } from './export-file.ts';
import type { Ledger, Source } from './ledger.ts';
import { ClinicValues } from './previous-clinics.ts';
import { linesOf, type Visit, visitOf } from './previous-lines.ts';
import { newestLogins, patientOf } from './previous-patients.ts';
import { routeOf } from './previous-routes.ts';
import { type ImportState, type Reading, readingOf } from './reading.ts';
import type { IntervalRow, Line, PatientRow, PinRow, RouteRow, Row } from './rows.ts';
import { refuse } from './unreadable.ts';

export interface Translated {
  readonly patients: readonly Row<PatientRow>[];
  readonly lines: readonly Line[];
  /** Of the present service day only: earlier ones are worth nothing. */
  readonly pins: readonly Row<PinRow>[];
  /** The newest first. */
  readonly routes: readonly Row<RouteRow>[];
  readonly intervals: readonly Row<IntervalRow>[];
}

/** What lives shortly, is worked out anew, or must not be taken over. The first that fits counts. */
const SKIPPED: readonly (readonly [kind: string, key: RegExp])[] = [
  ['accounts of staff', /^\s*admins?:/i],
  ['sessions', /^session:/],
  ['locks', /^lock:/],
  ['rate limits', /^ratelimit:/],
  ['events and notices', /^(event|notify):/],
  ['derived counters', /^queue:(current|status):/],
];

/** Reads every entry. Nothing gets lost: the ledger is told of each that is no row. */
export function translate(
  entries: readonly ExportedEntry[],
  state: ImportState,
  ledger: Ledger,
  now: Date,
): Translated {
  const reading = readingOf(state, ledger, now);
  const patients: Row<PatientRow>[] = [];
  const visits: Visit[] = [];
  const routes: Row<RouteRow>[] = [];
  const clinics = new ClinicValues(reading);

  const readers: readonly (readonly [key: RegExp, read: Reader])[] = [
    [/^patient:(.+)$/, (source, session) => patients.push(patientOf(session, source, reading))],
    [
      /^queue:list:(.+)$/,
      ({ entry, value }, clinic) => {
        if (!Array.isArray(value)) return refuse('the list is no list');
        if (value.length === 0) return ledger.skip(entry, 'empty');
        for (const element of value) {
          const source = { entry, value: element };
          reading.attempt(source, () => visits.push(visitOf(clinic, undefined, source, reading)));
        }
      },
    ],
    [
      /^queue:user:([^:]+):(.+)$/,
      (source, clinic, user) => visits.push(visitOf(clinic, user, source, reading)),
    ],
    [/^queue:interval:(.+)$/, (source, clinic) => clinics.readInterval(clinic, source)],
    [/^pins:daily:(.+)$/, (source, date) => clinics.readDailyPins(date, source)],
    [/^pin:(.+)$/, (source, clinic) => clinics.readPin(clinic, source)],
    [/^route:(.+)$/, (source, user) => routes.push(routeOf(user, undefined, source, reading))],
    [/^path:([^:]+):(.+)$/, (source, user, exam) => routes.push(routeOf(user, exam, source, reading))],
    [/^report:/, () => refuse('reports are worked out from the entries; this one has another form')],
  ];

  for (const entry of lastOfEachKey(entries, reading)) {
    const [key, read] = readers.find(([pattern]) => pattern.test(entry.key)) ?? [/^/, unknownKind];
    const source = { entry, value: entry.value };
    reading.attempt(source, () => read(source, ...(entry.key.match(key) ?? []).slice(1)));
  }
  return {
    patients: newestLogins(patients, reading),
    lines: linesOf(visits, reading),
    pins: clinics.pins(),
    routes: routes.sort((one, other) => other.sent.created_at.localeCompare(one.sent.created_at)),
    intervals: clinics.intervals(),
  };
}

type Reader = (source: Source, ...parts: (string | undefined)[]) => unknown;

const unknownKind: Reader = () => refuse('a key of an unknown kind');

/** What is to be read. Of a key that comes several times the last one counts, and a different earlier one is rejected. */
function lastOfEachKey(entries: readonly ExportedEntry[], { ledger }: Reading): Iterable<ExportedEntry> {
  const found = new Map<string, ExportedEntry>();
  for (const entry of entries) {
    const kind = SKIPPED.find(([, pattern]) => pattern.test(entry.key))?.[0];
    if (kind !== undefined) {
      ledger.skip(entry, kind);
      continue;
    }
    const earlier = found.get(entry.key);
    if (earlier !== undefined && JSON.stringify(earlier.value) === JSON.stringify(entry.value)) {
      ledger.skip(earlier, 'repetitions');
    } else if (earlier !== undefined) {
      ledger.reject({ entry: earlier, value: earlier.value }, 'a later entry has the same key');
    }
    // Where clinics have several names, the place in the file decides.
    found.delete(entry.key);
    found.set(entry.key, entry);
  }
  return found.values();
}
