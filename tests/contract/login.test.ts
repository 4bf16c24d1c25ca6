/** Sections 1.8, 2.2 and 2.4 of the contract: who may say who they are, and what that is worth. */
import { createHmac, randomInt } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Answer,
  bytes,
  expectError,
  ISO,
  newId,
  type RequestOptions,
  request,
  SECRET_ID,
} from './http.ts';
import { isOwnServer, openTarget, PAGE_ORIGIN, type Target, TURN_TIMEOUT } from './target.ts';

let target: Target;
beforeAll(async () => {
  target = await openTarget();
}, TURN_TIMEOUT);
afterAll(() => target?.close());

const send = (method: string, path: string, options?: RequestOptions): Promise<Answer> =>
  request(target.url, method, path, options);

const LOGIN_PATHS = ['/admin/login', '/api/v1/auth/login'] as const;
const FOREIGN = 'https://elsewhere.example';

async function newToken(): Promise<string> {
  const { status, text, body } = await send('POST', '/api/v1/auth/login', { json: target.admin });
  expect(status, text).toBe(200);
  return String(body.token);
}

let kept: string | undefined;

/** A valid token for tests that revoke none: a login is slow on purpose. */
async function anyToken(): Promise<string> {
  kept ??= await newToken();
  return kept;
}

async function logout(options: RequestOptions): Promise<Answer> {
  const answer = await send('POST', '/admin/logout', options);
  if (answer.status === 200) kept = undefined;
  return answer;
}

const cookieOf = (token: string) => ({ Cookie: `other=1; admin_token=${token}; more=2` });

/** What is answered to an admin only, and changes nothing: one value of today's PINs. */
async function isAdmin(options: RequestOptions): Promise<boolean> {
  const { status, body } = await send('GET', '/api/v1/pin/status', options);
  expect(status).toBe(200);
  return body.currentPin !== null;
}

const claimsOf = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));

const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

function signed(
  claims: object,
  secret: string,
  header: object = { alg: 'HS256', typ: 'JWT' },
  hash = 'sha256',
) {
  const text = `${base64(header)}.${base64(claims)}`;
  return `${text}.${createHmac(hash, secret).update(text).digest('base64url')}`;
}

describe('POST /api/v1/patient/login', () => {
  const login = (json: unknown) => send('POST', '/api/v1/patient/login', { json });
  const freshNumber = () => String(randomInt(10 ** 11, 10 ** 12 - 1));

  it('gives a new session id and says who logged in', async () => {
    const patientId = freshNumber();
    const { status, body } = await login({ patientId, gender: 'male' });
    expect(status).toBe(200);
    expect(body).toStrictEqual({
      success: true,
      data: {
        id: SECRET_ID,
        patientId,
        gender: 'male',
        loginTime: ISO,
        status: 'logged_in',
        currentPath: [],
        completedClinics: [],
      },
      message: 'Login successful',
    });
  });

  it('gives another session id at each login of the same person', async () => {
    const patientId = freshNumber();
    const answers = await Promise.all(Array.from({ length: 10 }, () => login({ patientId, gender: 'male' })));
    const ids = answers.map(({ body }) => (body.data as { id: string }).id);
    expect(new Set(ids).size).toBe(10);
  });

  it.each([
    ['٠١٢٣٤٥٦٧٨٩', '0123456789'],
    ['۰۱۲۳۴۵۶۷۸۹', '0123456789'],
    [' 1٢۳4 ', '1234'],
    ['00', '00'],
    ['123456789012', '123456789012'],
    [4711, '4711'],
  ])('reads the number %s as %s', async (sent, patientId) => {
    const { status, body } = await login({ patientId: sent, gender: 'female' });
    expect(status).toBe(200);
    expect(body.data).toMatchObject({ patientId });
  });

  it.each([
    ['male', 'male'],
    ['M', 'male'],
    ['m', 'male'],
    [' Female ', 'female'],
    ['F', 'female'],
    ['FEMALE', 'female'],
  ])('reads the gender %s as %s', async (sent, gender) => {
    const { body } = await login({ patientId: freshNumber(), gender: sent });
    expect(body.data).toMatchObject({ gender });
  });

  it('takes personalId for patientId, which wins when both are sent', async () => {
    const [one, other] = [freshNumber(), freshNumber()];
    expect((await login({ personalId: one, gender: 'M' })).body.data).toMatchObject({ patientId: one });
    expect((await login({ personalId: one, patientId: other, gender: 'M' })).body.data).toMatchObject({
      patientId: other,
    });
    expect((await login({ personalId: one, patientId: ' ', gender: 'M' })).body.data).toMatchObject({
      patientId: one,
    });
  });

  it.each([
    [{}, ['patientId', 'gender']],
    [{ patientId: '12' }, ['gender']],
    [{ gender: 'male' }, ['patientId']],
    [{ patientId: '  ', gender: null }, ['patientId', 'gender']],
    [{ patientId: '', gender: 'male' }, ['patientId']],
  ])('says what is missing: %j', async (json, missing) => {
    expectError(await login(json), 'MISSING_FIELDS', {
      error: 'Missing required fields: patientId and gender',
      missing_fields: missing,
    });
  });

  it.each(['1', '1234567890123', '12a4', '12 34', '-12', '1.5', '١', {}, ['12'], true, 1.5, -12])(
    'refuses the number %j',
    async (patientId) => {
      expectError(await login({ patientId, gender: 'male' }), 'INVALID_FIELD', {
        error: 'Invalid patientId format. Must be 2-12 digits.',
        field: 'patientId',
      });
    },
  );

  it.each(['x', 'man', 'ذكر', 1, true, {}, ['male']])('refuses the gender %j', async (gender) => {
    expectError(await login({ patientId: '12', gender }), 'INVALID_FIELD', {
      error: 'Invalid gender. Must be "male" or "female".',
      field: 'gender',
    });
  });
});

describe.each(LOGIN_PATHS)('POST %s', (path) => {
  const success = (username: string) => ({
    success: true,
    token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
    token_type: 'Bearer',
    expires_in: 28_800,
    admin: { username, role: expect.any(String), permissions: ['all'] },
    user: { username, role: expect.any(String) },
    message: 'Login successful',
  });

  it('answers a token that says who it is for and lasts eight hours', async () => {
    const before = Math.floor(Date.now() / 1000);
    const { status, body } = await send('POST', path, { json: target.admin });
    expect(status).toBe(200);
    expect(body).toStrictEqual(success(target.admin.username));
    const claims = claimsOf(String(body.token));
    expect(claims).toStrictEqual({
      sub: target.admin.username,
      role: (body.user as { role: string }).role,
      ver: expect.any(Number),
      jti: expect.stringMatching(/^[\w-]{20,}$/),
      iat: expect.any(Number),
      exp: claims.iat + 28_800,
    });
    // Ten minutes: a server elsewhere has a clock of its own.
    expect(Math.abs(claims.iat - before)).toBeLessThan(600);
    expect(claimsOf(await newToken()).jti).not.toBe(claims.jti);
  });

  it('sets a cookie that scripts and other sites never get', async () => {
    const { headers } = await send('POST', path, { json: target.admin });
    const [cookie, ...attributes] = (headers.get('set-cookie') ?? '').split('; ');
    expect(cookie).toMatch(/^admin_token=[\w-]+\.[\w-]+\.[\w-]+$/);
    const secure = target.url.startsWith('https:') ? ['Secure'] : [];
    expect(attributes.sort()).toEqual(['HttpOnly', 'Max-Age=28800', 'Path=/', 'SameSite=Strict', ...secure]);
  });

  it('takes a form as the page posts it, in both encodings', async () => {
    const { username, password } = target.admin;
    const urlencoded = await send('POST', path, { raw: new URLSearchParams({ username, password }) });
    expect(urlencoded.body).toStrictEqual(success(username));
    const form = new FormData();
    form.set('username', ` ${username} `);
    form.set('password', password);
    const multipart = await send('POST', path, { raw: form });
    expect(multipart.status).toBe(200);
    expect(multipart.body).toStrictEqual(success(username));
    expect(multipart.headers.get('set-cookie')).toContain('admin_token=');
  });

  it('takes a password as it is, blanks and all', async () => {
    for (const password of [` ${target.admin.password}`, `${target.admin.password} `, '   ']) {
      expectError(
        await send('POST', path, { json: { username: target.admin.username, password } }),
        'INVALID_CREDENTIALS',
      );
    }
  });

  it('says the same to a wrong password and to a name nobody has, and sets no cookie', async () => {
    const { username, password } = target.admin;
    for (const json of [
      { username, password: 'wrong' },
      { username: newId('nobody'), password },
      { username: "' or '1'='1", password: "' or '1'='1" },
    ]) {
      const answer = await send('POST', path, { json });
      expectError(answer, 'INVALID_CREDENTIALS');
      expect(answer.headers.has('set-cookie')).toBe(false);
      expect(answer.headers.has('www-authenticate')).toBe(false);
    }
  });

  it.each([
    [{}, ['username', 'password']],
    [{ username: 'admin' }, ['password']],
    [{ username: 'admin', password: '' }, ['password']],
    [{ username: '  ', password: 'x' }, ['username']],
    [{ username: null, password: null }, ['username', 'password']],
  ])('says what is missing, in JSON and in a form: %j', async (json, missing) => {
    const expected = { error: 'Missing username or password', missing_fields: missing };
    expectError(await send('POST', path, { json }), 'MISSING_FIELDS', expected);
    const fields = Object.entries(json).filter(([, value]) => value !== null) as [string, string][];
    expectError(await send('POST', path, { raw: new URLSearchParams(fields) }), 'MISSING_FIELDS', expected);
  });

  it('refuses types that are neither JSON nor a form, and a broken form', async () => {
    expectError(await send('POST', path, { raw: 'username=a&password=b' }), 'UNSUPPORTED_MEDIA_TYPE');
    expectError(
      await send('POST', path, { raw: bytes('x'), headers: { 'Content-Type': 'multipart/form-data' } }),
      'MALFORMED_BODY',
    );
  });
});

describe('a failed login', () => {
  it('needs the same time for a name nobody has as for a wrong password', async () => {
    const time = async (username: string) => {
      const start = performance.now();
      await send('POST', '/admin/login', { json: { username, password: newId('wrong') } });
      return performance.now() - start;
    };
    await time('warm up');
    const known: number[] = [];
    const unknown: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      known.push(await time(target.admin.username));
      unknown.push(await time(newId('nobody')));
    }
    // The hash takes most of either; without it the unknown name would be answered in a fraction of the time.
    expect(Math.min(...unknown)).toBeGreaterThan(Math.min(...known) / 2);
  });
});

describe('a token', () => {
  it('makes its bearer an admin, in the header and in the cookie', async () => {
    const token = await anyToken();
    expect(await isAdmin({ token })).toBe(true);
    expect(await isAdmin({ headers: { Authorization: `bearer ${token}` } })).toBe(true);
    expect(await isAdmin({ headers: cookieOf(token) })).toBe(true);
    expect(await isAdmin({})).toBe(false);
  });

  it('in the header wins over one in the cookie, also when it is a bad one', async () => {
    const token = await anyToken();
    expect(await isAdmin({ token: 'bad', headers: cookieOf(token) })).toBe(false);
    expect(await isAdmin({ token, headers: cookieOf('bad') })).toBe(true);
    expectError(
      await send('POST', '/api/v1/pin/generate', { token: 'bad', headers: cookieOf(token) }),
      'UNAUTHORIZED',
    );
  });

  it('that was changed in any part is as good as none', async () => {
    const token = await anyToken();
    const [header = '', payload = '', signature = ''] = token.split('.');
    const other = base64({ ...claimsOf(token), sub: 'somebody-else' });
    const flipped = signature.startsWith('A') ? `B${signature.slice(1)}` : `A${signature.slice(1)}`;
    for (const bad of [
      `${header}.${other}.${signature}`,
      `${header}.${payload}.${flipped}`,
      `${header}.${payload}.`,
      `${header}.${payload}`,
      `${payload}.${header}.${signature}`,
      `${base64({ alg: 'HS384', typ: 'JWT' })}.${payload}.${signature}`,
      signed(claimsOf(token), 'a secret of somebody else, thirty-two long'),
      signed(claimsOf(token), ''),
      '',
      'x',
      '..',
      'é'.repeat(3),
    ]) {
      expect(await isAdmin({ headers: { Authorization: `Bearer ${encodeURI(bad)}` } })).toBe(false);
      expect(await isAdmin({ headers: cookieOf(encodeURI(bad)) })).toBe(false);
      expectError(
        await send('POST', '/admin/logout', { headers: { Authorization: `Bearer ${encodeURI(bad)}` } }),
        'UNAUTHORIZED',
      );
    }
  });

  it.each(['none', 'None', 'NONE', 'nOnE'])(
    'without a signature (alg %s) is as good as none',
    async (alg) => {
      const claims = claimsOf(await anyToken());
      for (const end of ['', createHmac('sha256', '').update('').digest('base64url')]) {
        const forged = `${base64({ alg, typ: 'JWT' })}.${base64(claims)}.${end}`;
        expect(await isAdmin({ token: forged })).toBe(false);
        expectError(await send('POST', '/admin/logout', { token: forged }), 'UNAUTHORIZED');
      }
    },
  );

  it.runIf(isOwnServer || process.env.JWT_SECRET)(
    'signed with the right secret counts only by HS256, unexpired, and with a current version',
    async () => {
      const secret = target.jwtSecret ?? '';
      const claims = claimsOf(await anyToken());
      const now = Math.floor(Date.now() / 1000);
      expect(await isAdmin({ token: signed(claims, secret) })).toBe(true);

      const { exp: _exp, ...endless } = claims;
      for (const bad of [
        signed({ ...claims, iat: now - 28_801, exp: now - 1 }, secret),
        signed({ ...claims, exp: now }, secret),
        signed(endless, secret),
        signed({ ...claims, exp: 'never' }, secret),
        signed({ ...claims, ver: claims.ver + 1 }, secret),
        signed({ ...claims, ver: claims.ver - 1 }, secret),
        signed({ ...claims, ver: String(claims.ver) }, secret),
        signed({ ...claims, ver: 1e300 }, secret),
        signed({ ...claims, ver: 0.5 }, secret),
        signed({ ...claims, sub: newId('nobody') }, secret),
        signed({ ...claims, sub: '' }, secret),
        signed(claims, secret, { alg: 'HS512', typ: 'JWT' }, 'sha512'),
        signed(claims, secret, { alg: 'HS384', typ: 'JWT' }, 'sha384'),
        signed(claims, secret, { typ: 'JWT' }),
        signed([], secret),
      ]) {
        expect(await isAdmin({ token: bad })).toBe(false);
        expectError(await send('POST', '/admin/logout', { token: bad }), 'UNAUTHORIZED');
      }
      expect(await isAdmin({ token: signed(claims, secret) })).toBe(true);
    },
  );
});

describe('POST /admin/logout', () => {
  it('revokes every token of the account at once, and clears the cookie', async () => {
    const tokens = [await anyToken(), await newToken(), await newToken()];
    const answer = await logout({ token: tokens[0] });
    expect(answer.status).toBe(200);
    expect(answer.body).toStrictEqual({ success: true, message: 'Logged out' });
    const [cookie, ...attributes] = (answer.headers.get('set-cookie') ?? '').split('; ');
    expect(cookie).toBe('admin_token=');
    expect(attributes).toEqual(
      expect.arrayContaining(['Max-Age=0', 'Path=/', 'HttpOnly', 'SameSite=Strict']),
    );

    for (const token of tokens) {
      expect(await isAdmin({ token })).toBe(false);
      expect(await isAdmin({ headers: cookieOf(token) })).toBe(false);
      for (const path of ['/admin/logout', '/api/v1/pin/generate', '/api/v1/queue/call']) {
        expectError(await send('POST', path, { token, json: { clinic: 'lab' } }), 'UNAUTHORIZED');
      }
    }
    expect(await isAdmin({ token: await anyToken() })).toBe(true);
  });

  it('refuses whoever is not an admin', async () => {
    expectError(await send('POST', '/admin/logout'), 'UNAUTHORIZED');
    expectError(
      await send('POST', '/admin/logout', { headers: { Authorization: 'Basic YTpi' } }),
      'UNAUTHORIZED',
    );
  });

  it('works with the cookie', async () => {
    const token = await anyToken();
    const { status } = await logout({ headers: cookieOf(token) });
    expect(status).toBe(200);
    expect(await isAdmin({ token })).toBe(false);
  });
});

describe('a write by cookie', () => {
  it.each([FOREIGN, 'null', 'https://page.example.evil.example', 'not an origin', 'http://127.0.0.1:1'])(
    'from a page of another origin is refused and changes nothing: %s',
    async (origin) => {
      const token = await anyToken();
      const headers = { ...cookieOf(token), Origin: origin };
      for (const path of ['/api/v1/pin/generate', '/api/v1/queue/call', '/admin/logout']) {
        expectError(await send('POST', path, { headers, json: { clinic: 'lab' } }), 'FORBIDDEN');
      }
      expect(await isAdmin({ token })).toBe(true);
      // A read by the same page is no write, and a bearer token is no cookie.
      expect(await isAdmin({ headers })).toBe(true);
      const bearer = await send('POST', '/api/v1/pin/generate', {
        token,
        headers: { Origin: origin },
        json: { clinic: 'bones' },
      });
      expect(bearer.status).toBe(200);
    },
  );

  it('that names no origin is judged by its Referer, so that a browser without the one is caught by the other', async () => {
    const token = await anyToken();
    const path = '/api/v1/pin/generate';
    const from = (referer: string) => ({
      headers: { ...cookieOf(token), Referer: referer },
      json: { clinic: 'bones' },
    });
    for (const referer of [`${FOREIGN}/page`, 'about:blank', 'not a page']) {
      expectError(await send('POST', path, from(referer)), 'FORBIDDEN');
    }
    expect((await send('POST', path, from(`${target.url}/admin`))).status).toBe(200);
    // The page's own origin counts before a Referer that says otherwise: a browser sends what is true in both.
    const own = { ...cookieOf(token), Origin: new URL(target.url).origin, Referer: `${FOREIGN}/page` };
    expect((await send('POST', path, { headers: own, json: { clinic: 'bones' } })).status).toBe(200);
    const foreign = { ...cookieOf(token), Origin: FOREIGN, Referer: `${target.url}/admin` };
    expectError(await send('POST', path, { headers: foreign, json: { clinic: 'bones' } }), 'FORBIDDEN');
  });

  it('by PUT is refused from another origin like one by POST', async () => {
    const headers = { ...cookieOf(await anyToken()), Origin: FOREIGN };
    expectError(await send('PUT', '/api/admin/settings', { headers, json: { settings: {} } }), 'FORBIDDEN');
  });

  it('with a bad cookie is merely unauthorized, whatever its origin', async () => {
    const headers = { ...cookieOf('bad'), Origin: FOREIGN };
    expectError(await send('POST', '/admin/logout', { headers }), 'UNAUTHORIZED');
  });

  it('from its own origin is allowed', async () => {
    const headers = { ...cookieOf(await anyToken()), Origin: new URL(target.url).origin };
    expect((await send('POST', '/api/v1/pin/generate', { headers, json: { clinic: 'bones' } })).status).toBe(
      200,
    );
  });

  it.runIf(isOwnServer)('from the page that the settings name is allowed', async () => {
    const headers = { ...cookieOf(await anyToken()), Origin: PAGE_ORIGIN };
    expect((await send('POST', '/api/v1/pin/generate', { headers, json: { clinic: 'bones' } })).status).toBe(
      200,
    );
  });

  it('on a public endpoint counts as anybody’s, from wherever it comes', async () => {
    const headers = { ...cookieOf(await anyToken()), Origin: FOREIGN };
    const user = newId('foreign');
    const entered = await send('POST', '/api/v1/queue/enter', { headers, json: { clinic: 'bones', user } });
    expect(entered.status).toBe(200);
  });
});
