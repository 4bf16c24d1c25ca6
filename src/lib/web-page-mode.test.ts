import { describe, expect, it } from 'vitest';
import { answerForPage, isFromPage, type PageRequest } from './web-page-mode.ts';

const HOST = 'api.example:8443';
const PAGE = 'https://www.page.example';

function from(origin: string | undefined, referer?: string): boolean {
  const request = { method: 'GET', path: '/', host: HOST, origin, referer };
  return isFromPage(request, [PAGE]);
}

describe('a request is the page’s', () => {
  it('by its Origin: a listed one, or the own host with its port', () => {
    expect(from(PAGE)).toBe(true);
    expect(from(`https://${HOST}`)).toBe(true);
    expect(from(`http://${HOST}`)).toBe(true);
  });

  it('without an Origin by that of its Referer', () => {
    expect(from(undefined, `${PAGE}/qr?token=x`)).toBe(true);
    expect(from(undefined, `http://${HOST}/`)).toBe(true);
    expect(from(undefined, 'https://elsewhere.example/')).toBe(false);
  });

  it.each([
    'null',
    '',
    'https://elsewhere.example',
    'http://www.page.example',
    'https://www.page.example:444',
    'https://api.example',
    'https://api.example:8444',
    `https://api.example:8443.elsewhere.example`,
    'file:///tmp/page.html',
    'no origin at all',
  ])('not by the Origin %j, whatever its Referer says', (origin) => {
    expect(from(origin, `${PAGE}/`)).toBe(false);
  });

  it('not without both, as curl sends it', () => {
    expect(from(undefined)).toBe(false);
    expect(from(undefined, 'about:client')).toBe(false);
  });

  it('when a listed origin has the default port of its scheme written out', () => {
    expect(from('https://www.page.example:443')).toBe(true);
  });
});

const FAILURES = [400, 401, 403, 404, 405, 409, 413, 415, 422, 429, 500, 503];

const WRITES = [
  '/api/v1/patient/login',
  '/api/v1/queue/enter',
  '/api/v1/queue/done',
  '/api/v1/queue/call',
  '/api/v1/route/create',
  '/api/v1/clinic/exit',
];

const asked = (method: string, path: string): PageRequest => ({
  method,
  path,
  host: HOST,
  origin: PAGE,
  referer: undefined,
});

function failure(status: number, code = 'SOME_CODE'): Response {
  return Response.json({ success: false, code }, { status, headers: { 'Retry-After': '7' } });
}

describe('an answer to the page', () => {
  it.each(WRITES.flatMap((path) => [path, `${path}/`]))(
    'is 200 for every failure, with body, headers and the status it had: %s',
    async (path) => {
      for (const status of FAILURES) {
        const answer = await answerForPage(asked('POST', path), failure(status));
        expect(answer.status).toBe(200);
        expect(answer.headers.get('x-original-status')).toBe(String(status));
        expect(answer.headers.get('retry-after')).toBe('7');
        expect(answer.headers.get('content-type')).toBe('application/json');
        expect(await answer.json()).toStrictEqual({ success: false, code: 'SOME_CODE' });
      }
    },
  );

  it('is the same object for a success, also a replayed one', async () => {
    for (const path of [...WRITES, '/admin/login']) {
      const answer = Response.json({ success: true }, { headers: { 'Idempotency-Replayed': 'true' } });
      expect(await answerForPage(asked('POST', path), answer)).toBe(answer);
    }
  });

  it.each(['/admin/login', '/admin/login/'])(
    'to a failed login leads to /auth/denied without a cookie: %s',
    async (path) => {
      for (const status of FAILURES) {
        const refused = failure(status);
        refused.headers.append('Set-Cookie', 'admin_token=x');
        const answer = await answerForPage(asked('POST', path), refused);
        expect(answer.status).toBe(303);
        expect(answer.headers.get('location')).toBe('/auth/denied');
        expect(answer.headers.get('x-original-status')).toBe(String(status));
        expect(answer.headers.get('retry-after')).toBe('7');
        expect(answer.headers.has('set-cookie')).toBe(false);
        expect(answer.headers.has('content-type')).toBe(false);
        expect(await answer.text()).toBe('');
      }
    },
  );

  it('is 200 for a route that does not exist, and nothing else of route/get', async () => {
    const path = '/api/v1/route/get';
    const absent = await answerForPage(asked('GET', path), failure(404, 'ROUTE_NOT_FOUND'));
    expect(absent.status).toBe(200);
    expect(absent.headers.get('x-original-status')).toBe('404');
    expect(await absent.json()).toStrictEqual({ success: false, code: 'ROUTE_NOT_FOUND' });
    for (const status of FAILURES) {
      const other = failure(status);
      expect(await answerForPage(asked('GET', path), other)).toBe(other);
      expect(await other.json()).toStrictEqual({ success: false, code: 'SOME_CODE' });
    }
  });

  it('is the bare list of stats/queues, and its failures stay', async () => {
    const path = '/api/v1/stats/queues';
    const rows = [{ id: 'lab', name: 'المختبر' }];
    const whole = Response.json(
      { success: true, queues: rows, stale: true },
      { headers: { 'X-Kept': 'yes' } },
    );
    whole.headers.set('Content-Length', '999');
    const answer = await answerForPage(asked('GET', path), whole);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('x-kept')).toBe('yes');
    expect(answer.headers.has('content-length')).toBe(false);
    expect(answer.headers.has('x-original-status')).toBe(false);
    expect(await answer.json()).toStrictEqual(rows);
    const down = failure(503);
    expect(await answerForPage(asked('GET', path), down)).toBe(down);
  });

  it.each([
    ['GET', '/api/v1/queue/position'],
    ['GET', '/api/v1/queue/status'],
    ['GET', '/api/v1/queue/enter'],
    ['PUT', '/api/v1/queue/enter'],
    ['POST', '/api/v1/queue'],
    ['POST', '/api/v1/queue/enter//'],
    ['POST', '/api/v1/auth/login'],
    ['POST', '/admin/logout'],
    ['POST', '/api/session/create'],
    ['POST', '/api/session/validate'],
    ['POST', '/api/session/device'],
    ['GET', '/api/session/stats'],
    ['POST', '/api/v1/stats/queues'],
    ['GET', '/auth/denied'],
    ['GET', '/'],
  ])('stays as it is everywhere else: %s %s', async (method, path) => {
    for (const status of FAILURES) {
      const answer = failure(status);
      expect(await answerForPage(asked(method, path), answer)).toBe(answer);
    }
  });
});
