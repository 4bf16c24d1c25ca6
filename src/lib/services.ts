// Everything the code may reach outside itself: I/O, time, randomness. Tests replace any part of it.
import { type AdminTokens, createAdminTokens } from './admin-token.ts';
import { type Clock, systemClock } from './clock.ts';
import type { Config } from './config.ts';
import { createDatabase, type Database } from './database.ts';
import type { HealthMemory } from './health.ts';
import { type Ids, randomIds } from './ids.ts';
import { createKeyedHash, type KeyedHash } from './keyed-hash.ts';
import { consoleLog, type Log } from './log.ts';
import { createRedis, type RedisPart } from './redis.ts';
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
  readonly tokens: AdminTokens;
  readonly keyedHash: KeyedHash;
  readonly wakeUps: WakeUps;
  readonly startedAt: Date;
  /** Whether this database was seen to have the schema and the service day of this configuration. */
  readonly agreement: { checked: boolean };
  readonly healthMemory: HealthMemory;
}

/** Builds the real parts; `replacements` take the place of any of them. Opens no connection. */
export function createServices(
  target: Target,
  config: Config,
  replacements: Partial<Services> = {},
): Services {
  const clock = replacements.clock ?? systemClock;
  const ids = replacements.ids ?? randomIds;
  const database = replacements.database ?? createDatabase(config);
  return {
    target,
    config,
    clock,
    ids,
    log: consoleLog,
    database,
    redis: createRedis(config),
    tokens: createAdminTokens(config.jwtSecret, clock, ids),
    keyedHash: createKeyedHash(config.jwtSecret),
    wakeUps: createSharedWakeUps(async (day) => {
      const result = await database.call('line_versions', { day });
      return (result as { versions: Record<string, number> }).versions;
    }),
    startedAt: clock.now(),
    agreement: { checked: false },
    healthMemory: {},
    ...replacements,
  };
}
