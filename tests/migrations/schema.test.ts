/** The numbered migrations, their journal, `schema.ts` and the database that they make say the same. */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { is } from 'drizzle-orm';
import { getTableConfig, PgTable } from 'drizzle-orm/pg-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readMigrations } from '../../drizzle/migrator.ts';
import * as schema from '../../src/lib/schema.ts';
import { SQL_FUNCTIONS, type SqlFunction } from '../../src/lib/sql-functions.ts';
import { openMigratedDatabase, type SqlDatabase } from '../support/sql-database.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));

let db: SqlDatabase;
beforeAll(async () => {
  db = await openMigratedDatabase(2);
});
afterAll(() => db.remove());

it('the journal names every migration in the order of its number, so that the newest sorts last', async () => {
  const versions = (await readMigrations()).map(({ version }) => version);
  const files = (await readdir(join(root, 'drizzle'))).filter((name) => name.endsWith('.sql'));
  expect(versions).toEqual(files.map((name) => name.replace('.sql', '')).sort());
  expect(versions.map((version) => Number(version.slice(0, 4)))).toEqual(versions.map((_, index) => index));
  // How a target knows the schema that it runs on.
  expect(await db.call('service_state')).toMatchObject({ schema_version: versions.at(-1) });
});

it('drizzle-kit has nothing to add to the migrations', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mmc-drizzle-'));
  try {
    await cp(join(root, 'drizzle'), folder, { recursive: true });
    const before = await readdir(folder);
    // A folder given absolutely is taken for one below the project.
    const options = ['--dialect', 'postgresql', '--out', relative(root, folder)];
    const kit = (...args: string[]) => run(join(root, 'node_modules/.bin/drizzle-kit'), args, { cwd: root });
    const { stdout } = await kit('generate', '--schema', './src/lib/schema.ts', ...options);
    expect(stdout).toContain('No schema changes');
    expect(await readdir(folder)).toEqual(before);
    expect((await kit('check', ...options)).stdout).toContain("Everything's fine");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

it('the database has the tables and columns of schema.ts, and no others', async () => {
  const declared = Object.values(schema)
    .filter((value) => is(value, PgTable))
    .map((table) => getTableConfig(table as PgTable))
    .flatMap(({ name, columns }) =>
      columns.map((column) => ({
        table: name,
        column: column.name,
        type: column.getSQLType(),
        required: column.notNull,
      })),
    );
  const found = await db.rows(
    `select c.relname as table, a.attname as column, format_type(a.atttypid, a.atttypmod) as type,
       a.attnotnull as required
     from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and c.relname <> 'schema_migrations'`,
  );
  const byName = (rows: readonly object[]) => rows.map((row) => JSON.stringify(row)).sort();
  expect(byName(found)).toEqual(byName(declared));
});

/** Marked `read` since they change nothing that the cache holds, but they do write. */
const COUNTS = ['count_login_attempt'];

it('a function that the application calls as a read is one that Postgres lets change nothing', async () => {
  const found = await db.rows<{ name: string; volatility: string }>(
    `select proname as name, provolatile as volatility from pg_proc
     where pronamespace = 'public'::regnamespace and proargtypes[0] = 'jsonb'::regtype and pronargs = 1`,
  );
  const volatilityOf = new Map(found.map(({ name, volatility }) => [name, volatility]));
  const reads = Object.keys(SQL_FUNCTIONS).filter((name) => SQL_FUNCTIONS[name as SqlFunction] === 'read');
  const writing = reads.filter((name) => volatilityOf.get(name) !== 's');
  expect(writing).toEqual(COUNTS);
});
