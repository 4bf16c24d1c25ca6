import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createAdminTokens, TOKEN_LIFETIME } from './admin-token.ts';
import { randomIds } from './ids.ts';

const SECRET = 'a secret of at least thirty-two characters';
const ADMIN = { sub: 'aisha', role: 'admin', ver: 3 };
const NOW = Date.parse('2025-10-29T12:00:00.900Z');

/** Tokens with a clock that a test moves. */
function tokensAt(secret = SECRET, ...previous: string[]) {
  let time = NOW;
  const clock = { now: () => new Date(time), simulated: true };
  return {
    tokens: createAdminTokens([secret, ...previous], clock, randomIds),
    wait: (seconds: number) => {
      time += seconds * 1000;
    },
  };
}

const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const decoded = (token: string, part: 0 | 1) =>
  JSON.parse(Buffer.from(token.split('.')[part] ?? '', 'base64url').toString());

/** A secret of another age, before or after the present one. */
const OTHER = 'the other secret, of at least thirty-two characters';

function signed(header: object, claims: unknown, secret = SECRET, hash = 'sha256'): string {
  const text = `${base64(header)}.${base64(claims)}`;
  return `${text}.${createHmac(hash, secret).update(text).digest('base64url')}`;
}

const HS256 = { alg: 'HS256', typ: 'JWT' };
const IAT = Math.floor(NOW / 1000);
const CLAIMS = { ...ADMIN, jti: 'x', iat: IAT, exp: IAT + 60 };

describe('a token', () => {
  it('says by HS256 who it is for, for eight hours, under an id of its own', async () => {
    const { tokens } = tokensAt();
    const token = await tokens.issue(ADMIN);
    expect(decoded(token, 0)).toEqual(HS256);
    expect(decoded(token, 1)).toStrictEqual({
      ...ADMIN,
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
      iat: IAT,
      exp: IAT + 28_800,
    });
    expect(TOKEN_LIFETIME).toBe(28_800);
    expect(decoded(await tokens.issue(ADMIN), 1).jti).not.toBe(decoded(token, 1).jti);
  });

  it('is read back by whoever has the secret, and by nobody else', async () => {
    const token = await tokensAt().tokens.issue(ADMIN);
    expect(await tokensAt().tokens.read(token)).toMatchObject(ADMIN);
    expect(await tokensAt(`${SECRET}!`).tokens.read(token)).toBeUndefined();
  });

  it('expires to the second', async () => {
    const { tokens, wait } = tokensAt();
    const token = await tokens.issue(ADMIN);
    wait(TOKEN_LIFETIME - 1);
    expect(await tokens.read(token)).toMatchObject(ADMIN);
    wait(1);
    expect(await tokens.read(token)).toBeUndefined();
  });

  it('made elsewhere by the same rule counts', async () => {
    expect(await tokensAt().tokens.read(signed(HS256, CLAIMS))).toMatchObject(ADMIN);
  });

  it.each([
    ['another algorithm', signed({ alg: 'HS512', typ: 'JWT' }, CLAIMS, SECRET, 'sha512')],
    ['another algorithm in the header only', signed({ alg: 'HS384', typ: 'JWT' }, CLAIMS)],
    ['no algorithm', signed({ typ: 'JWT' }, CLAIMS)],
    ['the algorithm none', `${base64({ alg: 'none' })}.${base64(CLAIMS)}.`],
    ['the algorithm none, signed', signed({ alg: 'none', typ: 'JWT' }, CLAIMS)],
    ['no expiry', signed(HS256, { ...ADMIN, iat: IAT })],
    ['an expiry that is no number', signed(HS256, { ...CLAIMS, exp: '9999999999' })],
    ['no name', signed(HS256, { ...CLAIMS, sub: '' })],
    ['no role', signed(HS256, { ...CLAIMS, role: undefined })],
    ['no version', signed(HS256, { ...CLAIMS, ver: undefined })],
    ['a version that is no int', signed(HS256, { ...CLAIMS, ver: 0.5 })],
    ['a version beyond the column', signed(HS256, { ...CLAIMS, ver: 1e300 })],
    ['claims that are a list', signed(HS256, [])],
    ['claims that are null', signed(HS256, null)],
    ['another signature', `${signed(HS256, CLAIMS).slice(0, -3)}abc`],
    ['no signature', signed(HS256, CLAIMS).replace(/[^.]*$/, '')],
    ['two parts', 'a.b'],
    ['no parts', ''],
    ['no base64', 'ä.ö.ü'],
    ['a megabyte', 'x'.repeat(1_000_000)],
  ])('with %s is none, and is no error either', async (_name, token) => {
    expect(await tokensAt().tokens.read(token)).toBeUndefined();
  });

  it('signed under the previous secret counts while both are known, and no longer', async () => {
    const token = await tokensAt(OTHER).tokens.issue(ADMIN);
    expect(await tokensAt(SECRET, OTHER).tokens.read(token)).toMatchObject(ADMIN);
    expect(await tokensAt(SECRET).tokens.read(token)).toBeUndefined();
  });

  it('is signed under the present secret only, however often it was rotated', async () => {
    const token = await tokensAt(SECRET, OTHER).tokens.issue(ADMIN);
    expect(await tokensAt(SECRET).tokens.read(token)).toMatchObject(ADMIN);
    expect(await tokensAt(OTHER).tokens.read(token)).toBeUndefined();
  });

  it('counts on targets that are not rotated yet, where the new secret comes as the previous one first', async () => {
    // Step 1 gives every target the new secret as the second one; step 2 changes their places, target by target.
    const [before, after] = [tokensAt(OTHER, SECRET).tokens, tokensAt(SECRET, OTHER).tokens];
    expect(await before.read(await after.issue(ADMIN))).toMatchObject(ADMIN);
    expect(await after.read(await before.issue(ADMIN))).toMatchObject(ADMIN);
  });

  it('of the previous secret expires, is bound to HS256 and needs its claims like any other', async () => {
    const { tokens, wait } = tokensAt(SECRET, OTHER);
    expect(await tokens.read(signed({ alg: 'HS512', typ: 'JWT' }, CLAIMS, OTHER, 'sha512'))).toBeUndefined();
    expect(await tokens.read(signed(HS256, { ...CLAIMS, ver: undefined }, OTHER))).toBeUndefined();
    const token = await tokensAt(OTHER).tokens.issue(ADMIN);
    wait(TOKEN_LIFETIME);
    expect(await tokens.read(token)).toBeUndefined();
  });

  it('issued by a target whose clock is ahead is taken at once, and ends by the reader’s own clock', async () => {
    const ahead = tokensAt();
    ahead.wait(30);
    const token = await ahead.tokens.issue(ADMIN);
    const reader = tokensAt();
    expect(await reader.tokens.read(token)).toMatchObject(ADMIN);
    reader.wait(TOKEN_LIFETIME + 29);
    expect(await reader.tokens.read(token)).toMatchObject(ADMIN);
    reader.wait(1);
    expect(await reader.tokens.read(token)).toBeUndefined();
  });

  it('is not checked for being too early: clocks of targets differ', async () => {
    expect(await tokensAt().tokens.read(signed(HS256, { ...CLAIMS, iat: IAT + 30 }))).toMatchObject(ADMIN);
  });
});
