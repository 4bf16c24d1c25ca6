/** What a caller gets when a setting is wrong, the database or Redis is gone, or something unforeseen happens. */
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createApp } from '../../src/app.ts';
import { BREAKER_CONFIGS, CircuitBreaker } from '../../src/lib/circuit-breaker.ts';
import { readConfig } from '../../src/lib/config.ts';
import { createDatabase, type Database, DatabaseError } from '../../src/lib/database.ts';
import type { LogFields } from '../../src/lib/log.ts';
import { createRedis } from '../../src/lib/redis.ts';
import { createServices } from '../../src/lib/services.ts';
import { ERROR_TABLE, type ErrorCode } from '../contract/error-table.ts';
import { type TcpProxy, tcpProxyTo } from '../support/tcp-proxy.ts';
import {
  type Answer,
  type Application,
  type Instance,
  openApplication,
  openInstance,
} from './application.ts';

let app: Application;
let databaseProxy: TcpProxy;
let redisProxy: TcpProxy;
beforeAll(async () => {
  app = await openApplication();
  databaseProxy = await tcpProxyTo(Number(new URL(app.cloud.databaseUrl).port));
  redisProxy = await tcpProxyTo(Number(new URL(app.cloud.redisUrl).port));
});
afterEach(async () => {
  await databaseProxy.restore();
  await redisProxy.restore();
});
afterAll(async () => {
  await databaseProxy?.close();
  await redisProxy?.close();
  await app?.stop();
});

/** A new instance, which reaches its database and its Redis through the proxies. */
function instance(settings: Readonly<Record<string, string | undefined>> = {}): Instance {
  const through = (url: string, { port }: TcpProxy) => {
    const changed = new URL(url);
    changed.port = String(port);
    return changed.href;
  };
  return app.instance({
    DATABASE_URL: through(app.cloud.databaseUrl, databaseProxy),
    UPSTASH_REDIS_REST_URL: through(app.cloud.redisUrl, redisProxy),
    ...settings,
  });
}

/** One request of each route that needs the database. */
const NEEDS_DATABASE = [
  ['POST', '/api/v1/patient/login', { patientId: '1234', gender: 'male' }],
  ['POST', '/admin/login', { username: 'a', password: 'b' }],
  ['POST', '/api/v1/queue/enter', { clinic: 'lab', user: 'gone' }],
  ['GET', '/api/queue/status?clinicId=lab', undefined],
  ['GET', '/api/v1/queue/position?clinic=lab&user=gone', undefined],
  ['POST', '/api/v1/queue/done', { clinic: 'lab', user: 'gone', pin: '11' }],
  ['POST', '/api/v1/clinic/exit', { clinic: 'lab', user: 'gone', pin: '11' }],
  ['GET', '/api/v1/pin/status', undefined],
  ['POST', '/api/v1/route/create', { patientId: 'gone', examType: 'courses' }],
  ['GET', '/api/v1/route/get?patientId=gone', undefined],
] as const;

const HEALTH_PATHS = ['/health', '/api/health', '/api/v1/health', '/api/v1/health/status', '/api/v1/status'];

function expectCode({ status, body, headers }: Answer, code: ErrorCode, message?: string): void {
  const row: { status: number; error: string; message?: string } = ERROR_TABLE[code];
  expect(body).toMatchObject({
    success: false,
    code,
    error: row.error,
    message: message ?? row.message ?? row.error,
    request_id: headers.get('x-request-id'),
  });
  expect(status).toBe(row.status);
  expect(headers.get('access-control-allow-origin')).toBe('*');
  expect(headers.get('x-served-by')).toBe('node');
}

describe('a setting', () => {
  // Where no setting can be read, LOG_LEVEL cannot either.
  beforeAll(() => {
    const spy = vi.spyOn(console, 'info').mockImplementation(() => {});
    return () => spy.mockRestore();
  });

  const RIGHT = {
    DATABASE_URL: 'postgresql://secret-user:secret-password@127.0.0.1:1/none',
    JWT_SECRET: 'a secret for tests, of thirty-two characters',
  };

  it.each([
    ['DATABASE_URL', undefined],
    ['DATABASE_URL', 'mysql://secret-user:secret-password@host/db'],
    ['JWT_SECRET', undefined],
    ['JWT_SECRET', 'secret but short'],
    ['TIMEZONE', 'secret/zone'],
    ['SERVICE_DAY_START', 'secret'],
    ['LONG_POLL_SECONDS', 'secret'],
    ['ENVIRONMENT', 'secret'],
    ['UPSTASH_REDIS_REST_URL', 'secret'],
  ])(
    'that is missing or malformed is named to every caller, and its value never shown: %s=%s',
    async (name, value) => {
      const instance = openInstance({ ...RIGHT, [name]: value });
      for (const [method, path, json] of [...NEEDS_DATABASE, ['GET', '/health', undefined] as const]) {
        const answer = await instance.send(method, path, json && { json });
        expectCode(answer, 'BAD_ENVIRONMENT', `The setting ${name} is missing or malformed`);
        expect(JSON.stringify(answer.body)).not.toContain('secret');
      }
      expectCode(await instance.send('GET', '/nowhere'), 'NOT_FOUND');
    },
  );

  it.each([
    ['TIMEZONE', 'Europe/Berlin'],
    ['SERVICE_DAY_START', '05:00'],
  ])('of the service day that the database does not share is refused: %s', async (name, value) => {
    const other = instance({ [name]: value });
    for (const [method, path, json] of NEEDS_DATABASE) {
      const answer = await other.send(method, path, json && { json });
      expectCode(answer, 'BAD_ENVIRONMENT', `The setting ${name} does not agree with the database`);
      expect(JSON.stringify(answer.body)).not.toContain(value);
    }
    // Those that agree are served, and nothing was entered under another day.
    const { body } = await instance().send('GET', '/api/v1/queue/status?clinic=lab');
    expect(body).toMatchObject({ success: true, total: 0 });
  });
});

describe('without the database', () => {
  it('each request is a 503 that says when to come back, before and after the breaker opens', async () => {
    const { send } = instance();
    const token = await app.login();
    expect((await send('GET', '/api/v1/pin/status', { token })).status).toBe(200);
    await databaseProxy.down();

    for (const [method, path, json] of NEEDS_DATABASE.slice(0, 5)) {
      const answer = await send(method, path, json && { json });
      expectCode(answer, 'DATABASE_UNAVAILABLE');
      expect(answer.headers.get('retry-after')).toBe(String(answer.body.retry_after));
      expect(answer.body.retry_after).toBeGreaterThan(0);
    }

    // That these come within 10 ms is measured in open-breaker-load.test.ts.
    for (const [method, path, json] of NEEDS_DATABASE) {
      const answer = await send(method, path, { ...(json && { json }), token });
      expectCode(answer, 'DATABASE_UNAVAILABLE');
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(Number(answer.headers.get('retry-after'))).toBeLessThanOrEqual(60);
    }

    // What needs no database goes on, and so does telling a wrong request from a right one.
    expect((await send('GET', '/health/live')).status).toBe(200);
    expect((await send('GET', '/api/v1/path/choose?gender=male')).status).toBe(200);
    const wrong = await send('POST', '/api/v1/queue/enter', { json: { clinic: 'lab', user: 'a b' } });
    expect([wrong.status, wrong.body.code]).toEqual([400, 'INVALID_FIELD']);
  });

  it('health says so in full, and stays honest about Redis', async () => {
    await databaseProxy.down();
    const { send } = instance();
    for (const path of [...HEALTH_PATHS, '/health/ready']) {
      const answer = await send('GET', path);
      expectCode(answer, 'DATABASE_UNAVAILABLE');
      expect(answer.headers.get('retry-after')).toBe(String(answer.body.retry_after));
      expect(answer.body).toMatchObject({
        ok: false,
        status: 'down',
        mode: 'offline',
        backend: 'down',
        worker: 'up',
        kv: { admin: false, pins: false, queues: false, events: false, locks: false, cache: false },
        checks: {
          database: { ok: false, latency_ms: null },
          redis: { ok: true, configured: true, breaker: 'CLOSED' },
        },
      });
      if (path === '/health/ready') expect(answer.body.schema_version_db).toBeNull();
    }
  });

  it('health shows the open breaker', async () => {
    await databaseProxy.down();
    const own = instance();
    for (let count = 0; count < 5; count += 1)
      await own.send('GET', '/api/v1/queue/position?clinic=lab&user=x');
    const { body } = await own.send('GET', '/health');
    expect(body).toMatchObject({ checks: { database: { ok: false, breaker: 'OPEN' } } });
  });

  it('whoever is held gets an answer as soon as the cache no longer knows', async () => {
    const { send } = instance({ LONG_POLL_SECONDS: '5' });
    const path = '/api/v1/queue/position?clinic=lab&user=holds-on';
    await send('POST', '/api/v1/queue/enter', { json: { clinic: 'lab', user: 'holds-on' } });
    const tag = (await send('GET', path)).headers.get('etag') ?? '';
    const pending = send('GET', path, { headers: { 'If-None-Match': tag } });
    const pause = new Promise<'held'>((wake) => setTimeout(() => wake('held'), 200));
    expect(await Promise.race([pending, pause])).toBe('held');
    await databaseProxy.down();
    expectCode(await pending, 'DATABASE_UNAVAILABLE');
  });

  it('an outage that was short is over when the database is back', async () => {
    const { send } = instance();
    const path = '/api/v1/queue/position?clinic=lab&user=short-outage';
    await send('POST', '/api/v1/queue/enter', { json: { clinic: 'lab', user: 'short-outage' } });
    expect((await send('GET', path)).status).toBe(200);
    await databaseProxy.down();
    expectCode(await send('GET', path), 'DATABASE_UNAVAILABLE');
    await databaseProxy.restore();
    expect((await send('GET', path)).status).toBe(200);
  });
});

/** What stands where a server is expected; asked one after the other. */
async function withEndpoint(listener: RequestListener, work: (url: string) => Promise<void>): Promise<void> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const answering =
  (status: number, text: string): RequestListener =>
  (_request, response) =>
    response.writeHead(status).end(text);

/** Redis' answer to a pipeline of one command. */
const refusing = (error: string) => answering(200, JSON.stringify([{ error }]));

/** The first half of an answer, and then the connection's end. */
const breakingOff: RequestListener = (_request, response) => {
  response.writeHead(200, { 'Content-Length': '100' }).write('{"rows":', () => response.destroy());
};

describe('a statement that the database gives up', () => {
  /** In place of a function: Postgres' own error for one that takes longer than it may. */
  async function tooSlow(name: string, work: () => Promise<void>): Promise<void> {
    await app.sql(`alter function ${name}(jsonb) rename to hidden_${name}`);
    await app.sql(
      `create function ${name}(p_args jsonb) returns jsonb language plpgsql stable as
       $$ begin raise exception using errcode = '57014'; end $$`,
    );
    try {
      await work();
    } finally {
      await app.sql(`drop function ${name}(jsonb)`);
      await app.sql(`alter function hidden_${name}(jsonb) rename to ${name}`);
    }
  }

  const breakerOf = async ({ send }: Instance) => {
    const { body } = await send('GET', '/health');
    return (body.checks as { database: { breaker: string } }).database.breaker;
  };

  it.each([
    ['get_report', '/api/v1/reports/annual'],
    ['report_history', '/api/v1/reports/history?type=daily'],
  ])('is a 503 for whoever asked for a long report, and keeps nobody else out: %s', async (name, path) => {
    const own = instance();
    const token = await app.login();
    await tooSlow(name, async () => {
      for (let count = 0; count < 6; count += 1) {
        const answer = await own.send('GET', path, { token });
        expectCode(answer, 'DATABASE_UNAVAILABLE');
        expect(answer.headers.get('retry-after')).toBe('5');
      }
      expect(await breakerOf(own)).toBe('CLOSED');
      expect((await own.send('GET', '/api/v1/pin/status', { token })).status).toBe(200);
      // Nor does it take back what others count against the database.
      await databaseProxy.down();
      for (let count = 0; count < 4; count += 1) await own.send('GET', '/api/v1/pin/status', { token });
      await databaseProxy.restore();
      await own.send('GET', path, { token });
      await databaseProxy.down();
      await own.send('GET', '/api/v1/pin/status', { token });
      expect(await breakerOf(own)).toBe('OPEN');
    });
  });

  it('is the database’s failure where nothing is known to be long', async () => {
    const own = instance();
    await tooSlow('queue_position', async () => {
      for (let count = 0; count < 5; count += 1) {
        expectCode(await own.send('GET', '/api/v1/queue/position?clinic=lab&user=x'), 'DATABASE_UNAVAILABLE');
      }
    });
    expect(await breakerOf(own)).toBe('OPEN');
  });
});

describe('a database endpoint', () => {
  const databaseAt = (url: string, onOutage = () => {}) =>
    createDatabase(
      { databaseUrl: `postgresql://u:p@${new URL(url).host}/none`, databaseHttpUrl: url },
      { onOutage },
    );

  it.each<[string, RequestListener]>([
    ['with another status', answering(503, 'upstream is away')],
    ['that asks for fewer requests', answering(429, '{"message":"too many"}')],
    ['with a refusal that is not Postgres’', answering(400, '{"message":"no such endpoint"}')],
    ['with a refusal that is no JSON', answering(400, '<html>')],
    ['with a page for an answer', answering(200, '<html>')],
    ['with JSON that holds no rows', answering(200, '{"status":"maintenance"}')],
    ['with nothing in JSON', answering(200, 'null')],
    ['whose answer breaks off', breakingOff],
  ])('%s is an outage, and opens the breaker', async (_what, listener) => {
    await withEndpoint(listener, async (url) => {
      let outages = 0;
      const database = databaseAt(url, () => {
        outages += 1;
      });
      for (let count = 0; count < 5; count += 1) {
        await expect(database.call('service_state', {})).rejects.toMatchObject({
          code: 'DATABASE_UNAVAILABLE',
        });
      }
      expect([outages, database.breaker.getState()]).toEqual([5, 'OPEN']);
    });
  });

  it('is not blamed for a mistake of ours: that is thrown as it is, and counted nowhere', async () => {
    await withEndpoint(answering(200, '{"fields":[],"rows":[]}'), async (url) => {
      let outages = 0;
      const database = databaseAt(url, () => {
        outages += 1;
      });
      const endless: Record<string, unknown> = {};
      endless.self = endless;
      for (let count = 0; count < 6; count += 1) {
        await expect(database.call('service_state', endless)).rejects.toBeInstanceOf(TypeError);
      }
      expect([outages, database.breaker.getState()]).toEqual([0, 'CLOSED']);
    });
  });
});

describe('a database whose schema is not this build’s', () => {
  it('that has none at all serves nobody, and is not ready', async () => {
    await app.sql('alter function service_state(jsonb) rename to hidden_service_state');
    const { send } = instance();
    for (const [method, path, json] of NEEDS_DATABASE) {
      expectCode(await send(method, path, json && { json }), 'DATABASE_UNAVAILABLE');
    }
    await app.sql('alter function stream_changes(jsonb) rename to hidden_stream_changes');
    expectCode(await send('GET', '/api/v1/events/stream?user=nobody'), 'DATABASE_UNAVAILABLE');
    await app.sql('alter function hidden_stream_changes(jsonb) rename to stream_changes');
    const ready = await send('GET', '/health/ready');
    expectCode(ready, 'DATABASE_UNAVAILABLE');
    expect(ready.body.schema_version_db).toBeNull();
    await app.sql('alter function hidden_service_state(jsonb) rename to service_state');
    expect((await send('GET', '/api/v1/queue/status?clinic=lab')).status).toBe(200);
  });

  it('that is older is served, and is not ready; one that is newer is both', async () => {
    const { sql } = app;
    await sql('delete from schema_migrations where version = (select max(version) from schema_migrations)');
    const older = instance();
    const notReady = await older.send('GET', '/health/ready');
    expectCode(notReady, 'DATABASE_UNAVAILABLE');
    expect(notReady.body).toMatchObject({ status: 'down', checks: { database: { ok: true } } });
    expect(String(notReady.body.schema_version_db) < String(notReady.body.schema_version)).toBe(true);
    expect((await older.send('GET', '/health')).body).toMatchObject({ status: 'healthy' });
    expect((await older.send('GET', '/api/v1/queue/status?clinic=lab')).status).toBe(200);

    await sql(`insert into schema_migrations (version, checksum) values ('9999_of_the_next_release', 'x')`);
    const ready = await instance().send('GET', '/health/ready');
    expect(ready.status).toBe(200);
    expect(ready.body.schema_version_db).toBe('9999_of_the_next_release');
  });
});

describe('without Redis', () => {
  it('health is degraded, and nothing that a person does fails', async () => {
    await redisProxy.down();
    const { send } = instance({ LONG_POLL_SECONDS: '1' });
    const token = await app.login();
    const ok = async (method: 'GET' | 'POST', path: string, json?: object, headers = {}) => {
      const answer = await send(method, path, { ...(json && { json }), token, headers });
      expect(answer.status, `${path} ${JSON.stringify(answer.body)}`).toBe(200);
      return answer;
    };
    const user = 'no-redis';
    await ok('POST', '/api/v1/patient/login', { patientId: '1234', gender: 'male' });
    await ok('POST', '/api/v1/route/create', { patientId: user, stations: ['lab', 'xray'] });
    await ok('POST', '/api/v1/queue/enter', { clinic: 'lab', user });
    const place = await ok('GET', `/api/v1/queue/position?clinic=lab&user=${user}`);
    const held = await send('GET', `/api/v1/queue/position?clinic=lab&user=${user}`, {
      headers: { 'If-None-Match': place.headers.get('etag') ?? '' },
    });
    expect(held.status).toBe(304);
    await ok('POST', '/api/v1/queue/call', { clinic: 'lab' });
    const { body: pins } = await ok('GET', '/api/v1/pin/status?clinic=lab');
    await ok('POST', '/api/v1/queue/done', { clinic: 'lab', user, pin: pins.currentPin });
    await ok('POST', '/api/v1/clinic/exit', { clinic: 'lab', user, pin: pins.currentPin });
    await ok('GET', '/api/v1/queue/status?clinic=lab');
    await ok('GET', `/api/v1/route/get?patientId=${user}`);
    await ok('POST', '/api/v1/pin/generate', {});

    for (const path of [...HEALTH_PATHS, '/health/ready']) {
      const { body } = await ok('GET', path);
      expect(body).toMatchObject({
        success: true,
        ok: true,
        status: 'degraded',
        mode: 'online',
        backend: 'up',
        checks: { database: { ok: true }, redis: { ok: false, configured: true, latency_ms: null } },
      });
      expect(body).not.toHaveProperty('code');
    }
  });

  it('by choice, health is healthy', async () => {
    const own = instance({ UPSTASH_REDIS_REST_URL: undefined, UPSTASH_REDIS_REST_TOKEN: undefined });
    const { status, body } = await own.send('GET', '/health');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      status: 'healthy',
      checks: { redis: { ok: false, configured: false, latency_ms: null, breaker: 'CLOSED' } },
    });
  });
});

describe('Redis that answers', () => {
  const fails = (part: ReturnType<typeof createRedis>) =>
    part?.run((client) => client.eval(`return redis.error_reply('ERR of a script')`, [], []));

  it.each(['ERR of a script', 'WRONGTYPE Operation against a key holding the wrong kind of value'])(
    'and refuses one command is neither down nor proven to be up: %s',
    async (error) => {
      let answer: RequestListener = answering(503, '{}');
      let now = 0;
      await withEndpoint(
        (request, response) => answer(request, response),
        async (url) => {
          const redis = createRedis({ redis: { url, token: 'none' } }, { now: () => now }, 20_000);
          const meet = async (listener: RequestListener) => {
            answer = listener;
            await expect(fails(redis)).rejects.toThrow();
            return redis?.breaker.getState();
          };
          const away = answering(503, '{}');
          expect([await meet(away), await meet(away), await meet(refusing(error))]).toEqual(
            Array(3).fill('CLOSED'),
          );
          expect(await meet(away)).toBe('OPEN');
          now += BREAKER_CONFIGS.redis.timeout;
          for (let count = 0; count < 4; count += 1) expect(await meet(refusing(error))).toBe('HALF_OPEN');
        },
      );
    },
  );

  it('and refuses a command is not down', async () => {
    const redis = createRedis(
      { redis: { url: app.cloud.redisUrl, token: app.cloud.redisToken } },
      {},
      20_000,
    );
    for (let count = 0; count < 4; count += 1) await expect(fails(redis)).rejects.toThrow('ERR of a script');
    expect(redis?.breaker.getState()).toBe('CLOSED');
  });

  it.each<[string, RequestListener]>([
    ['that it is away', answering(503, '{"error":"ERR Redis cannot be reached"}')],
    ['that too many ask', answering(429, '{"error":"ERR max requests limit exceeded"}')],
    ['with a page', answering(502, '<html>')],
    ['half', breakingOff],
    ...[
      "READONLY You can't write against a read only replica. script: 0, on @user_script:1.",
      "OOM command not allowed when used memory > 'maxmemory'.",
      'MISCONF Redis is configured to save RDB snapshots, but it is currently unable to persist to disk.',
      'BUSY Redis is busy running a script.',
      'LOADING Redis is loading the dataset in memory',
      'NOAUTH Authentication required.',
      'ERR max daily request limit exceeded. Limit: 10000',
    ].map((error): [string, RequestListener] => [error, refusing(error)]),
  ])('%s is', async (_what, listener) => {
    await withEndpoint(listener, async (url) => {
      const redis = createRedis({ redis: { url, token: 'none' } }, {}, 20_000);
      for (let count = 0; count < 3; count += 1) await expect(fails(redis)).rejects.toThrow();
      expect(redis?.breaker.getState()).toBe('OPEN');
    });
  });
});

describe('an error that nobody foresaw', () => {
  const SECRET = 'secret text of the inside: select * from admins';

  /** The application over a database that throws this, and what it logs. */
  function appThatThrows(error: unknown) {
    const logged: { level: string; fields: LogFields }[] = [];
    const database: Database = {
      call: () => Promise.reject(error),
      breaker: new CircuitBreaker(BREAKER_CONFIGS.database),
    };
    const config = readConfig({
      DATABASE_URL: 'postgresql://u:p@127.0.0.1:1/none',
      JWT_SECRET: 'a secret for tests, of thirty-two characters',
    });
    const services = createServices('node', config, {
      database,
      // The line that each request writes is not what these tests are about.
      log: (level, fields) => fields.event !== 'request' && logged.push({ level, fields }),
    });
    const built = createApp({ target: 'node', services: () => services, clientIp: () => '127.0.0.1' });
    return { logged, request: (path: string, init?: RequestInit) => built.request(path, init, {}) };
  }

  it.each([
    ['an Error', new Error(SECRET), 'Error'],
    ['an error of its own class', new RangeError(SECRET), 'RangeError'],
    ['what Postgres refused', new DatabaseError('22P02'), 'DatabaseError'],
  ])('is answered without its text, and logged by its class: %s', async (_name, error, name) => {
    const { logged, request } = appThatThrows(error);
    const response = await request('/api/v1/queue/status?clinic=lab&token=hidden');
    const text = await response.text();
    expect(response.status).toBe(500);
    expect(JSON.parse(text)).toStrictEqual({
      success: false,
      code: 'INTERNAL_ERROR',
      error: 'Internal server error',
      message: 'Internal server error',
      request_id: response.headers.get('x-request-id'),
      timestamp: expect.any(String),
    });
    expect(text).not.toMatch(/secret|22P02/);
    expect(logged).toEqual([
      {
        level: 'error',
        fields: expect.objectContaining({
          event: 'unhandled_error',
          request_id: response.headers.get('x-request-id'),
          error: name,
        }),
      },
    ]);
    expect(JSON.stringify(logged)).not.toMatch(/secret|hidden/);
  });

  it('in the building of the services is answered the same way', async () => {
    const built = createApp({
      target: 'node',
      services: () => {
        throw new Error(SECRET);
      },
      clientIp: () => '127.0.0.1',
    });
    const original = console.error;
    const lines: string[] = [];
    console.error = (line: string) => lines.push(line);
    try {
      const response = await built.request('/health', {}, {});
      expect(response.status).toBe(500);
      expect(await response.text()).not.toContain('secret');
    } finally {
      console.error = original;
    }
    expect(lines.join()).not.toContain('secret');
    expect(lines).toHaveLength(1);
  });

  it('is not a body that breaks off: that is the caller’s', async () => {
    const { logged, request } = appThatThrows(new Error(SECRET));
    const broken = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('{"clinic":'));
        controller.error(new Error('connection reset'));
      },
    });
    const init = { method: 'POST', body: broken, duplex: 'half' } as RequestInit;
    const response = await request('/api/v1/queue/enter', init);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'MALFORMED_BODY' });
    expect(logged).toEqual([]);
  });
});
