/** Section 6 of the contract: what the page gets differently, and that nobody else does. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createNodeTarget } from '../../src/targets/node.ts';
import type { ErrorCode } from './error-table.ts';
import { type Answer, bytes, expectError, newId, type RequestOptions, request } from './http.ts';
import { QueueClient } from './queue-client.ts';
import { isOwnServer, openFreshTarget, PAGE_ORIGIN, type Target, TURN_TIMEOUT } from './target.ts';

let target: Target;
let client: QueueClient;
let ownOrigin: string;
beforeAll(async () => {
  target = await openFreshTarget();
  client = await QueueClient.open(target);
  ownOrigin = new URL(target.url).origin;
}, TURN_TIMEOUT);
afterAll(() => target?.close());

/** As the page's browser sends it: Origin with every POST, Referer with every GET. */
const fromPage = (method: string, path: string, options: RequestOptions = {}): Promise<Answer> =>
  request(target.url, method, path, {
    ...options,
    headers: {
      ...(method === 'GET' ? { Referer: `${ownOrigin}/` } : { Origin: ownOrigin, Referer: `${ownOrigin}/` }),
      ...options.headers,
    },
  });

const plainly = (method: string, path: string, options: RequestOptions = {}): Promise<Answer> =>
  request(target.url, method, path, options);

/** The page sees a success that says what failed; every header but one is as it was. */
function expectRewritten(answer: Answer, status: number, code: ErrorCode): void {
  expect(answer.status, answer.text).toBe(200);
  expect(answer.headers.get('x-original-status')).toBe(String(status));
  expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
  expect(answer.body).toMatchObject({ success: false, code });
  expect(answer.body.request_id).toBe(answer.headers.get('x-request-id'));
}

/** Without what differs in every answer. */
function lasting({ request_id: _id, timestamp: _time, ...rest }: Answer['body']): Answer['body'] {
  return rest;
}

/** The failures that any POST can have, as [what, options, status, code]. */
const ANY_POST = [
  ['malformed JSON', { raw: bytes('{') }, 400, 'MALFORMED_BODY'],
  ['missing fields', { json: {} }, 400, 'MISSING_FIELDS'],
  ['a body too large', { raw: bytes(`{"x":"${'x'.repeat(65 * 1024)}"}`) }, 413, 'BODY_TOO_LARGE'],
  [
    'an unsupported type',
    { raw: bytes('x'), headers: { 'Content-Type': 'text/plain' } },
    415,
    'UNSUPPORTED_MEDIA_TYPE',
  ],
] as const;

const PUBLIC_WRITES = [
  '/api/v1/patient/login',
  '/api/v1/queue/enter',
  '/api/v1/queue/done',
  '/api/v1/route/create',
  '/api/v1/clinic/exit',
];

describe('the page gets 200 for a failure', () => {
  describe.each(PUBLIC_WRITES)('of POST %s', (path) => {
    it.each(ANY_POST)('%s', async (_what, options, status, code) => {
      expectRewritten(await fromPage('POST', path, options), status, code);
      expectRewritten(await fromPage('POST', `${path}/`, options), status, code);
      const clean = await plainly('POST', path, options);
      expect(clean.status).toBe(status);
      expect(clean.headers.has('x-original-status')).toBe(false);
    });
  });

  it('of queue/call without an admin, with the header that names the scheme', async () => {
    const answer = await fromPage('POST', '/api/v1/queue/call', { json: { clinic: 'lab' } });
    expectRewritten(answer, 401, 'UNAUTHORIZED');
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
  });

  it('of queue/call when nobody waits', async () => {
    await client.drain('bones');
    const answer = await fromPage('POST', '/api/v1/queue/call', {
      json: { clinic: 'bones' },
      token: client.token,
    });
    expectRewritten(answer, 404, 'NO_PATIENTS_WAITING');
  });

  it('of queue/enter for a clinic that does not exist, with the same body as everybody', async () => {
    const json = { clinic: 'nowhere', user: newId('page') };
    const answer = await fromPage('POST', '/api/v1/queue/enter', { json });
    expectRewritten(answer, 404, 'UNKNOWN_CLINIC');
    const clean = await plainly('POST', '/api/v1/queue/enter', { json });
    expect(lasting(answer.body)).toStrictEqual(lasting(clean.body));
  });

  it('of queue/done with a wrong PIN and when locked, and the patient stays in', async () => {
    const user = newId('page');
    await client.enter('ecg', user);
    const json = { clinic: 'ecg', user, pin: await client.wrongPin() };
    for (let count = 0; count < 5; count += 1) {
      expectRewritten(await fromPage('POST', '/api/v1/queue/done', { json }), 403, 'WRONG_PIN');
    }
    const locked = await fromPage('POST', '/api/v1/queue/done', { json });
    expectRewritten(locked, 429, 'PIN_LOCKED');
    expect(locked.headers.get('retry-after')).toBe(String(locked.body.retry_after));
    expect(locked.headers.get('x-ratelimit-remaining')).toBe('0');
    expect((await client.enter('ecg', user)).status).toBe('WAITING');
  });

  it('of clinic/exit without a route', async () => {
    const user = newId('page');
    await client.enter('audio', user);
    const json = { clinic: 'audio', user, pin: '10' };
    expectRewritten(await fromPage('POST', '/api/v1/clinic/exit', { json }), 404, 'ROUTE_NOT_FOUND');
  });

  it('of route/get when there is no route, and keeps its other failures', async () => {
    const path = `/api/v1/route/get?patientId=${newId('nobody')}`;
    expectRewritten(await fromPage('GET', path), 404, 'ROUTE_NOT_FOUND');
    expectRewritten(await fromPage('GET', path.replace('?', '/?')), 404, 'ROUTE_NOT_FOUND');
    expectError(await plainly('GET', path), 'ROUTE_NOT_FOUND');
    expect((await fromPage('GET', '/api/v1/route/get')).status).toBe(400);
    expect((await fromPage('GET', '/api/v1/route/get?patientId=a%20b')).status).toBe(400);
  });
});

describe('the page keeps its successes', () => {
  it('as everybody gets them', async () => {
    const user = newId('page');
    const json = { clinic: 'derma', user };
    const answer = await fromPage('POST', '/api/v1/queue/enter', { json });
    expect(answer.status).toBe(200);
    expect(answer.headers.has('x-original-status')).toBe(false);
    expect(answer.body).toMatchObject({ success: true, clinic: 'derma', user, entry_status: 'ENTERED' });
  });

  it('but gets stats/queues as the bare list', async () => {
    for (const path of ['/api/v1/stats/queues', '/api/v1/stats/queues/']) {
      const [page, clean] = await Promise.all([fromPage('GET', path), plainly('GET', path)]);
      expect(page.status).toBe(200);
      expect(page.headers.get('content-type')).toBe('application/json; charset=utf-8');
      const rows = page.body as unknown as readonly { id: string }[];
      const whole = clean.body.queues as readonly { id: string }[];
      expect(Array.isArray(rows)).toBe(true);
      expect(rows.map(({ id }) => id)).toStrictEqual(whole.map(({ id }) => id));
      expect(clean.body.success).toBe(true);
    }
  });
});

describe('the page’s login', () => {
  const form = (fields: Record<string, string>): RequestOptions => ({
    raw: new URLSearchParams(fields),
  });

  it('that fails leads to /auth/denied without a cookie', async () => {
    const wrong = form({ username: newId('nobody'), password: 'wrong' });
    for (const path of ['/admin/login', '/admin/login/']) {
      const answer = await fromPage('POST', path, wrong);
      expect(answer.status).toBe(303);
      expect(answer.headers.get('location')).toBe('/auth/denied');
      expect(answer.headers.get('x-original-status')).toBe('401');
      expect(answer.headers.has('set-cookie')).toBe(false);
      expect(answer.text).toBe('');
    }
    const empty = await fromPage('POST', '/admin/login', form({}));
    expect([empty.status, empty.headers.get('x-original-status')]).toStrictEqual([303, '400']);
    const refused = await fromPage('POST', '/admin/login', {
      raw: bytes('x'),
      headers: { 'Content-Type': 'a/b' },
    });
    expect([refused.status, refused.headers.get('x-original-status')]).toStrictEqual([303, '415']);
    expectError(await plainly('POST', '/admin/login', wrong), 'INVALID_CREDENTIALS');
    expectError(await fromPage('POST', '/api/v1/auth/login', wrong), 'INVALID_CREDENTIALS');
  });

  it('ends, as a browser follows it, at an answer that is no success and whose URL has no /admin', async () => {
    const answer = await fetch(`${target.url}/admin/login`, {
      method: 'POST',
      headers: { Origin: ownOrigin, Referer: `${ownOrigin}/` },
      body: new URLSearchParams({ username: newId('nobody'), password: 'wrong' }),
    });
    expect(answer.status).toBe(401);
    expect(new URL(answer.url).pathname).toBe('/auth/denied');
    expect(((await answer.json()) as { code: string }).code).toBe('INVALID_CREDENTIALS');
  });

  it('that succeeds stays where it is, with the cookie', async () => {
    const answer = await fromPage('POST', '/admin/login', form({ ...target.admin }));
    expect(answer.status, answer.text).toBe(200);
    expect(answer.headers.get('set-cookie')).toMatch(/^admin_token=/);
    expect(answer.headers.has('x-original-status')).toBe(false);
  });
});

describe('nothing else changes for the page', () => {
  it.each([
    ['GET', '/api/v1/queue/position?clinic=lab&user=nobody-here', undefined, 404, 'NOT_IN_QUEUE'],
    ['GET', '/api/v1/queue/position', undefined, 400, 'MISSING_FIELDS'],
    ['GET', '/api/v1/queue/status?clinic=nowhere', undefined, 404, 'UNKNOWN_CLINIC'],
    ['GET', '/api/v1/queue/enter', undefined, 405, 'METHOD_NOT_ALLOWED'],
    ['POST', '/api/v1/queue', {}, 400, 'MISSING_FIELDS'],
    ['POST', '/api/v1/path/choose', {}, 400, 'MISSING_FIELDS'],
    ['POST', '/api/v1/pin/generate', {}, 401, 'UNAUTHORIZED'],
    ['POST', '/admin/logout', {}, 401, 'UNAUTHORIZED'],
    ['POST', '/api/session/create', { patientId: 'x' }, 401, 'UNAUTHORIZED'],
    ['POST', '/api/session/validate', { token: 'unknown' }, 404, 'SESSION_NOT_FOUND'],
    ['POST', '/api/session/device', { token: 'unknown', device: 'iOS' }, 404, 'SESSION_NOT_FOUND'],
    ['GET', '/api/session/stats', undefined, 401, 'UNAUTHORIZED'],
    ['GET', '/auth/denied', undefined, 401, 'INVALID_CREDENTIALS'],
    ['POST', '/api/v1/nowhere', {}, 404, 'NOT_FOUND'],
  ])('%s %s', async (method, path, json, status, code) => {
    const answer = await fromPage(method, path, json && { json });
    expect(answer.status).toBe(status);
    expect(answer.body.code).toBe(code);
    expect(answer.headers.has('x-original-status')).toBe(false);
  });
});

describe('only the page is answered so', () => {
  const json = {};
  const path = '/api/v1/queue/enter';

  it.each([
    ['another site', { Origin: 'https://elsewhere.example' }],
    ['another site that names the page as Referer', { Origin: 'https://elsewhere.example', Referer: 'OWN' }],
    ['a document without an origin', { Origin: 'null', Referer: 'OWN' }],
    ['a Referer of another site', { Referer: 'https://elsewhere.example/page' }],
    ['Sec-Fetch alone', { 'Sec-Fetch-Site': 'same-origin', 'Sec-Fetch-Mode': 'cors' }],
    ['curl', {}],
  ])('not %s', async (_who, sent) => {
    const headers = Object.fromEntries(
      Object.entries(sent).map(([name, value]) => [name, value === 'OWN' ? `${ownOrigin}/` : value]),
    );
    expect((await plainly('POST', path, { json, headers })).status).toBe(400);
  });

  it('not the own host on another port', async () => {
    const { hostname, port } = new URL(ownOrigin);
    const Origin = `http://${hostname}:${Number(port || 80) + 1}`;
    expect((await plainly('POST', path, { json, headers: { Origin } })).status).toBe(400);
  });

  it('by Referer where a browser sends no Origin', async () => {
    const Referer = `${ownOrigin}/qr?x=1`;
    expectRewritten(await plainly('POST', path, { json, headers: { Referer } }), 400, 'MISSING_FIELDS');
  });

  it.runIf(isOwnServer)('also from an origin of PAGE_ORIGINS', async () => {
    const headers = { Origin: PAGE_ORIGIN };
    expectRewritten(await plainly('POST', path, { json, headers }), 400, 'MISSING_FIELDS');
  });
});

describe.runIf(isOwnServer)('a target of its own', () => {
  const ENTER = '/api/v1/queue/enter';
  const body = JSON.stringify({ clinic: 'lab', user: 'somebody' });

  /** A target on an environment, asked by the page at its own host or at one of PAGE_ORIGINS. */
  async function ask(environment: Record<string, string>, path: string, origin = 'http://localhost') {
    const { app, close } = createNodeTarget(environment);
    try {
      const headers = { Origin: origin, 'Content-Type': 'application/json' };
      const answer = await app.request(path, { method: 'POST', headers, body }, {});
      return { status: answer.status, original: answer.headers.get('x-original-status'), answer };
    } finally {
      close();
    }
  }

  it('answers the page also when its environment is bad, before it has services', async () => {
    const { status, original, answer } = await ask({}, ENTER);
    expect([status, original]).toStrictEqual([200, '500']);
    expect(await answer.json()).toMatchObject({ success: false, code: 'BAD_ENVIRONMENT' });
    expect(answer.headers.get('access-control-allow-origin')).toBe('*');
    const login = await ask({}, '/admin/login');
    expect([login.status, login.original]).toStrictEqual([303, '500']);
    const elsewhere = await ask({ PAGE_ORIGINS: `${PAGE_ORIGIN}/` }, ENTER, PAGE_ORIGIN);
    expect([elsewhere.status, elsewhere.original]).toStrictEqual([200, '500']);
    expect((await ask({ WEB_PAGE_MODE: 'off' }, ENTER)).status).toBe(500);
  });

  it('answers the page also when its database is down', async () => {
    const environment = {
      DATABASE_URL: 'postgresql://nobody:x@127.0.0.1:1/none',
      DATABASE_HTTP_URL: 'http://127.0.0.1:1/sql',
      JWT_SECRET: 'x'.repeat(32),
    };
    const { status, original, answer } = await ask(environment, ENTER);
    expect([status, original]).toStrictEqual([200, '503']);
    expect(answer.headers.has('retry-after')).toBe(true);
    expect(await answer.json()).toMatchObject({ success: false, code: 'DATABASE_UNAVAILABLE' });
    const off = await ask({ ...environment, WEB_PAGE_MODE: 'off' }, ENTER);
    expect([off.status, off.original]).toStrictEqual([503, null]);
  });

  it('names a malformed WEB_PAGE_MODE', async () => {
    const { answer } = await ask(
      { DATABASE_URL: 'postgresql://x@y/z', JWT_SECRET: 'x'.repeat(32), WEB_PAGE_MODE: 'maybe' },
      ENTER,
    );
    const { message } = (await answer.json()) as { message: string };
    expect(message).toContain('WEB_PAGE_MODE');
    expect(message).not.toContain('maybe');
  });
});
