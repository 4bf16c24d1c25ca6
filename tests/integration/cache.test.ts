/** The rules of the cache, on the embedded Redis and on a real one. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EmbeddedCloud, startEmbeddedCloud } from '../../local/embedded-cloud.ts';
import { type Cache, createCache, type LineVersions } from '../../src/lib/cache.ts';
import { createRedis, type RedisPart } from '../../src/lib/redis.ts';
import { hasRedisServer, type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { seededRandom, testSeed } from '../support/sql-random.ts';
import { type TcpProxy, tcpProxyTo } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { mayBeLeftOut, volume } from '../support/volume.ts';

const DAY = '2025-10-29';
const IGNORED = () => undefined;
/** Milliseconds: a machine shared with others may take longer than the 300 for which a request would wait. */
const PATIENCE = 20_000;
/** Of a value: how long it lives, and how long before its end one reader renews it. */
const LIVES = 2_000;
const RENEWED = 450;

describe.each([
  ['the embedded Redis', true],
  ['a real Redis', hasRedisServer() || !mayBeLeftOut],
])('the cache on %s', (name, isThere) => {
  let server: RedisServer | undefined;
  let cloud: EmbeddedCloud;
  let proxy: TcpProxy;
  let redis: RedisPart;
  let cache: Cache;
  beforeAll(async () => {
    if (!isThere) return;
    server = name === 'a real Redis' ? await startRedisServer() : undefined;
    cloud = await startEmbeddedCloud(server ? { redisUrl: server.url } : {});
    proxy = await tcpProxyTo(Number(new URL(cloud.redisUrl).port));
    const url = `http://127.0.0.1:${proxy.port}`;
    redis = part({ redis: { url, token: cloud.redisToken } }, PATIENCE);
    cache = createCache(redis, 'test');
    await redis.ping();
  });
  afterAll(async () => {
    await proxy?.close();
    await cloud?.close();
    await server?.stop();
  });

  let keys = 0;
  /** A key that no other test uses, of one clinic that no other test uses. */
  const newKey = () => {
    keys += 1;
    return { day: DAY, name: `queue:status:c${keys}`, clinic: `c${keys}` };
  };
  const entry = (clinic: string, version: number, value: unknown = { version }) => ({
    versions: { [clinic]: version },
    value,
  });
  const raise = (versions: LineVersions) => cache.raise(DAY, versions, IGNORED);
  const cached = async (key: ReturnType<typeof newKey>) => (await cache.look(key, false)).entry?.value;

  it.runIf(isThere)('gives back what was stored, in any language, with its version', async () => {
    const key = newKey();
    const value = { name: 'المختبر', list: [], 'a\nb': null };
    await cache.fill(key, entry(key.clinic, 7, value), 0);
    expect((await cache.look(key, false)).entry).toEqual({ versions: { [key.clinic]: 7 }, value });
  });

  it.runIf(isThere)('forgets a value as soon as the floor of its line is raised above it', async () => {
    const key = newKey();
    await cache.fill(key, entry(key.clinic, 7), 0);
    await raise({ [key.clinic]: 7 });
    expect(await cached(key)).toEqual({ version: 7 });
    await raise({ [key.clinic]: 8 });
    expect(await cached(key)).toBeUndefined();
    expect((await cache.look(key, false)).floors).toEqual({ [key.clinic]: 8 });
  });

  it.runIf(isThere)('never lowers a floor, and never takes back what is newer', async () => {
    const key = newKey();
    await raise({ [key.clinic]: 9 });
    await raise({ [key.clinic]: 3 });
    await cache.fill(key, entry(key.clinic, 8), 0);
    expect(await cached(key)).toBeUndefined();
    await cache.fill(key, entry(key.clinic, 11), 0);
    await cache.fill(key, entry(key.clinic, 10), 0);
    expect(await cached(key)).toEqual({ version: 11 });
    expect((await cache.look(key, true)).last?.value).toEqual({ version: 11 });
  });

  it.runIf(isThere)('shows nobody less than what somebody was shown, by whatever key', async () => {
    const key = newKey();
    await cache.fill(key, entry(key.clinic, 7), 0);
    await cache.fill({ ...key, name: 'another value' }, entry(key.clinic, 8), 0);
    expect(await cached(key)).toBeUndefined();
    // Also by a value that is not stored: it is too old by its age, or one of its lines is.
    await cache.fill(key, entry(key.clinic, 9), 0);
    await cache.fill({ ...key, name: 'another value' }, entry(key.clinic, 10), 5_000);
    expect(await cached(key)).toBeUndefined();
    await cache.fill(key, entry(key.clinic, 11), 0);
    const other = newKey().clinic;
    await raise({ [other]: 5 });
    const day = { day: DAY, name: 'stats:queues' };
    await cache.fill(day, { versions: { [key.clinic]: 12, [other]: 4 }, value: 'of all' }, 0);
    expect(await cached(key)).toBeUndefined();
  });

  it.runIf(isThere)('compares versions as numbers', async () => {
    const key = newKey();
    await raise({ [key.clinic]: 99 });
    await raise({ [key.clinic]: 1_000_000_007 });
    await cache.fill(key, entry(key.clinic, 100), 0);
    expect(await cached(key)).toBeUndefined();
    await cache.fill(key, entry(key.clinic, 1_000_000_007), 0);
    expect(await cached(key)).toEqual({ version: 1_000_000_007 });
  });

  it.runIf(isThere)('holds a value over all lines only while none of them is newer', async () => {
    const key = { day: '2025-01-01', name: 'stats:queues' };
    const raiseThen = (versions: LineVersions) => cache.raise(key.day, versions, IGNORED);
    await raiseThen({ lab: 3, xray: 5 });
    await cache.fill(key, { versions: { lab: 3, xray: 4 }, value: 'old' }, 0);
    expect((await cache.look(key, false)).entry).toBeUndefined();
    await cache.fill(key, { versions: { lab: 3, xray: 5 }, value: 'new' }, 0);
    expect((await cache.look(key, false)).entry?.value).toBe('new');
    // The first change of a line that the value did not know of.
    await raiseThen({ ecg: 1 });
    expect((await cache.look(key, false)).entry).toBeUndefined();
    // Nor may the value of a slow reader come back.
    await cache.fill(key, { versions: { lab: 3, xray: 5 }, value: 'late' }, 0);
    expect((await cache.look(key, true)).last?.value).toBe('new');
  });

  it.runIf(isThere)('keeps a value for two seconds from when the database was read', async () => {
    const key = newKey();
    await cache.fill(key, entry(key.clinic, 1), 2_000);
    expect(await cached(key)).toBeUndefined();
    await cache.fill(key, entry(key.clinic, 1), 1_000);
    expect(await cached(key)).toEqual({ version: 1 });
    const start = performance.now();
    await until(
      'it is gone',
      () => redis.client.keys(`*:${key.name}`),
      (kept) => kept.length === 0,
    );
    expect(performance.now() - start).toBeLessThan(2_000);
    expect((await cache.look(key, true)).last?.value).toEqual({ version: 1 });
  });

  it.runIf(isThere)(
    'lets one reader renew a value that is about to end, and gives it to all others',
    async () => {
      let values: unknown[];
      let start: number;
      do {
        const key = newKey();
        start = performance.now();
        await cache.fill(key, entry(key.clinic, 1), LIVES - RENEWED);
        values = await Promise.all(Array.from({ length: 20 }, () => cached(key)));
        // A machine that was busy for as long as the value had left proves nothing.
      } while (performance.now() - start >= RENEWED);
      expect(values.filter((value) => value === undefined)).toHaveLength(1);
    },
  );

  it.runIf(isThere)('keeps days apart', async () => {
    const key = newKey();
    await cache.fill(key, entry(key.clinic, 5), 0);
    await cache.raise('2025-10-30', { [key.clinic]: 50 }, IGNORED);
    expect(await cached(key)).toEqual({ version: 5 });
    expect((await cache.look({ ...key, day: '2025-10-30' }, true)).last).toBeUndefined();
  });

  it.runIf(isThere)('publishes each line that is not older than its floor', async () => {
    const heard: unknown[] = [];
    const listening = new AbortController();
    let isOpen = false;
    const over = redis
      .subscribe(
        cache.channel,
        { opened: () => (isOpen = true), message: (payload) => heard.push(JSON.parse(payload)) },
        listening.signal,
      )
      .catch(() => 'over');
    await until(
      'the subscription is open',
      () => isOpen,
      (open) => open,
    );
    const { clinic } = newKey();
    await raise({ [clinic]: 4 });
    await raise({ [clinic]: 2 });
    // A reader may have seen it, and raised the floor, before the writer was answered.
    await cache.fill({ day: DAY, name: 'queue:status:x', clinic }, entry(clinic, 6), 0);
    await raise({ [clinic]: 6, [`${clinic}-b`]: 1 });
    await until(
      'all is heard',
      () => heard.length,
      (count) => count >= 3,
    );
    expect(heard).toEqual([
      { day: DAY, clinic, version: 4 },
      { day: DAY, clinic, version: 6 },
      { day: DAY, clinic: `${clinic}-b`, version: 1 },
    ]);
    listening.abort();
    expect(await over).toBe('over');
  });

  it.runIf(isThere)('never goes back, whatever order writers and slow readers come in', async () => {
    const seed = testSeed();
    const random = seededRandom(seed);
    const rounds = volume(2_000);
    const { clinic, ...rest } = newKey();
    const key = { ...rest, clinic };
    let answered = 0;
    for (let round = 0; round < rounds; round += 1) {
      // Readers that read some time ago store at the same moment in which a writer raises the floor.
      const late = Math.max(0, answered - random.below(4));
      const written = answered + 1;
      await Promise.all([
        cache.fill(key, entry(clinic, late), 0),
        raise({ [clinic]: written }),
        cache.fill(key, entry(clinic, written), 0),
      ]);
      answered = written;
      const seen = (await cached(key)) as { version: number } | undefined;
      expect(seen?.version ?? answered, `seed ${seed}, round ${round}`).toBe(answered);
    }
    console.info(`${name}: ${rounds} writes with late fills, 0 older values seen (seed ${seed})`);
  });

  it.runIf(isThere)('raises a floor also while the circuit is open', async () => {
    const { clinic, ...rest } = newKey();
    const own = part({ redis: { url: `http://127.0.0.1:${proxy.port}`, token: cloud.redisToken } });
    const other = createCache(own, 'test');
    await cache.fill({ ...rest, clinic }, entry(clinic, 1), 0);
    await proxy.down();
    for (let count = 0; count < 3; count += 1) await own.ping().catch(IGNORED);
    expect(own.breaker.getState()).toBe('OPEN');
    await proxy.restore();
    const later: Promise<unknown>[] = [];
    await other.raise(DAY, { [clinic]: 2 }, (work) => later.push(work));
    await Promise.all(later);
    expect(later).toHaveLength(1);
    expect(await cached({ ...rest, clinic })).toBeUndefined();
  });
});

function part(config: Parameters<typeof createRedis>[0], timeout?: number): RedisPart {
  const redis = createRedis(config, {}, timeout);
  if (!redis) throw new Error('no Redis');
  return redis;
}
