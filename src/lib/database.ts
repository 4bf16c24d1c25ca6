// The only way to the database: one SQL function, one round trip, one transaction, over HTTP.
import { NeonDbError, type NeonQueryFunction, neon, neonConfig } from '@neondatabase/serverless';
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/neon-http';
import { BREAKER_CONFIGS, type BreakerSetup, CircuitBreaker, CircuitOpenError } from './circuit-breaker.ts';
import type { Config } from './config.ts';
import { DomainError } from './errors.ts';
import type { ReadFunction, SqlFunction } from './sql-functions.ts';

/** Milliseconds after which the client gives a statement up; the server's own limit is shorter (4 s). */
const CLIENT_TIMEOUT = 5_000;

/** Seconds a caller is asked to wait when the database did not answer. */
export const RETRY_AFTER = 5;

/** What the services show of the database. A write goes through callFunction, which forgets what it touched. */
export interface ReadingDatabase {
  /**
   * Calls a SQL function with one jsonb and gives back its jsonb. Repeats once after a deadlock or a lock timeout
   * (nothing was committed). Throws DATABASE_UNAVAILABLE when the database does not answer, DatabaseError when it
   * refuses, and an error of ours as it is.
   */
  call(name: ReadFunction, args: object): Promise<unknown>;
  readonly breaker: CircuitBreaker;
}

export interface Database extends ReadingDatabase {
  call(name: SqlFunction, args: object): Promise<unknown>;
}

/** What Postgres refused, by its SQLSTATE. The text may quote values, so it is never shown or logged. */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError';

  constructor(readonly sqlState: string) {
    super(`The database refused a statement (SQLSTATE ${sqlState})`);
  }
}

// The driver knows one endpoint function for all clients, so each client leaves its own address here.
const httpUrls = new Map<string, string>();
const neonEndpoint = neonConfig.fetchEndpoint;
neonConfig.fetchEndpoint = (host, port, options) =>
  httpUrls.get(address(host, port)) ??
  (typeof neonEndpoint === 'function' ? neonEndpoint(host, port, options) : neonEndpoint);
neonConfig.fetchFunction = async (url: string, init: RequestInit) => {
  const response = await fetch(url, { signal: AbortSignal.timeout(CLIENT_TIMEOUT), ...init });
  const { ok, status } = response;
  // Read here, where the driver takes every failure for the endpoint's: an answer may break off, or be no JSON.
  const body: unknown = await (ok || status === 400 ? response.json() : response.text());
  if (ok && !isResult(body)) throw new Error('the endpoint answered with something else than rows');
  return { ok, status, json: () => body, text: () => body };
};

/** What the driver reads of an answer: one result, or those of a transaction. Anything else it takes for our mistake. */
function isResult(body: unknown): boolean {
  const { fields, rows, results } = Object(body) as Record<string, unknown>;
  return (Array.isArray(fields) && Array.isArray(rows)) || Array.isArray(results);
}

/** Statement timeout. */
const TOO_SLOW = '57014';

/** Reads over months: one that takes too long says nothing about the database, and must not close it to everybody. */
const LONG_READS: ReadonlySet<SqlFunction> = new Set<SqlFunction>(['get_report', 'report_history']);

export interface DatabaseOptions {
  readonly breaker?: BreakerSetup;
  /** Called for each statement that the database did not answer. */
  readonly onOutage?: () => void;
}

/** A client of the configured database. Opens nothing until the first call. */
export function createDatabase(
  config: Pick<Config, 'databaseUrl' | 'databaseHttpUrl'>,
  { breaker: setup = {}, onOutage }: DatabaseOptions = {},
): Database {
  const { hostname, port } = new URL(config.databaseUrl);
  const httpUrl = config.databaseHttpUrl ?? loopbackUrl(hostname, port);
  if (httpUrl) httpUrls.set(address(hostname, port), httpUrl);
  const client: NeonQueryFunction<false, false> = neon(config.databaseUrl);
  const db = drizzle(client);
  const breaker = new CircuitBreaker(setup.config ?? BREAKER_CONFIGS.database, {
    ...setup,
    isFailure: (error) => error instanceof DomainError,
    isNeutral: (error) =>
      error instanceof DatabaseError ? error.sqlState === TOO_SLOW : !(error instanceof DomainError),
  });

  // A drizzle query runs anew at each `then`: it must be awaited exactly once, here.
  async function run(name: SqlFunction, args: object): Promise<unknown> {
    try {
      const { rows } = await db.execute(
        sql`select ${sql.raw(name)}(${JSON.stringify(args)}::jsonb) as result`,
      );
      return rows[0]?.result;
    } catch (error) {
      const typed = typedError(error, name);
      if (typed instanceof DomainError) onOutage?.();
      throw typed;
    }
  }

  return {
    breaker,
    async call(name, args) {
      try {
        return await breaker.execute(async () => {
          try {
            return await run(name, args);
          } catch (error) {
            if (error instanceof DatabaseError && isRetryable(error.sqlState)) return run(name, args);
            throw error;
          }
        });
      } catch (error) {
        if (error instanceof CircuitOpenError) throw unavailable(Math.ceil(error.retryAfterMs / 1000));
        if (error instanceof DatabaseError) {
          // The line stayed locked: nothing is broken, and nothing was done.
          if (isRetryable(error.sqlState)) throw unavailable(1);
          if (error.sqlState === TOO_SLOW) throw unavailable();
        }
        throw error;
      }
    },
  };
}

function address(host: string, port: string | number): string {
  return `${host}:${port || 5432}`;
}

/** The embedded endpoint answers on loopback without TLS; every other host is Neon's or has its own setting. */
function loopbackUrl(hostname: string, port: string): string | undefined {
  return hostname === '127.0.0.1' || hostname === 'localhost' ? `http://${hostname}:${port}/sql` : undefined;
}

function unavailable(retryAfter = RETRY_AFTER): DomainError {
  return new DomainError('DATABASE_UNAVAILABLE', { retryAfter });
}

/** What the driver throws is the endpoint's, or its silence; everything else is a mistake of ours. */
function typedError(error: unknown, name: SqlFunction): unknown {
  // drizzle wraps what the driver throws.
  const source = error instanceof Error ? (error.cause ?? error) : error;
  if (!(source instanceof NeonDbError)) return source;
  const sqlState = /^[0-9A-Z]{5}$/.exec(source.code ?? '')?.[0];
  const isLongRead = sqlState === TOO_SLOW && LONG_READS.has(name);
  if (sqlState === undefined || (isOutage(sqlState) && !isLongRead)) return unavailable();
  return new DatabaseError(sqlState);
}

/** Deadlock detected, lock not available: the transaction is gone, so once more is safe. */
function isRetryable(sqlState: string): boolean {
  return sqlState === '40P01' || sqlState === '55P03';
}

/**
 * Connection trouble (08), login refused (28), no such database (3D), out of resources (53), statement timeout and
 * shutdown (57), system errors (58, XX).
 */
function isOutage(sqlState: string): boolean {
  return /^(08|28|3D|53|57|58|XX)/.test(sqlState) || sqlState === '25006';
}
