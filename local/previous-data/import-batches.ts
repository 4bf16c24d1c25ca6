// The transactions of an import, in their order: entries come before the routes that they finish stations of.
import type { ImportState } from './reading.ts';
import type { Row } from './rows.ts';
import type { Translated } from './translate.ts';

export type PartName = 'patients' | 'entries' | 'pins' | 'routes' | 'intervals';

export interface ImportBatch {
  readonly name: PartName;
  /** What `import_previous` calls it. */
  readonly part: 'patients' | 'line' | 'pins' | 'routes' | 'intervals';
  readonly rows: readonly Row<object>[];
  /** The argument of `import_previous` for these of its rows. */
  readonly argsOf: (rows: readonly Row<object>[]) => object;
}

/** Rows in one transaction. A line is one transaction whatever its length, since its numbers depend on each other. */
const BATCH = 200;

/** All batches of an export. */
export function batchesOf(
  { patients, lines, pins, routes, intervals }: Translated,
  state: ImportState,
): ImportBatch[] {
  const { day, day_end } = state;
  return [
    ...chunks(patients).map((rows) => plain('patients', rows)),
    ...lines.map(
      ({ clinic, day: of, entries }): ImportBatch => ({
        name: 'entries',
        part: 'line',
        rows: entries,
        argsOf: (some) => ({ part: 'line', clinic, day: of, today: day, entries: sent(some) }),
      }),
    ),
    // All at once: a PIN that two clinics have stays with one of them.
    ...chunks(pins, Number.POSITIVE_INFINITY).map((rows) => plain('pins', rows, { day, day_end })),
    ...chunks(routes).map((rows) => plain('routes', rows)),
    ...chunks(intervals).map((rows) => plain('intervals', rows)),
  ];
}

function plain(
  name: 'patients' | 'pins' | 'routes' | 'intervals',
  rows: readonly Row<object>[],
  more: object = {},
): ImportBatch {
  return { name, part: name, rows, argsOf: (some) => ({ part: name, ...more, [name]: sent(some) }) };
}

const sent = (rows: readonly Row<object>[]) => rows.map((row) => row.sent);

function chunks<T>(rows: readonly T[], size = BATCH): T[][] {
  const made: T[][] = [];
  for (let from = 0; from < rows.length; from += size) made.push(rows.slice(from, from + size));
  return made;
}
