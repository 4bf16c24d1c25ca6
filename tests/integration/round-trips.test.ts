/**
 * What a request costs: one round trip to the database for everything that people and staff do all day, and none for
 * what everybody looks at.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, type Application, openApplication, type SendOptions } from './application.ts';

let app: Application;
let token: string;
beforeAll(async () => {
  app = await openApplication({ LONG_POLL_SECONDS: '0' });
  // Also the first request of this instance, which asks the database for its service day.
  token = await app.login();
});
afterAll(() => app?.stop());

let people = 0;
const newUser = () => {
  people += 1;
  return `trip-${people}`;
};

/** The answer to a request that must succeed, and the round trips it took. */
async function counted(method: 'GET' | 'POST', path: string, options: SendOptions = {}) {
  const { postgres, redis } = app.cloud;
  const before = {
    requests: postgres.requestCount(),
    queries: postgres.queryCount(),
    redis: redis.requestCount(),
  };
  const answer: Answer = await app.send(method, path, options);
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return {
    ...answer,
    requests: postgres.requestCount() - before.requests,
    queries: postgres.queryCount() - before.queries,
    redis: redis.requestCount() - before.redis,
  };
}

const ONE = { requests: 1, queries: 1 };

async function enter(clinic: string, user: string): Promise<void> {
  await counted('POST', '/api/v1/queue/enter', { json: { clinic, user } });
}

async function pinOf(clinic: string): Promise<string> {
  const { body } = await counted('GET', `/api/v1/pin/status?clinic=${clinic}`, { token });
  return String(body.currentPin);
}

describe('one round trip to the database', () => {
  it('enters a patient, also one who is there already', async () => {
    const user = newUser();
    const json = { clinic: 'lab', user };
    expect(await counted('POST', '/api/v1/queue/enter', { json })).toMatchObject({
      ...ONE,
      body: { entry_status: 'ENTERED' },
    });
    expect(await counted('POST', '/api/v1/queue/enter', { json })).toMatchObject({
      ...ONE,
      body: { entry_status: 'ALREADY_IN_QUEUE' },
    });
  });

  it('enters a patient with a route', async () => {
    const user = newUser();
    await counted('POST', '/api/v1/route/create', { json: { patientId: user, examType: 'courses' } });
    expect(await counted('POST', '/api/v1/queue/enter', { json: { clinic: 'eyes', user } })).toMatchObject(
      ONE,
    );
  });

  it('calls a patient, and checks that the token is not revoked', async () => {
    await enter('xray', newUser());
    expect(await counted('POST', '/api/v1/queue/call', { json: { clinic: 'xray' }, token })).toMatchObject(
      ONE,
    );
  });

  it('lets a patient out: PIN, tries, route and events', async () => {
    const user = newUser();
    await counted('POST', '/api/v1/route/create', { json: { patientId: user, stations: ['vitals', 'ecg'] } });
    await enter('vitals', user);
    const json = { clinic: 'vitals', user, pin: await pinOf('vitals') };
    expect(await counted('POST', '/api/v1/queue/done', { json })).toMatchObject({
      ...ONE,
      body: { next_clinic: 'ecg' },
    });
    expect(await counted('POST', '/api/v1/queue/done', { json })).toMatchObject(ONE);
    expect(await counted('POST', '/api/v1/clinic/exit', { json })).toMatchObject(ONE);
  });

  it('counts a wrong PIN', async () => {
    const user = newUser();
    await enter('audio', user);
    const { postgres } = app.cloud;
    const before = postgres.requestCount();
    const { status } = await app.send('POST', '/api/v1/queue/done', {
      json: { clinic: 'audio', user, pin: 'x' },
    });
    expect(status).toBe(403);
    expect(postgres.requestCount() - before).toBe(1);
  });

  it('tells a patient the place in line, and a tablet the line', async () => {
    const user = newUser();
    await enter('dental', user);
    expect(await counted('GET', `/api/v1/queue/position?clinic=dental&user=${user}`)).toMatchObject(ONE);
    expect(await counted('GET', '/api/v1/queue/status?clinic=dental')).toMatchObject(ONE);
    expect(await counted('GET', '/api/v1/queue/status?clinic=dental', { token })).toMatchObject(ONE);
  });

  it('logs a patient in, makes a route and finds it', async () => {
    const json = { patientId: '123456', gender: 'male' };
    expect(await counted('POST', '/api/v1/patient/login', { json })).toMatchObject(ONE);
    const patientId = newUser();
    const route = { json: { patientId, examType: 'recruitment' } };
    expect(await counted('POST', '/api/v1/route/create', route)).toMatchObject(ONE);
    expect(await counted('GET', `/api/v1/route/get?patientId=${patientId}`)).toMatchObject(ONE);
  });

  it('shows and replaces the PINs', async () => {
    expect(await counted('GET', '/api/v1/pin/status')).toMatchObject(ONE);
    expect(await counted('POST', '/api/v1/pin/generate', { json: { clinic: 'bones' }, token })).toMatchObject(
      ONE,
    );
  });

  it('logs an admin in', async () => {
    const before = app.cloud.postgres.requestCount();
    await app.login();
    expect(app.cloud.postgres.requestCount() - before).toBe(1);
  });
});

describe('what the cache holds', () => {
  it.each([
    ['the line of a clinic', '/api/v1/queue/status?clinic=lab'],
    ['a clinic under another name', '/api/v1/queue/status?clinic=clinic1'],
    ['the overview of all clinics', '/api/v1/admin/status'],
    ['the statistics', '/api/v1/stats/dashboard'],
    ['the rows of all clinics', '/api/v1/stats/queues'],
    ['the same rows for the oldest clients', '/api/v1/queue'],
    ['how busy the clinics are', '/api/queue/status'],
    ['the counts of one clinic', '/api/queue/status?clinicId=1'],
    ['the masked PINs', '/api/v1/pin/status'],
    ['the configuration of the page', '/config/clinic-pins'],
  ])('costs one hop to Redis and nothing else: %s', async (_name, path) => {
    let cost = await counted('GET', path);
    // The first asks the database; on a slow machine another one comes just when the value must be renewed.
    for (let more = 0; more < 5 && cost.requests > 0; more += 1) cost = await counted('GET', path);
    expect(cost).toMatchObject({ requests: 0, queries: 0, redis: 1 });
  });

  it('is asked in the hop of the rate limit', async () => {
    const limited = app.instance({ RATE_LIMITS: '' });
    const { postgres, redis } = app.cloud;
    const path = '/api/v1/stats/queues';
    await limited.send('GET', path);
    await limited.send('GET', path);
    const before = [postgres.requestCount(), redis.requestCount()] as const;
    const { status, headers } = await limited.send('GET', path);
    expect([status, headers.get('x-ratelimit-limit')]).toEqual([200, expect.any(String)]);
    expect([postgres.requestCount() - before[0], redis.requestCount() - before[1]]).toEqual([0, 1]);
    expect(headers.get('server-timing')).toMatch(/^db;dur=0\.0, redis;dur=(?!0\.0)/);
  });

  it('becomes old with one hop of the writer, before the writer has its answer', async () => {
    const hops: number[] = [];
    for (let total = 1; total <= 5; total += 1) {
      const json = { clinic: 'derma', user: newUser() };
      const { requests, redis } = await counted('POST', '/api/v1/queue/enter', { json });
      expect(requests).toBe(1);
      hops.push(redis);
      expect((await counted('GET', '/api/v1/queue/status?clinic=derma')).body.total).toBe(total);
    }
    // One that did not answer within its 300 ms is repeated.
    expect(Math.min(...hops)).toBe(1);
  });
});

describe('no round trip at all', () => {
  it('is needed for what the database has no part in', async () => {
    const before = app.cloud.postgres.requestCount();
    await app.send('GET', '/health/live');
    await app.send('GET', '/api/v1/path/choose?gender=male');
    await app.send('GET', '/auth/denied');
    await app.send('GET', '/nowhere');
    await app.send('POST', '/api/v1/queue/enter', { json: {} });
    await app.send('POST', '/api/v1/queue/enter', { json: { clinic: 'lab', user: 'a b' } });
    await app.send('POST', '/api/v1/queue/call', { json: { clinic: 'lab' } });
    await app.send('POST', '/api/v1/queue/call', { json: { clinic: 'lab' }, token: 'forged' });
    expect(app.cloud.postgres.requestCount() - before).toBe(0);
  });
});
