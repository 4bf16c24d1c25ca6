// The versions of all lines of a day, as every poll of every isolate may read them: from Redis, and from the database
// once in the life of a cached value, so that also what was written past this code is seen.
import { CACHE_TTL, type Cache, type LineVersions } from './cache.ts';
import type { ReadingDatabase } from './database.ts';
import type { RedisPart } from './redis.ts';
import type { LineVersion, ReadVersions, SubscribeToLines } from './wake-up.ts';

/** Rejects when neither answers. Without Redis every call reads the database. */
export function createReadVersions(cache: Cache | undefined, database: ReadingDatabase): ReadVersions {
  async function fromDatabase(day: string): Promise<LineVersions> {
    const answer = await database.call('line_versions', { day });
    return (answer as { versions: LineVersions }).versions;
  }

  return async (day) => {
    const key = { day, name: 'lines:versions' };
    const looked = await cache?.look(key, true).catch(() => undefined);
    if (!cache || !looked) return fromDatabase(day);
    const { entry, last, floors } = looked;
    if (entry) return entry.versions;
    const known = { ...last?.versions, ...floors };
    // A raised floor makes the value old at once, but tells as much as the value would.
    const { readAt = 0 } = (last?.value ?? {}) as { readAt?: number };
    const age = Date.now() - readAt;
    if (age >= 0 && age < CACHE_TTL) return known;
    const versions = await fromDatabase(day).catch(() => known);
    await cache.fill(key, { versions, value: { readAt: Date.now() } }, 0).catch(() => undefined);
    return versions;
  };
}

/** Hears what every target's writers publish when they raise a floor. */
export function subscribeToLines(redis: RedisPart, cache: Cache): SubscribeToLines {
  return ({ opened, changed }, signal) =>
    redis.subscribe(
      cache.channel,
      { opened, message: (payload) => changed(JSON.parse(payload) as LineVersion) },
      signal,
    );
}
