/** Limits over HTTP, section 1.9 of the contract: who is counted where, what is said, and what holds without Redis. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ERROR_TABLE } from '../contract/error-table.ts';
import {
  ADMIN,
  type Answer,
  type Isolate,
  type LimitedService,
  openLimitedService,
  withinOneWindow,
} from '../support/limited-service.ts';
import { hasRedisServer, type RedisServer, startRedisServer } from '../support/redis-server.ts';

let server: RedisServer | undefined;
let service: LimitedService;
let isolate: Isolate;
beforeAll(async () => {
  server = hasRedisServer() ? await startRedisServer() : undefined;
  service = await openLimitedService({ redisUrl: server?.url });
});
beforeEach(() => {
  isolate = service.isolate();
});
afterEach(async () => {
  await service.databaseProxy.restore();
  await service.redisProxy.restore();
});
afterAll(async () => {
  await service?.stop();
  await server?.stop();
});

/** A machine that is busy elsewhere may let the 300 ms pass that Redis has, and an isolate then counts alone. */
const WITH_REDIS = { retry: 3 };

let count = 0;
/** A patient, an address or an account that nobody else has. */
function fresh(kind: string): string {
  count += 1;
  return `${kind}-${count}`;
}
const address = () => fresh('192.0.2');

const standing = ({ headers }: Answer) =>
  ['limit', 'remaining', 'reset'].map((name) => headers.get(`x-ratelimit-${name}`));

function expectLimited(answer: Answer, limit: number): void {
  const { error, message } = ERROR_TABLE.RATE_LIMITED;
  expect(answer.status, JSON.stringify(answer.body)).toBe(429);
  expect(answer.body).toStrictEqual({
    success: false,
    code: 'RATE_LIMITED',
    error,
    message,
    request_id: answer.headers.get('x-request-id'),
    timestamp: expect.any(String),
    retry_after: expect.any(Number),
  });
  const wait = Number(answer.body.retry_after);
  expect(wait).toBeGreaterThanOrEqual(1);
  expect(wait).toBeLessThanOrEqual(60);
  expect(answer.headers.get('retry-after')).toBe(String(wait));
  const [shown, remaining, reset] = standing(answer);
  expect([shown, remaining]).toEqual([String(limit), '0']);
  expect(Math.abs(Number(reset) - Date.now() / 1000 - wait)).toBeLessThan(3);
}

/** Sends the same request until it is refused; gives how many were not. */
async function admitted(send: (index: number) => Promise<Answer>, tries: number): Promise<number> {
  for (let index = 0; index < tries; index += 1) {
    const { status } = await send(index);
    if (status === 429) return index;
  }
  return tries;
}

/** Many at the same moment, in waves that one process can serve; gives how many were not refused. */
async function admittedAtOnce(send: (index: number) => Promise<Answer>, tries: number): Promise<number> {
  const wave = 15;
  let admitted = 0;
  for (let from = 0; from < tries; from += wave) {
    const indexes = Array.from({ length: Math.min(wave, tries - from) }, (_, index) => from + index);
    const answers = await Promise.all(indexes.map(send));
    admitted += answers.filter(({ status }) => status !== 429).length;
  }
  return admitted;
}

const enter = (at: Isolate, user: string, ip: string) =>
  at.send('POST', '/api/v1/queue/enter', { json: { clinic: 'lab', user }, ip });
const login = (at: Isolate, username: string, ip: string, password = 'wrong') =>
  at.send('POST', '/api/v1/auth/login', { json: { username, password }, ip });

async function adminToken(): Promise<string> {
  const { body } = await login(service.isolate(), ADMIN.username, address(), ADMIN.password);
  return String(body.token);
}

describe('a counted answer', WITH_REDIS, () => {
  it('says where the caller stands in the tightest limit', async () => {
    await withinOneWindow(5_000);
    const [user, ip] = [fresh('patient'), address()];
    const first = await enter(isolate, user, ip);
    expect(first.status).toBe(200);
    const [limit, remaining, reset] = standing(first);
    expect([limit, remaining]).toEqual(['60', '59']);
    expect(Number(reset)).toBeGreaterThan(Date.now() / 1000);
    expect(standing(await enter(isolate, user, ip))[1]).toBe('58');
    const read = await isolate.send('GET', `/api/v1/route/get?patientId=${user}`, { ip });
    expect([read.status, ...standing(read).slice(0, 2)]).toEqual([404, '600', '599']);
    const anonymous = await isolate.send('GET', '/api/v1/queue/status?clinic=lab', { ip });
    expect(standing(anonymous).slice(0, 2)).toEqual(['3000', '2998']);
  });

  it('is also one that refuses the request for another reason', async () => {
    const ip = address();
    const malformed = await isolate.send('POST', '/api/v1/queue/enter', { json: { clinic: 'lab' }, ip });
    expect([malformed.status, standing(malformed)[0]]).toEqual([400, '60']);
    const wrong = await isolate.send('GET', '/api/v1/queue/status', { ip });
    expect([wrong.status, standing(wrong)[0]]).toEqual([400, '3000']);
  });

  it('with a wrong PIN says how many tries are left instead', async () => {
    const [user, ip] = [fresh('patient'), address()];
    await enter(isolate, user, ip);
    const json = { clinic: 'lab', user, pin: 'x' };
    const answer = await isolate.send('POST', '/api/v1/queue/done', { json, ip });
    expect([answer.status, ...standing(answer).slice(0, 2)]).toEqual([403, '5', '4']);
  });
});

describe('what is never counted', () => {
  it.each([
    ['GET', '/api/v1/queue/position?clinic=lab&user=nobody'],
    ['GET', '/health'],
    ['GET', '/health/live'],
    ['GET', '/health/ready'],
    ['GET', '/api/health'],
    ['GET', '/api/v1/health'],
    ['GET', '/api/v1/health/status'],
    ['GET', '/api/v1/status'],
    ['GET', '/metrics'],
    ['POST', '/api/system/tick'],
    ['OPTIONS', '/api/v1/queue/enter'],
  ])('has no standing and asks Redis nothing: %s %s', async (method, path) => {
    await isolate.send('GET', '/health');
    const before = service.cloud.redis.requestCount();
    const answer = await isolate.send(method, path, { ip: address() });
    expect(answer.status).not.toBe(429);
    expect(standing(answer)).toEqual([null, null, null]);
    // Health asks whether Redis answers, at most once a second.
    if (!/health|status/.test(path)) expect(service.cloud.redis.requestCount()).toBe(before);
  });
});

describe('the limit of', WITH_REDIS, () => {
  it('writes is 60 a minute for a session, whatever its addresses', async () => {
    await withinOneWindow(15_000);
    const user = fresh('patient');
    expect(await admitted(() => enter(isolate, user, address()), 80)).toBe(60);
    expectLimited(await enter(isolate, user, address()), 60);
    expect((await enter(isolate, fresh('patient'), address())).status).toBe(200);
    expect(isolate.rejections()).toEqual({ write: 2 });
  }, 120_000);

  it('writes of one address holds with a fresh id in each as well', async () => {
    await withinOneWindow(15_000);
    const ip = address();
    const own = service.isolate({ RATE_LIMITS: '{"write_ip":60}' });
    expect(await admitted(() => enter(own, fresh('patient'), ip), 80)).toBe(60);
    expectLimited(await enter(own, fresh('patient'), ip), 60);
    expect(own.rejections()).toEqual({ write_ip: 2 });
  }, 120_000);

  it('writes of one address holds with a fresh IPv6 address of the same network in each', async () => {
    await withinOneWindow(15_000);
    const own = service.isolate({ RATE_LIMITS: '{"write_ip":6}' });
    const from = (network: string) => (index: number) =>
      enter(own, fresh('patient'), `2001:db8:${network}::${(index + 1).toString(16)}`);
    expect(await admitted(from('a:1'), 10)).toBe(6);
    expect((await from('a:2')(0)).status).toBe(200);
  }, 60_000);

  it('an admin’s writes is 240 a minute, from any address, and the public’s stays 60', async () => {
    await withinOneWindow(15_000);
    const token = await adminToken();
    const call = () =>
      isolate.send('POST', '/api/v1/queue/call', { json: { clinic: 'bones' }, token, ip: address() });
    expect(standing(await call()).slice(0, 2)).toEqual(['240', '239']);
    expect(await admitted(call, 300)).toBe(239);
    expectLimited(await call(), 240);
  }, 120_000);

  it('attempts to log in is 5 a minute for address and name, and 20 for the name', async () => {
    await withinOneWindow(15_000);
    const [name, ip] = [fresh('account'), address()];
    expect(await admitted(() => login(isolate, name, ip), 10)).toBe(5);
    expectLimited(await login(isolate, name, ip), 5);
    expect((await login(isolate, fresh('account'), ip)).status).toBe(401);
    // The refused ones did not count for the name: three more addresses get five each.
    for (let more = 0; more < 3; more += 1) {
      const other = address();
      expect(await admitted(() => login(isolate, name, other), 10)).toBe(5);
    }
    expectLimited(await login(isolate, name, address()), 20);
    const limited = isolate.rejections();
    expect([limited.admin_login, limited.login_account]).toEqual([5, 1]);
  }, 120_000);

  it('attempts to log in is not used up by whoever else writes behind the same address', async () => {
    await withinOneWindow(8_000);
    const own = service.isolate({ RATE_LIMITS: '{"write_ip":3}' });
    const ip = address();
    expect(await admitted(() => enter(own, fresh('patient'), ip), 6)).toBe(3);
    expect((await login(own, ADMIN.username, ip, ADMIN.password)).status).toBe(200);
  });

  it.each(['Redis', 'the database'])(
    'attempts to log in holds for one address with a fresh name in each, in %s',
    async (where) => {
      await withinOneWindow(20_000);
      if (where !== 'Redis') await service.redisProxy.down();
      const own = service.isolate({ RATE_LIMITS: '{"login_ip":8}' });
      const ip = address();
      expect(await admitted(() => login(own, fresh('account'), ip), 12)).toBe(8);
      const name = fresh('account');
      expectLimited(await login(own, name, ip), 8);
      expect(own.rejections()).toEqual({ admin_login: 2 });
      // What the address was refused is not the account's.
      const standingOf = standing(await login(own, name, address()));
      expect(standingOf.slice(0, 2)).toEqual(['5', '4']);
    },
    60_000,
  );

  it('reads is per session id, where there is one', async () => {
    await withinOneWindow(8_000);
    const own = service.isolate({ RATE_LIMITS: '{"read":20}' });
    const user = fresh('patient');
    const read = () => own.send('GET', `/api/v1/route/get?patientId=${user}`, { ip: address() });
    expect(await admitted(read, 40)).toBe(20);
    expectLimited(await read(), 20);
    expect((await own.send('GET', '/api/v1/stats/queues', { ip: address() })).status).toBe(200);
  });

  it('a waiting room of 200 patients behind one address is never reached', async () => {
    const ip = address();
    const refused = await admitted(async (index) => {
      const json = { patientId: String(20_000_000 + index), gender: 'male' };
      const logged = await isolate.send('POST', '/api/v1/patient/login', { json, ip });
      const { id } = logged.body.data as { id: string };
      const answers = [
        logged,
        await isolate.send('POST', '/api/v1/route/create', { json: { user: id, examType: 'courses' }, ip }),
        await enter(isolate, id, ip),
        await isolate.send('GET', `/api/v1/queue/position?clinic=lab&user=${id}`, { ip }),
        await isolate.send('GET', '/api/v1/pin/status?clinic=lab', { ip }),
        await isolate.send('GET', `/api/v1/route/get?patientId=${id}`, { ip }),
      ];
      return answers.find(({ status }) => status !== 200) ?? logged;
    }, 200);
    expect(refused).toBe(200);
    expect(isolate.rejections()).toEqual({});
  }, 120_000);
});

describe('three isolates', WITH_REDIS, () => {
  it('share each limit: 4 to 40 times as many requests get it exactly once', async () => {
    const limits = { RATE_LIMITS: '{"write":5}' };
    const isolates = [service.isolate(limits), service.isolate(limits), service.isolate(limits)];
    for (const factor of [4, 10, 40]) {
      await withinOneWindow(10_000);
      const user = fresh('patient');
      const json = { patientId: user, examType: 'courses' };
      const send = (index: number) =>
        (isolates[index % 3] ?? isolate).send('POST', '/api/v1/path/choose', { json, ip: address() });
      const got = await admittedAtOnce(send, 5 * factor);
      console.log(`${factor}x: ${5 * factor} requests at once on three isolates, admitted ${got} of 5`);
      expect(got).toBe(5);
    }
  }, 120_000);

  it('share the limit of logins', async () => {
    await withinOneWindow(8_000);
    const isolates = [isolate, service.isolate(), service.isolate()];
    const [name, ip] = [fresh('account'), address()];
    const got = await admittedAtOnce((index) => login(isolates[index % 3] ?? isolate, name, ip), 30);
    expect(got).toBe(5);
  });
});

describe('the order of the checks', WITH_REDIS, () => {
  it('is: limit, then permission, then fields', async () => {
    await withinOneWindow(8_000);
    const ip = address();
    const call = () => isolate.send('POST', '/api/v1/queue/call', { json: {}, ip });
    expect((await call()).status).toBe(401);
    expect(await admitted(call, 80)).toBe(59);
    expectLimited(await call(), 60);
  });

  it('puts the limit of what the cache answers first as well', async () => {
    await withinOneWindow(8_000);
    const own = service.isolate({ RATE_LIMITS: '{"read_ip":3}' });
    const ip = address();
    const paths = ['/api/v1/queue/status?clinic=lab', '/api/v1/stats/queues', '/api/v1/stats/dashboard'];
    for (const path of paths) expect((await own.send('GET', path, { ip })).status).toBe(200);
    for (const path of [...paths, '/api/v1/queue/status', '/api/v1/queue/status?clinic=nowhere']) {
      const queries = service.cloud.postgres.queryCount();
      expectLimited(await own.send('GET', path, { ip }), 3);
      expect(service.cloud.postgres.queryCount()).toBe(queries);
    }
  });
});

describe('Redis', WITH_REDIS, () => {
  it('is asked once for all limits of a request', async () => {
    const [user, ip] = [fresh('patient'), address()];
    await isolate.send('GET', `/api/v1/route/get?patientId=${user}`, { ip });
    const before = service.cloud.redis.requestCount();
    await isolate.send('GET', `/api/v1/path/choose?patientId=${user}&examType=courses`, { ip });
    expect(service.cloud.redis.requestCount() - before).toBe(1);
  });

  it('is asked for the limits and for the cached value in one request, and the database not at all', async () => {
    const ip = address();
    const paths = ['/api/v1/stats/queues', '/api/v1/stats/dashboard', '/api/v1/queue/status?clinic=lab'];
    for (const path of paths) {
      const costs = [];
      // The first look fills the cache; what was read two seconds ago is read anew.
      for (let look = 0; look < 4; look += 1) {
        const before = [service.cloud.redis.requestCount(), service.cloud.postgres.queryCount()] as const;
        const answer = await isolate.send('GET', path, { ip });
        expect([answer.status, standing(answer)[0]]).toEqual([200, '3000']);
        const redis = service.cloud.redis.requestCount() - before[0];
        costs.push([redis, service.cloud.postgres.queryCount() - before[1]]);
      }
      expect(costs, path).toContainEqual([1, 0]);
    }
  });

  it('is not asked again while a refusal stands', async () => {
    await withinOneWindow(8_000);
    const [name, ip] = [fresh('account'), address()];
    await admitted(() => login(isolate, name, ip), 10);
    const before = service.cloud.redis.requestCount();
    for (let more = 0; more < 20; more += 1) expectLimited(await login(isolate, name, ip), 5);
    expect(service.cloud.redis.requestCount()).toBe(before);
  });

  it('holds keyed hashes, and no id, name or address', async () => {
    const marks = [fresh('marked-patient'), fresh('marked-account'), fresh('198.51.100')] as const;
    const [user, name, ip] = marks;
    await enter(isolate, user, ip);
    await login(isolate, name, ip);
    await isolate.send('GET', `/api/v1/route/get?patientId=${user}`, { ip });
    const reply = await fetch(service.cloud.redisUrl, {
      method: 'POST',
      headers: { authorization: `Bearer ${service.cloud.redisToken}` },
      body: JSON.stringify(['KEYS', '*']),
    });
    const keys = ((await reply.json()) as { result: string[] }).result;
    const limits = keys.filter((key) => key.includes(':limit:'));
    expect(limits.length).toBeGreaterThanOrEqual(6);
    for (const key of limits) expect(key).toMatch(/^test:limit:[a-z_]+:[0-9a-f]{32}:\d+$/);
    for (const mark of marks) expect(keys.join()).not.toContain(mark);
  });
});

describe('without Redis', () => {
  const settings = { RATE_LIMITS: '{"write":10,"write_ip":30,"read":10,"read_ip":30}' };

  it.each(['gone', 'not configured'])('each isolate counts in its memory: %s', async (how) => {
    await withinOneWindow(10_000);
    if (how === 'gone') await service.redisProxy.down();
    const own = service.isolate({
      ...settings,
      ...(how !== 'gone' && { UPSTASH_REDIS_REST_URL: undefined, UPSTASH_REDIS_REST_TOKEN: undefined }),
    });
    const [user, ip] = [fresh('patient'), address()];
    expect(await admitted(() => enter(own, user, address()), 40)).toBe(10);
    expectLimited(await enter(own, user, address()), 10);
    expect(await admitted(() => enter(own, fresh('patient'), ip), 40)).toBe(30);
    const read = () => own.send('GET', `/api/v1/route/get?patientId=${user}`, { ip: address() });
    expect(await admitted(read, 40)).toBe(10);
    const other = service.isolate(settings);
    expect((await enter(other, user, address())).status).toBe(200);
  });

  it('attempts to log in are counted in the database, for all isolates together, with one question', async () => {
    await withinOneWindow(15_000);
    await service.redisProxy.down();
    const isolates = [isolate, service.isolate(), service.isolate()];
    const [name, ip] = [fresh('account'), address()];
    // The first request of an isolate asks the database for its service day.
    for (const each of isolates) await each.send('GET', '/api/v1/queue/status?clinic=lab', { ip: address() });
    const before = service.cloud.postgres.queryCount();
    const got = await admittedAtOnce((index) => login(isolates[index % 3] ?? isolate, name, ip), 24);
    expect(got).toBe(5);
    expect(service.cloud.postgres.queryCount() - before).toBe(24 + 5);
    expectLimited(await login(isolate, name, ip), 5);
    for (let more = 0; more < 3; more += 1) {
      const other = address();
      expect(await admitted(() => login(isolate, name, other), 10)).toBe(5);
    }
    expectLimited(await login(isolate, name, address()), 20);
    const { rows } = await service.cloud.driver.query({
      query: `select string_agg(client_id || endpoint, ' ') from rate_limits`,
      params: [],
    });
    expect(String(rows[0]?.[0])).not.toContain(name);
  }, 120_000);

  it('and without the database nobody logs in', async () => {
    await service.redisProxy.down();
    await service.databaseProxy.down();
    for (let attempt = 0; attempt < 8; attempt += 1) {
      const answer = await login(isolate, ADMIN.username, address(), ADMIN.password);
      expect([answer.status, answer.body.code]).toEqual([503, 'DATABASE_UNAVAILABLE']);
    }
  });
});

describe('without the database', () => {
  it('its 503 does not wait for Redis', async () => {
    await service.databaseProxy.down();
    const ip = address();
    for (let request = 0; request < 6; request += 1) await enter(isolate, fresh('patient'), ip);
    const before = service.cloud.redis.requestCount();
    const answer = await enter(isolate, fresh('patient'), ip);
    expect([answer.status, answer.body.code]).toEqual([503, 'DATABASE_UNAVAILABLE']);
    expect(service.cloud.redis.requestCount()).toBe(before);
  });
});

describe('RATE_LIMITS', () => {
  it('off counts nothing, and is refused outside of tests', async () => {
    const free = service.isolate({ RATE_LIMITS: 'off' });
    const [user, ip] = [fresh('patient'), address()];
    const answer = await enter(free, user, ip);
    expect([answer.status, ...standing(answer)]).toEqual([200, null, null, null]);
    expect(await admitted(() => enter(free, user, ip), 70)).toBe(70);
    for (const ENVIRONMENT of ['production', 'development']) {
      expect(() => service.isolate({ RATE_LIMITS: 'off', ENVIRONMENT })).toThrow(
        'The setting RATE_LIMITS may be off only where ENVIRONMENT is test',
      );
    }
  });
});

describe('wrong emergency codes', () => {
  const enqueue = (at: Isolate, emergencyCode: string, ip: string) =>
    at.send('POST', '/api/patient/enqueue', {
      json: { patientId: fresh('patient'), examType: 'cooks', gender: 'male', emergencyCode },
      ip,
    });

  it('are five a minute for an address, on three isolates at once and without Redis too', async () => {
    await withinOneWindow(8_000);
    await service.redisProxy.down();
    const isolates = [isolate, service.isolate(), service.isolate()];
    const ip = address();
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, index) => enqueue(isolates[index % 3] ?? isolate, '999999', ip)),
    );
    const codes = answers.map(({ body }) => body.code);
    expect(codes.filter((code) => code === 'INVALID_EMERGENCY_CODE')).toHaveLength(5);
    expect(codes.filter((code) => code === 'RATE_LIMITED')).toHaveLength(25);
    const refused = await enqueue(isolate, '999999', ip);
    expectLimited(refused, 5);
    expect(isolate.rejections()).toMatchObject({ emergency: expect.any(Number) });
    expect((await enqueue(isolate, '999999', address())).body.code).toBe('INVALID_EMERGENCY_CODE');
  });

  it('lock the right one out with them, and not those who send none', async () => {
    await withinOneWindow(8_000);
    const token = await adminToken();
    const set = { type: 'system', settings: { emergency_pin: '246810' } };
    // The test of an admin's writes may have spent those of this minute.
    const staff = service.isolate({ RATE_LIMITS: '{"write_admin":100000}' });
    const saved = await staff.send('POST', '/api/admin/settings', { json: set, token });
    expect(saved.status, JSON.stringify(saved.body)).toBe(200);
    const ip = address();
    expect((await enqueue(isolate, '246810', ip)).status).toBe(200);
    expect(await admitted(() => enqueue(isolate, '111111', ip), 10)).toBe(5);
    expectLimited(await enqueue(isolate, '246810', ip), 5);
    const json = { patientId: fresh('patient'), examType: 'cooks', gender: 'male' };
    expect((await isolate.send('POST', '/api/patient/enqueue', { json, ip })).status).toBe(200);
  });

  it('are twenty a day', async () => {
    const { driver } = service.cloud;
    const check = async (now: string) => {
      const { rows } = await driver.query({
        query: 'select check_emergency_code($1::jsonb)',
        params: [JSON.stringify({ emergency_code: '1', ip_hash: 'one address', now })],
      });
      return JSON.parse(String(rows[0]?.[0])) as Record<string, unknown>;
    };
    for (let minute = 0; minute < 20; minute += 1) {
      const at = `2031-03-01T10:${String(2 * minute).padStart(2, '0')}:30Z`;
      expect((await check(at)).code).toBe('INVALID_EMERGENCY_CODE');
    }
    const full = await check('2031-03-01T12:00:00Z');
    expect(full).toMatchObject({ code: 'RATE_LIMITED', policy: 'emergency', limit: 20, remaining: 0 });
    expect(full.reset).toBe(Date.parse('2031-03-02T10:00:00Z') / 1000);
    expect((await check('2031-03-02T09:59:00Z')).code).toBe('RATE_LIMITED');
    expect((await check('2031-03-02T10:00:01Z')).code).toBe('INVALID_EMERGENCY_CODE');
  });
});
