// `npm run db:migrate`: brings the database of DATABASE_URL (or the one of `npm start`) to this build's schema.

import { openCommandDatabase } from '../local/command-database.ts';
import { readFlags, reportFailure } from '../local/command-line.ts';
import { bold, dim, green } from '../local/terminal.ts';
import { readServiceDay } from '../src/lib/config.ts';
import { migrate, readMigrations } from './migrator.ts';

const HELP = `npm run db:migrate -- [--data DIR]

Brings the database to this build's schema: the one of DATABASE_URL, else the one of npm start (.data).
TIMEZONE (Asia/Qatar) and SERVICE_DAY_START (00:00) are written into a new database once and for all.`;

const { values } = readFlags(
  {
    options: { data: { type: 'string', default: '.data' }, help: { type: 'boolean', default: false } },
  },
  HELP,
);

if (values.help) {
  console.log(HELP);
} else {
  await migrateDatabase().catch(reportFailure);
}

async function migrateDatabase(): Promise<void> {
  const serviceDay = readServiceDay(process.env);
  const opened = await openCommandDatabase(process.env, values.data);
  try {
    console.log(`Database: ${bold(opened.where)}`);
    const applied = await migrate({
      runBatch: opened.runBatch,
      migrations: await readMigrations(),
      ...serviceDay,
      onApplied: (version) => console.log(`  ${green('✓')} ${version}`),
    });
    console.log(
      applied.length === 0 ? dim('Nothing to do: the schema is current.') : `${applied.length} applied.`,
    );
  } finally {
    await opened.close();
  }
}
