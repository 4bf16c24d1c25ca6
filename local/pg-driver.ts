/**
 * A real Postgres as a `SqlDriver`, over a pool of `pg` connections: what the tests and a developer with a server of
 * their own use. Values stay text, as Neon sends them.
 */
import pg from 'pg';
import {
  beginStatement,
  leavesSessionState,
  type SqlDriver,
  type SqlResult,
  type SqlStatement,
  toSqlError,
} from './sql-driver.ts';

export interface PgDriverOptions {
  /** `postgres://user:password@host:port/database` */
  readonly connectionString: string;
  /** Connections at most; requests beyond that wait. 20 when not given. */
  readonly poolSize?: number;
}

/** `queryMode` is missing from pg's types. It forbids several statements in one text, as Neon does. */
interface ExtendedQuery extends pg.QueryArrayConfig {
  readonly queryMode: 'extended';
}

const CONNECT_TIMEOUT_MS = 10_000;
const ignore = (): void => undefined;
const textOnly = { getTypeParser: () => (value: unknown) => value };

/** Makes the driver; connections are opened when queries come, so a server that is down shows at the first query. */
export function openPgDriver({ connectionString, poolSize = 20 }: PgDriverOptions): SqlDriver {
  const pool = new pg.Pool({ connectionString, max: poolSize, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  // Without listeners, a connection that the server closes, idle or in use, would end the process.
  pool.on('error', ignore);
  pool.on('connect', (client) => client.on('error', ignore));
  let closing: Promise<void> | undefined;

  return {
    query: (statement) => withSession(pool, (client) => run(client, statement)),
    batch: (statements, options) =>
      withSession(pool, async (client) => {
        await run(client, { query: beginStatement(options), params: [] });
        const results: SqlResult[] = [];
        for (const statement of statements) results.push(await run(client, statement));
        await run(client, { query: 'COMMIT', params: [] });
        return results;
      }),
    close: () => {
      closing ??= pool.end();
      return closing;
    },
  };
}

async function withSession<T extends SqlResult | SqlResult[]>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  let broken = true;
  try {
    const outcome = await work(client);
    const results: readonly SqlResult[] = Array.isArray(outcome) ? outcome : [outcome];
    await endTransaction(client);
    if (results.some(leavesSessionState)) await client.query('DISCARD ALL');
    broken = false;
    return outcome;
  } catch (cause) {
    const error = toSqlError(cause);
    broken = error === undefined || !(await endTransaction(client).then(succeeded, failed));
    throw error ?? cause;
  } finally {
    client.release(broken);
  }
}

const succeeded = () => true;
const failed = () => false;

/** A lone `BEGIN`, or a batch that failed, must not hand its open transaction to the next request. */
async function endTransaction(client: pg.PoolClient): Promise<void> {
  if (client.getTransactionStatus() !== 'I') await client.query('ROLLBACK');
}

async function run(client: pg.PoolClient, { query, params }: SqlStatement): Promise<SqlResult> {
  const config: ExtendedQuery = {
    text: query,
    values: [...params],
    rowMode: 'array',
    types: textOnly,
    queryMode: 'extended',
  };
  const result = await client.query<(string | null)[]>(config);
  return {
    command: result.command ?? '',
    rowCount: result.rowCount,
    fields: result.fields.map(({ name, dataTypeID }) => ({ name, dataTypeID })),
    rows: result.rows,
  };
}
