/** pg_cron: where the database has it the migration registers the jobs, elsewhere it does nothing at all. */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { driverBatch } from '../../local/driver-batch.ts';
import { openPgliteDriver } from '../../local/pglite-driver.ts';
import { createTestDatabase } from '../support/postgres-server.ts';
import { migrateUrl, migrateWith } from '../support/sql-database.ts';
import { hasExtension, startSystemPostgres } from '../support/system-postgres.ts';

const HAS_PG_CRON = hasExtension('pg_cron');
if (!HAS_PG_CRON) {
  console.info('skipped: no pg_cron on this system (Debian: postgresql-15 and postgresql-15-cron)');
}

/** A job starts at the full minute. */
const NEXT_MINUTE = 75_000;

const JOBS = [
  {
    jobname: 'clean-old-events',
    schedule: '0 * * * *',
    command: 'select public.delete_old_events()',
    active: true,
  },
  {
    jobname: 'daily-pin-reset',
    schedule: '0 21 * * *',
    command: 'select public.generate_daily_pins()',
    active: true,
  },
  { jobname: 'queue-tick', schedule: '* * * * *', command: 'select public.queue_tick()', active: true },
];

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

describe('without pg_cron', () => {
  it('the embedded Postgres is migrated, and has no jobs', async () => {
    const driver = await openPgliteDriver({});
    await migrateWith(driverBatch(driver));
    const { rows } = await driver.query({
      query: `select to_regnamespace('cron')::text, (select count(*) from pg_extension where extname = 'pg_cron')::text`,
      params: [],
    });
    expect(rows).toEqual([[null, '0']]);
    await driver.close();
  });

  it('a real server is migrated, and has no jobs', async () => {
    const database = await createTestDatabase();
    await migrateUrl(database.url);
    await withClient(database.url, async (client) => {
      const { rows } = await client.query(`select to_regnamespace('cron')::text as schema`);
      expect(rows).toEqual([{ schema: null }]);
    });
    await database.drop();
  });
});

describe.runIf(HAS_PG_CRON)('with pg_cron', () => {
  let server: Awaited<ReturnType<typeof startSystemPostgres>>;
  beforeAll(async () => {
    server = await startSystemPostgres([
      'shared_preload_libraries=pg_cron',
      'cron.database_name=postgres',
      'cron.use_background_workers=on',
    ]);
    await migrateUrl(server.url);
  });
  afterAll(() => server?.stop());

  it('the three jobs are registered, by the names of the plan', async () => {
    await withClient(server.url, async (client) => {
      const { rows } = await client.query(
        'select jobname, schedule, command, active from cron.job order by jobname',
      );
      expect(rows).toEqual(JOBS);
    });
  });

  it('a second run of the migrator, and of the registration itself, leaves the same three', async () => {
    expect(await migrateUrl(server.url)).toEqual([]);
    await withClient(server.url, async (client) => {
      for (const { jobname, schedule, command } of JOBS) {
        await client.query('select cron.schedule($1, $2, $3)', [jobname, schedule, command]);
      }
      const { rows } = await client.query(
        'select jobname, schedule, command, active from cron.job order by jobname',
      );
      expect(rows).toEqual(JOBS);
    });
  });

  it('a database that pg_cron does not serve is migrated all the same', async () => {
    const other = new URL(server.url);
    other.pathname = '/other';
    await withClient(server.url, (client) => client.query('create database other'));
    expect((await migrateUrl(other.href)).length).toBeGreaterThan(0);
    await withClient(other.href, async (client) => {
      const { rows } = await client.query(`select to_regnamespace('cron')::text as schema`);
      expect(rows).toEqual([{ schema: null }]);
    });
  });

  it(
    'the tick runs within a minute: PINs are there, and the next patient is called',
    async () => {
      await withClient(server.url, async (client) => {
        await client.query(`update clinics set auto_call = true where code = 'lab'`);
        await client.query(`select enter_queue('lab', 'patient-of-pg-cron')`);
        const state = async () => {
          const { rows } = await client.query<{ status: string; pins: number; runs: string[] | null }>(
            `select (select status from queues where patient_id = 'patient-of-pg-cron') as status,
             (select count(*)::int from pins where is_active) as pins,
             (select array_agg(distinct d.status) from cron.job_run_details d join cron.job j using (jobid)
              where j.jobname = 'queue-tick' and d.end_time is not null) as runs`,
          );
          return rows[0];
        };
        const deadline = Date.now() + NEXT_MINUTE;
        let last = await state();
        while (!last?.runs && Date.now() < deadline) {
          await new Promise((wake) => setTimeout(wake, 500));
          last = await state();
        }
        expect(last).toEqual({ status: 'CALLED', pins: 13, runs: ['succeeded'] });
      });
    },
    NEXT_MINUTE + 15_000,
  );
});
