/** Random histories on the SQL functions, compared with the model after every step. TEST_SEED repeats one. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openMigratedDatabase, type SqlDatabase } from '../support/sql-database.ts';
import { testSeed } from '../support/sql-random.ts';
import { report } from '../support/sql-report.ts';
import { soak, volume } from '../support/volume.ts';
import { OUTCOMES, type System, simulate } from './play.ts';
import { sqlSystem } from './sql-system.ts';

const STEPS = volume(100_000);

let db: SqlDatabase;
beforeAll(async () => {
  db = await openMigratedDatabase(4);
});
afterAll(() => db?.remove());

it('the functions do what the model does, over midnights, repetitions, crashes and late requests', {
  timeout: soak ? 60 * 60_000 : 5 * 60_000,
}, async () => {
  const seed = testSeed();
  report('steps on the SQL functions, each as the model', STEPS, seed);
  const outcomes = await simulate(sqlSystem(db), STEPS, seed);
  expect([...outcomes.keys()].sort()).toEqual(
    [...OUTCOMES, 'NOT_CALLED', 'CAPACITY_FULL', 'expired', 'inside', 'undone'].sort(),
  );
});

it('a system that is wrong once is found, with the seed and a history of few steps', async () => {
  const right = sqlSystem(db);
  const wrong: System = {
    ...right,
    // With each exit, whoever has number 2 passes everybody who waits.
    async perform(step, model) {
      const outcome = await right.perform(step, model);
      if (step.does === 'leave') {
        await db.rows("update queues set priority = 2 where status = 'WAITING' and queue_number = 2");
      }
      return outcome;
    },
  };
  const failure = await simulate(wrong, 2_000, 7).then(
    () => undefined,
    (error: Error) => error.message,
  );
  expect(failure).toContain('TEST_SEED=7');
  // Two who wait, the step that goes wrong, and the call that shows it.
  expect(failure?.split('\n').filter((line) => line.startsWith('  {'))).toHaveLength(4);
});
