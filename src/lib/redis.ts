// The way to Redis: disposable, so nothing a person does may fail because of it.
import { Redis } from '@upstash/redis';
import { BREAKER_CONFIGS, CircuitBreaker } from './circuit-breaker.ts';
import type { Config } from './config.ts';

/** Milliseconds after which Redis counts as not answering. */
const TIMEOUT = 300;

export interface RedisPart {
  readonly breaker: CircuitBreaker;
  /** Throws when Redis does not answer within 300 ms or its circuit is open. */
  ping(): Promise<void>;
}

/** A client of the configured Redis, or undefined when none is configured. Opens nothing until the first call. */
export function createRedis(config: Config, now?: () => number): RedisPart | undefined {
  if (!config.redis) return undefined;
  const client = new Redis({
    url: config.redis.url,
    token: config.redis.token,
    retry: { retries: 0 },
    // A function, since a fixed signal would resolve to null: a false miss.
    signal: () => AbortSignal.timeout(TIMEOUT),
    automaticDeserialization: false,
    enableTelemetry: false,
  });
  const breaker = new CircuitBreaker(BREAKER_CONFIGS.redis, now ? { now } : {});
  return {
    breaker,
    ping: () =>
      breaker.execute(async () => {
        await client.ping();
      }),
  };
}
