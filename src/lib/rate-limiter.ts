// Counts requests in Redis for all isolates together, else in this one's memory.
import { Ratelimit } from '@upstash/ratelimit';
import type { Redis } from '@upstash/redis';
import { type LimitName, type RateLimits, WINDOW_MS } from './rate-limit-policies.ts';
import type { RedisPart } from './redis.ts';
import { SlidingWindows, type Standing } from './sliding-windows.ts';

export interface RateLimiter {
  /**
   * Counts one request under each key in Redis, in one round trip. Throws when Redis does not answer, when its circuit
   * is open, or when there is none.
   */
  countTogether(counts: readonly LimitKey[]): Promise<readonly LimitStanding[]>;
  /** Counts it in the memory of this isolate. */
  countAlone(count: LimitKey): LimitStanding;
  /** The refusal that still stands, known without asking anybody. */
  refusalOf(count: LimitKey): LimitStanding | undefined;
}

/** Whose count, as a hash, in which limit. */
export interface LimitKey {
  readonly name: LimitName;
  readonly key: string;
}

/** Where a caller stands in the limit of this name. */
export interface LimitStanding extends Standing {
  readonly name: LimitName;
}

export interface RateLimiterOptions {
  readonly redis: Pick<RedisPart, 'client' | 'run'> | undefined;
  readonly limits: Exclude<RateLimits, 'off'>;
  /** Stands before every key, and keeps environments apart. */
  readonly environment: string;
  /** Milliseconds; the minute when left out. */
  readonly windowMs?: number;
}

/** Largest number of refusals that are remembered. */
const MOST_REFUSALS = 10_000;

interface Refusal {
  readonly until: number;
  readonly standing: LimitStanding;
}

/** The limiter of one isolate. Keys must be hashes: they go to Redis as they are. */
export function createRateLimiter(options: RateLimiterOptions): RateLimiter {
  const { redis, limits, environment, windowMs = WINDOW_MS } = options;
  const inRedis = new Map<LimitName, Ratelimit>();
  const inMemory = new Map<LimitName, SlidingWindows>();
  const refusals = new Map<string, Refusal>();

  function together(name: LimitName, client: Redis): Ratelimit {
    return lazily(inRedis, name, () => {
      return new Ratelimit({
        redis: client,
        limiter: Ratelimit.slidingWindow(limits[name], `${windowMs} ms`),
        prefix: `${environment}:limit:${name}`,
        // Its own cache would refuse until the window ends, also where the window before it lets go much sooner.
        ephemeralCache: false,
        // At its own timeout it admits; the client's is shorter, and throws.
        timeout: 0,
        enableTelemetry: false,
      });
    });
  }

  async function ask({ name, key }: LimitKey, client: Redis): Promise<LimitStanding> {
    const { success, limit, remaining, reset } = await together(name, client).limit(key);
    return { name, admitted: success, limit, remaining: Math.max(0, remaining), reset };
  }

  /**
   * A place becomes free once in windowMs / limit at most, so asking at once again is in vain. Half of that time, so that
   * the last place of a window is not missed.
   */
  function remember({ name, key }: LimitKey, standing: LimitStanding): void {
    const now = Date.now();
    if (refusals.size >= MOST_REFUSALS) {
      for (const [known, { until }] of refusals) if (until <= now) refusals.delete(known);
      if (refusals.size >= MOST_REFUSALS) refusals.clear();
    }
    refusals.set(`${name}:${key}`, { until: now + windowMs / limits[name] / 2, standing });
  }

  return {
    async countTogether(counts) {
      if (!redis) throw new Error('Redis is not configured');
      // One call for the breaker: what fails once is one failure, however many limits it asked for.
      const standings = await redis.run((client) => Promise.all(counts.map((count) => ask(count, client))));
      for (const [index, count] of counts.entries()) {
        const standing = standings[index];
        if (standing && !standing.admitted) remember(count, standing);
      }
      return standings;
    },
    countAlone({ name, key }) {
      const windows = lazily(inMemory, name, () => new SlidingWindows(limits[name], windowMs));
      return { name, ...windows.take(key, Date.now()) };
    },
    refusalOf({ name, key }) {
      const found = refusals.get(`${name}:${key}`);
      return found && found.until > Date.now() ? found.standing : undefined;
    },
  };
}

function lazily<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const found = map.get(key) ?? make();
  map.set(key, found);
  return found;
}
