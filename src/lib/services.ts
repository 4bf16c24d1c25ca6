// Everything the code may reach outside itself: I/O, time, randomness. Tests replace any part of it.
import { type AdminTokens, createAdminTokens } from './admin-token.ts';
import { AnswerPace } from './answer-pace.ts';
import { type Cache, createCache } from './cache.ts';
import {
  BREAKER_CONFIGS,
  type BreakerConfigs,
  type BreakerSetup,
  CircuitBreaker,
  type Dependency,
} from './circuit-breaker.ts';
import { type ClinicNames, createClinicNames } from './clinic-names.ts';
import { type Clock, systemClock } from './clock.ts';
import type { Config } from './config.ts';
import { createDatabase, type ReadingDatabase } from './database.ts';
import type { Changes } from './event-hub.ts';
import type { HealthMemory } from './health.ts';
import { type Ids, randomIds } from './ids.ts';
import { createKeyedHash, type KeyedHash } from './keyed-hash.ts';
import { createReadVersions, subscribeToLines } from './line-versions.ts';
import { createLog, type Log } from './log.ts';
import { Metrics } from './metrics.ts';
import type { GaugeMemory } from './metrics-scrape.ts';
import { createRateLimiter, type RateLimiter } from './rate-limiter.ts';
import { createRedis, type RedisPart } from './redis.ts';
import { serviceDay } from './service-day.ts';
import { SharedCounts } from './shared-counts.ts';
import { createStreamRegistry, createWatchedRegistry, type StreamRegistry } from './stream-registry.ts';
import { createWaiting, type Waiting } from './waiting.ts';

/** Where this code runs. */
export type Target = 'cloudflare' | 'supabase' | 'vercel' | 'node';

export interface Services {
  readonly target: Target;
  readonly config: Config;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly breakerConfigs: BreakerConfigs;
  readonly database: ReadingDatabase;
  readonly redis: RedisPart | undefined;
  /** Undefined where there is no Redis. */
  readonly cache: Cache | undefined;
  readonly clinicNames: ClinicNames;
  /** Of the plan's third dependency, for what no target calls today: its state is CLOSED (see createServices). */
  readonly externalBreaker: CircuitBreaker;
  readonly metrics: Metrics;
  /** Undefined where there is no Redis: then every isolate counts for itself. */
  readonly sharedCounts: SharedCounts | undefined;
  readonly gaugeMemory: GaugeMemory;
  readonly tokens: AdminTokens;
  readonly keyedHash: KeyedHash;
  /** Under the secret before, while it is rotated: finds what was kept under that one. */
  readonly previousKeyedHash: KeyedHash | undefined;
  /** What one request waits with. */
  readonly waiting: () => Waiting;
  /** Undefined where requests are not limited. */
  readonly rateLimiter: RateLimiter | undefined;
  readonly positionPace: AnswerPace;
  readonly streams: StreamRegistry;
  /** Milliseconds after which a stream ends by itself, before the platform cuts it. */
  readonly streamLifeMs: number;
  readonly startedAt: Date;
  /** Whether this database was seen to have the schema and the service day of this configuration. */
  readonly agreement: { checked: boolean };
  readonly healthMemory: HealthMemory;
}

/**
 * Each ends below its platform's limit: Supabase retires a worker at 150 s, Vercel a function at 300 s. A stream on
 * Workers that polls makes a subrequest a second, of which the free plan allows 50.
 */
const STREAM_LIFE_MS: Readonly<Record<Target | 'polling worker', number>> = {
  cloudflare: 30 * 60_000,
  'polling worker': 45_000,
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
  const log = replacements.log ?? createLog(config.logLevel);
  const breakerConfigs = replacements.breakerConfigs ?? BREAKER_CONFIGS;
  const breaker = (service: Dependency): Required<Omit<BreakerSetup, 'now'>> => ({
    config: breakerConfigs[service],
    onChange: (from, to) => {
      log('warn', { event: 'breaker_changed', target, service, from, to });
      metrics.count('circuit_breaker_transitions_total', { service, state: to });
    },
    onCall: (milliseconds) =>
      metrics.observe('dependency_request_duration_seconds', { service }, milliseconds),
  });
  const database: ReadingDatabase =
    replacements.database ??
    createDatabase(config, {
      onOutage: () => metrics.count('database_connection_errors_total', {}),
      breaker: breaker('database'),
    });
  const redis = replacements.redis ?? createRedis(config, breaker('redis'));
  // A target calls nothing but the two above, so nothing runs in it. It stands for the series `external` of every
  // target's metrics, and for the first call to a third party; the front's calls have breakers of the same numbers there.
  const externalBreaker = new CircuitBreaker(breakerConfigs.external, breaker('external'));
  const sharedCounts =
    redis &&
    new SharedCounts({
      redis,
      metrics,
      clock,
      prefix: `${config.environment}:metrics:${target}`,
      breakers: () => [database, redis, { breaker: externalBreaker }].map((part) => part.breaker.getState()),
    });
  const cache = replacements.cache ?? (redis && createCache(redis, config.environment));
  return {
    target,
    config,
    clock,
    ids,
    log,
    breakerConfigs,
    database,
    redis,
    cache,
    clinicNames: createClinicNames(),
    externalBreaker,
    metrics,
    sharedCounts,
    gaugeMemory: {},
    tokens: createAdminTokens(signingSecrets(config), clock, ids),
    keyedHash: createKeyedHash(config.jwtSecret),
    previousKeyedHash:
      config.jwtSecretPrevious === undefined ? undefined : createKeyedHash(config.jwtSecretPrevious),
    waiting: createWaiting(target, {
      readVersions: createReadVersions(cache, database),
      subscribe: redis && cache && subscribeToLines(redis, cache),
      readChanges: async (look) => (await database.call('stream_changes', look)) as Changes,
      today: () => serviceDay(clock.now(), config.timezone, config.serviceDayStart).day,
    }),
    rateLimiter: createConfiguredLimiter(config, redis),
    positionPace: new AnswerPace(),
    streams: target === 'cloudflare' ? createWatchedRegistry() : createStreamRegistry(),
    streamLifeMs: STREAM_LIFE_MS[target === 'cloudflare' && !redis ? 'polling worker' : target],
    startedAt: clock.now(),
    agreement: { checked: false },
    healthMemory: {},
    ...replacements,
  };
}

function createConfiguredLimiter({ rateLimits: limits, environment }: Config, redis: RedisPart | undefined) {
  return limits === 'off' ? undefined : createRateLimiter({ redis, limits, environment });
}

/** What tokens are read with: the secret before this one too, while it is being rotated. */
function signingSecrets({ jwtSecret, jwtSecretPrevious }: Config): [string, ...string[]] {
  return jwtSecretPrevious === undefined ? [jwtSecret] : [jwtSecret, jwtSecretPrevious];
}
