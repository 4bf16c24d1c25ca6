// The admin's token: a JWT of eight hours, signed with HS256 and nothing else.
import { sign, verify } from 'hono/jwt';
import * as z from 'zod/mini';
import type { Clock } from './clock.ts';
import type { Ids } from './ids.ts';

/** Seconds a token lives. */
export const TOKEN_LIFETIME = 8 * 60 * 60;

/** Who a token says is calling. `ver` is checked by the SQL function that acts, against the account. */
export interface Admin {
  readonly sub: string;
  readonly role: string;
  readonly ver: number;
  /** Epoch seconds at which the token ends. */
  readonly exp: number;
}

export interface AdminTokens {
  issue(admin: Omit<Admin, 'exp'>): Promise<string>;
  /** The admin of a token whose signature and times hold, else undefined. */
  read(token: string): Promise<Admin | undefined>;
}

const claimsSchema = z.object({
  sub: z.string().check(z.minLength(1)),
  role: z.string(),
  // What the account's column can hold: anything else could not be compared with it.
  ver: z.int32(),
  exp: z.number(),
});

/**
 * Tokens signed with the first of the secrets and accepted under each of them: while a secret is rotated there are
 * two. Read and issue never throw for what a caller sent.
 */
export function createAdminTokens(
  secrets: readonly [current: string, ...previous: string[]],
  clock: Clock,
  ids: Ids,
): AdminTokens {
  const keys = new Map<string, CryptoKey>();
  // hono/jwt imports a text secret at every call; handing it a key saves that.
  async function keyOf(secret: string): Promise<CryptoKey> {
    const known = keys.get(secret);
    if (known) return known;
    const key = await crypto.subtle.importKey(
      'raw',
      new TextEncoder().encode(secret),
      { name: 'HMAC', hash: 'SHA-256' },
      false,
      ['sign', 'verify'],
    );
    keys.set(secret, key);
    return key;
  }

  // Only `exp` is compared, below and with our clock: targets whose clocks differ must take each other's newest
  // tokens, and a token of eight hours needs no leeway at its end.
  async function claimsUnder(secret: string, token: string): Promise<unknown> {
    return verify(token, await keyOf(secret), { alg: 'HS256', exp: false, iat: false, nbf: false }).catch(
      () => undefined,
    );
  }

  return {
    async issue(admin) {
      const iat = Math.floor(clock.now().getTime() / 1000);
      const claims = { ...admin, jti: ids.uuid(), iat, exp: iat + TOKEN_LIFETIME };
      return sign(claims, await keyOf(secrets[0]), 'HS256');
    },
    async read(token) {
      let claims: unknown;
      for (const secret of secrets) claims ??= await claimsUnder(secret, token);
      const parsed = claimsSchema.safeParse(claims);
      if (!parsed.success || parsed.data.exp * 1000 <= clock.now().getTime()) return undefined;
      return parsed.data;
    },
  };
}
