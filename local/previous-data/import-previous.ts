// Puts a translated export into the database: many short transactions, each of which may be repeated.
import type { RunBatch } from '../../drizzle/migrator.ts';
import type { ExportFile, Rejected } from './export-file.ts';
import { type ImportState, type Translated, translate } from './translate.ts';

export interface ImportReport {
  readonly dryRun: boolean;
  /** Keys in the file, repeated ones counted. */
  readonly keys: number;
  readonly parts: Readonly<Record<PartName, PartReport>>;
  /** Keys left out on purpose, by kind. */
  readonly skipped: Readonly<Record<string, number>>;
  readonly rejected: readonly Rejected[];
  readonly milliseconds: number;
}

export type PartName = 'patients' | 'entries' | 'pins' | 'routes' | 'intervals';

export interface PartReport {
  /** Rows that the export has. */
  readonly read: number;
  /** Rows that are new in the database. */
  readonly added: number;
  /** Of those already there, the ones that changed. */
  readonly changed: number;
  /** Rows of the export that were repaired: numbers held twice, entries left open, PINs that two clinics had. */
  readonly repaired: number;
}

export interface ImportOptions {
  readonly runBatch: RunBatch;
  readonly file: ExportFile;
  /** Works everything out, in the database as well, and keeps nothing. */
  readonly dryRun?: boolean;
  /** The moment whose service day is today; the database's clock when left out. */
  readonly now?: Date;
  /** Called after each transaction with the rows done and the rows there are. */
  readonly onProgress?: (done: number, total: number) => void;
}

interface Batch {
  readonly name: PartName;
  readonly rows: number;
  readonly args: object;
}

/** Rows in one transaction. A line is one transaction whatever its length, since its numbers depend on each other. */
const BATCH = 200;

/** Imports the file. Throws when the database cannot be reached or is older than this; running it again is safe. */
export async function importPrevious(options: ImportOptions): Promise<ImportReport> {
  const began = performance.now();
  const { runBatch, file, now, dryRun = false, onProgress = () => {} } = options;
  const state = (await call(runBatch, 'import_state', { now })) as unknown as ImportState;
  const translated = translate(file.entries, state);
  const batches = batchesOf(translated, state);
  const total = batches.reduce((sum, { rows }) => sum + rows, 0);
  const parts = emptyParts();
  let done = 0;
  for (const { name, rows, args } of batches) {
    const answer = await call(runBatch, 'import_previous', { ...args, dry_run: dryRun });
    const count = (key: string) => Number(answer[key] ?? 0);
    const part = parts[name];
    parts[name] = {
      read: part.read + rows,
      added: part.added + count('added'),
      changed: part.changed + count('changed'),
      repaired: part.repaired + count('renumbered') + count('closed') + count('made_anew'),
    };
    done += rows;
    onProgress(done, total);
  }
  return {
    dryRun,
    keys: file.keys,
    parts,
    skipped: translated.skipped,
    rejected: [...file.rejected, ...translated.rejected],
    milliseconds: Math.round(performance.now() - began),
  };
}

/** Entries come before the routes that they finish stations of. */
function batchesOf({ patients, lines, pins, routes, intervals }: Translated, state: ImportState): Batch[] {
  return [
    ...chunks(patients).map(
      (some): Batch => ({ name: 'patients', rows: some.length, args: { part: 'patients', patients: some } }),
    ),
    ...lines.map(
      (line): Batch => ({
        name: 'entries',
        rows: line.entries.length,
        args: { part: 'line', today: state.day, ...line },
      }),
    ),
    ...chunks(pins, Number.POSITIVE_INFINITY).map(
      (all): Batch => ({
        name: 'pins',
        rows: all.length,
        args: { part: 'pins', day: state.day, day_end: state.day_end, pins: all },
      }),
    ),
    ...chunks(routes).map(
      (some): Batch => ({ name: 'routes', rows: some.length, args: { part: 'routes', routes: some } }),
    ),
    ...chunks(intervals).map(
      (some): Batch => ({
        name: 'intervals',
        rows: some.length,
        args: { part: 'intervals', intervals: some },
      }),
    ),
  ];
}

function chunks<T>(rows: readonly T[], size = BATCH): T[][] {
  const made: T[][] = [];
  for (let from = 0; from < rows.length; from += size) made.push(rows.slice(from, from + size));
  return made;
}

function emptyParts(): Record<PartName, PartReport> {
  const none = { read: 0, added: 0, changed: 0, repaired: 0 };
  return { patients: none, entries: none, pins: none, routes: none, intervals: none };
}

/** One function of drizzle/0025_import.sql in one transaction without the short time limit of requests. */
async function call(runBatch: RunBatch, name: string, args: object): Promise<Record<string, unknown>> {
  const [, [row] = []] = await runBatch([
    { query: `select set_config('statement_timeout', '60s', true)` },
    { query: `select ${name}($1::jsonb)::text as answer`, params: [JSON.stringify(args)] },
  ]);
  const answer = JSON.parse(String(row?.answer)) as Record<string, unknown>;
  if (answer.ok !== true) throw new Error(`${name} answered ${String(answer.code)}`);
  return answer;
}
