// The Postgres that is measured: of npm, with its own defaults (fsync on), migrated, and with a past.
import pg from 'pg';
import { migrate, readMigrations } from '../drizzle/migrator.ts';
import { driverBatch } from '../local/driver-batch.ts';
import { openPgDriver } from '../local/pg-driver.ts';
import { startPostgresServer } from '../tests/support/postgres-process.ts';
import { prepareContenders } from './contenders.ts';

export interface BenchDatabase {
  readonly connections: readonly pg.Client[];
  /** What is measured, as the server says it itself. */
  readonly server: { readonly version: string; readonly fsync: string; readonly sharedBuffers: string };
  readonly clinics: readonly string[];
  /** Throws the events away, as the hourly purge does. */
  purgeEvents(): Promise<void>;
  stop(): Promise<void>;
}

/** Days with a finished line in every clinic, so that plans are made for tables as they are after some weeks. */
const PAST_DAYS = 30;
const PAST_PEOPLE = 150;

/** Starts a server and opens the connections, one for each client. */
export async function startBenchDatabase(clients: number): Promise<BenchDatabase> {
  const server = await startPostgresServer();
  const connections = Array.from(
    { length: clients },
    () => new pg.Client({ connectionString: server.adminUrl }),
  );
  const stop = async (): Promise<void> => {
    await Promise.all(connections.map((connection) => connection.end()));
    await server.stop();
  };
  try {
    await migrateDatabase(server.adminUrl);
    const first = new pg.Client({ connectionString: server.adminUrl });
    await first.connect();
    await prepareContenders(first);
    await writePast(first);
    const { rows } = await first.query<{ code: string }>('select code from clinics order by display_order');
    const facts = await first.query<BenchDatabase['server']>(`select
      split_part(version(), ' ', 2) as version,
      current_setting('fsync') as fsync,
      current_setting('shared_buffers') as "sharedBuffers"`);
    await first.end();
    for (const connection of connections) await connection.connect();
    return {
      connections,
      server: facts.rows[0] ?? { version: '', fsync: '', sharedBuffers: '' },
      clinics: rows.map(({ code }) => code),
      purgeEvents: async () => {
        await connections[0]?.query('truncate events');
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function migrateDatabase(connectionString: string): Promise<void> {
  const driver = openPgDriver({ connectionString, poolSize: 1 });
  try {
    await migrate({
      runBatch: driverBatch(driver),
      migrations: await readMigrations(),
      timezone: 'Asia/Qatar',
      serviceDayStart: '00:00',
    });
  } finally {
    await driver.close();
  }
}

async function writePast(client: pg.Client): Promise<void> {
  const past = (columns: string, values: string): string =>
    `(clinic_code, patient_id, queue_number, service_day, status, called_at${columns})
     select c.code, gen_random_uuid()::text, n, date '2099-01-01' + d, 'COMPLETED', now()${values}
     from clinics c, generate_series(1, ${PAST_DAYS}) as d, generate_series(1, ${PAST_PEOPLE}) as n`;
  await client.query(`insert into queues ${past(', completed_at', ', now()')}`);
  await client.query(`insert into plan.queues ${past('', '')}`);
  await client.query('vacuum analyze');
}
