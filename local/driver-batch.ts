// The migrator's driver for a database that this process holds itself: PGlite, or a server through `pg`.
import type { RunBatch } from '../drizzle/migrator.ts';
import type { SqlDriver } from './sql-driver.ts';

/** Runs batches over a local driver. Values come back as Postgres' text. */
export function driverBatch(driver: SqlDriver): RunBatch {
  return async (statements) => {
    const results = await driver.batch(
      statements.map(({ query, params = [] }) => ({
        query,
        params: params.map((value) => (value == null ? null : String(value))),
      })),
    );
    return results.map(({ fields, rows }) =>
      rows.map((row) => Object.fromEntries(fields.map(({ name }, index) => [name, row[index]]))),
    );
  };
}
