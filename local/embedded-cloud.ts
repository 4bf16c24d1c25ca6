/**
 * Production's two services on this machine: Postgres over HTTP and Redis over REST, embedded, or standing before real
 * servers when their URLs are given. For development and tests: loopback only, and nothing without the token.
 */
import { join } from 'node:path';
import { openPgDriver } from './pg-driver.ts';
import { openPgliteDriver } from './pglite-driver.ts';
import { type PostgresEndpoint, startPostgresEndpoint } from './postgres-endpoint.ts';
import type { RedisDriver } from './redis-driver.ts';
import { openEmbeddedRedis } from './redis-embedded.ts';
import { type RedisEndpoint, startRedisEndpoint } from './redis-endpoint.ts';
import { openRedisServerDriver } from './redis-server-driver.ts';
import { newToken } from './secret.ts';
import type { SqlDriver } from './sql-driver.ts';

export interface EmbeddedCloudOptions {
  /** Keeps the embedded Postgres in `<dataDir>/postgres`; without it everything lives in memory. */
  readonly dataDir?: string;
  /** Throws the kept data of the embedded Postgres away, once no other process can be using it. */
  readonly fresh?: boolean;
  /** `postgres://…` or `postgresql://…`: a real server instead of the embedded one. */
  readonly databaseUrl?: string;
  /** `redis://…` or `rediss://…`: a real server instead of the embedded one. */
  readonly redisUrl?: string;
  /** The credential of both endpoints; a fresh random one when not given. */
  readonly token?: string;
}

export interface EmbeddedCloud {
  /** For DATABASE_URL: a loopback connection string whose password is the token. */
  readonly databaseUrl: string;
  /** For UPSTASH_REDIS_REST_URL. */
  readonly redisUrl: string;
  /** For UPSTASH_REDIS_REST_TOKEN. */
  readonly redisToken: string;
  /** The database itself, without HTTP: migrations, seeds and tests. */
  readonly driver: SqlDriver;
  readonly postgres: PostgresEndpoint;
  readonly redis: RedisEndpoint;
  /** Stops both endpoints, then what stands behind them. May be called twice. */
  close(): Promise<void>;
}

/**
 * Starts both endpoints on free ports. Rejects, leaving nothing open, when the data directory is in use by another
 * process; a real server that cannot be reached shows at the first query.
 */
export async function startEmbeddedCloud(options: EmbeddedCloudOptions = {}): Promise<EmbeddedCloud> {
  requireScheme('databaseUrl', options.databaseUrl, ['postgres:', 'postgresql:']);
  requireScheme('redisUrl', options.redisUrl, ['redis:', 'rediss:']);
  const { token = newToken() } = options;
  const opened: { close(): Promise<void> }[] = [];
  const keep = <T extends { close(): Promise<void> }>(part: T): T => {
    opened.unshift(part);
    return part;
  };
  const closeAll = async (): Promise<void> => {
    for (const part of opened) await part.close();
  };

  try {
    const driver = keep(await openDatabase(options));
    const postgres = keep(await startPostgresEndpoint({ driver, token }));
    const redisDriver = keep(openRedis(options.redisUrl));
    const redis = keep(await startRedisEndpoint({ driver: redisDriver, token }));
    return {
      databaseUrl: postgres.databaseUrl,
      redisUrl: redis.url,
      redisToken: token,
      driver,
      postgres,
      redis,
      close: closeAll,
    };
  } catch (cause) {
    await closeAll();
    throw cause;
  }
}

/** The message names the option and not its value, which holds a password. */
function requireScheme(name: string, url: string | undefined, schemes: readonly string[]): void {
  if (url === undefined || schemes.some((scheme) => url.startsWith(`${scheme}//`))) return;
  throw new Error(`${name} must begin with ${schemes.map((scheme) => `${scheme}//`).join(' or ')}`);
}

async function openDatabase({ databaseUrl, dataDir, fresh }: EmbeddedCloudOptions): Promise<SqlDriver> {
  if (databaseUrl !== undefined) return openPgDriver({ connectionString: databaseUrl });
  return openPgliteDriver(
    dataDir === undefined ? {} : { dataDir: join(dataDir, 'postgres'), fresh: fresh === true },
  );
}

function openRedis(redisUrl: string | undefined): RedisDriver {
  return redisUrl === undefined ? openEmbeddedRedis() : openRedisServerDriver(redisUrl);
}
