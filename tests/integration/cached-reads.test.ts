/** What a reader may see through the cache: never less than what a writer was answered before, whoever is slow or dies. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createApp } from '../../src/app.ts';
import { type Config, readConfig } from '../../src/lib/config.ts';
import type { Database } from '../../src/lib/database.ts';
import { familiesOf } from '../../src/lib/metrics.ts';
import { createServices, type Services } from '../../src/lib/services.ts';
import { SQL_FUNCTIONS } from '../../src/lib/sql-functions.ts';
import { type TcpProxy, tcpProxyTo } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { type Application, openApplication } from './application.ts';

const STATUS = '/api/v1/queue/status?clinic=';
const TTL = 2_000;

let app: Application;
let token: string;
let databaseProxy: TcpProxy;
let redisProxy: TcpProxy;
beforeAll(async () => {
  app = await openApplication();
  token = await app.login();
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

type Body = Readonly<Record<string, unknown>>;

/** One isolate through the proxies, with parts of a test's own. */
function isolate(
  replace: (services: Services) => Partial<Services> = () => ({}),
  settings: Readonly<Record<string, string>> = {},
) {
  const through = (url: string, { port }: TcpProxy) => url.replace(/:\d+(?=\/|$)/, `:${port}`);
  const config: Config = readConfig({
    ...app.environment,
    DATABASE_URL: through(app.cloud.databaseUrl, databaseProxy),
    UPSTASH_REDIS_REST_URL: through(app.cloud.redisUrl, redisProxy),
    ...settings,
  });
  const plain = createServices('node', config, { log: () => undefined });
  const services = createServices('node', config, { ...plain, sharedCounts: undefined, ...replace(plain) });
  const built = createApp({ target: 'node', services: () => services, clientIp: () => '192.0.2.1' });
  async function send(method: string, path: string, json?: object, admin?: string, seen = '') {
    const response = await built.request(path, {
      method,
      headers: {
        ...(json && { 'Content-Type': 'application/json' }),
        ...(admin !== undefined && { Authorization: `Bearer ${admin}` }),
        ...(seen !== '' && { 'If-None-Match': seen }),
      },
      ...(json && { body: JSON.stringify(json) }),
    });
    const text = await response.text();
    const body: Body = text === '' ? {} : JSON.parse(text);
    return { status: response.status, headers: response.headers, body };
  }
  const results = () =>
    Object.fromEntries(
      familiesOf(services.metrics.counts)
        .filter(({ name }) => name === 'cache_requests_total')
        .flatMap(({ samples }) => samples.map(({ labels, value }) => [labels.result, value] as const)),
    );
  return {
    services,
    results,
    get: (path: string, admin?: string) => send('GET', path, undefined, admin),
    enter: (clinic: string, user: string) => send('POST', '/api/v1/queue/enter', { clinic, user }),
    send,
  };
}

describe('a reader', () => {
  it('who is late never puts back what a writer made old meanwhile', async () => {
    let goOn = () => {};
    let isPaused = false;
    const late = isolate(({ database }) => ({
      database: {
        breaker: database.breaker,
        async call(name, args) {
          const answer = await database.call(name, args);
          if (name === 'queue_status' && !isPaused) {
            isPaused = true;
            await new Promise<void>((resolve) => {
              goOn = resolve;
            });
          }
          return answer;
        },
      } satisfies Database,
    }));
    const prompt = isolate();
    await prompt.enter('lab', 'late-1');
    const pending = late.get(`${STATUS}lab`);
    await until(
      'the reader is paused',
      () => isPaused,
      (paused) => paused,
    );
    await prompt.enter('lab', 'late-2');
    goOn();
    // It began before the writer was answered, so it may show what was there then.
    expect((await pending).body.total).toBe(1);
    expect((await prompt.get(`${STATUS}lab`)).body.total).toBe(2);
    expect((await late.get(`${STATUS}lab`)).body.total).toBe(2);
  });

  it('sees what a writer who died before raising the floor has written, within two seconds', async () => {
    const reader = isolate();
    await reader.enter('xray', 'killed-1');
    // The first to say a name asks the database; from the second on the cache answers.
    await reader.get(`${STATUS}xray`);
    await reader.get(`${STATUS}xray`);
    const dies = isolate(diesAfterCommit);
    expect((await dies.enter('xray', 'killed-2')).status).toBe(500);
    const start = performance.now();
    await until(
      'it is seen',
      async () => (await reader.get(`${STATUS}xray`)).body.total,
      (total) => total === 2,
    );
    expect(performance.now() - start).toBeLessThan(TTL + 500);
  });

  it('sees it at once when the write is repeated: a no-op raises the floor as well', async () => {
    const reader = isolate();
    await reader.enter('ecg', 'retried-1');
    await reader.get(`${STATUS}ecg`);
    const dies = isolate(diesAfterCommit);
    expect((await dies.enter('ecg', 'retried-2')).status).toBe(500);
    await reader.get(`${STATUS}ecg`);
    expect((await reader.enter('ecg', 'retried-2')).body.entry_status).toBe('ALREADY_IN_QUEUE');
    expect((await reader.get(`${STATUS}ecg`)).body.total).toBe(2);
    expect((await reader.get('/api/v1/stats/queues')).body.queues).toContainEqual(
      expect.objectContaining({ id: 'ecg', total: 2 }),
    );
  });

  it('of an unknown clinic gets its 404 each time, and leaves no key', async () => {
    const reader = isolate();
    for (let count = 0; count < 3; count += 1) {
      expect((await reader.get(`${STATUS}no-such-clinic`)).body.code).toBe('UNKNOWN_CLINIC');
    }
    expect((await keys()).filter((key) => key.includes('no-such'))).toEqual([]);
  });

  it('who is an admin reads the database, and shows nobody else what is seen there', async () => {
    const reader = isolate();
    await reader.enter('eyes', 'seen-by-staff');
    await reader.get(`${STATUS}eyes`);
    expect(JSON.stringify((await reader.get(`${STATUS}eyes`, token)).body)).toContain('seen-by-staff');
    expect(JSON.stringify((await reader.get(`${STATUS}eyes`)).body)).not.toContain('seen-by-staff');
    expect((await reader.get('/api/v1/pin/status', token)).body.currentPin).toMatch(/^\d\d$/);
    expect((await reader.get('/api/v1/pin/status')).body.currentPin).toBeNull();
  });

  /** As a process that is killed right after its commit: nothing follows. */
  const diesAfterCommit = ({ database }: Services): Partial<Services> => ({
    database: {
      breaker: database.breaker,
      async call(name, args) {
        const answer = await database.call(name, args);
        if (SQL_FUNCTIONS[name] === 'lines') throw new Error('killed');
        return answer;
      },
    },
  });
});

const STALE_PATHS = [
  `${STATUS}dental`,
  '/api/v1/admin/status',
  '/api/v1/stats/dashboard',
  '/api/v1/stats/queues',
];

describe('while the database is down', () => {
  it('status and statistics show what was there last, marked stale; nothing else is answered', async () => {
    const reader = isolate();
    await reader.enter('dental', 'before-the-outage');
    const before = new Map<string, Body>();
    for (const path of [...STALE_PATHS, '/api/v1/pin/status', '/config/clinic-pins']) {
      before.set(path, (await reader.get(path)).body);
    }
    await until(
      'what is left is the last copy',
      () => reader.services.redis?.client.keys('*:stats:queues').catch(() => ['too slow']),
      (kept) => kept?.length === 0,
    );
    await databaseProxy.down();
    const times: number[] = [];
    for (let round = 0; round < 6; round += 1) {
      for (const path of STALE_PATHS) {
        const start = performance.now();
        const { status, body } = await reader.get(path);
        times.push(performance.now() - start);
        expect(status, path).toBe(200);
        const { timestamp: _, system: __, stale, ...rest } = body;
        const { timestamp: ___, system: ____, ...same } = before.get(path) ?? {};
        expect([stale, rest], path).toStrictEqual([true, same]);
      }
    }
    // The breaker is open since the fifth. The quickest ones, since a machine shared with others may halt the others.
    const open = times.slice(5).sort((a, b) => a - b);
    expect(open[1]).toBeLessThan(10);
    for (const path of ['/api/v1/pin/status', '/config/clinic-pins', '/api/queue/status']) {
      expect((await reader.get(path)).body.code, path).toBe('DATABASE_UNAVAILABLE');
    }
    // An admin is somebody too.
    expect((await reader.get('/api/v1/admin/status', token)).body).toMatchObject({
      success: true,
      stale: true,
    });
    expect(reader.results().stale).toBe(25);
  });

  it('what nobody has seen before is a 503', async () => {
    await app.sql('select 1');
    const reader = isolate();
    await databaseProxy.down();
    expect((await reader.get(`${STATUS}bones`)).body.code).toBe('DATABASE_UNAVAILABLE');
  });
});

describe('while Redis is down', () => {
  it('the cache is skipped, and counted as such', async () => {
    const reader = isolate();
    await reader.enter('surgery', 'no-redis-1');
    await reader.get(`${STATUS}surgery`);
    await redisProxy.down();
    for (let count = 2; count < 8; count += 1) {
      expect((await reader.enter('surgery', `no-redis-${count}`)).status).toBe(200);
      const { status, body } = await reader.get(`${STATUS}surgery`);
      expect([status, body.total, body.stale]).toEqual([200, count, undefined]);
    }
    expect(reader.results()).toMatchObject({ bypass: expect.any(Number) });
    await redisProxy.restore();
    // What was written meanwhile is seen, also through an isolate whose circuit was never open.
    const other = isolate();
    await until(
      'the cache is too old',
      async () => (await other.get(`${STATUS}surgery`)).body.total,
      (total) => total === 7,
    );
  });
});

describe('the metric', () => {
  it('tells hits from misses', async () => {
    const reader = isolate();
    await reader.enter('internal', 'metric-1');
    await reader.get('/api/v1/stats/queues');
    await reader.get('/api/v1/stats/queues');
    await reader.get('/api/v1/stats/queues');
    expect(reader.results()).toEqual({ miss: 1, hit: 2 });
  });
});

describe('Redis', () => {
  it('holds no person, no PIN and no credential, in keys or values', async () => {
    const reader = isolate();
    const person = '987654321';
    const login = await reader.send('POST', '/api/v1/patient/login', { patientId: person, gender: 'male' });
    const session = String((login.body.data as Body).id);
    const route = await reader.send('POST', '/api/v1/route/create', {
      patientId: session,
      stations: ['ent', 'derma'],
    });
    const pins = (await reader.get('/api/v1/pin/status', token)).body.pins as Record<string, { pin: string }>;
    for (const clinic of ['ent', 'derma']) {
      await reader.enter(clinic, session);
      const place = `/api/v1/queue/position?clinic=${clinic}&user=${session}`;
      await reader.get(place);
      for (const path of [
        `${STATUS}${clinic}`,
        `/api/queue/status?clinicId=${clinic}&detailed=true`,
        ...STALE_PATHS,
      ]) {
        await reader.get(path);
        await reader.get(path, token);
        await reader.get(path);
      }
      await reader.get(`/api/v1/route/get?patientId=${session}`);
      await reader.get(`/api/v1/pin/status?clinic=${clinic}`);
      await reader.get('/config/clinic-pins');
      await reader.send('POST', '/api/v1/queue/call', { clinic }, token);
      await reader.send('POST', '/api/v1/queue/done', { clinic, user: session, pin: pins[clinic]?.pin });
    }
    const stored = await everything();
    expect(stored).toContain('queue:list:ent');
    expect(stored).toContain('queue:status:ent');
    expect(stored).toContain('pins:current');
    for (const secret of [person, session, String(route.body.routeId), token])
      expect(stored).not.toContain(secret);
    expect(stored).not.toMatch(/"pin":"\d\d"/);
  });
});

describe('every write', () => {
  it('that touches lines or PINs names their versions, also when it changed nothing', async () => {
    const nameless: string[] = [];
    const named = new Set<string>();
    const watched = isolate(({ database }) => ({
      database: {
        breaker: database.breaker,
        async call(name, args) {
          const answer = (await database.call(name, args)) as Body & { ok: boolean };
          const touches = SQL_FUNCTIONS[name];
          if (answer.ok && (touches === 'lines' || touches === 'pins')) {
            const isNamed =
              typeof answer.version === 'number' || Object.keys(answer.versions ?? {}).length > 0;
            if (isNamed) named.add(name);
            else nameless.push(name);
          }
          return answer;
        },
      } satisfies Database,
    }));
    const post = (path: string, json: object) => watched.send('POST', path, json, token);
    const pins = (await watched.get('/api/v1/pin/status', token)).body.pins as Record<
      string,
      { pin: string }
    >;
    await watched.get('/api/v1/pin/status');
    await watched.get('/config/clinic-pins', token);
    await watched.get('/api/v1/admin/status', token);
    await post('/api/v1/pin/generate', { clinic: 'bones' });
    await post('/api/v1/admin/set-call-interval', { clinic: 'vitals', interval_seconds: 0 });
    for (const user of ['w-1', 'w-2', 'w-3']) {
      await watched.enter('vitals', user);
      await watched.enter('vitals', user);
    }
    await post('/api/v1/queue/call', { clinic: 'vitals' });
    const leave = { clinic: 'vitals', user: 'w-1', pin: pins.vitals?.pin };
    await post('/api/v1/queue/done', leave);
    await post('/api/v1/queue/done', leave);
    await post('/api/queue/call-next', { clinicId: 'vitals', force: true });
    await post('/api/queue/complete', { action: 'process_code', patientId: 'w-2', clinicCode: 'BIO' });
    await post('/api/queue/complete', { action: 'process_code', patientId: 'w-2', clinicCode: 'BIO' });
    await post('/api/queue/call-next', { clinicId: 'vitals', force: true });
    await post('/api/queue/complete', { patientId: 'w-3', clinicId: 'vitals' });
    await post('/api/patient/enqueue', { patientId: 'w-4', examType: 'courses', gender: 'male' });
    expect((await post('/api/system/tick', {})).status).toBe(200);
    expect(nameless).toEqual([]);
    expect([...named].sort()).toEqual([
      'admin_status',
      'call_next_patient',
      'call_next_within_limits',
      'clinic_pins',
      'complete_by_staff',
      'complete_patient_service',
      'enqueue_patient',
      'enter_queue',
      'generate_daily_pins',
      'get_current_pins',
      'process_clinic_code',
      'set_call_interval',
    ]);
  });
});

async function keys(): Promise<string[]> {
  const { redis } = isolate().services;
  return (await redis?.client.keys('*')) ?? [];
}

/** All keys with their values, as one text. */
async function everything(): Promise<string> {
  const { redis } = isolate().services;
  const parts: string[] = [];
  for (const key of await keys()) {
    const type = await redis?.client.type(key);
    const value = type === 'hash' ? await redis?.client.hgetall(key) : await redis?.client.get(key);
    parts.push(`${key} ${JSON.stringify(value)}`);
  }
  return parts.join('\n').replaceAll('\\"', '"');
}
