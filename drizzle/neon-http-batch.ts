// The migrator's driver for a database that is reached over HTTP: a batch is one non-interactive transaction.
import { neon } from '@neondatabase/serverless';
import type { RunBatch } from './migrator.ts';

/** Milliseconds a migration may take. */
const LIMIT = 10 * 60_000;

/** Runs batches over Neon's SQL-over-HTTP protocol. */
export function neonHttpBatch(databaseUrl: string): RunBatch {
  const sql = neon(databaseUrl);
  return (statements) =>
    sql.transaction(
      statements.map(({ query, params }) => sql.query(query, [...(params ?? [])])),
      { fetchOptions: { signal: AbortSignal.timeout(LIMIT) } },
    );
}
