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

/** Tokens under one secret. Read and issue never throw for what a caller sent. */
export function createAdminTokens(secret: string, clock: Clock, ids: Ids): AdminTokens {
  let key: CryptoKey | undefined;
  // hono/jwt imports a text secret at every call; handing it a key saves that.
  async function signingKey(): Promise<CryptoKey> {
    key ??= await crypto.subtle.importKey(
      'raw',
      new TextEncoder().encode(secret),
      { name: 'HMAC', hash: 'SHA-256' },
      false,
      ['sign', 'verify'],
    );
    return key;
  }

  return {
    async issue(admin) {
      const iat = Math.floor(clock.now().getTime() / 1000);
      const claims = { ...admin, jti: ids.uuid(), iat, exp: iat + TOKEN_LIFETIME };
      return sign(claims, await signingKey(), 'HS256');
    },
    async read(token) {
      const hmac = await signingKey();
      // The expiry is compared with our clock below, so that tests can move time.
      const claims = await verify(token, hmac, { alg: 'HS256', exp: false, iat: false, nbf: false }).catch(
        () => undefined,
      );
      const parsed = claimsSchema.safeParse(claims);
      if (!parsed.success || parsed.data.exp * 1000 <= clock.now().getTime()) return undefined;
      return parsed.data;
    },
  };
}
