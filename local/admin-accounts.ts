// Staff accounts from the command line and at a first start. There is no built-in account or password.
import { randomBytes } from 'node:crypto';
import { passwordDigest } from '../src/lib/admin-session.ts';
import type { Database } from '../src/lib/database.ts';

export interface NewAdmin {
  readonly username: string;
  readonly password: string;
}

type AdminSettings = Readonly<Record<string, string | undefined>>;

/** The name of an account for which nobody chose one. */
const FIRST_ADMIN = 'admin';

/** Fewest characters of a password that somebody chose. */
const SHORTEST_PASSWORD = 10;

/** Makes the account, or gives it a new password (which revokes its tokens). True when it is new. */
export async function saveAdmin(database: Database, { username, password }: NewAdmin): Promise<boolean> {
  checkAccount({ username, password });
  const secret = await passwordDigest(password);
  const { created } = (await database.call('save_admin', { username, secret })) as { created: boolean };
  return created;
}

/** Throws when this name or password is none that an account may have. */
function checkAccount({ username, password }: NewAdmin): void {
  if (!/^[\p{L}\p{N}._@-]{1,64}$/u.test(username)) {
    throw new Error('A user name has 1 to 64 letters, digits and any of . _ @ -');
  }
  if (password.length < SHORTEST_PASSWORD) {
    throw new Error(`A password has at least ${SHORTEST_PASSWORD} characters`);
  }
}

/** Throws when ensureAdmin could not make the account that the settings ask for. */
export function checkAdminSettings({ ADMIN_USERNAME, ADMIN_PASSWORD }: AdminSettings): void {
  if (ADMIN_PASSWORD) checkAccount({ username: ADMIN_USERNAME || FIRST_ADMIN, password: ADMIN_PASSWORD });
}

/** A password that nobody can guess: 96 random bits. */
export function freshPassword(): string {
  return randomBytes(12).toString('base64url');
}

/**
 * The account of ADMIN_USERNAME (`admin`) where ADMIN_PASSWORD is set, made or updated when the password does not open
 * it; else a first account with a fresh password, when there is none at all. Undefined when nothing was made.
 */
export async function ensureAdmin(
  database: Database,
  settings: AdminSettings,
): Promise<NewAdmin | undefined> {
  const username = settings.ADMIN_USERNAME || FIRST_ADMIN;
  const password = settings.ADMIN_PASSWORD;
  if (password) {
    const secret = await passwordDigest(password);
    const { ok } = (await database.call('admin_login', { username, secret })) as { ok: boolean };
    if (!ok) await saveAdmin(database, { username, password });
    return { username, password };
  }
  const { count } = (await database.call('count_admins', {})) as { count: number };
  if (count > 0) return undefined;
  const admin = { username, password: freshPassword() };
  await saveAdmin(database, admin);
  return admin;
}
