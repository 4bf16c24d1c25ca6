/**
 * One suite for the Redis endpoint over both Redis it can stand before, through the official client: what holds here
 * on the embedded Redis and on a real server is what the application may rely on.
 */
import { createHash, randomUUID } from 'node:crypto';
import { Ratelimit } from '@upstash/ratelimit';
import { Redis } from '@upstash/redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RedisDriver } from '../../local/redis-driver.ts';
import { openEmbeddedRedis } from '../../local/redis-embedded.ts';
import { type RedisEndpoint, startRedisEndpoint } from '../../local/redis-endpoint.ts';
import { openRedisServerDriver } from '../../local/redis-server-driver.ts';
import { newToken } from '../../local/secret.ts';
import { hasRedisServer, startRedisServer } from '../support/redis-server.ts';
import { until } from '../support/until.ts';

interface Backend {
  readonly driver: RedisDriver;
  readonly remove: () => Promise<void>;
}

const SHEBANG = '#!lua flags=allow-key-locking\n';

/** Raises a floor to a version if that is higher, and wakes who listens: what every write does after its commit. */
const RAISE_FLOOR = `
  local floor = tonumber(redis.call('GET', KEYS[1]) or '0')
  local version = tonumber(ARGV[1])
  if version > floor then
    redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
    floor = version
  end
  redis.call('PUBLISH', ARGV[3], ARGV[4])
  return floor`;

/** Value and floor in one look. */
const READ_WITH_FLOOR = `return {redis.call('GET', KEYS[1]), redis.call('GET', KEYS[2])}`;

/** Stores a value unless it is older than the floor or than what is there. */
const STORE_IF_FRESH = `
  local version = tonumber(ARGV[1])
  local floor = tonumber(redis.call('GET', KEYS[2]) or '0')
  local present = redis.call('HGET', KEYS[1], 'version')
  if version < floor or (present and tonumber(present) > version) then return 0 end
  redis.call('HSET', KEYS[1], 'version', ARGV[1], 'value', ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  return 1`;

/** A limit over two windows, the earlier one weighted by how much of it the sliding window still covers. */
const SLIDING_WINDOW = `
  local limit = tonumber(ARGV[1])
  local now = tonumber(ARGV[2])
  local window = tonumber(ARGV[3])
  local current = tonumber(redis.call('GET', KEYS[1]) or '0')
  local previous = tonumber(redis.call('GET', KEYS[2]) or '0')
  local share = 1 - (now % window) / window
  local used = math.floor(previous * share) + current
  if used >= limit then return -1 end
  local count = redis.call('INCR', KEYS[1])
  if count == 1 then redis.call('PEXPIRE', KEYS[1], window * 2 + 1000) end
  return limit - used - 1`;

const sha1 = (text: string): string => createHash('sha1').update(text).digest('hex');

function conformance(open: () => Promise<Backend>): void {
  const token = newToken();
  let backend: Backend;
  let endpoint: RedisEndpoint;
  let redis: Redis;

  beforeAll(async () => {
    backend = await open();
    endpoint = await startRedisEndpoint({ driver: backend.driver, token });
    redis = connect();
  });

  afterAll(async () => {
    await endpoint?.close();
    await backend?.driver.close();
    await backend?.remove();
  });

  const connect = (options: { automaticDeserialization?: boolean; responseEncoding?: false } = {}) =>
    new Redis({ url: endpoint.url, token, enableTelemetry: false, retry: false, ...options });
  const plain = () => connect({ automaticDeserialization: false });
  const key = (name: string) => `${name}:${randomUUID()}`;
  const post = (path: string, body: string, headers: Record<string, string> = {}) =>
    fetch(`${endpoint.url}${path}`, {
      method: 'POST',
      body,
      headers: { authorization: `Bearer ${token}`, ...headers },
    });
  const gone = (name: string) =>
    until(
      `${name} has expired`,
      () => redis.exists(name),
      (found) => found === 0,
    );

  describe('strings', () => {
    it('a value is read as it was written', async () => {
      const name = key('k');
      expect(await redis.set(name, 'value')).toBe('OK');
      expect(await redis.get(name)).toBe('value');
      expect(await redis.get(key('missing'))).toBeNull();
    });

    it('an empty text is a value, not an absence', async () => {
      const name = key('k');
      await plain().set(name, '');
      expect(await plain().get(name)).toBe('');
      expect(await redis.exists(name)).toBe(1);
    });

    it('nx writes only what is absent, xx only what is present', async () => {
      const name = key('k');
      expect(await redis.set(name, 'x', { xx: true })).toBeNull();
      expect(await redis.set(name, 'a', { nx: true })).toBe('OK');
      expect(await redis.set(name, 'b', { nx: true })).toBeNull();
      expect(await redis.get(name)).toBe('a');
      expect(await redis.set(name, 'c', { xx: true })).toBe('OK');
      expect(await redis.get(name)).toBe('c');
    });

    it('a value may be named like an option', async () => {
      const name = key('k');
      await redis.set(name, 'ex');
      expect(await redis.get(name)).toBe('ex');
    });

    it('several keys are read and deleted at once', async () => {
      const [a, b, c] = [key('a'), key('b'), key('c')];
      await redis.mset({ [a]: 'one', [b]: 'two' });
      expect(await redis.mget(a, c, b)).toEqual(['one', null, 'two']);
      expect(await redis.del(a, b, c)).toBe(2);
      expect(await redis.mget(a, b)).toEqual([null, null]);
    });

    it('counters count, from nothing and in steps', async () => {
      const name = key('n');
      expect(await redis.incr(name)).toBe(1);
      expect(await redis.incrby(name, 41)).toBe(42);
      expect(await redis.decr(name)).toBe(41);
      expect(await redis.decrby(name, 40)).toBe(1);
      expect(await plain().get(name)).toBe('1');
    });

    it('getdel reads once', async () => {
      const name = key('k');
      await redis.set(name, 'value');
      expect(await redis.getdel(name)).toBe('value');
      expect(await redis.get(name)).toBeNull();
    });
  });

  describe('expiry', () => {
    it('ex and px end a key by themselves', async () => {
      const [seconds, milliseconds] = [key('ex'), key('px')];
      await redis.set(seconds, 'v', { ex: 1 });
      await redis.set(milliseconds, 'v', { px: 40 });
      expect(await redis.ttl(seconds)).toBe(1);
      expect(await redis.pttl(milliseconds)).toBeLessThanOrEqual(40);
      await gone(milliseconds);
      expect(await redis.exists(seconds)).toBe(1);
      await gone(seconds);
    });

    it('expire and pexpire end hashes and counters too', async () => {
      const [hash, counter] = [key('h'), key('n')];
      await redis.hset(hash, { field: 'v' });
      await redis.incr(counter);
      expect(await redis.pexpire(hash, 30)).toBe(1);
      expect(await redis.expire(counter, 100)).toBe(1);
      expect(await redis.expire(key('missing'), 100)).toBe(0);
      await gone(hash);
      expect(await redis.ttl(counter)).toBeGreaterThan(98);
    });

    it('a key without an end says so, and a missing one as well', async () => {
      const name = key('k');
      await redis.set(name, 'v');
      expect(await redis.ttl(name)).toBe(-1);
      expect(await redis.ttl(key('missing'))).toBe(-2);
      await redis.expire(name, 100);
      expect(await redis.persist(name)).toBe(1);
      expect(await redis.ttl(name)).toBe(-1);
    });

    it('writing anew takes the end away, counting on keeps it', async () => {
      const name = key('k');
      await redis.set(name, '1', { ex: 100 });
      await redis.incr(name);
      expect(await redis.ttl(name)).toBeGreaterThan(98);
      await redis.set(name, '1');
      expect(await redis.ttl(name)).toBe(-1);
    });

    it('an expired key can be taken with nx', async () => {
      const name = key('lock');
      await redis.set(name, 'first', { px: 30, nx: true });
      const taken = await until(
        'the lock is free',
        () => redis.set(name, 'second', { px: 10_000, nx: true }),
        (reply) => reply === 'OK',
      );
      expect(taken).toBe('OK');
      expect(await redis.get(name)).toBe('second');
    });
  });

  describe('hashes, lists, sets', () => {
    it('a hash counts per field and is read whole', async () => {
      const name = key('h');
      expect(await redis.hincrby(name, 'a', 2)).toBe(2);
      expect(await redis.hincrby(name, 'a', 3)).toBe(5);
      expect(await redis.hset(name, { b: 'text', c: '' })).toBe(2);
      expect(await redis.hgetall(name)).toEqual({ a: 5, b: 'text', c: '' });
      expect(await redis.hget(name, 'b')).toBe('text');
      expect(await redis.hmget(name, 'a', 'x')).toEqual({ a: 5, x: null });
      expect(await redis.hdel(name, 'a', 'x')).toBe(1);
      expect(await redis.hlen(name)).toBe(2);
      expect(await redis.hgetall(key('missing'))).toBeNull();
    });

    it('a list keeps its order', async () => {
      const name = key('l');
      expect(await redis.rpush(name, 'a', 'b', 'c')).toBe(3);
      expect(await redis.lrange(name, 0, -1)).toEqual(['a', 'b', 'c']);
      expect(await redis.ltrim(name, 1, -1)).toBe('OK');
      expect(await redis.lpop(name)).toBe('b');
      expect(await redis.llen(name)).toBe(1);
    });

    it('a set knows its members', async () => {
      const name = key('s');
      expect(await redis.sadd(name, 'a', 'b', 'a')).toBe(2);
      expect(await redis.sismember(name, 'a')).toBe(1);
      expect((await redis.smembers(name)).sort()).toEqual(['a', 'b']);
      expect(await redis.srem(name, 'a')).toBe(1);
      expect(await redis.scard(name)).toBe(1);
    });

    it('a sorted set is sorted', async () => {
      const name = key('z');
      await redis.zadd(name, { score: 2, member: 'b' }, { score: 1, member: 'a' }, { score: 3, member: 'c' });
      expect(await redis.zrange(name, 0, -1)).toEqual(['a', 'b', 'c']);
      expect(await redis.zrange(name, 0, 0, { withScores: true })).toEqual(['a', 1]);
      expect(await redis.zremrangebyscore(name, 0, 1)).toBe(1);
      expect(await redis.zcard(name)).toBe(2);
      expect(await redis.zscore(name, 'c')).toBe(3);
    });
  });

  describe('encoding', () => {
    const texts = [
      'اللجنة الطبية ١٢٣',
      '🩺𝕏',
      'a\u0000b',
      'line\r\nbreak',
      '"quoted" \\ back',
      'T0s=',
      'OK',
      '  ',
    ];

    it.each(texts)('%j returns unchanged in base64 and without', async (text) => {
      const name = key(text);
      await plain().set(name, text);
      expect(await plain().get(name)).toBe(text);
      const raw = new Redis({
        url: endpoint.url,
        token,
        enableTelemetry: false,
        automaticDeserialization: false,
        responseEncoding: false,
      });
      expect(await raw.get(name)).toBe(text);
      expect(await plain().mget(name, name)).toEqual([text, text]);
    });

    it('every text but OK is encoded, numbers and null are not', async () => {
      const name = key('k');
      const commands = [
        ['SET', name, 'text'],
        ['GET', name],
        ['STRLEN', name],
        ['MGET', name, key('missing')],
        ['GET', key('missing')],
      ];
      const encoded = Buffer.from('text').toString('base64');
      const answer = await post('/pipeline', JSON.stringify(commands), { 'Upstash-Encoding': 'base64' });
      expect(await answer.json()).toEqual([
        { result: 'OK' },
        { result: encoded },
        { result: 4 },
        { result: [encoded, null] },
        { result: null },
      ]);
    });

    it('a large value goes both ways', async () => {
      const name = key('large');
      const large = 'م'.repeat(500_000);
      await plain().set(name, large);
      expect((await plain().get(name)) === large).toBe(true);
    });

    it('JSON is read by the client itself, unless told not to', async () => {
      const name = key('json');
      await redis.set(name, { a: [1, null, 'ع'] });
      expect(await redis.get(name)).toEqual({ a: [1, null, 'ع'] });
      expect(await plain().get(name)).toBe('{"a":[1,null,"ع"]}');
      await redis.set(name, '007');
      expect(await plain().get(name)).toBe('007');
    });
  });

  describe('several commands in one request', () => {
    it('a pipeline answers in order', async () => {
      const name = key('p');
      const before = endpoint.requestCount();
      const replies = await redis.pipeline().set(name, 1).incr(name).get(name).hgetall(key('missing')).exec();
      expect(replies).toEqual(['OK', 2, 2, null]);
      expect(endpoint.requestCount() - before).toBe(1);
    });

    it('a failing command of a pipeline does not stop the others', async () => {
      const name = key('p');
      const pipeline = redis
        .pipeline()
        .set(name, 'a')
        .eval('return redis.error_reply("MINE broken")', [], [])
        .get(name);
      const replies = await pipeline.exec({ keepErrors: true });
      expect(replies.map(({ result, error }) => error ?? result)).toEqual([
        'OK',
        expect.stringContaining('MINE broken'),
        'a',
      ]);
    });

    it('a transaction runs whole', async () => {
      const name = key('m');
      expect(await redis.multi().set(name, 1).incr(name).expire(name, 100).exec()).toEqual(['OK', 2, 1]);
    });

    it('transactions do not interleave', async () => {
      const name = key('m');
      const all = await Promise.all(
        Array.from({ length: 40 }, () => connect().multi().incr(name).incr(name).exec<[number, number]>()),
      );
      for (const [first, second] of all) expect(second - first).toBe(1);
      expect(await redis.get(name)).toBe(80);
    });

    it('50 parallel requests each get their own answer', async () => {
      const names = Array.from({ length: 50 }, (_, index) => key(`n${index}`));
      await Promise.all(names.map((name, index) => connect().set(name, index)));
      expect(await Promise.all(names.map((name) => connect().get(name)))).toEqual(
        names.map((_, index) => index),
      );
    });
  });

  describe('scripts', () => {
    const run = (script: string, keys: string[] = [], args: string[] = []) =>
      plain().eval(script, keys, args);

    it('EVALSHA asks for the script the first time and knows it afterwards', async () => {
      const script = `return 'unique ${randomUUID()}'`;
      await expect(redis.evalsha(sha1(script), [], [])).rejects.toThrow('NOSCRIPT');
      await redis.eval(script, [], []);
      expect(await redis.evalsha(sha1(script), [], [])).toContain('unique');
    });

    it("the client's script helper falls back by itself", async () => {
      const script = redis.createScript<string>(`return ARGV[1] .. ' ${randomUUID()}'`);
      expect(await script.exec([], ['first'])).toContain('first');
      expect(await script.exec([], ['second'])).toContain('second');
    });

    it("a script with Upstash's shebang runs, under the SHA of the text with the shebang", async () => {
      const script = `${SHEBANG}return '${randomUUID()}'`;
      await expect(redis.evalsha(sha1(script), [], [])).rejects.toThrow('NOSCRIPT');
      const first = await redis.eval(script, [], []);
      expect(await redis.evalsha(sha1(script), [], [])).toBe(first);
    });

    it('SCRIPT LOAD gives the SHA of the given text, EXISTS knows it, FLUSH forgets it', async () => {
      for (const script of [`return '${randomUUID()}'`, `${SHEBANG}return '${randomUUID()}'`]) {
        expect(await redis.scriptLoad(script)).toBe(sha1(script));
        expect(await redis.scriptExists(sha1(script), sha1('unknown'))).toEqual([1, 0]);
        expect(await redis.evalsha(sha1(script), [], [])).toHaveLength(36);
      }
      const script = `return '${randomUUID()}'`;
      await redis.scriptLoad(script);
      expect(await redis.scriptFlush()).toBe('OK');
      await expect(redis.evalsha(sha1(script), [], [])).rejects.toThrow('NOSCRIPT');
    });

    it.each<[string, unknown]>([
      ['return 1', 1],
      ['return 3.99', 3],
      ['return -3.99', -3],
      ['return 1700000000000', 1_700_000_000_000],
      ["return 'text'", 'text'],
      ["return ''", ''],
      ["return 'سالم'", 'سالم'],
      ['return nil', null],
      ['return false', null],
      ['return true', 1],
      ['', null],
      ['return {}', []],
      ["return {1, 'a', {2, {}}, false, 3.7}", [1, 'a', [2, []], null, 3]],
      ['return {1, nil, 3}', [1]],
      ["return redis.status_reply('FINE')", 'FINE'],
      ['return #ARGV + #KEYS', 2],
      ['return {KEYS[1], ARGV[1]}', ['key', 'argument']],
      ["return tostring(tonumber('1700000000000') + 1)", '1700000000001'],
      ["return tonumber('1700000000') * 1000 + tonumber('999')", 1_700_000_000_999],
      ["return tostring(tonumber('6') / 3)", '2'],
      ["return tostring(tonumber('1') / 4)", '0.25'],
      ["return math.max(0, tonumber('-5'))", 0],
      ["return 'n=' .. tonumber('12')", 'n=12'],
      ["return string.format('%d:%s', tonumber('12'), 'x')", '12:x'],
      ['return {unpack({1, 2, 3}, 2)}', [2, 3]],
      ["return tonumber('x') == nil and 'no number'", 'no number'],
      ['local s = 0 for i, v in ipairs({1, 2, 3}) do s = s + v end return s', 6],
      ["return {type(redis.call), #'سالم'}", ['function', 8]],
    ])('%s gives %j', async (script, expected) => {
      expect(await run(script, ['key'], ['argument'])).toEqual(expected);
    });

    it.each<[string, unknown]>([
      ["return redis.call('GET', KEYS[1])", null],
      ["return redis.call('GET', KEYS[1]) == false and 'absent'", 'absent'],
      ["redis.call('set', KEYS[1], '') return redis.call('get', KEYS[1]) == ''", 1],
      ["return redis.call('SET', KEYS[1], 'v')", 'OK'],
      ["return redis.call('SET', KEYS[1], 'v').ok", 'OK'],
      ["return redis.call('SET', KEYS[1], 'v', 'xx') == false", 1],
      ["redis.call('SET', KEYS[1], 1) return redis.call('set', KEYS[1], 2, 'nx') == false", 1],
      ["redis.call('SET', KEYS[1], 5) return redis.call('GET', KEYS[1])", '5'],
      ["redis.call('SET', KEYS[1], 5, 'ex', 100) return redis.call('TTL', KEYS[1])", 100],
      ["redis.call('SET', KEYS[1], 1700000000000) return redis.call('GET', KEYS[1])", '1700000000000'],
      ["redis.call('SET', KEYS[1], 0.5) return redis.call('GET', KEYS[1])", '0.5'],
      ["return type(redis.call('INCR', KEYS[1]))", 'number'],
      ["return 'n' .. redis.call('INCR', KEYS[1])", 'n1'],
      ["return redis.call('INCRBY', KEYS[1], tonumber('7'))", 7],
      ["return redis.call('MGET', KEYS[1], KEYS[1])", [null, null]],
      ["return redis.call('MGET', KEYS[1])[1] == false", 1],
      [
        "redis.call('HSET', KEYS[1], 'a', 1, 'b', '') return redis.call('HGETALL', KEYS[1])",
        ['a', '1', 'b', ''],
      ],
      ["redis.call('HSET', KEYS[1], 'a', '') return redis.call('HGET', KEYS[1], 'a') == ''", 1],
      ["return redis.call('HGET', KEYS[1], 'a') == false", 1],
      ["return redis.call('HGETALL', KEYS[1])", []],
      ["return redis.call('HINCRBY', KEYS[1], 'a', 3)", 3],
      ["return redis.call('EXISTS', KEYS[1])", 0],
      ["redis.call('RPUSH', KEYS[1], 'a', 'b') return redis.call('LRANGE', KEYS[1], 0, -1)", ['a', 'b']],
      [
        "redis.call('ZADD', KEYS[1], 1, 'm') return redis.call('ZRANGE', KEYS[1], 0, -1, 'withscores')",
        ['m', '1'],
      ],
      [
        "redis.call('ZADD', KEYS[1], 1, 'a', 2, 'b') return redis.call('ZRANGE', KEYS[1], 0, -1, 'REV')",
        ['b', 'a'],
      ],
      ["return redis.call('SET', KEYS[1], 'nx')", 'OK'],
      ["redis.call('SADD', KEYS[1], 'm') return redis.call('SMEMBERS', KEYS[1])", ['m']],
      ["local t = redis.call('TIME') return tonumber(t[1]) > 1700000000 and type(t[2])", 'string'],
      ["return redis.pcall('SET', KEYS[1]).err ~= nil", 1],
    ])('%s gives %j', async (script, expected) => {
      expect(await run(script, [key('script')])).toEqual(expected);
    });

    it.each([
      ["return redis.error_reply('MINE went wrong')", 'MINE went wrong'],
      ["return {err = 'MINE as a table'}", 'MINE as a table'],
      ["error('thrown')", 'user_script:1: thrown'],
      ["error({err = 'MINE thrown'})", 'MINE thrown'],
      ["return redis.call('SET', 'a')", 'Wrong number of args'],
      ["return redis.call('NOSUCH', 'a')", 'Unknown Redis command'],
      ["return redis.call('INCRBY', 'none', 'x')", 'not an integer'],
      ["return redis.call('EXPIRE', 'none', 1.5)", 'not an integer'],
      ["return redis.call('SET', 'none', 'v', 'EX', 'soon')", 'not an integer'],
      ["return redis.call('SET', 'none', 'v', 'PX')", 'syntax error'],
      ["return redis.call('SET', 'none', 'v', 'NXX')", 'syntax error'],
      ['return redis.call({})', 'must be strings or integers'],
      ['return redis.call()', 'Please specify at least one argument'],
      ['return {', 'Error compiling script'],
      ['surprise = 1', 'user_script:1'],
      ['return surprise', 'nonexistent global variable'],
      ["return redis.pcall('SET', 'a')", 'Wrong number of args'],
    ])('%s is an error that says so', async (script, message) => {
      await expect(run(script)).rejects.toThrow(message);
    });

    it('a script that fails keeps what it wrote before, as Redis documents', async () => {
      const name = key('k');
      await expect(run("redis.call('SET', KEYS[1], 'kept') error('late')", [name])).rejects.toThrow('late');
      expect(await redis.get(name)).toBe('kept');
    });

    it('scripts run alone: 40 parallel read-and-write scripts lose nothing', async () => {
      const name = key('n');
      const script =
        "local n = tonumber(redis.call('GET', KEYS[1]) or '0') redis.call('SET', KEYS[1], n + 1) return n";
      const seen = await Promise.all(Array.from({ length: 40 }, () => connect().eval(script, [name], [])));
      expect(new Set(seen).size).toBe(40);
      expect(await redis.get(name)).toBe(40);
    });
  });

  describe("the cache's scripts", () => {
    it('a floor only rises, and ends by itself', async () => {
      const floor = key('floor');
      const raise = (version: number) =>
        redis.eval(RAISE_FLOOR, [floor], [String(version), '100', 'nobody', '{}']);
      expect(await raise(5)).toBe(5);
      expect(await raise(3)).toBe(5);
      expect(await raise(12)).toBe(12);
      expect(await redis.get(floor)).toBe(12);
      expect(await redis.ttl(floor)).toBeGreaterThan(98);
    });

    it('parallel writers leave the highest version as the floor', async () => {
      const floor = key('floor');
      const versions = Array.from({ length: 40 }, (_, index) => ((index * 17) % 40) + 1);
      await Promise.all(
        versions.map((version) =>
          connect().eval(RAISE_FLOOR, [floor], [String(version), '100', 'nobody', '{}']),
        ),
      );
      expect(await redis.get(floor)).toBe(40);
    });

    it('value and floor come in one call, present or not', async () => {
      const [value, floor] = [key('value'), key('floor')];
      const before = endpoint.requestCount();
      expect(await plain().eval(READ_WITH_FLOOR, [value, floor], [])).toEqual([null, null]);
      expect(endpoint.requestCount() - before).toBe(1);
      await plain().set(value, '{"version":4}');
      await redis.set(floor, 5);
      expect(await plain().eval(READ_WITH_FLOOR, [value, floor], [])).toEqual(['{"version":4}', '5']);
    });

    it('a value older than the floor, or than what is there, is not stored', async () => {
      const [value, floor] = [key('value'), key('floor')];
      const store = (version: number, text: string) =>
        redis.eval(STORE_IF_FRESH, [value, floor], [String(version), text, '60000']);
      await redis.set(floor, 10);
      expect(await store(9, 'too old')).toBe(0);
      expect(await store(10, 'fits')).toBe(1);
      expect(await store(12, 'newer')).toBe(1);
      expect(await store(11, 'late')).toBe(0);
      expect(await redis.hgetall(value)).toEqual({ version: 12, value: 'newer' });
      expect(await redis.pttl(value)).toBeGreaterThan(50_000);
    });

    it('a sliding window lets exactly its limit pass, and counts the window before', async () => {
      const window = 60_000;
      const now = 1_700_000_010_000; // the middle of a window
      const [current, previous] = [key('current'), key('previous')];
      const take = () =>
        redis.eval(`${SHEBANG}${SLIDING_WINDOW}`, [current, previous], ['5', String(now), String(window)]);
      const taken = [];
      for (let index = 0; index < 7; index += 1) taken.push(await take());
      expect(taken).toEqual([4, 3, 2, 1, 0, -1, -1]);
      expect(await redis.pttl(current)).toBeGreaterThan(window);
      await redis.del(current);
      await redis.set(previous, 6);
      const share = 1 - (now % window) / window;
      expect(await take()).toBe(5 - Math.floor(6 * share) - 1);
    });

    it('the limiter of the application counts in its sliding window', async () => {
      const minute = 60_000;
      // What follows must not cross into the next window.
      if (minute - (Date.now() % minute) < 5_000) await new Promise((wake) => setTimeout(wake, 5_000));
      const limiter = new Ratelimit({
        redis: plain(),
        limiter: Ratelimit.slidingWindow(5, `${minute} ms`),
        prefix: key('limit'),
        ephemeralCache: false,
        timeout: 0,
      });
      const outcomes = [];
      for (let index = 0; index < 7; index += 1) outcomes.push(await limiter.limit('somebody'));
      expect(outcomes.map((outcome) => outcome.success)).toEqual([
        true,
        true,
        true,
        true,
        true,
        false,
        false,
      ]);
      expect(outcomes.map((outcome) => outcome.remaining)).toEqual([4, 3, 2, 1, 0, 0, 0]);
      expect(outcomes.every((outcome) => outcome.limit === 5)).toBe(true);
      expect(Number(outcomes[6]?.reset) % minute).toBe(0);
      expect((await limiter.limit('somebody else')).success).toBe(true);
    });
  });

  describe('messages', () => {
    const listen = async (channel: string, client: Redis = redis) => {
      const subscriber = client.subscribe<unknown>(channel);
      const messages: unknown[] = [];
      const opened = new Promise<number>((resolve, reject) => {
        subscriber.on('subscribe', resolve);
        subscriber.on('error', reject);
      });
      subscriber.on('message', ({ message }) => messages.push(message));
      expect(await opened).toBe(1);
      return { subscriber, messages };
    };
    const arrived = (messages: unknown[], count: number) =>
      until(
        `${count} messages arrived`,
        () => messages.length,
        (length) => length >= count,
      );

    it('arrive in order at everyone who listens, and only on their channel', async () => {
      const [channel, other] = [key('ch'), key('other')];
      const [first, second, elsewhere] = [await listen(channel), await listen(channel), await listen(other)];
      expect(await redis.publish(channel, { clinic: 'العيون', version: 1 })).toBe(2);
      await redis.publish(channel, 'two, with: a comma');
      await redis.publish(other, 'end');
      await arrived(first.messages, 2);
      await arrived(second.messages, 2);
      await arrived(elsewhere.messages, 1);
      const expected = [{ clinic: 'العيون', version: 1 }, 'two, with: a comma'];
      expect(first.messages).toEqual(expected);
      expect(second.messages).toEqual(expected);
      expect(elsewhere.messages).toEqual(['end']);
      for (const { subscriber } of [first, second, elsewhere]) await subscriber.unsubscribe();
    });

    it('reach 40 listeners at once', async () => {
      const channel = key('ch');
      const listeners = await Promise.all(Array.from({ length: 40 }, () => listen(channel)));
      expect(await redis.publish(channel, 'all')).toBe(40);
      for (const { subscriber, messages } of listeners) {
        await arrived(messages, 1);
        await subscriber.unsubscribe();
      }
    });

    it('published by a script arrive too', async () => {
      const channel = key('ch');
      const { subscriber, messages } = await listen(channel, plain());
      await redis.eval(RAISE_FLOOR, [key('floor')], ['3', '100', channel, '{"version":3}']);
      await arrived(messages, 1);
      expect(messages).toEqual(['{"version":3}']);
      await subscriber.unsubscribe();
    });

    it('a listener that left is no longer counted', async () => {
      const channel = key('ch');
      const { subscriber } = await listen(channel);
      await subscriber.unsubscribe();
      await until(
        'nobody listens',
        () => redis.publish(channel, 'x'),
        (listeners) => listeners === 0,
      );
    });

    it('the stream is what Upstash sends, for GET as for POST', async () => {
      const channel = key('ch');
      const controller = new AbortController();
      const answer = await fetch(`${endpoint.url}/subscribe/${encodeURIComponent(channel)}`, {
        headers: { authorization: `Bearer ${token}` },
        signal: controller.signal,
      });
      expect(answer.headers.get('content-type')).toContain('text/event-stream');
      await redis.publish(channel, 'hello');
      const expected = `data: subscribe,${channel},1\n\ndata: message,${channel},hello\n\n`;
      let received = '';
      const decoder = new TextDecoder();
      for await (const chunk of answer.body ?? []) {
        received += decoder.decode(chunk, { stream: true });
        if (received.length >= expected.length) break;
      }
      expect(received).toBe(expected);
      controller.abort();
    });
  });

  describe('refusals', () => {
    it.each([
      ['an unknown command', '["NOSUCH", "a"]', /unknown command/],
      ['a wrong number of arguments', '["GET"]', /wrong number of arguments for 'get' command/],
      ['an increment that is no integer', '["INCRBY", "none", "1.5"]', /not an integer/],
      ['an end that is no integer', '["SET", "none", "v", "EX", "soon"]', /not an integer/],
      ['an option without its value', '["SET", "none", "v", "px"]', /syntax error/],
      ['an unknown option', '["SET", "none", "v", "NXX"]', /syntax error/],
      ['a field without its value', '["HSET", "none", "a", "1", "b"]', /wrong number of arguments/],
      ['more keys than arguments', '["EVAL", "return 1", "2", "a"]', /greater than number of args/],
      ['a command that would change the connection', '["SUBSCRIBE", "ch"]', /not available/],
      ['a command that would wait', '["BLPOP", "l", "0"]', /not available/],
      ['broken JSON', '["GET"', /parse/],
      ['an empty command', '[]', /parse/],
      ['no list', '{"GET": "a"}', /parse/],
      ['an argument that is no text', '["SET", "a", {"b": 1}]', /parse/],
    ])('%s is a 400 with an error', async (_name, body, message) => {
      const answer = await post('/', body);
      expect(answer.status).toBe(400);
      expect(await answer.json()).toEqual({ error: expect.stringMatching(message) });
    });

    it('the official client throws the error of a 400', async () => {
      await expect(redis.exec(['NOSUCH', 'a'])).rejects.toThrow('unknown command');
    });

    it.each([
      ['a wrong token', 'Bearer wrong'],
      ['a token without its scheme', token],
      ['no token', ''],
    ])('%s gets 401 and learns nothing', async (_name, authorization) => {
      for (const path of ['/', '/pipeline', '/multi-exec', '/subscribe/ch']) {
        const answer = await post(path, '["PING"]', { authorization });
        const body = await answer.text();
        expect(answer.status).toBe(401);
        expect(body).not.toContain(token);
        expect(body).not.toContain('PONG');
      }
    });

    it('a body beyond 16 MiB is refused', async () => {
      expect((await post('/', 'x'.repeat(16 * 1024 * 1024 + 1))).status).toBe(413);
    });

    it('other paths and methods are refused', async () => {
      expect((await post('/other', '["PING"]')).status).toBe(404);
      const answer = await fetch(endpoint.url, { headers: { authorization: `Bearer ${token}` } });
      expect(answer.status).toBe(405);
    });

    it('answers carry the sync token the client sends back', async () => {
      expect((await post('/', '["PING"]')).headers.has('upstash-sync-token')).toBe(true);
    });
  });

  it('closing the endpoint ends open streams', async () => {
    const own = await startRedisEndpoint({ driver: backend.driver, token });
    const answer = await fetch(`${own.url}/subscribe/ch`, { headers: { authorization: `Bearer ${token}` } });
    const reading = answer.text();
    await own.close();
    await expect(reading).rejects.toThrow();
  });
}

describe('the Redis endpoint before the embedded Redis', () => {
  conformance(async () => ({ driver: openEmbeddedRedis(), remove: async () => undefined }));

  it('two embedded Redis share nothing', async () => {
    const [first, second] = [openEmbeddedRedis(), openEmbeddedRedis()];
    await first.execute(['SET', 'a', '1']);
    expect(await second.execute(['GET', 'a'])).toBeNull();
    await first.close();
    await second.close();
  });
});

const installed = hasRedisServer();
const required = process.env.CI === 'true';
if (!installed && !required) {
  console.log(
    'SKIPPED: the Redis conformance suite over a real server, because redis-server is not installed.',
  );
}

describe.skipIf(!installed && !required)('the Redis endpoint before a real redis-server', () => {
  conformance(async () => {
    if (!installed) throw new Error('CI=true, but redis-server is not installed');
    const server = await startRedisServer();
    return { driver: openRedisServerDriver(server.url), remove: () => server.stop() };
  });
});

describe('the Redis endpoint before a server that is not there', () => {
  it('answers 503 without naming the server', async () => {
    const driver = openRedisServerDriver('redis://:hidden@127.0.0.1:1');
    const token = newToken();
    const endpoint = await startRedisEndpoint({ driver, token });
    const answer = await fetch(endpoint.url, {
      method: 'POST',
      body: '["PING"]',
      headers: { authorization: `Bearer ${token}` },
    });
    expect(answer.status).toBe(503);
    expect(await answer.json()).toEqual({ error: 'ERR Redis cannot be reached' });
    await endpoint.close();
    await driver.close();
  });
});
