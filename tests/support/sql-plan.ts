/** A database of the migration plan, for the tests that adopt one. */
import { readFile } from 'node:fs/promises';
import type { SqlDatabase } from './sql-database.ts';

const sqlFile = (name: string) => readFile(new URL(`../migrations/${name}.sql`, import.meta.url), 'utf8');

/** A zone where it is between noon and one o'clock now, so that hours around this moment are of the same service day. */
export function zoneAtNoon(now: Date): string {
  const offset = 12 - now.getUTCHours();
  // The sign of these zones is the opposite of what one expects: Etc/GMT-3 is three hours ahead.
  return offset === 0 ? 'Etc/GMT' : `Etc/GMT${offset > 0 ? '-' : '+'}${Math.abs(offset)}`;
}

/** Makes the plan's tables, functions, triggers and policies. */
export async function installPlan(database: SqlDatabase): Promise<void> {
  await database.rows(await sqlFile('plan-schema'));
}

/** Fills them with a day of dirty rows around `now`. */
export async function fillPlan(database: SqlDatabase, now: Date): Promise<void> {
  const client = await database.pool.connect();
  try {
    await client.query(`select set_config('test.now', $1, false)`, [now.toISOString()]);
    await client.query(await sqlFile('plan-rows'));
  } finally {
    client.release(true);
  }
}
