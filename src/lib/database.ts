// The only way to the database: one SQL function, one round trip, one transaction, over HTTP.
import { type NeonQueryFunction, neon, neonConfig } from '@neondatabase/serverless';
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/neon-http';
import { BREAKER_CONFIGS, type BreakerSetup, CircuitBreaker, CircuitOpenError } from './circuit-breaker.ts';
import type { Config } from './config.ts';
import { DomainError } from './errors.ts';
import type { SqlFunction } from './sql-functions.ts';

/** Milliseconds after which the client gives a statement up; the server's own limit is shorter (4 s). */
const CLIENT_TIMEOUT = 5_000;

/** Seconds a caller is asked to wait when the database did not answer. */
export const RETRY_AFTER = 5;

export interface Database {
  /**
   * Calls a SQL function with one jsonb and gives back its jsonb. Repeats once after a deadlock or a lock timeout
   * (nothing was committed). Throws DATABASE_UNAVAILABLE when the database does not answer, DatabaseError otherwise.
   */
  call(name: SqlFunction, args: object): Promise<unknown>;
  readonly breaker: CircuitBreaker;
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
neonConfig.fetchFunction = (url: string, init: RequestInit) =>
  fetch(url, { signal: AbortSignal.timeout(CLIENT_TIMEOUT), ...init });

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
  });

  // A drizzle query runs anew at each `then`: it must be awaited exactly once, here.
  async function run(name: SqlFunction, args: object): Promise<unknown> {
    try {
      const { rows } = await db.execute(
        sql`select ${sql.raw(name)}(${JSON.stringify(args)}::jsonb) as result`,
      );
      return rows[0]?.result;
    } catch (error) {
      const typed = typedError(error);
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
        // The line stayed locked: nothing is broken, and nothing was done.
        if (error instanceof DatabaseError && isRetryable(error.sqlState)) throw unavailable(1);
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

function typedError(error: unknown): DomainError | DatabaseError {
  const sqlState = sqlStateOf(error);
  if (sqlState === undefined || isOutage(sqlState)) return unavailable();
  return new DatabaseError(sqlState);
}

/** drizzle wraps the driver's error; a batch throws the driver's own. */
function sqlStateOf(error: unknown): string | undefined {
  const { cause, code } = error as { cause?: { code?: unknown }; code?: unknown };
  const state = cause?.code ?? code;
  return typeof state === 'string' && /^[0-9A-Z]{5}$/.test(state) ? state : undefined;
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
