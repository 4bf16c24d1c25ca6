// A migrator in a process of its own, for the test that kills it. Arguments: `pg` and a URL, or `pglite` and a directory.
// Says each version it has applied, and waits for nobody.

import { migrate, readMigrations } from '../../drizzle/migrator.ts';
import { driverBatch } from '../../local/driver-batch.ts';
import { openPgDriver } from '../../local/pg-driver.ts';
import { openPgliteDriver } from '../../local/pglite-driver.ts';
import { SERVICE_DAY_START, TIMEZONE } from '../support/sql-database.ts';

const [kind, target = ''] = process.argv.slice(2);
const driver =
  kind === 'pg'
    ? openPgDriver({ connectionString: target, poolSize: 1 })
    : await openPgliteDriver({ dataDir: target });

await migrate({
  runBatch: driverBatch(driver),
  migrations: await readMigrations(),
  timezone: TIMEZONE,
  serviceDayStart: SERVICE_DAY_START,
  onApplied: (version) => process.send?.(version),
});
await driver.close();
process.disconnect?.();
