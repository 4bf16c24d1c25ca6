/** The roles that a platform like Supabase gives to whoever holds its public key. */
import type { SqlDatabase } from './sql-database.ts';

export const PUBLIC_ROLES = ['anon', 'authenticated'] as const;

/** Makes the roles where the server does not have them yet; they belong to the server, not to one database. */
export async function createPublicRoles(database: SqlDatabase): Promise<void> {
  for (const role of PUBLIC_ROLES) {
    await database.rows(
      `do $$ begin create role ${role} nologin; exception when duplicate_object or unique_violation then end $$`,
    );
  }
}

/** Opens everything in `public`, present and future, to them: the platform's own defaults. */
export async function openToPublicRoles(database: SqlDatabase): Promise<void> {
  const roles = PUBLIC_ROLES.join(', ');
  await database.rows(`grant usage on schema public to ${roles}`);
  for (const kind of ['tables', 'functions', 'sequences']) {
    await database.rows(`grant all on all ${kind} in schema public to ${roles}`);
    await database.rows(`alter default privileges in schema public grant all on ${kind} to ${roles}`);
  }
}
