// The reads and claims that happen all day are served by the index that was made for them.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openMigratedDatabase, type SqlDatabase } from '../support/sql-database.ts';

let db: SqlDatabase;

beforeAll(async () => {
  db = await openMigratedDatabase(2);
  await db.rows(
    `insert into queues (clinic_code, patient_id, queue_number, service_day)
     select 'lab', 'waiting-' || n, n, '2032-01-05' from generate_series(1, 20000) as n`,
  );
  await db.rows('analyze queues');
});

afterAll(() => db?.remove());

describe('the head of a line of 20,000', () => {
  it('is read from its index without sorting', async () => {
    const plan = (
      await db.rows<{ 'QUERY PLAN': string }>(
        `explain select * from queues q
         where q.clinic_code = 'lab' and q.service_day = '2032-01-05' and q.status = 'WAITING'
         order by q.priority desc, q.queue_number limit 1 for update`,
      )
    )
      .map((row) => row['QUERY PLAN'])
      .join('\n');
    expect(plan).toContain('queues_head_of_line_idx');
    expect(plan).not.toContain('Sort');
  });
});
