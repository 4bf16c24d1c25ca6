/** A database of its own with our schema, and the calls of its functions, for tests that talk to Postgres directly. */
import pg from 'pg';
import { type Migration, migrate, type RunBatch, readMigrations } from '../../drizzle/migrator.ts';
import { driverBatch } from '../../local/driver-batch.ts';
import { openPgDriver } from '../../local/pg-driver.ts';
import { createMigratedDatabase, createTestDatabase, type TestDatabase } from './postgres-server.ts';

export const TIMEZONE = 'Asia/Qatar';
export const SERVICE_DAY_START = '00:00';

/**
 * Milliseconds for a statement of a test, in place of the four seconds of our schema: hundreds at once on a busy machine
 * take longer, which is no finding where nobody asks how long.
 */
const STATEMENT_TIMEOUT = 60_000;

/** PostgreSQL's code of a lock timeout. */
const LOCK_NOT_AVAILABLE = '55P03';

/** What a function of ours answers. The fields beyond `ok` depend on the function. */
export interface Answer {
  readonly ok: boolean;
  readonly code?: string;
  readonly clinic: string;
  readonly user: string;
  readonly number: number;
  readonly version: number;
  readonly status: string;
  readonly [field: string]: unknown;
}

export interface SqlDatabase {
  readonly url: string;
  readonly pool: pg.Pool;
  /**
   * Calls `name(jsonb) returns jsonb` on a connection of the pool: one call, one transaction. Asks again after a lock
   * timeout, as every client of ours does: it left nothing behind, and only says that the machine has much to do.
   */
  call(name: string, args?: object): Promise<Answer>;
  rows<Row extends object = Record<string, unknown>>(query: string, params?: unknown[]): Promise<Row[]>;
  /** The only row's only value. */
  value<T = number>(query: string, params?: unknown[]): Promise<T>;
  remove(): Promise<void>;
}

export interface MigrateAs {
  readonly migrations?: readonly Migration[];
  readonly timezone?: string;
  readonly serviceDayStart?: string;
}

/** Runs the migrator with this suite's service day. */
export async function migrateWith(runBatch: RunBatch, options: MigrateAs = {}): Promise<string[]> {
  return migrate({
    runBatch,
    migrations: options.migrations ?? (await readMigrations()),
    timezone: options.timezone ?? TIMEZONE,
    serviceDayStart: options.serviceDayStart ?? SERVICE_DAY_START,
  });
}

/** Migrates the database behind a `postgres://` URL. */
export async function migrateUrl(url: string, options?: MigrateAs): Promise<string[]> {
  const driver = openPgDriver({ connectionString: url, poolSize: 1 });
  try {
    return await migrateWith(driverBatch(driver), options);
  } finally {
    await driver.close();
  }
}

/** An empty database; `connections` is how many statements may run at the same time. */
export async function openEmptyDatabase(connections = 4): Promise<SqlDatabase> {
  return openDatabase(await createTestDatabase(), connections);
}

/** A database with our schema, by default with more connections than cores can serve. */
export async function openMigratedDatabase(connections = 90): Promise<SqlDatabase> {
  return openDatabase(await createMigratedDatabase(), connections);
}

function openDatabase(database: TestDatabase, connections: number): SqlDatabase {
  const pool = new pg.Pool({
    connectionString: database.url,
    max: connections,
    statement_timeout: STATEMENT_TIMEOUT,
  });
  // A backend that a test ends on purpose must not end the test's process.
  pool.on('error', () => undefined);

  const rows = async <Row extends object>(query: string, params: unknown[] = []): Promise<Row[]> =>
    (await pool.query<Row>(query, params)).rows;
  return {
    url: database.url,
    pool,
    rows,
    call: async (name, args = {}) => {
      const text = `select ${pg.escapeIdentifier(name)}($1::jsonb) as answer`;
      for (;;) {
        try {
          const { rows } = await pool.query<{ answer: Answer }>({
            name,
            text,
            values: [JSON.stringify(args)],
          });
          return only(rows).answer;
        } catch (cause) {
          if (!(cause instanceof pg.DatabaseError && cause.code === LOCK_NOT_AVAILABLE)) throw cause;
        }
      }
    },
    value: async <T>(query: string, params?: unknown[]) =>
      only(Object.values(only(await rows(query, params)))) as T,
    remove: async () => {
      await pool.end();
      await database.drop();
    },
  };
}

function only<T>(values: readonly T[]): T {
  const [value] = values;
  if (value === undefined || values.length > 1) throw new Error(`expected one value, got ${values.length}`);
  return value;
}
