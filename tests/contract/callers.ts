/** Everybody who may call a route, with what they send to say who they are: for tests that try all of them. */
import { createHmac } from 'node:crypto';
import { expect } from 'vitest';
import { newId, request } from './http.ts';
import { PAGE_ORIGIN, type Target } from './target.ts';

export interface Caller {
  readonly name: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Who the contract takes this for; `foreign` is an admin's cookie on a request of another site. */
  readonly is: 'nobody' | 'admin' | 'cron' | 'metrics' | 'foreign';
  /** Signed and unexpired, refused by the state of its account: that is looked at after the fields. */
  readonly revoked?: true;
}

const FOREIGN = 'https://elsewhere.example';
const HS256 = { alg: 'HS256', typ: 'JWT' };

const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
const cookie = (token: string) => ({ Cookie: `admin_token=${token}` });

function signed(claims: object, secret: string, header: object = HS256, hash = 'sha256'): string {
  const text = `${base64(header)}.${base64(claims)}`;
  return `${text}.${createHmac(hash, secret).update(text).digest('base64url')}`;
}

/** The claims of a token. */
export function claimsOf(token: string): Readonly<Record<string, unknown>> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
}

/** A new token; a login is slow on purpose. */
export async function login({ url, admin }: Target): Promise<string> {
  const { status, text, body } = await request(url, 'POST', '/api/v1/auth/login', { json: admin });
  expect(status, text).toBe(200);
  return String(body.token);
}

/** Logs in, out, and in again: everybody who is refused, and the token that is valid from now on. */
export async function openCallers(target: Target): Promise<{ token: string; refused: Caller[] }> {
  const old = await login(target);
  const logout = await request(target.url, 'POST', '/admin/logout', { token: old });
  expect(logout.status, logout.text).toBe(200);
  const token = await login(target);
  return { token, refused: refusedCallers(target, token, old) };
}

/** An admin, however he may say so. */
export function adminCallers(token: string): Caller[] {
  return [
    { name: 'an admin', headers: bearer(token), is: 'admin' },
    { name: 'an admin by cookie', headers: cookie(token), is: 'admin' },
    {
      name: 'an admin by cookie on the page',
      headers: { ...cookie(token), Origin: PAGE_ORIGIN },
      is: 'admin',
    },
    {
      name: 'an admin by cookie on another site',
      headers: { ...cookie(token), Origin: FOREIGN },
      is: 'foreign',
    },
    {
      name: 'an admin by token on another site',
      headers: { ...bearer(token), Origin: FOREIGN },
      is: 'admin',
    },
  ];
}

/** Schedulers and monitors, where their secrets are known. */
export function machineCallers({ cronSecret, metricsToken }: Target): Caller[] {
  return [
    ...(cronSecret === undefined
      ? []
      : ([{ name: 'the cron secret', headers: bearer(cronSecret), is: 'cron' }] as const)),
    ...(metricsToken === undefined
      ? []
      : ([{ name: 'the metrics token', headers: bearer(metricsToken), is: 'metrics' }] as const)),
  ];
}

function refusedCallers({ jwtSecret, cronSecret, admin }: Target, token: string, old: string): Caller[] {
  const claims = claimsOf(token);
  const now = Math.floor(Date.now() / 1000);
  const [header = '', , signature = ''] = token.split('.');
  const other = 'a secret of somebody else, thirty-two long';
  const anon = { iss: 'supabase', ref: 'abcdefghijklmnopqrst', role: 'anon', iat: now, exp: now + 10 ** 8 };
  const byBearer = (name: string, sent: string): Caller => ({ name, headers: bearer(sent), is: 'nobody' });
  const byCookie = (name: string, sent: string): Caller => ({ name, headers: cookie(sent), is: 'nobody' });
  const nobody = (name: string, headers: Readonly<Record<string, string>>): Caller => ({
    name,
    headers,
    is: 'nobody',
  });
  const revoked = (caller: Caller): Caller => ({ ...caller, revoked: true });
  return [
    nobody('nobody', {}),
    nobody('nobody on the page', { Origin: PAGE_ORIGIN }),
    byBearer('a text as token', 'anything'),
    byBearer('the name of a role', 'admin'),
    nobody('a Bearer without token', { Authorization: 'Bearer' }),
    nobody('name and password as Basic', {
      Authorization: `Basic ${Buffer.from(`${admin.username}:${admin.password}`).toString('base64')}`,
    }),
    nobody('a valid token in headers of other services', {
      apikey: token,
      'X-Admin-Token': token,
      'X-Api-Key': token,
    }),
    nobody('a valid token under another cookie’s name', { Cookie: `token=${token}; admin=${token}` }),
    nobody('a bad token before a valid cookie', { ...bearer('bad'), ...cookie(token) }),
    byBearer('a forged token', `${header}.${base64({ ...claims, role: 'owner' })}.${signature}`),
    byCookie('a forged cookie', `${header}.${base64({ ...claims, role: 'owner' })}.${signature}`),
    byBearer('a token with a bent signature', token.replace(/.{4}$/, 'AAAA')),
    byBearer('a token of another key', signed(claims, other)),
    byCookie('a cookie of another key', signed(claims, other)),
    byBearer('a token of the empty key', signed(claims, '')),
    byBearer('a token of no algorithm', `${base64({ alg: 'none', typ: 'JWT' })}.${base64(claims)}.`),
    byBearer('a signed token of no algorithm', `${base64({ alg: 'none' })}.${base64(claims)}.${signature}`),
    byCookie('a cookie of no algorithm', `${base64({ alg: 'none', typ: 'JWT' })}.${base64(claims)}.`),
    byBearer('the public key of a platform', signed(anon, other)),
    revoked(byBearer('a logged-out token', old)),
    revoked(byCookie('a logged-out cookie', old)),
    ...(cronSecret === undefined ? [] : [byCookie('the cron secret as cookie', cronSecret)]),
    ...(jwtSecret === undefined
      ? []
      : [
          byBearer('an expired token', signed({ ...claims, iat: now - 28_801, exp: now - 1 }, jwtSecret)),
          byCookie('an expired cookie', signed({ ...claims, iat: now - 28_801, exp: now - 1 }, jwtSecret)),
          byBearer('a token without expiry', signed({ ...claims, exp: undefined }, jwtSecret)),
          byBearer('a token by HS512', signed(claims, jwtSecret, { alg: 'HS512', typ: 'JWT' }, 'sha512')),
          byBearer('a public key of our own key', signed(anon, jwtSecret)),
          byBearer('the signing secret', jwtSecret),
          revoked(byBearer('a token of no account', signed({ ...claims, sub: newId('nobody') }, jwtSecret))),
          revoked(
            byBearer(
              'a token of a later version',
              signed({ ...claims, ver: Number(claims.ver) + 1 }, jwtSecret),
            ),
          ),
        ]),
  ];
}
