/** What holds between instances and beyond one request: rotation of secrets, revocation, headers, equal times. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LogFields } from '../../src/lib/log.ts';
import { createIsolate, fromHeader } from '../../src/targets/isolate.ts';
import { createNodeTarget } from '../../src/targets/node.ts';
import { openSimulatedService, type SimulatedService } from '../support/simulated-service.ts';
import { report } from '../support/sql-report.ts';
import { type Application, type Instance, openApplication } from './application.ts';

const OLD = 'the secret before the rotation, long enough';
const NEW = 'the secret after the rotation, long enough.';
const ACCOUNT = { username: 'tester', password: 'a password for tests' };
const ADMIN_ONLY = '/api/v1/pin/generate';

let application: Application;
beforeAll(async () => {
  application = await openApplication();
});
afterAll(() => application?.stop());

/** A target at some moment of a rotation. */
function targetWith(current: string, previous?: string): Instance {
  return application.instance({ JWT_SECRET: current, JWT_SECRET_PREVIOUS: previous });
}

async function loginAt({ send }: Instance): Promise<string> {
  const { status, body } = await send('POST', '/api/v1/auth/login', { json: ACCOUNT });
  expect(status).toBe(200);
  return String(body.token);
}

async function admits({ send }: Instance, token: string): Promise<boolean> {
  const { status } = await send('POST', ADMIN_ONLY, { token, json: { clinic: 'bones' } });
  expect([200, 401]).toContain(status);
  return status === 200;
}

describe('while JWT_SECRET is rotated', () => {
  it('nobody is logged out on any target at any step, and the old secret is worth nothing at the end', async () => {
    // SECURITY.md's steps: accept both, sign with the new one, forget the old one. Targets take each one by one.
    const before = targetWith(OLD);
    const acceptsBoth = targetWith(OLD, NEW);
    const signsNew = targetWith(NEW, OLD);
    const after = targetWith(NEW);
    const oldToken = await loginAt(before);
    for (const target of [before, acceptsBoth, signsNew]) expect(await admits(target, oldToken)).toBe(true);
    expect(await admits(after, oldToken)).toBe(false);
    const newToken = await loginAt(signsNew);
    for (const target of [acceptsBoth, signsNew, after]) expect(await admits(target, newToken)).toBe(true);
    expect(await admits(before, newToken)).toBe(false);
  });

  it('a logout revokes the tokens of both secrets, on every target at once', async () => {
    const [acceptsBoth, signsNew] = [targetWith(OLD, NEW), targetWith(NEW, OLD)];
    const tokens = [await loginAt(acceptsBoth), await loginAt(signsNew)];
    const [first = ''] = tokens;
    expect((await signsNew.send('POST', '/admin/logout', { token: first })).status).toBe(200);
    for (const target of [acceptsBoth, signsNew]) {
      for (const token of tokens) expect(await admits(target, token)).toBe(false);
    }
  });

  it('a request that is repeated under its Idempotency-Key is not done again, whichever targets it meets', async () => {
    const oldFirst = targetWith(OLD, NEW);
    const newFirst = targetWith(NEW, OLD);
    const token = await loginAt(oldFirst);
    const call = async ({ send }: Instance, key: string, clinic = 'ecg') =>
      send('POST', '/api/v1/queue/call', { token, json: { clinic }, headers: { 'Idempotency-Key': key } });
    for (const user of ['rotates-1', 'rotates-2', 'rotates-3', 'rotates-4']) {
      await oldFirst.send('POST', '/api/v1/queue/enter', { json: { clinic: 'ecg', user } });
    }
    for (const [index, [first, second]] of [
      [targetWith(OLD), newFirst] as const,
      [oldFirst, newFirst] as const,
      [newFirst, oldFirst] as const,
    ].entries()) {
      const key = `key-${index}`;
      const answers = [await call(first, key), await call(second, key), await call(first, key)];
      expect(answers.map(({ body }) => body.number)).toEqual([index + 1, index + 1, index + 1]);
      expect(answers[1]?.headers.get('idempotency-replayed')).toBe('true');
      expect((await call(second, key, 'lab')).body.code).toBe('IDEMPOTENCY_MISMATCH');
    }
  });

  it('wrong PINs of a patient stay counted: their count knows no secret', async () => {
    const [before, after] = [targetWith(OLD), targetWith(NEW, OLD)];
    const json = { clinic: 'lab', user: 'guesses-on', pin: '1' };
    await before.send('POST', '/api/v1/queue/enter', { json });
    for (let count = 0; count < 5; count += 1) {
      expect((await before.send('POST', '/api/v1/queue/done', { json })).status).toBe(403);
    }
    const { body } = await after.send('POST', '/api/v1/queue/done', { json });
    expect(body.code).toBe('PIN_LOCKED');
  });
});

describe('the tick by GET', () => {
  const PAGE = 'https://page.example';
  const TICK = '/api/system/tick';

  it('with an admin’s cookie is refused to a page of another site, as every write is', async () => {
    const target = application.instance({ PAGE_ORIGINS: PAGE });
    const Cookie = `admin_token=${await loginAt(target)}`;
    const sent = async (headers: Record<string, string>, method: 'GET' | 'POST' = 'GET', path = TICK) => {
      const { status, body } = await target.send(method, path, { headers });
      return [status, body.code];
    };
    for (const method of ['GET', 'POST'] as const) {
      for (const Origin of ['https://elsewhere.example', 'null']) {
        expect(await sent({ Cookie, Origin }, method)).toEqual([403, 'FORBIDDEN']);
      }
      expect(await sent({ Cookie, Referer: 'https://elsewhere.example/x' }, method)).toEqual([
        403,
        'FORBIDDEN',
      ]);
    }
    for (const own of [{}, { Origin: PAGE }, { Origin: 'http://localhost' }]) {
      expect(await sent({ Cookie, ...own })).toEqual([200, undefined]);
    }
    // Reading is no work: there a foreign page gets nothing but what it cannot read.
    const reads = await sent({ Cookie, Origin: 'https://elsewhere.example' }, 'GET', '/api/session/stats');
    expect(reads).toEqual([200, undefined]);
  });
});

describe('a platform that does not say who its client is', () => {
  it('is told of in the log, once an isolate; one that does is not', async () => {
    const logged: LogFields[] = [];
    const isolateOf = () =>
      createIsolate({
        target: 'vercel',
        environment: application.environment,
        clientIp: fromHeader('x-real-ip'),
        replacements: { log: (_level, fields) => logged.push(fields) },
      });
    const ask = async ({ app }: ReturnType<typeof isolateOf>, headers = {}) => {
      const { status } = await app.request('/api/v1/path/choose?gender=male', { headers }, {});
      expect(status).toBe(200);
    };
    const warnings = () => logged.filter(({ event }) => event === 'client_address_missing');
    const isolate = isolateOf();
    await ask(isolate, { 'x-real-ip': '192.0.2.1' });
    expect(warnings()).toEqual([]);
    for (let count = 0; count < 3; count += 1) await ask(isolate);
    expect(warnings()).toEqual([{ event: 'client_address_missing', target: 'vercel' }]);
    await ask(isolateOf());
    expect(warnings()).toHaveLength(2);
  });
});

describe('every answer', () => {
  const PATHS = ['/health/live', '/docs', '/openapi.json', '/nowhere', '/api/v1/queue/status?clinic=lab'];

  it.each(PATHS)('is no document to run, frame or guess the type of: %s', async (path) => {
    const { app } = createNodeTarget({ ...application.environment });
    const overHttps = await app.request(`https://api.example${path}`, {}, {});
    const { headers } = overHttps;
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-security-policy')).toMatch(/^default-src 'none'; .*frame-ancestors 'none'$/);
    expect(headers.get('content-security-policy')).not.toMatch(/unsafe|\*/);
    // With no-referrer, the page's own GETs could not be recognised.
    expect(headers.get('referrer-policy')).toBe('strict-origin-when-cross-origin');
    expect(headers.get('strict-transport-security')).toBe('max-age=63072000');
    // Over plain HTTP a browser must ignore it, and a person on a local network would be locked out.
    const overHttp = await app.request(`http://api.example${path}`, {}, {});
    expect(overHttp.headers.has('strict-transport-security')).toBe(false);
  });

  it('sets the cookie Secure where the client came by https, and HttpOnly and Strict always', async () => {
    const { app } = createNodeTarget({ ...application.environment });
    const cookieOver = async (scheme: string) => {
      const answer = await app.request(
        `${scheme}://api.example/api/v1/auth/login`,
        {
          method: 'POST',
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify(ACCOUNT),
        },
        {},
      );
      return (answer.headers.get('set-cookie') ?? '')
        .replace(/=[^;]*/, '=…')
        .split('; ')
        .sort();
    };
    const always = ['HttpOnly', 'Max-Age=28800', 'Path=/', 'SameSite=Strict', 'admin_token=…'];
    expect(await cookieOver('http')).toEqual(always);
    expect(await cookieOver('https')).toEqual([...always, 'Secure'].sort());
  });
});

describe('a login that fails', () => {
  /** Pairs of attempts. The machine's noise hits both of a pair alike. */
  const PAIRS = 21;
  let service: SimulatedService;
  beforeAll(async () => {
    service = await openSimulatedService({ at: '2031-05-05T09:00:00Z' });
  });
  afterAll(() => service?.stop());

  it('takes the same time for a name that exists and one that does not', async () => {
    const timed = async (username: string) => {
      const start = performance.now();
      const { status } = await service.send('POST', '/api/v1/auth/login', {
        json: { username, password: 'a wrong password' },
      });
      expect(status).toBe(401);
      return performance.now() - start;
    };
    await timed(ACCOUNT.username);
    await timed('nobody');
    const ratios: number[] = [];
    for (let pair = 0; pair < PAIRS; pair += 1) {
      // The order changes, so that what the first leaves behind favours neither.
      const known = pair % 2 === 0 ? await timed(ACCOUNT.username) : undefined;
      const unknown = await timed(`nobody-${pair}`);
      ratios.push((known ?? (await timed(ACCOUNT.username))) / unknown);
    }
    const median = ratios.sort((a, b) => a - b)[Math.floor(PAIRS / 2)] ?? Number.NaN;
    report(`a wrong password takes ${median.toFixed(3)} times what an unknown name takes`, 2 * PAIRS);
    // One step of bcrypt's cost would be 2 or 0.5, a name that is looked up only about 50.
    expect(median).toBeGreaterThan(0.8);
    expect(median).toBeLessThan(1.25);
  });
});
