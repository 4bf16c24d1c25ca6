/** Section 1 of the contract: what every request and every answer has in common, and the health family. */
import * as http from 'node:http';
import * as https from 'node:https';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ANY_INT,
  type Answer,
  bytes,
  expectCommonHeaders,
  expectError,
  expectMissing,
  ISO,
  newId,
  type RequestOptions,
  request,
} from './http.ts';
import { isOwnServer, openTarget, type Target, TURN_TIMEOUT } from './target.ts';

let target: Target;
beforeAll(async () => {
  target = await openTarget();
}, TURN_TIMEOUT);
afterAll(() => target?.close());

const send = (method: string, path: string, options?: RequestOptions): Promise<Answer> =>
  request(target.url, method, path, options);

interface RawAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** For what `fetch` would not send as it stands: chunks, own lengths, other methods. */
function sendRaw(
  method: string,
  path: string,
  headers: http.OutgoingHttpHeaders,
  chunks: readonly Uint8Array[] = [],
): Promise<RawAnswer> {
  const { request: open } = target.url.startsWith('https:') ? https : http;
  return new Promise((resolve, reject) => {
    const sent = open(target.url + path, { method, headers, agent: false }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () => {
        const pairs = Object.entries(response.headers).map(([name, value]) => [name, String(value)] as const);
        const text = Buffer.concat(parts).toString('utf8');
        resolve({
          status: response.statusCode ?? 0,
          headers: new Headers(pairs.map(([n, v]) => [n, v])),
          text,
        });
        sent.destroy();
      });
    });
    sent.once('error', reject);
    for (const chunk of chunks) sent.write(chunk);
    sent.end();
  });
}

const asAnswer = (raw: RawAnswer): Answer => ({ ...raw, body: JSON.parse(raw.text) });

const LIMIT = 64 * 1024;

/** A valid body of exactly this many bytes, which says nothing. */
function bodyOf(size: number): Uint8Array<ArrayBuffer> {
  const around = '{"padding":""}'.length;
  return bytes(`{"padding":"${'x'.repeat(size - around)}"}`);
}

const ENTER = '/api/v1/queue/enter';

/** Each path of step 1 with a method it has. */
const PATHS = [
  ['GET', '/health'],
  ['GET', '/health/live'],
  ['GET', '/health/ready'],
  ['GET', '/api/health'],
  ['GET', '/api/v1/health'],
  ['GET', '/api/v1/health/status'],
  ['GET', '/api/v1/status'],
  ['POST', '/admin/login'],
  ['POST', '/admin/logout'],
  ['POST', '/api/v1/auth/login'],
  ['GET', '/auth/denied'],
  ['POST', '/api/v1/patient/login'],
  ['POST', ENTER],
  ['GET', '/api/v1/queue/status'],
  ['GET', '/api/v1/queue/position'],
  ['POST', '/api/v1/queue/call'],
  ['POST', '/api/v1/queue/done'],
  ['POST', '/api/v1/clinic/exit'],
  ['GET', '/api/v1/pin/status'],
  ['POST', '/api/v1/pin/generate'],
  ['POST', '/api/v1/route/create'],
  ['GET', '/api/v1/route/get'],
] as const;

const HEALTH_PATHS = [
  '/health',
  '/api/health',
  '/api/v1/health',
  '/api/v1/health/status',
  '/api/v1/status',
] as const;

describe('a request id', () => {
  it.each(['a', 'req-1_2.3', 'X'.repeat(128)])('that is harmless is kept: %s', async (id) => {
    const answer = await send('GET', '/health/live', { headers: { 'X-Request-Id': id } });
    expect(answer.headers.get('x-request-id')).toBe(id);
    const refused = await send('GET', '/nowhere', { headers: { 'X-Request-Id': id } });
    expect(refused.body.request_id).toBe(id);
  });

  it.each(['', 'two words', 'X'.repeat(129), 'a/b', '<script>', "'; drop table queues"])(
    'that is anything else is replaced by a UUID: %s',
    async (id) => {
      const answer = await send('GET', '/health/live', { headers: { 'X-Request-Id': id } });
      expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    },
  );

  it('is new for every request that brings none', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => send('GET', '/health/live')));
    expect(new Set(answers.map(({ headers }) => headers.get('x-request-id'))).size).toBe(20);
  });
});

describe('OPTIONS', () => {
  it.each([...PATHS.map(([, path]) => path), '/', '/nowhere', '/api/v1/queue/enter/'])(
    'answers 204 with the CORS headers on any path: %s',
    async (path) => {
      const answer = await send('OPTIONS', path, {
        headers: { Origin: 'https://elsewhere.example', 'Access-Control-Request-Method': 'POST' },
      });
      expect(answer.status).toBe(204);
      expect(answer.text).toBe('');
    },
  );
});

describe('a path', () => {
  it.each([
    '/',
    '/nowhere',
    '/api',
    '/api/v1',
    '/api/v1/nowhere',
    '/API/V1/QUEUE/ENTER',
    '/healthz',
    '/mw/x',
  ])('that does not exist is a JSON 404 with its path, for every method: %s', async (path) => {
    for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH']) {
      expectError(await send(method, path), 'NOT_FOUND', { path });
    }
  });

  it('that does not exist is refused before its body is looked at', async () => {
    expectError(
      await send('POST', '/nowhere', { raw: bytes('{'), headers: { 'Content-Type': 'text/css' } }),
      'NOT_FOUND',
      {
        path: '/nowhere',
      },
    );
  });

  it('that is longer than anybody asks for is refused as well', async () => {
    const answer = await send('GET', `/${'long'.repeat(1_000)}`);
    expect(answer.status).toBe(404);
    expect(answer.body.code).toBe('NOT_FOUND');
  });

  it.each(PATHS)('may end in one slash: %s %s', async (method, path) => {
    const [plain, slashed] = await Promise.all([send(method, path), send(method, `${path}/`)]);
    expect(slashed.status).toBe(plain.status);
    expect(slashed.body.code).toBe(plain.body.code);
    const twice = await send(method, `${path}//`);
    expect(twice.body.code).toBe('NOT_FOUND');
  });
});

describe('a method', () => {
  it.each(PATHS)(
    'that a path does not have is a 405 that names those it has: %s %s',
    async (method, path) => {
      const allowed = method === 'GET' ? 'GET, HEAD, OPTIONS' : 'POST, OPTIONS';
      const ok = path.includes('health') || path === '/api/v1/status' ? { ok: false } : {};
      for (const wrong of [method === 'GET' ? 'POST' : 'GET', 'PUT', 'DELETE', 'PATCH']) {
        const answer = await send(wrong, path, wrong === 'GET' ? {} : { raw: bytes('not looked at') });
        expectError(answer, 'METHOD_NOT_ALLOWED', ok);
        expect(answer.headers.get('allow')).toBe(allowed);
      }
    },
  );

  it('path/choose has both of its own', async () => {
    const answer = await send('DELETE', '/api/v1/path/choose');
    expectError(answer, 'METHOD_NOT_ALLOWED');
    expect(answer.headers.get('allow')?.split(', ').sort()).toEqual(['GET', 'HEAD', 'OPTIONS', 'POST']);
  });

  // Other platforms refuse some of these before they reach us, and so do some runtimes.
  it.runIf(isOwnServer).each(['TRACE', 'PROPFIND'])('nobody uses is a 405 too: %s', async (method) => {
    const answer = await sendRaw(method, '/health/live', {});
    expect(answer.status).toBe(405);
    if (method !== 'TRACE' || answer.text !== '') {
      expectError(asAnswer(answer), 'METHOD_NOT_ALLOWED', { ok: false });
    }
  });

  it.each(PATHS.filter(([method]) => method === 'GET'))(
    'HEAD answers as GET does, without the body: %s %s',
    async (_method, path) => {
      const [get, head] = [await send('GET', path), await sendRaw('HEAD', path, {})];
      expect(head.status).toBe(get.status);
      expect(head.text).toBe('');
      expect(head.headers.get('content-type')).toBe(get.headers.get('content-type'));
      expectCommonHeaders(head.headers);
    },
  );

  it('HEAD on what only takes POST is a 405', async () => {
    const answer = await sendRaw('HEAD', ENTER, {});
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe('POST, OPTIONS');
  });
});

describe('a body', () => {
  it('of 64 KiB is read', async () => {
    expectMissing(await send('POST', ENTER, { raw: bodyOf(LIMIT) }), 'clinic', 'user');
  });

  it('of one byte more is a 413, whatever its type and whoever sends it', async () => {
    for (const [path, type] of [
      [ENTER, 'application/json'],
      [ENTER, 'text/html'],
      ['/admin/login', 'application/x-www-form-urlencoded'],
      ['/admin/logout', 'application/json'],
    ] as const) {
      const answer = await send('POST', path, {
        raw: bodyOf(LIMIT + 1),
        headers: { 'Content-Type': type },
      });
      expectError(answer, 'BODY_TOO_LARGE');
    }
  });

  it('whose length nobody told beforehand is read to 64 KiB and no further', async () => {
    const headers = { 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked' };
    const halves = (whole: Uint8Array) => [whole.subarray(0, 30_000), whole.subarray(30_000)];
    const fits = await sendRaw('POST', ENTER, headers, halves(bodyOf(LIMIT)));
    expectMissing(asAnswer(fits), 'clinic', 'user');
    const tooLarge = await sendRaw('POST', ENTER, headers, halves(bodyOf(LIMIT + 1)));
    expectCommonHeaders(tooLarge.headers);
    expectError(asAnswer(tooLarge), 'BODY_TOO_LARGE');
  });

  it('of megabytes is refused without being kept', async () => {
    expectError(await send('POST', ENTER, { raw: bodyOf(4 * 1024 * 1024) }), 'BODY_TOO_LARGE');
  });

  it.each([
    ['half of a JSON text', '{"clinic":"lab"'],
    ['a JSON array', '[{"clinic":"lab"}]'],
    ['a JSON text', '"lab"'],
    ['a JSON number', '7'],
    ['null', 'null'],
    ['nothing but blanks', '  '],
    ['a trailing comma', '{"clinic":"lab",}'],
    ['two objects', '{}{}'],
    ['a form', 'clinic=lab&user=x'],
  ])('that is %s is malformed', async (_name, text) => {
    expectError(
      await send('POST', ENTER, { raw: bytes(text), headers: { 'Content-Type': 'application/json' } }),
      'MALFORMED_BODY',
    );
    expectError(await send('POST', ENTER, { raw: bytes(text) }), 'MALFORMED_BODY');
  });

  it('that is not UTF-8 is malformed', async () => {
    const raw = new Uint8Array([...bytes('{"clinic":"'), 0xc3, 0x28, ...bytes('"}')]);
    expectError(await send('POST', ENTER, { raw }), 'MALFORMED_BODY');
  });

  it('that is absent or empty counts as an empty object', async () => {
    expectMissing(await send('POST', ENTER), 'clinic', 'user');
    expectMissing(
      await send('POST', ENTER, { raw: bytes(''), headers: { 'Content-Type': 'application/json' } }),
      'clinic',
      'user',
    );
  });

  it('without a Content-Type is JSON, and so is one with parameters', async () => {
    const text = JSON.stringify({ clinic: 'lab' });
    expectMissing(await send('POST', ENTER, { raw: bytes(text) }), 'user');
    for (const type of [
      'application/json; charset=utf-8',
      'Application/JSON',
      'application/json;charset=UTF-8',
    ]) {
      expectMissing(
        await send('POST', ENTER, { raw: bytes(text), headers: { 'Content-Type': type } }),
        'user',
      );
    }
  });

  it.each([
    'text/plain',
    'text/html',
    'application/xml',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonp',
    'application/json-patch+json',
    'nonsense',
  ])('of another type is a 415, before its content is looked at: %s', async (type) => {
    expectError(
      await send('POST', ENTER, { raw: bytes('{'), headers: { 'Content-Type': type } }),
      'UNSUPPORTED_MEDIA_TYPE',
    );
  });

  it('is looked at before who is calling', async () => {
    expectError(await send('POST', '/admin/logout', { raw: bytes('[') }), 'MALFORMED_BODY');
    expectError(await send('POST', '/admin/logout'), 'UNAUTHORIZED');
  });

  it('counts alone: a POST reads nothing from its query, a GET nothing else', async () => {
    const user = newId('query');
    expectMissing(await send('POST', `${ENTER}?clinic=lab&user=${user}`), 'clinic', 'user');
  });
});

describe('health', () => {
  const version = expect.stringMatching(/^\d+\.\d+\.\d+/);
  const schema = expect.stringMatching(/^\d{4}_/);
  const target_ = expect.toSatisfy(
    (value) => ['cloudflare', 'supabase', 'vercel', 'node'].includes(value),
    'is a target',
  );
  const latency = expect.toSatisfy((value) => typeof value === 'number' && value >= 0, 'is a latency');
  const state = (redis: unknown) => ({
    success: true,
    ok: true,
    status: 'healthy',
    mode: 'online',
    backend: 'up',
    worker: 'up',
    service: 'mmc-mms',
    target: target_,
    environment: expect.stringMatching(/^(production|development|test)$/),
    version,
    commit: expect.any(String),
    schema_version: schema,
    uptime_seconds: ANY_INT,
    pages_fullstack: true,
    kv: { admin: true, pins: true, queues: true, events: true, locks: true, cache: true },
    checks: { database: { ok: true, latency_ms: latency, breaker: 'CLOSED' }, redis },
    timestamp: ISO,
    ts: ISO,
  });
  const redisUp = { ok: true, configured: true, latency_ms: latency, breaker: 'CLOSED' };

  it.each(HEALTH_PATHS)('says under each of its names that everything works: %s', async (path) => {
    const { status, body, headers } = await send('GET', path);
    expect(status).toBe(200);
    expect(body).toStrictEqual(state(redisUp));
    expect(body.target).toBe(headers.get('x-served-by'));
  });

  it('is ready when the database has the schema of this build', async () => {
    const { status, body } = await send('GET', '/health/ready');
    expect(status).toBe(200);
    expect(body).toStrictEqual({ ...state(redisUp), schema_version_db: schema });
    expect(String(body.schema_version_db) >= String(body.schema_version)).toBe(true);
  });

  it('is alive without asking anybody', async () => {
    const { status, body, headers } = await send('GET', '/health/live');
    expect(status).toBe(200);
    expect(body).toStrictEqual({
      success: true,
      ok: true,
      status: 'alive',
      target: target_,
      version,
      commit: expect.any(String),
      schema_version: schema,
      timestamp: ISO,
    });
    expect(headers.get('server-timing')).toBe('db;dur=0.0, redis;dur=0.0');
  });

  it('needs no more than the two seconds that the smoke tests allow', async () => {
    const start = performance.now();
    await send('GET', '/api/v1/health/status');
    expect(performance.now() - start).toBeLessThan(2_000);
  });
});

describe('the way of failed logins', () => {
  it('always ends in a 401 whose address has nothing of admin in it', async () => {
    expectError(await send('GET', '/auth/denied'), 'INVALID_CREDENTIALS');
  });
});
