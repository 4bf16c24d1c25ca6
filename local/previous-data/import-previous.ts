// Puts an export into the database: many short transactions, each of which may be repeated.
import type { RunBatch } from '../../drizzle/migrator.ts';
import type { ExportFile } from './export-file.ts';
import { batchesOf, type ImportBatch, type PartName } from './import-batches.ts';
import { runImportBatch } from './import-transaction.ts';
import { type Fates, Ledger, type Rejected } from './ledger.ts';
import type { ImportState } from './reading.ts';
import { translate } from './translate.ts';

export interface ImportReport {
  readonly dryRun: boolean;
  /** Keys in the file: repeated ones counted, and what could not be read as a key. The fates add up to it. */
  readonly keys: number;
  readonly fates: Fates;
  readonly parts: Readonly<Record<PartName, PartReport>>;
  /** Keys left out on purpose, by kind. */
  readonly skipped: Readonly<Record<string, number>>;
  readonly rejected: readonly Rejected[];
  /** Why it did not get to the end; what it did not get to is rejected, and repeating the import does it. */
  readonly stopped?: string;
  readonly milliseconds: number;
}

export interface PartReport {
  /** Rows that the export has: the sum of the next four. */
  readonly read: number;
  /** Rows that are new in the database. */
  readonly added: number;
  /** Of those already there, the ones that changed. */
  readonly changed: number;
  /** Those already there, which stay as they are. */
  readonly present: number;
  /** Those that the database refused or the import did not get to. */
  readonly failed: number;
  /** Rows that were repaired: numbers held twice, entries left open, PINs that two clinics had. */
  readonly repaired: number;
}

export interface ImportOptions {
  readonly runBatch: RunBatch;
  readonly file: ExportFile;
  /** Works everything out, in the database as well, and keeps nothing. */
  readonly dryRun?: boolean;
  /** The moment whose service day is today; the database's clock when left out. */
  readonly now?: Date;
  /** Ends the import after the transaction that is under way. */
  readonly signal?: AbortSignal;
  /** Called before the first transaction with what is rejected by then. When it throws, nothing was imported. */
  readonly onRead?: (rejected: readonly Rejected[]) => Promise<void>;
  /** Called after each transaction with the rows done and the rows there are. */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Imports the file. Throws when the database cannot be reached at the start or is older than this; what goes wrong
 * later ends it with `stopped`. Running it again is safe.
 */
export async function importPrevious(options: ImportOptions): Promise<ImportReport> {
  const began = performance.now();
  const { runBatch, file, now, dryRun = false, signal, onRead, onProgress } = options;
  const state = await importState(runBatch, now);
  const ledger = new Ledger(file.entries, file.unreadable);
  const batches = batchesOf(translate(file.entries, state, ledger, now ?? new Date()), state);
  await onRead?.(ledger.rejected);

  const parts = emptyParts();
  const total = batches.reduce((sum, { rows }) => sum + rows.length, 0);
  let done = 0;
  let stopped: string | undefined;
  for (const batch of batches) {
    const part = parts[batch.name];
    part.read += batch.rows.length;
    if (signal?.aborted) stopped ??= 'it was interrupted';
    if (stopped === undefined) {
      const { failure, repaired, ...counts } = await runImportBatch(runBatch, batch, ledger, dryRun);
      part.added += counts.added;
      part.changed += counts.changed;
      part.present += counts.present;
      part.repaired += repaired;
      part.failed += counts.failed;
      stopped = failure;
      done += batch.rows.length;
      onProgress?.(done, total);
    } else {
      part.failed += batch.rows.length;
      rejectRows(batch, ledger);
    }
  }
  ledger.rejectForgotten();
  return {
    dryRun,
    keys: file.entries.length + file.unreadable.length,
    fates: ledger.fates(),
    parts,
    skipped: ledger.skipped(),
    rejected: ledger.rejected,
    ...(stopped !== undefined && { stopped }),
    milliseconds: Math.round(performance.now() - began),
  };
}

function rejectRows({ rows }: ImportBatch, ledger: Ledger): void {
  for (const { from } of rows) {
    for (const source of from) ledger.reject(source, 'the import stopped before it; repeat it');
  }
}

type Counts = { -readonly [Name in keyof PartReport]: number };

function emptyParts(): Record<PartName, Counts> {
  const none = () => ({ read: 0, added: 0, changed: 0, present: 0, failed: 0, repaired: 0 });
  return { patients: none(), entries: none(), pins: none(), routes: none(), intervals: none() };
}

async function importState(runBatch: RunBatch, now: Date | undefined): Promise<ImportState> {
  const [[row] = []] = await runBatch([
    { query: 'select import_state($1::jsonb)::text as answer', params: [JSON.stringify({ now })] },
  ]);
  return JSON.parse(String(row?.answer)) as ImportState;
}
