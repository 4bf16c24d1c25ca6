/**
 * A server on the Node target with a real Postgres and a real Redis behind proxies that a test breaks. The breakers
 * have the plan's thresholds, and short timeouts unless a test wants the plan's: so that it sees them close again.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import pg from 'pg';
import { openLocalService } from '../../local/local-service.ts';
import { createApp } from '../../src/app.ts';
import { BREAKER_CONFIGS, type BreakerConfigs, CircuitState } from '../../src/lib/circuit-breaker.ts';
import { readConfig } from '../../src/lib/config.ts';
import type { LogFields } from '../../src/lib/log.ts';
import { createServices, type Services } from '../../src/lib/services.ts';
import { type PostgresServer, startPostgresServer } from '../support/postgres-process.ts';
import { createTestDatabase } from '../support/postgres-server.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { type TcpProxy, tcpProxyTo } from '../support/tcp-proxy.ts';

export interface Stage {
  readonly url: string;
  readonly admin: { readonly username: string; readonly password: string };
  readonly services: Services;
  /** Between the server and its two endpoints, as the networks of production are. */
  readonly databaseProxy: TcpProxy;
  readonly redisProxy: TcpProxy;
  /** Only where the stage has a server of its own. */
  readonly postgres: PostgresServer | undefined;
  readonly redis: RedisServer;
  /** The changes of breakers so far, as `service from to`. */
  readonly changes: readonly string[];
  /** Milliseconds that the server itself took for each request, by the id of the request: its own log lines. */
  readonly served: ReadonlyMap<string, number>;
  /** Whether no breaker holds anything back. */
  isWhole(): boolean;
  /** Asks Postgres itself, past every fault between it and the server. */
  rows<T extends pg.QueryResultRow>(query: string): Promise<T[]>;
  close(): Promise<void>;
}

/** A probe after a second. The plan's 60 s and 30 s would make each fault take minutes. */
const QUICK_BREAKERS: BreakerConfigs = {
  ...BREAKER_CONFIGS,
  database: { ...BREAKER_CONFIGS.database, timeout: 1_000 },
  redis: { ...BREAKER_CONFIGS.redis, timeout: 1_000 },
};

/** Far beyond what the load sends from its one address, so that limits are asked and refuse nobody. */
const WIDE_LIMITS = JSON.stringify({
  write: 1_000_000,
  write_admin: 1_000_000,
  write_ip: 1_000_000,
  read: 1_000_000,
  read_ip: 1_000_000,
});

export interface StageOptions {
  /** A Postgres that the test may kill and start again, instead of a database on the shared one. */
  readonly ownPostgres?: boolean;
  /** The timeouts with which the service ships: a minute for the database. */
  readonly shippedBreakers?: boolean;
}

export async function openStage(options: StageOptions = {}): Promise<Stage> {
  const { ownPostgres = false, shippedBreakers = false } = options;
  // What was answered must survive a killed server; what only a machine without power loses may be lost.
  const postgres = ownPostgres
    ? await startPostgresServer({ durable: false, settings: ['synchronous_commit=on'] })
    : undefined;
  const database = await createTestDatabase(postgres && { adminUrl: postgres.adminUrl });
  const redis = await startRedisServer();
  const service = await openLocalService({
    databaseUrl: database.url,
    redisUrl: redis.url,
    environment: 'test',
    settings: { LONG_POLL_SECONDS: '2', RATE_LIMITS: WIDE_LIMITS },
  });
  const { environment, admin } = service;
  if (!admin) throw new Error('a new database has no account');
  const databaseProxy = await tcpProxyTo(portOf(environment.DATABASE_URL));
  const redisProxy = await tcpProxyTo(portOf(environment.UPSTASH_REDIS_REST_URL));
  const changes: string[] = [];
  const served = new Map<string, number>();
  const log = (_level: string, fields: LogFields) => {
    const { event, service: part, from, to, request_id: id, duration_ms: took } = fields;
    if (event === 'breaker_changed') changes.push(`${part} ${from} ${to}`);
    if (event === 'request' && id !== undefined && took !== undefined) served.set(id, took);
  };
  const config = readConfig({
    ...environment,
    DATABASE_URL: through(databaseProxy, environment.DATABASE_URL),
    UPSTASH_REDIS_REST_URL: through(redisProxy, environment.UPSTASH_REDIS_REST_URL),
  });
  const services = createServices('node', config, {
    log,
    breakerConfigs: shippedBreakers ? BREAKER_CONFIGS : QUICK_BREAKERS,
  });
  const app = createApp({ target: 'node', services: () => services, clientIp: () => '192.0.2.20' });
  const server = createServer(getRequestListener(app.fetch));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    admin,
    services,
    databaseProxy,
    redisProxy,
    postgres,
    redis,
    changes,
    served,
    isWhole: () =>
      [services.database, services.redis].every((part) => part?.breaker.getState() === CircuitState.CLOSED),
    async rows<T extends pg.QueryResultRow>(query: string) {
      const client = new pg.Client({ connectionString: database.url });
      client.on('error', () => undefined);
      await client.connect();
      try {
        return (await client.query<T>(query)).rows;
      } finally {
        await client.end();
      }
    },
    async close() {
      services.streams.endAll();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await Promise.all([databaseProxy.close(), redisProxy.close()]);
      await service.close();
      await redis.stop();
      await (postgres ? postgres.stop() : database.drop());
    },
  };
}

function portOf(url: string | undefined): number {
  return Number(new URL(url ?? '').port);
}

function through(proxy: TcpProxy, url: string | undefined): string {
  const changed = new URL(url ?? '');
  changed.port = String(proxy.port);
  return changed.href;
}
