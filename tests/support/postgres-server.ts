/** Databases of their own for test files, on the Postgres server that all test files share. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { migratedTemplate, sharedPostgresUrl } from './shared-parts.ts';

export interface TestDatabaseOptions {
  /** Name of a database to copy; nobody may be connected to it. */
  readonly template?: string;
  /** A superuser's URL of another server than the shared one. */
  readonly adminUrl?: string;
}

export interface TestDatabase {
  readonly name: string;
  /** `postgres://…` of a superuser. */
  readonly url: string;
  /** Cuts whoever is still connected, and drops the database. */
  drop(): Promise<void>;
}

/** Creates a database with a name nobody else has: empty, or a copy of the template. */
export async function createTestDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const adminUrl = options.adminUrl ?? (await sharedPostgresUrl());
  const name = `test_${randomBytes(8).toString('hex')}`;
  const from = options.template === undefined ? '' : ` TEMPLATE ${pg.escapeIdentifier(options.template)}`;
  await administer(adminUrl, `CREATE DATABASE ${name}${from}`);
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  return {
    name,
    url: url.href,
    drop: () => administer(adminUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

/** Creates one that has our schema, at a fraction of what its migrations cost. */
export async function createMigratedDatabase(): Promise<TestDatabase> {
  return createTestDatabase({ template: await migratedTemplate() });
}

async function administer(adminUrl: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
