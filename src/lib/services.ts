// Everything the code may reach outside itself: I/O, time, randomness. Tests replace any part of it.
import { type AdminTokens, createAdminTokens } from './admin-token.ts';
import { BREAKER_CONFIGS, CircuitBreaker } from './circuit-breaker.ts';
import { type Clock, systemClock } from './clock.ts';
import type { Config } from './config.ts';
import { createDatabase, type Database } from './database.ts';
import { type Changes, createEventHub, type EventHub } from './event-hub.ts';
import type { HealthMemory } from './health.ts';
import { type Ids, randomIds } from './ids.ts';
import { createKeyedHash, type KeyedHash } from './keyed-hash.ts';
import { consoleLog, type Log } from './log.ts';
import { Metrics } from './metrics.ts';
import { createRedis, type RedisPart } from './redis.ts';
import { serviceDay } from './service-day.ts';
import { createStreamRegistry, type StreamRegistry } from './stream-registry.ts';
import { createSharedWakeUps, type WakeUps } from './wake-up.ts';

/** Where this code runs. */
export type Target = 'cloudflare' | 'supabase' | 'vercel' | 'node';

export interface Services {
  readonly target: Target;
  readonly config: Config;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly database: Database;
  readonly redis: RedisPart | undefined;
  /** Around every call to anything else outside: the page's host, the platforms. */
  readonly externalBreaker: CircuitBreaker;
  readonly metrics: Metrics;
  readonly tokens: AdminTokens;
  readonly keyedHash: KeyedHash;
  readonly wakeUps: WakeUps;
  readonly eventHub: EventHub;
  readonly streams: StreamRegistry;
  /** Milliseconds after which a stream ends by itself, before the platform cuts it. */
  readonly streamLifeMs: number;
  readonly startedAt: Date;
  /** Whether this database was seen to have the schema and the service day of this configuration. */
  readonly agreement: { checked: boolean };
  readonly healthMemory: HealthMemory;
}

/** Each ends below its platform's limit: Supabase retires a worker at 150 s, Vercel a function at 300 s. */
const STREAM_LIFE_MS: Readonly<Record<Target, number>> = {
  cloudflare: 30 * 60_000,
  supabase: 130_000,
  vercel: 280_000,
  node: Number.POSITIVE_INFINITY,
};

/** Builds the real parts; `replacements` take the place of any of them. Opens no connection. */
export function createServices(
  target: Target,
  config: Config,
  replacements: Partial<Services> = {},
): Services {
  const clock = replacements.clock ?? systemClock;
  const ids = replacements.ids ?? randomIds;
  const metrics = replacements.metrics ?? new Metrics();
  const database =
    replacements.database ??
    createDatabase(config, { onOutage: () => metrics.count('database_connection_errors_total', {}) });
  const wakeUps =
    replacements.wakeUps ??
    createSharedWakeUps(async (day) => {
      const result = await database.call('line_versions', { day });
      return (result as { versions: Record<string, number> }).versions;
    });
  return {
    target,
    config,
    clock,
    ids,
    log: consoleLog,
    database,
    redis: createRedis(config),
    externalBreaker: new CircuitBreaker(BREAKER_CONFIGS.external),
    metrics,
    tokens: createAdminTokens(config.jwtSecret, clock, ids),
    keyedHash: createKeyedHash(config.jwtSecret),
    wakeUps,
    eventHub: createEventHub(
      async (look) => (await database.call('stream_changes', look)) as Changes,
      wakeUps,
      () => serviceDay(clock.now(), config.timezone, config.serviceDayStart).day,
    ),
    streams: createStreamRegistry(),
    streamLifeMs: STREAM_LIFE_MS[target],
    startedAt: clock.now(),
    agreement: { checked: false },
    healthMemory: {},
    ...replacements,
  };
}
