/** The migrator's promises over every driver: all of a migration or nothing, once, whoever runs it and however it ends. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { neonConfig } from '@neondatabase/serverless';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Migration, type RunBatch, readMigrations } from '../../drizzle/migrator.ts';
import { neonHttpBatch } from '../../drizzle/neon-http-batch.ts';
import { driverBatch } from '../../local/driver-batch.ts';
import { openPgDriver } from '../../local/pg-driver.ts';
import { openPgliteDriver } from '../../local/pglite-driver.ts';
import { startPostgresEndpoint } from '../../local/postgres-endpoint.ts';
import { migrateUrl, migrateWith, openEmptyDatabase } from '../support/sql-database.ts';
import { contents, schemaInventory } from '../support/sql-inventory.ts';
import { report } from '../support/sql-report.ts';
import { until } from '../support/until.ts';

neonConfig.fetchEndpoint = (host, port) => `http://${host}:${port}/sql`;

const all = await readMigrations();
const versions = all.map(({ version }) => version);

interface Target {
  readonly runBatch: RunBatch;
  readonly remove: () => Promise<void>;
}

const DRIVERS: readonly { driver: string; open: () => Promise<Target> }[] = [
  {
    driver: 'pg',
    open: async () => {
      const database = await openEmptyDatabase();
      const driver = openPgDriver({ connectionString: database.url, poolSize: 4 });
      return {
        runBatch: driverBatch(driver),
        remove: () => driver.close().then(database.remove),
      };
    },
  },
  {
    driver: 'PGlite',
    open: async () => {
      const driver = await openPgliteDriver();
      return { runBatch: driverBatch(driver), remove: () => driver.close() };
    },
  },
  {
    driver: 'Neon over HTTP',
    open: async () => {
      const database = await openEmptyDatabase();
      const driver = openPgDriver({ connectionString: database.url, poolSize: 4 });
      const endpoint = await startPostgresEndpoint({ driver, token: 'migrator' });
      return {
        runBatch: neonHttpBatch(endpoint.databaseUrl),
        remove: async () => {
          await endpoint.close();
          await driver.close();
          await database.remove();
        },
      };
    },
  },
];

const rowsOf =
  (runBatch: RunBatch) =>
  async (query: string): Promise<readonly Record<string, unknown>[]> =>
    (await runBatch([{ query }]))[0] ?? [];

/** A migration after all others that makes one table, does something, and makes another. */
const halves = (between: string): Migration => ({
  version: '9000_halves',
  checksum: 'halves',
  statements: ['create table half_a (id int)', between, 'create table half_b (id int)'],
});

const halvesThere = async (runBatch: RunBatch) =>
  (
    await rowsOf(runBatch)(
      `select to_regclass('half_a')::text as a, to_regclass('half_b')::text as b,
       (select version from schema_migrations where version = '9000_halves') as recorded`,
    )
  )[0];
const NONE = { a: null, b: null, recorded: null };
const ALL = { a: 'half_a', b: 'half_b', recorded: '9000_halves' };

describe.each(DRIVERS)('over $driver', ({ driver, open }) => {
  let target: Target;
  let first: string[][];
  beforeAll(async () => {
    target = await open();
    // Two runners at once, from the first statement on.
    first = await Promise.all([migrateWith(target.runBatch), migrateWith(target.runBatch)]);
  });
  afterAll(() => target.remove());
  const snapshot = async () => [
    await schemaInventory(rowsOf(target.runBatch)),
    await contents(rowsOf(target.runBatch)),
  ];

  it('two runners at once apply every migration once between them', async () => {
    expect(first.flat().sort()).toEqual(versions);
    const recorded = await rowsOf(target.runBatch)(
      'select version, checksum from schema_migrations order by 1',
    );
    expect(recorded).toEqual(all.map(({ version, checksum }) => ({ version, checksum })));
    report(`two migrators at once over ${driver}`, 2 * versions.length);
  });

  it('a second run changes nothing', async () => {
    const before = await snapshot();
    expect(await migrateWith(target.runBatch)).toEqual([]);
    expect(await snapshot()).toEqual(before);
  });

  it('refuses a migration that was edited after it was applied, before doing anything', async () => {
    const before = await snapshot();
    const edited = all.map((migration, i) => (i === 3 ? { ...migration, checksum: 'edited' } : migration));
    await expect(
      migrateWith(target.runBatch, { migrations: [...edited, halves('select 1')] }),
    ).rejects.toThrow(`Migration ${versions[3]} was changed after it was applied`);
    expect(await snapshot()).toEqual(before);
  });

  it.each([
    [{ timezone: 'Europe/Berlin' }, 'timezone'],
    [{ serviceDayStart: '05:00' }, 'service_day_start'],
  ])('refuses another service day, %o, before doing anything', async (day, name) => {
    const before = await snapshot();
    await expect(
      migrateWith(target.runBatch, { ...day, migrations: [...all, halves('select 1')] }),
    ).rejects.toThrow(`This database was made for ${name}`);
    expect(await snapshot()).toEqual(before);
  });

  it('a migration that fails in its middle leaves nothing, and the next run finishes', async () => {
    await expect(
      migrateWith(target.runBatch, { migrations: [...all, halves('select 1 / 0')] }),
    ).rejects.toMatchObject({ code: '22012' });
    expect(await halvesThere(target.runBatch)).toEqual(NONE);
    expect(await migrateWith(target.runBatch, { migrations: [...all, halves('select 1')] })).toEqual([
      '9000_halves',
    ]);
    expect(await halvesThere(target.runBatch)).toEqual(ALL);
  });
});

it('takes a migration whose answer was lost for applied', async () => {
  const database = await openEmptyDatabase();
  const driver = openPgDriver({ connectionString: database.url, poolSize: 1 });
  try {
    const runBatch = driverBatch(driver);
    const losing: RunBatch = async (statements) => {
      const results = await runBatch(statements);
      if (statements.length > 1) throw new Error('the connection was lost after the commit');
      return results;
    };
    await migrateWith(losing);
    expect(await migrateWith(runBatch)).toEqual([]);
    report('answers lost after the commit', versions.length);
  } finally {
    await driver.close();
    await database.remove();
  }
});

it('leaves the journal of another tool alone', async () => {
  const database = await openEmptyDatabase();
  try {
    await database.rows('create table schema_migrations (version text primary key, dirty boolean)');
    await expect(migrateUrl(database.url)).rejects.toThrow(
      'public.schema_migrations belongs to another tool',
    );
    expect(Object.keys(await contents(database.rows))).toEqual(['schema_migrations']);
  } finally {
    await database.remove();
  }
});

describe('a runner that is cut off', () => {
  it.each([DRIVERS[0], DRIVERS[2]])(
    'by the server, over $driver, leaves nothing of its migration',
    async (cut) => {
      const { runBatch, remove } = await (cut as (typeof DRIVERS)[number]).open();
      try {
        await migrateWith(runBatch);
        const suicide = halves('select pg_terminate_backend(pg_backend_pid())');
        await expect(migrateWith(runBatch, { migrations: [...all, suicide] })).rejects.toThrow();
        expect(await halvesThere(runBatch)).toEqual(NONE);
        expect(await migrateWith(runBatch, { migrations: [...all, halves('select 1')] })).toEqual([
          '9000_halves',
        ]);
        expect(await halvesThere(runBatch)).toEqual(ALL);
      } finally {
        await remove();
      }
    },
  );

  const SCRIPT = fileURLToPath(new URL('./migrate-child.ts', import.meta.url));

  /** Starts a migrator as a process and kills it with SIGKILL once it has applied `killAfter`. */
  async function killedRun(kind: string, where: string, killAfter: string | undefined): Promise<void> {
    const child = fork(SCRIPT, [kind, where], { execArgv: ['--import', 'tsx'] });
    const ended = once(child, 'exit');
    child.on('message', (version) => {
      if (version === killAfter) child.kill('SIGKILL');
    });
    const [, signal] = await ended;
    expect(signal).toBe('SIGKILL');
  }

  it('by kill -9, again and again, leaves whole migrations, and the last run ends with the same schema', async () => {
    const reference = await openEmptyDatabase();
    const database = await openEmptyDatabase();
    try {
      await migrateUrl(reference.url);
      const points = [0, 4, 9].map((index) => versions[index]);
      for (const point of points) {
        await killedRun('pg', database.url, point);
        await until(
          'the server has noticed that its client is gone',
          () =>
            database.value(`select count(*)::int from pg_stat_activity where datname = current_database()`),
          (connections) => connections === 1,
        );
        const recorded = await database.rows<{ version: string }>(
          'select version from schema_migrations order by 1',
        );
        expect(recorded.map(({ version }) => version)).toEqual(versions.slice(0, recorded.length));
        expect(recorded.length).toBeGreaterThan(versions.indexOf(String(point)));
      }
      await migrateUrl(database.url);
      expect(await schemaInventory(database.rows)).toEqual(await schemaInventory(reference.rows));
      report('a migrator killed three times by kill -9 and finished by the next', points.length + 1);
    } finally {
      await database.remove();
      await reference.remove();
    }
  });

  it('by kill -9 over PGlite leaves whole migrations, and the next run finishes', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'mmc-killed-'));
    try {
      await killedRun('pglite', directory, versions[6]);
      const driver = await openPgliteDriver({ dataDir: directory });
      try {
        const recorded = await rowsOf(driverBatch(driver))(
          'select version from schema_migrations order by 1',
        );
        expect(recorded.map(({ version }) => version)).toEqual(versions.slice(0, recorded.length));
        const applied = await migrateWith(driverBatch(driver));
        expect([...recorded.map(({ version }) => version), ...applied]).toEqual(versions);
        report('a migrator over PGlite killed by kill -9 and finished by the next', 2);
      } finally {
        await driver.close();
      }
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});
