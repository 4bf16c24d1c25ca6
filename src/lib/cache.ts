// Values in Redis by the version of what they show. Deleting a key would not be enough: a slow reader could put the
// old value back. So each line has a floor, the version that was last answered to a writer, and nothing older counts.
import type { Redis } from '@upstash/redis';
import { SCHEMA_VERSION } from './build-info.ts';
import { CircuitOpenError } from './circuit-breaker.ts';
import type { RedisPart } from './redis.ts';

/** Milliseconds after its database read for which a value may be used: the bound when a floor could not be raised. */
export const CACHE_TTL = 2_000;

/** Milliseconds before its end in which one reader reads the database anew, so that not all of them do when it has come. */
const RENEWAL = 500;

/**
 * Seconds the last copy is kept for a database that is down, with the names of clinics by which it is found, and the
 * floors of a day: longer than a service day.
 */
const DAY_AND_MORE = 26 * 3_600;

/** Milliseconds a writer waits for the floor while the circuit of Redis is open. */
const PATIENCE_WHILE_OPEN = 100;

/** The version of each clinic's line; a clinic that is not there has version 0. */
export type LineVersions = Readonly<Record<string, number>>;

export interface CacheKey {
  /** The service day, as in `2025-10-29`. */
  readonly day: string;
  /** For example `queue:status:lab`. Holds canonical clinic ids only, never anything a caller wrote. */
  readonly name: string;
  /** The one line that the value shows; absent: it shows all of them. */
  readonly clinic?: string | undefined;
  /** What the database took for that clinic: kept with the value, so that an isolate without a database finds it. */
  readonly spelled?: string | undefined;
}

export interface CacheEntry {
  readonly versions: LineVersions;
  readonly value: unknown;
}

export interface CacheLook {
  /** What is there, not older than the floors; undefined too for the one reader who shall renew it. */
  readonly entry: CacheEntry | undefined;
  /** What was stored last, however old; read only when it was asked for. */
  readonly last: CacheEntry | undefined;
  /** What writers were last answered, as far as Redis heard of it. */
  readonly floors: LineVersions;
}

/** Every method but `raise` throws when Redis does not answer, and at once while its circuit is open. */
export interface Cache {
  /** One round trip. */
  look(key: CacheKey, withLast: boolean): Promise<CacheLook>;
  /**
   * Stores a value that was read from the database `age` milliseconds ago, unless it is older than a floor or than
   * what was stored before. One round trip.
   */
  fill(key: CacheKey, entry: CacheEntry, age: number): Promise<void>;
  /** The clinic whose value was last stored under this spelling, by whichever isolate. One round trip. */
  clinicOf(spelled: string): Promise<string | undefined>;
  /**
   * Raises the floors of these lines and wakes who waits for them, in one round trip; a failed one is repeated once.
   * Tried also while the circuit is open, but then waited for only briefly: the rest goes to `later`. Never throws.
   */
  raise(day: string, versions: LineVersions, later: (work: Promise<unknown>) => void): Promise<void>;
  /** Where `raise` publishes each line as JSON: {day, clinic, version}. */
  readonly channel: string;
}

/** Upstash would hold all its keys still for a script without this line; a plain Redis gets it without. */
const LOCKS_ITS_KEYS = '#!lua flags=allow-key-locking';

/**
 * KEYS: value, floors, the mark of whoever renews the value, last copy (when asked for); ARGV: clinic, or empty for all,
 * and the milliseconds of the renewal. Whoever renews it is told that there is none.
 */
const LOOK = `${LOCKS_ITS_KEYS}
local floors
if ARGV[1] == '' then floors = redis.call('HGETALL', KEYS[2])
else floors = { ARGV[1], redis.call('HGET', KEYS[2], ARGV[1]) or '0' } end
local value = redis.call('GET', KEYS[1])
if value and redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) and redis.call('SET', KEYS[3], '1', 'NX', 'PX', ARGV[2]) then
  value = false
end
return { value, floors, KEYS[4] and redis.call('GET', KEYS[4]) or false }`;

/**
 * KEYS: value, floors, last copy, names; ARGV: clinic or empty, versions, value, ms to live, seconds for the other keys,
 * a name of the clinic or empty. What one reader is about to see raises the floors too, also when it is not stored: no
 * value shows anybody less from then on.
 */
const FILL = `${LOCKS_ITS_KEYS}
if ARGV[6] ~= '' then
  redis.call('HSET', KEYS[4], ARGV[6], ARGV[1], ARGV[1], ARGV[1])
  redis.call('EXPIRE', KEYS[4], ARGV[5])
end
local function versions(text)
  local found = {}
  for clinic, version in string.gmatch(text, '([^ =]+)=(%d+)') do found[clinic] = tonumber(version) end
  return found
end
local mine = versions(ARGV[2])
local function isNewer(other)
  for clinic, version in pairs(other) do
    if version > (mine[clinic] or 0) then return true end
  end
  return false
end
local floors = {}
if ARGV[1] == '' then
  local stored = redis.call('HGETALL', KEYS[2])
  for i = 1, #stored, 2 do floors[stored[i]] = tonumber(stored[i + 1]) end
else floors[ARGV[1]] = tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or '0') end
for clinic, version in pairs(mine) do
  if version > (floors[clinic] or 0) then redis.call('HSET', KEYS[2], clinic, string.format('%.0f', version)) end
end
redis.call('EXPIRE', KEYS[2], ARGV[5])
if ARGV[4] == '0' then return 0 end
local last = redis.call('GET', KEYS[3])
if isNewer(floors) or (last and isNewer(versions(string.match(last, '^[^\\n]*')))) then return 0 end
local entry = ARGV[2] .. '\\n' .. ARGV[3]
redis.call('SET', KEYS[1], entry, 'PX', ARGV[4])
redis.call('SET', KEYS[3], entry, 'EX', ARGV[5])
return 1`;

/**
 * KEYS: floors; ARGV: seconds to live, channel, day, then clinic and version of each line. Wakes for what is news, also
 * when a reader's fill knew it first. A floor must rise even where a script may not publish.
 */
const RAISE = `
for i = 4, #ARGV, 2 do
  if tonumber(ARGV[i + 1]) >= tonumber(redis.call('HGET', KEYS[1], ARGV[i]) or '0') then
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
    redis.pcall('PUBLISH', ARGV[2], '{"day":"' .. ARGV[3] .. '","clinic":"' .. ARGV[i] .. '","version":' .. ARGV[i + 1] .. '}')
  end
end
redis.call('EXPIRE', KEYS[1], ARGV[1])
return 1`;

/** The cache of one environment. Releases with different schemas share the floors, never a value. */
export function createCache(redis: RedisPart, environment: string): Cache {
  const channel = `${environment}:lines`;
  const names = `${environment}:clinic-names`;
  const floorsOf = (day: string) => `${environment}:floors:${day}`;
  const keyOf = ({ day, name }: CacheKey) => `${environment}:${SCHEMA_VERSION}:${day}:${name}`;
  const lastKeyOf = (key: CacheKey) => `${keyOf(key)}:last`;

  return {
    channel,
    async look(key, withLast) {
      const renewed = `${keyOf(key)}:renewed`;
      const keys = [keyOf(key), floorsOf(key.day), renewed, ...(withLast ? [lastKeyOf(key)] : [])];
      const args = [key.clinic ?? '', String(RENEWAL)];
      const reply = await redis.run((client) => client.eval(LOOK, keys, args));
      const [stored, listed, last] = reply as [string | null, string[], string | null];
      const floors = Object.fromEntries(
        listed.flatMap((clinic, i) => (i % 2 === 0 ? [[clinic, Number(listed[i + 1])] as const] : [])),
      );
      const entry = readEntry(stored);
      return {
        entry: entry && isOlder(entry.versions, floors) ? undefined : entry,
        last: readEntry(last),
        floors,
      };
    },
    async fill(key, { versions, value }, age) {
      const left = Math.max(0, Math.floor(CACHE_TTL - age));
      const keys = [keyOf(key), floorsOf(key.day), lastKeyOf(key), names];
      const head = Object.entries(versions)
        .map(([clinic, version]) => `${clinic}=${version}`)
        .join(' ');
      const living = [String(left), String(DAY_AND_MORE)];
      const args = [key.clinic ?? '', head, JSON.stringify(value), ...living, key.spelled ?? ''];
      await redis.run((client) => client.eval(FILL, keys, args));
    },
    async clinicOf(spelled) {
      return (await redis.run((client) => client.hget<string>(names, spelled))) ?? undefined;
    },
    async raise(day, versions, later) {
      const lines = Object.entries(versions).flatMap(([clinic, version]) => [clinic, String(version)]);
      if (lines.length === 0) return;
      const args = [String(DAY_AND_MORE), channel, day, ...lines];
      const attempt = (client: Redis) => client.eval(RAISE, [floorsOf(day)], args);
      try {
        await redis.run(attempt);
      } catch (error) {
        // Redis may be well again for everybody else, who would then go on reading what is older than this answer.
        const again = attempt(redis.client).catch(() => undefined);
        later(again);
        await (error instanceof CircuitOpenError ? withinPatience(again) : again);
      }
    },
  };
}

function readEntry(stored: string | null): CacheEntry | undefined {
  if (stored === null) return undefined;
  const end = stored.indexOf('\n');
  const versions = stored
    .slice(0, end)
    .split(' ')
    .filter((line) => line !== '')
    .map((line) => line.split('='))
    .map(([clinic = '', version]) => [clinic, Number(version)] as const);
  return { versions: Object.fromEntries(versions), value: JSON.parse(stored.slice(end + 1)) };
}

/** Is any line older here than there? */
function isOlder(here: LineVersions, there: LineVersions): boolean {
  // Not `version >`: an entry whose version is no number must count as old, never as current.
  return Object.entries(there).some(([clinic, version]) => !((here[clinic] ?? 0) >= version));
}

async function withinPatience(work: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const patience = new Promise((resolve) => {
    timer = setTimeout(resolve, PATIENCE_WHILE_OPEN);
  });
  await Promise.race([work, patience]);
  clearTimeout(timer);
}
