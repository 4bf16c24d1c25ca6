// One batch of an import in one transaction, and what became of each of its rows.
import type { RunBatch } from '../../drizzle/migrator.ts';
import { STANDINGS, type Standing } from './already-here.ts';
import { codeOf, isOfTheData } from './database-refusal.ts';
import type { ImportBatch } from './import-batches.ts';
import type { Ledger } from './ledger.ts';
import type { Row } from './rows.ts';

export interface BatchOutcome {
  readonly added: number;
  readonly changed: number;
  readonly present: number;
  readonly failed: number;
  readonly repaired: number;
  /** Why the database did not take the batch, when that is no row's fault. */
  readonly failure?: string;
}

interface Answered {
  readonly before: readonly Standing[];
  /** Undefined in a dry run, whose rows are gone by then. */
  readonly after: readonly Standing[] | undefined;
  readonly repaired: number;
}

const NOTHING = { added: 0, changed: 0, present: 0, failed: 0, repaired: 0 };

/**
 * Imports the rows and tells the ledger of each. Rows that the database refuses are found by halving and rejected; the
 * others are imported. Does not throw for the database's sake.
 */
export async function runImportBatch(
  runBatch: RunBatch,
  batch: ImportBatch,
  ledger: Ledger,
  dryRun: boolean,
): Promise<BatchOutcome> {
  const send = (rows: readonly Row<object>[], keepsNothing: boolean) =>
    transaction(runBatch, batch, rows, keepsNothing);
  let rows = batch.rows;
  let refused: ReadonlyMap<Row<object>, string> = new Map();
  try {
    let answer: Answered;
    try {
      answer = await send(rows, dryRun);
    } catch (error) {
      if (!isOfTheData(error)) throw error;
      refused = await refusedAmong(rows, error, (some) => send(some, true));
      rows = rows.filter((row) => !refused.has(row));
      answer = rows.length > 0 ? await send(rows, dryRun) : { before: [], after: undefined, repaired: 0 };
    }
    reject(refused, ledger);
    const counts = accountFor(rows, answer, ledger);
    return { ...counts, failed: counts.failed + refused.size };
  } catch (error) {
    const code = codeOf(error);
    reject(refused, ledger);
    const reason = isOfTheData(error)
      ? `the database refused it together with others (${code})`
      : `the import stopped at it (${code}); repeat it`;
    reject(new Map(rows.map((row) => [row, reason])), ledger);
    const outcome = { ...NOTHING, failed: batch.rows.length };
    return isOfTheData(error)
      ? outcome
      : { ...outcome, failure: `the database did not do its part (${code})` };
  }
}

/** The rows that the database refuses by themselves. When it refuses only some together, that shows when they are sent. */
async function refusedAmong(
  rows: readonly Row<object>[],
  refusal: unknown,
  attempt: (rows: readonly Row<object>[]) => Promise<unknown>,
): Promise<Map<Row<object>, string>> {
  const [only, ...others] = rows;
  if (only === undefined) return new Map();
  if (others.length === 0) return new Map([[only, `the database refused it (${codeOf(refusal)})`]]);
  const found = new Map<Row<object>, string>();
  const middle = Math.ceil(rows.length / 2);
  for (const half of [rows.slice(0, middle), rows.slice(middle)]) {
    try {
      await attempt(half);
    } catch (error) {
      if (!isOfTheData(error)) throw error;
      for (const [row, reason] of await refusedAmong(half, error, attempt)) found.set(row, reason);
    }
  }
  return found;
}

function reject(rows: ReadonlyMap<Row<object>, string>, ledger: Ledger): void {
  for (const [{ from }, reason] of rows) {
    for (const source of from) ledger.reject(source, reason);
  }
}

function accountFor(
  rows: readonly Row<object>[],
  { before, after, repaired }: Answered,
  ledger: Ledger,
): BatchOutcome {
  const counts = { ...NOTHING, repaired };
  for (const [index, row] of rows.entries()) {
    const standing = before[index];
    // A route that somebody made in this very moment can be in its place.
    const isLost = standing === undefined || (after !== undefined && after[index]?.here !== true);
    const why =
      standing?.why ?? (isLost ? 'the database has something else in its place; repeat the import' : null);
    if (why !== null) reject(new Map([[row, why]]), ledger);
    if (isLost || standing.refused) {
      counts.failed += 1;
      continue;
    }
    const isNew = !standing.here;
    if (isNew) counts.added += 1;
    else if (standing.changes) counts.changed += 1;
    else counts.present += 1;
    for (const source of row.from) ledger.place(source, isNew || standing.changes);
  }
  return counts;
}

/** The functions of drizzle/0025_import.sql in one transaction without the short time limit of requests. */
async function transaction(
  runBatch: RunBatch,
  { part, argsOf }: ImportBatch,
  rows: readonly Row<object>[],
  dryRun: boolean,
): Promise<Answered> {
  const params = [JSON.stringify({ ...argsOf(rows), dry_run: dryRun })];
  const standings = { query: STANDINGS[part], params };
  const [, , before, answers, after] = await runBatch([
    { query: `select set_config('statement_timeout', '60s', true)` },
    // One import at a time, so that what is here does not change between the question and the answer. Any number serves.
    { query: 'select pg_advisory_xact_lock(727267627)' },
    standings,
    { query: 'select import_previous($1::jsonb)::text as answer', params },
    ...(dryRun ? [] : [standings]),
  ]);
  const answer = JSON.parse(String(answers?.[0]?.answer)) as Readonly<Record<string, unknown>>;
  if (answer.ok !== true) throw new Error(`import_previous answered ${String(answer.code)}`);
  const read = (result: readonly Record<string, unknown>[] | undefined) =>
    JSON.parse(String(result?.[0]?.answer)) as Standing[];
  const count = (name: string) => Number(answer[name] ?? 0);
  return {
    before: read(before),
    after: dryRun ? undefined : read(after),
    repaired: count('renumbered') + count('closed') + count('made_anew'),
  };
}
