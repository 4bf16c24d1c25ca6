/**
 * PGlite as a `SqlDriver`: a real Postgres compiled to WebAssembly, so that `npm start` needs no server.
 * It speaks the wire protocol directly, because PGlite's own `query` hides the command tag and rewrites parameters.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { PGlite, protocol } from '@electric-sql/pglite';
import { pgcrypto } from '@electric-sql/pglite/contrib/pgcrypto';
import { uuid_ossp } from '@electric-sql/pglite/contrib/uuid_ossp';
import { lockDirectory } from './directory-lock.ts';
import {
  beginStatement,
  leavesSessionState,
  type SqlDriver,
  type SqlResult,
  type SqlStatement,
  toSqlError,
} from './sql-driver.ts';
import { ResultReader } from './wire-result.ts';

const { serialize } = protocol;

const INIT_SCRIPT = fileURLToPath(new URL('./pglite-init.mjs', import.meta.url));

/** Postgres' default of 128 MB would be touched at start and stay resident; a committee's data needs a fraction. */
const SHARED_BUFFERS = 'shared_buffers=16MB';

/** V8 compiles Postgres' hot functions while it runs; one at a time saves 35 MB at the peak and costs nothing measurable. */
const FEWER_COMPILERS = '--wasm-num-compilation-tasks=1';

export interface PgliteDriverOptions {
  /** Directory that holds the database; created when missing. Without it the database lives in memory. */
  readonly dataDir?: string;
  /** Throws away what the directory holds, once it is locked. */
  readonly fresh?: boolean;
}

/**
 * Opens PGlite with pgcrypto and uuid-ossp at hand. Rejects with a message naming the other process when `dataDir`
 * is in use. PGlite is one session: statements run one after another, in the order they were asked for.
 */
export async function openPgliteDriver(options: PgliteDriverOptions = {}): Promise<SqlDriver> {
  const { dataDir, fresh = false } = options;
  const unlock = dataDir === undefined ? undefined : await lockDirectory(dataDir);
  try {
    if (dataDir !== undefined && fresh) await rm(dataDir, { recursive: true, force: true });
    if (dataDir !== undefined) await ensureDatabase(dataDir);
    setFlagsFromString(FEWER_COMPILERS);
    const database = await PGlite.create({
      extensions: { pgcrypto, uuid_ossp },
      startParams: [...PGlite.defaultStartParams, '-c', SHARED_BUFFERS],
      ...(dataDir === undefined ? {} : { dataDir }),
    });
    return createDriver(database, unlock);
  } catch (cause) {
    await unlock?.();
    throw cause;
  }
}

/** A database appears complete or not at all: it is made beside its place and then renamed. */
async function ensureDatabase(dataDir: string): Promise<void> {
  if (existsSync(join(dataDir, 'PG_VERSION'))) return;
  const unfinished = `${dataDir}.new-${process.pid}`;
  try {
    await promisify(execFile)(process.execPath, [INIT_SCRIPT, unfinished]);
    await rename(unfinished, dataDir);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

function createDriver(database: PGlite, unlock: (() => Promise<void>) | undefined): SqlDriver {
  let closing: Promise<void> | undefined;

  const close = async (): Promise<void> => {
    await database.close();
    await unlock?.();
  };

  return {
    query: (statement) =>
      database.runExclusive(async () => {
        try {
          const result = await run(database, statement);
          if (leavesSessionState(result)) await resetSession(database);
          return result;
        } finally {
          await leaveTransaction(database);
        }
      }),
    batch: (statements, batchOptions) =>
      database.runExclusive(async () => {
        try {
          await run(database, { query: beginStatement(batchOptions), params: [] });
          const results: SqlResult[] = [];
          for (const statement of statements) results.push(await run(database, statement));
          await run(database, { query: 'COMMIT', params: [] });
          if (results.some(leavesSessionState)) await resetSession(database);
          return results;
        } finally {
          await leaveTransaction(database);
        }
      }),
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

async function resetSession(database: PGlite): Promise<void> {
  if (!database.isInTransaction()) await run(database, { query: 'DISCARD ALL', params: [] });
}

/** A lone `BEGIN`, or a batch that failed, must not leave the only session there is inside a transaction. */
async function leaveTransaction(database: PGlite): Promise<void> {
  if (database.isInTransaction()) await run(database, { query: 'ROLLBACK', params: [] });
}

async function run(database: PGlite, { query, params }: SqlStatement): Promise<SqlResult> {
  const message = Buffer.concat([
    serialize.parse({ text: query }),
    serialize.bind({ values: [...params] }),
    serialize.describe({ type: 'P' }),
    serialize.execute(),
    serialize.sync(),
  ]);
  try {
    const reader = new ResultReader();
    for (const answer of await database.execProtocolStream(message, { syncToFs: true })) reader.read(answer);
    return reader.result();
  } catch (cause) {
    throw toSqlError(cause) ?? cause;
  }
}
