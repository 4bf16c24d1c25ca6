/**
 * Marked personal numbers, session ids, PINs and credentials go through every flow of a server with a real Redis; then
 * all that it wrote to its log, put into Redis, asked for outside, shows as metrics and said in errors is searched for them.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type LocalServer, startLocalServer } from '../../local/local-server.ts';
import { leaksInText, leaksInValue, type Secrets } from '../contract/leaks.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres-server.ts';
import { hasRedisServer, type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { report } from '../support/sql-report.ts';
import { until } from '../support/until.ts';
import { mayBeLeftOut, soak, volume } from '../support/volume.ts';

const PATIENTS = volume(200);
/** For all of them, one after the other, in milliseconds. */
const TIMEOUT = (soak ? 20 : 2) * 60_000;
const CLINICS = ['lab', 'xray', 'ecg', 'audio'] as const;
const METRICS_TOKEN = `metrics-${randomBytes(12).toString('hex')}`;
const EMERGENCY_CODE = String(randomInt(10 ** 9, 10 ** 10 - 1));

/** Saved before the server's own is watched: what a caller asks is not what the server asks. */
const callersFetch = globalThis.fetch;

let redis: RedisServer;
let database: TestDatabase;
let server: LocalServer;
let monitor: Redis;
let token = '';
let pins: Readonly<Record<string, { readonly pin: string }>> = {};

const texts = new Map<string, string>();
const logged: string[] = [];
const asked: string[] = [];
/** Every command with its arguments, as Redis itself saw them. */
const commands: string[][] = [];
/** What was answered to which request. */
const seen = new Set<string>();
let requests = 0;

/** A text that stands nowhere by chance, and what it is. */
function marked(what: string, make: () => string = () => `canary-${randomBytes(9).toString('hex')}`): string {
  const text = make();
  texts.set(text, what);
  return text;
}

/** What was said to whoever was refused, with who that was. */
const refusals: { readonly path: string; readonly status: number; readonly text: string }[] = [];

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

async function send(
  method: string,
  path: string,
  json?: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  requests += 1;
  const answer = await callersFetch(server.url + path, {
    method,
    headers: { ...(json && { 'Content-Type': 'application/json' }), ...headers },
    ...(json && { body: JSON.stringify(json) }),
  });
  seen.add(`${path.split('?')[0]} ${answer.status}`);
  const text = await answer.text();
  if (answer.status >= 400) refusals.push({ path: path.split('?')[0] ?? '', status: answer.status, text });
  const isJson = answer.headers.get('content-type')?.startsWith('application/json');
  return {
    status: answer.status,
    headers: answer.headers,
    body: isJson && text !== '' ? JSON.parse(text) : { text },
  };
}

const asAdmin = () => ({ Authorization: `Bearer ${token}` });

/** Opens a stream as a page does that is closed soon: it goes when something came. */
async function listen(query: string, headers: Readonly<Record<string, string>> = {}): Promise<void> {
  requests += 1;
  // Not by fetch: it connects anew when it lost a stream, and a server that ends waits for whoever asks nothing.
  const asking = get(`${server.url}/api/v1/events/stream?${query}`, { agent: false, headers });
  const [answer] = (await once(asking, 'response')) as [IncomingMessage];
  seen.add(`/api/v1/events/stream ${answer.statusCode}`);
  await once(answer, 'data');
  answer.destroy();
}

function watch(): void {
  for (const level of ['debug', 'log', 'info', 'warn', 'error'] as const) {
    vi.spyOn(console, level).mockImplementation((...parts) => {
      logged.push(parts.map(String).join(' '));
    });
  }
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, 'write').mockImplementation((bytes) => {
      logged.push(String(bytes));
      return true;
    });
  }
  vi.spyOn(globalThis, 'fetch').mockImplementation((input, init) => {
    asked.push(input instanceof Request ? input.url : String(input));
    return callersFetch(input, init);
  });
}

/** One patient with everything that can go wrong on the way. */
async function walk(index: number): Promise<void> {
  const number = marked('a personal number', () => `97${randomInt(10 ** 9, 10 ** 10 - 1)}`);
  const login = await send('POST', '/api/v1/patient/login', { patientId: number, gender: 'male' });
  const user =
    index % 2 === 0 ? String((login.body.data as { id: string }).id) : marked('a session id of the page');
  texts.set(user, 'a session id');
  const clinic = CLINICS[index % CLINICS.length] ?? 'lab';
  const own = `clinic=${clinic}&user=${user}`;
  await send('POST', '/api/v1/route/create', { patientId: user, stations: [...CLINICS] });
  if (index % 5 === 0) await walkTheOlderWay(user);
  const key = { 'Idempotency-Key': marked('an idempotency key') };
  for (const headers of [key, key, {}]) {
    await send('POST', '/api/v1/queue/enter', { clinic, user }, headers);
  }
  for (const path of [
    `/api/v1/queue/position?${own}`,
    `/api/v1/route/get?patientId=${user}`,
    `/api/v1/route/get?patientId=${user}`,
    `/api/v1/queue/status?clinic=${clinic}`,
    `/api/v1/notify/status?${own}`,
    `/api/v1/patient/${user}`,
    `/api/v1/queue/position?clinic=${user}&user=${number}`,
  ]) {
    await send('GET', path);
  }
  const wrong = marked('a wrong PIN', () => String(randomInt(10 ** 11, 10 ** 12)));
  for (let attempt = 0; attempt < 3; attempt += 1) {
    await send('POST', '/api/v1/queue/done', { clinic, user, pin: wrong });
  }
  const code = marked('a wrong emergency code', () => String(randomInt(10 ** 9, 10 ** 10 - 1)));
  const emergency = { patientId: user, emergencyCode: code, examType: 'courses', gender: 'male' };
  await send('POST', '/api/patient/enqueue', emergency);
  const session = await send('POST', '/api/session/create', { patientId: user }, asAdmin());
  const qrToken = String(session.body.token);
  texts.set(qrToken, 'a QR token');
  await send('POST', '/api/session/validate', { token: qrToken });
  if (index % 5 === 0) await Promise.all([listen(`user=${user}`), listen(own), listen('', asAdmin())]);
  const place = await send('GET', `/api/v1/queue/position?${own}`);
  const known = { 'If-None-Match': place.headers.get('etag') ?? '' };
  const held = send('GET', `/api/v1/queue/position?${own}`, undefined, known);
  await send('POST', '/api/v1/queue/call', { clinic }, asAdmin());
  await held;
  await send('POST', '/api/v1/clinic/exit', { clinic, user, pin: pins[clinic]?.pin });
  await send('POST', '/api/v1/events/recovery', { source: number, retries: 1, user });
}

/** Two clinics by the older names of everything: staff call, and let out with and without a code. */
async function walkTheOlderWay(user: string): Promise<void> {
  for (const [clinic, clinicCode] of [
    ['dental', 'DNT'],
    ['psychiatry', 'PSY'],
  ] as const) {
    await send('POST', '/api/v1/queue', { clinic, user });
    await send('GET', `/api/v1/queue?user=${user}&clinic=${clinic}`);
    await send('GET', `/api/queue/status?clinicId=${clinic}&detailed=true`);
    await send('GET', `/api/queue/status?clinicId=${clinic}&detailed=true`, undefined, asAdmin());
    await send('POST', '/api/queue/call-next', { clinicId: clinic, force: true }, asAdmin());
    await send('GET', `/api/v1/notify/status?clinic=${clinic}&user=${user}`);
    const exit = clinicCode === 'DNT' ? { clinicId: clinic } : { clinicCode, action: 'process_code' };
    await send('POST', '/api/queue/complete', { patientId: user, ...exit }, asAdmin());
    await send('POST', '/api/queue/complete', { patientId: user, clinicId: user }, asAdmin());
  }
  await send('POST', '/api/v1/path/choose', { patientId: user, examType: 'courses', gender: 'male' });
}

/** What staff do, and what somebody does who types a password into the wrong field. */
async function administer(): Promise<void> {
  for (let round = 0; round < 2; round += 1) {
    for (const path of ['/api/v1/admin/status', '/api/v1/pin/status', '/api/v1/stats/dashboard']) {
      await send('GET', path);
      await send('GET', path, undefined, asAdmin());
    }
    for (const path of ['/api/v1/stats/queues', '/config/clinic-pins', '/health', '/nowhere']) {
      await send('GET', path, undefined, asAdmin());
    }
  }
  for (const path of ['daily', 'weekly', 'monthly', 'annual', 'history']) {
    await send('GET', `/api/v1/reports/${path}`);
    await send('GET', `/api/v1/reports/${path}`, undefined, asAdmin());
  }
  const password = marked('a password');
  await send('POST', '/admin/login', { username: password, password });
  await send('POST', '/admin/login', { username: 'admin', password });
  await send('POST', '/api/system/tick', {}, asAdmin());
  await send('GET', '/api/v1/pin/status', undefined, { Cookie: `admin_token=${marked('a cookie')}` });
}

/** An error that nobody foresaw, while ids are in the request. */
async function breakSomething(): Promise<void> {
  const rename = async (from: string, to: string) => {
    const { default: pg } = await import('pg');
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query(`alter function ${from}(jsonb) rename to ${to}`);
    await client.end();
  };
  await rename('get_route', 'hidden_get_route');
  const user = marked('a session id in an error');
  const { status } = await send('GET', `/api/v1/route/get?patientId=${user}`);
  await rename('hidden_get_route', 'get_route');
  expect(status).toBe(500);
}

describe.skipIf(!hasRedisServer() && mayBeLeftOut)('after everything that people do', () => {
  beforeAll(async () => {
    redis = await startRedisServer();
    database = await createTestDatabase();
    monitor = new Redis(redis.url);
    const feed = await monitor.monitor();
    feed.on('monitor', (_time: string, args: string[]) => commands.push(args));
    watch();
    server = await startLocalServer({
      databaseUrl: database.url,
      redisUrl: redis.url,
      environment: 'test',
      // Limits are asked, and refuse nobody: everybody here comes from one address.
      settings: { LOG_LEVEL: 'debug', METRICS_TOKEN, RATE_LIMITS: '{"write_ip":1000000,"read_ip":1000000}' },
    });
    const { admin } = server;
    if (!admin) throw new Error('a new database has no account');
    texts.set(admin.password, 'the password of an admin');
    texts.set(METRICS_TOKEN, 'METRICS_TOKEN');
    for (const name of ['JWT_SECRET', 'UPSTASH_REDIS_REST_TOKEN'] as const) {
      texts.set(String(server.environment[name]), name);
    }
    token = String((await send('POST', '/api/v1/auth/login', admin)).body.token);
    texts.set(token, 'a token of an admin');
    const settings = { emergency_pin: EMERGENCY_CODE };
    texts.set(EMERGENCY_CODE, 'the emergency code');
    await send('POST', '/api/admin/settings', { settings }, asAdmin());
    pins = (await send('GET', '/api/v1/pin/status', undefined, asAdmin())).body.pins as typeof pins;
    for (let index = 0; index < PATIENTS; index += 1) await walk(index);
    await administer();
    await breakSomething();
    // The last of what is sent after an answer has arrived when a command of ours comes after it.
    await monitor.duplicate().ping('the end');
    await until(
      'Redis reported everything',
      () => commands.at(-1)?.[1],
      (last) => last === 'the end',
    );
  }, TIMEOUT);
  afterAll(async () => {
    vi.restoreAllMocks();
    await server?.close();
    monitor?.disconnect();
    await redis?.stop();
    await database?.drop();
    report('marked values searched for in log, Redis, outgoing URLs and metrics', requests);
  });

  const secrets = (): Secrets => ({
    texts,
    pins: new Set(Object.values(pins).map(({ pin }) => pin)),
  });

  it('the flows did what they are there for', () => {
    expect([...seen]).toEqual(
      expect.arrayContaining([
        '/api/v1/patient/login 200',
        '/api/v1/route/create 200',
        '/api/v1/queue/enter 200',
        '/api/v1/queue/position 200',
        '/api/v1/queue/position 404',
        '/api/v1/queue/done 403',
        '/api/patient/enqueue 403',
        '/api/session/validate 200',
        '/api/v1/queue/call 200',
        '/api/v1/clinic/exit 200',
        '/api/v1/events/recovery 200',
        '/admin/login 401',
        '/api/system/tick 200',
        '/api/v1/queue 200',
        '/api/queue/status 200',
        '/api/queue/call-next 200',
        '/api/queue/complete 200',
        '/api/v1/notify/status 200',
        '/api/v1/events/stream 200',
        '/api/v1/reports/daily 200',
        '/api/v1/reports/history 200',
      ]),
    );
  });

  it('the log holds none of it, and a line for each request', () => {
    expect(logged.flatMap((line) => leaksInText(line, secrets()))).toEqual([]);
    const lines = logged.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
    expect(lines.filter(({ event }) => event === 'request')).toHaveLength(requests);
    expect(lines.filter(({ event }) => event === 'unhandled_error')).toHaveLength(1);
    expect(lines.flatMap((line) => leaksInValue(line, secrets()))).toEqual([]);
  });

  it('no error says any of it, not even to whoever sent it; of a path that is not there it repeats the path', () => {
    expect(refusals.length).toBeGreaterThan(PATIENTS);
    expect(
      refusals.flatMap(({ path, status, text }) =>
        [
          ...leaksInText(text, secrets(), status === 404 ? [path] : []),
          ...leaksInValue(parsed(text), secrets()),
        ].map((leak) => `${path} ${status}: ${leak}`),
      ),
    ).toEqual([]);
  });

  it('Redis was never told any of it, neither as key nor as value', () => {
    const found = commands.flatMap((args) =>
      args.flatMap((arg) => [...leaksInText(arg, secrets()), ...leaksInValue(parsed(arg), secrets())]),
    );
    expect(found).toEqual([]);
    // The search is worth something only where limits, cache and floors were really written.
    const all = commands.map((args) => args.join(' ')).join('\n');
    expect(all).toContain(':limit:');
    expect(all).toContain('queue:status:lab');
    expect(all).toContain(':floors:');
  });

  it('no address that the server asked holds any of it', () => {
    expect(asked.length).toBeGreaterThan(requests);
    expect(asked.flatMap((url) => leaksInText(url, secrets()))).toEqual([]);
    expect(new Set(asked.map((url) => new URL(url).search))).toEqual(new Set(['']));
  });

  it('the metrics hold none of it', async () => {
    const { body } = await send('GET', '/metrics', undefined, { Authorization: `Bearer ${METRICS_TOKEN}` });
    const text = String(body.text);
    expect(text).toContain('http_requests_total');
    expect(leaksInText(text, secrets())).toEqual([]);
    // Not the bounds of a histogram: 10 is one of them, and may be a PIN.
    const labels = [...text.matchAll(/(\w+)="([^"]*)"/g)].filter(([, name]) => name !== 'le');
    expect(labels.filter(([, , value]) => secrets().pins.has(value ?? ''))).toEqual([]);
  });
});

/** A value of the cache; anything else is only a text. */
function parsed(text: string): unknown {
  if (!/^[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
