// Staff accounts: login, logout, and how a password is kept.
import { TOKEN_LIFETIME } from './admin-token.ts';
import { hex } from './keyed-hash.ts';
import { callFunction, type RequestContext } from './request-context.ts';

interface Account {
  readonly username: string;
  readonly role: string;
  readonly ver: number;
}

/**
 * What goes to the database instead of the password, so that it can stand in no log of any server. There it is
 * hashed slowly (bcrypt by pgcrypto), which costs the edge no CPU. Sixty-four characters: bcrypt reads 72.
 */
export async function passwordDigest(password: string): Promise<string> {
  const digest = await crypto.subtle.digest(
    'SHA-256',
    new TextEncoder().encode(`mmc-mms-api password ${password}`),
  );
  return hex(new Uint8Array(digest));
}

/** Checks a password and issues a token. Throws INVALID_CREDENTIALS, the same for a wrong name and a wrong password. */
export async function loginAdmin(ctx: RequestContext, sent: { username: string; password: string }) {
  const account = await callFunction<Account>(ctx, 'admin_login', {
    username: sent.username,
    secret: await passwordDigest(sent.password),
  });
  const { username, role, ver } = account;
  const token = await ctx.tokens.issue({ sub: username, role, ver });
  return {
    success: true,
    token,
    token_type: 'Bearer',
    expires_in: TOKEN_LIFETIME,
    admin: { username, role, permissions: ['all'] },
    user: { username, role },
    message: 'Login successful',
  } as const;
}

/** Revokes every token of the caller's account, on every target. Throws UNAUTHORIZED for one revoked before. */
export async function logoutAdmin(ctx: RequestContext) {
  await callFunction(ctx, 'admin_logout', { admin: ctx.admin });
  return { success: true, message: 'Logged out' } as const;
}
