// Brings a database to the schema of this build, over any driver that can run a batch in one transaction.
// drizzle's own neon-http migrator runs statement by statement and records at the end; a crash there leaves half.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

/** One statement of a batch, in the extended protocol ($1, $2 ...). */
export interface Statement {
  readonly query: string;
  readonly params?: readonly unknown[];
}

/** Runs the statements in order in ONE transaction; throws, with nothing done, when one fails. */
export type RunBatch = (statements: readonly Statement[]) => Promise<readonly Record<string, unknown>[][]>;

export interface Migration {
  readonly version: string;
  readonly checksum: string;
  readonly statements: readonly string[];
}

export interface MigrateOptions {
  readonly runBatch: RunBatch;
  readonly migrations: readonly Migration[];
  /** IANA zone and HH:MM of the service day; written once, and refused when the database says otherwise. */
  readonly timezone: string;
  readonly serviceDayStart: string;
  readonly onApplied?: (version: string) => void;
}

/** Reads the numbered migrations beside this file, in the order of the journal. */
export async function readMigrations(folder: URL = new URL('.', import.meta.url)): Promise<Migration[]> {
  const journal: { entries: { tag: string }[] } = JSON.parse(
    await readFile(new URL('meta/_journal.json', folder), 'utf8'),
  );
  return Promise.all(
    journal.entries.map(async ({ tag }) => {
      const text = await readFile(new URL(`${tag}.sql`, folder), 'utf8');
      return {
        version: tag,
        checksum: createHash('sha256').update(text).digest('hex'),
        statements: text
          .split('--> statement-breakpoint')
          .map((statement) => statement.trim())
          .filter((statement) => statement !== ''),
      };
    }),
  );
}

/**
 * Applies what is missing and returns the versions applied by this run. One migration is one batch: a crash leaves
 * none or all of it. Safe to run twice and by several runners at once. Throws when an applied migration was edited
 * afterwards, when the database has tables of somebody else, or when its service day is another one.
 */
export async function migrate(options: MigrateOptions): Promise<string[]> {
  const known = await appliedMigrations(options.runBatch);
  for (const { version, checksum } of options.migrations) {
    const recorded = known.get(version);
    if (recorded !== undefined && recorded !== checksum) {
      throw new Error(`Migration ${version} was changed after it was applied to this database`);
    }
  }

  // A wrong configuration must not change the database of a right one first.
  if (known.size > 0) await refuseOtherServiceDay(options);

  const applied: string[] = [];
  for (const migration of options.migrations) {
    if (known.has(migration.version)) continue;
    if (await applyOne(migration, options)) {
      applied.push(migration.version);
      options.onApplied?.(migration.version);
    }
  }
  await refuseOtherServiceDay(options);
  return applied;
}

async function appliedMigrations(runBatch: RunBatch): Promise<Map<string, string>> {
  const [columns = []] = await runBatch([
    {
      query: `select attname::text as name from pg_attribute
        where attrelid = to_regclass('public.schema_migrations') and attnum > 0 and not attisdropped`,
    },
  ]);
  if (columns.length === 0) return new Map();
  if (!columns.some(({ name }) => name === 'checksum')) {
    throw new Error(
      'public.schema_migrations belongs to another tool: give this service a database of its own',
    );
  }
  const [rows = []] = await runBatch([{ query: 'select version, checksum from public.schema_migrations' }]);
  return new Map(rows.map((row) => [String(row.version), String(row.checksum)]));
}

/** False when it is recorded all the same: another runner was faster, or only the answer to ours was lost. */
async function applyOne(migration: Migration, options: MigrateOptions): Promise<boolean> {
  try {
    await options.runBatch([
      { query: `select set_config('statement_timeout', '0', true)` },
      { query: `select set_config('mmc.timezone', $1, true)`, params: [options.timezone] },
      { query: `select set_config('mmc.service_day_start', $1, true)`, params: [options.serviceDayStart] },
      // Any number serves, as long as every runner takes the same one.
      { query: 'select pg_advisory_xact_lock(727267626)' },
      {
        query: `create table if not exists public.schema_migrations (
          version text primary key, checksum text not null, applied_at timestamptz not null default now())`,
      },
      { query: 'alter table public.schema_migrations enable row level security' },
      {
        query: 'insert into public.schema_migrations (version, checksum) values ($1, $2)',
        params: [migration.version, migration.checksum],
      },
      ...migration.statements.map((query) => ({ query })),
    ]);
    return true;
  } catch (error) {
    const known = await appliedMigrations(options.runBatch).catch(() => undefined);
    if (known?.get(migration.version) === migration.checksum) return false;
    throw error;
  }
}

async function refuseOtherServiceDay(options: MigrateOptions): Promise<void> {
  const [exists] = await options.runBatch([{ query: `select to_regclass('public.settings')::text as name` }]);
  if (exists?.[0]?.name == null) return;
  const [rows = []] = await options.runBatch([
    {
      query: `select key, value #>> '{}' as value from public.settings
        where key in ('timezone', 'service_day_start')`,
    },
  ]);
  const stored = new Map(rows.map((row) => [row.key, row.value]));
  const wanted = { timezone: options.timezone, service_day_start: options.serviceDayStart };
  for (const [key, value] of Object.entries(wanted)) {
    if (stored.has(key) && stored.get(key) !== value) {
      throw new Error(
        `This database was made for ${key} ${String(stored.get(key))}, the configuration says ${value}: ` +
          'two service days on one database would make two counters and two PIN sets',
      );
    }
  }
}
