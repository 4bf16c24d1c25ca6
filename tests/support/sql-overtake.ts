/** Two calls in a chosen order: the second starts before the first is committed, and has to wait for it. */
import type { Answer, SqlDatabase } from './sql-database.ts';
import { until } from './until.ts';

interface Call {
  readonly name: string;
  readonly args: object;
}

/** What `second` answers that met the lock of `first` and went on after its commit. */
export async function overtake(db: SqlDatabase, first: Call, second: Call): Promise<Answer> {
  const faster = await db.pool.connect();
  try {
    await faster.query('begin');
    await faster.query(`select ${first.name}($1::jsonb)`, [first.args]);
    const pending = db.call(second.name, second.args);
    await until(
      `${second.name} waits for ${first.name}`,
      () =>
        db.value(
          `select count(*)::int from pg_stat_activity
           where datname = current_database() and wait_event_type = 'Lock' and query like $1`,
          [`%${second.name}%`],
        ),
      (waiting) => waiting > 0,
    );
    await faster.query('commit');
    return await pending;
  } finally {
    faster.release();
  }
}
