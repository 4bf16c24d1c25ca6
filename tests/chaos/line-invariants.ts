/** What must hold of the lines after a day of faults, whatever was lost on the way. */
import { expect } from 'vitest';
import { oneTo } from '../support/sql-report.ts';
import type { CommitteeLoad, Told } from './committee-load.ts';
import type { Stage } from './stage.ts';

interface Row {
  readonly clinic_code: string;
  readonly patient_id: string;
  readonly queue_number: number;
  readonly status: string;
  readonly call_count: number;
  readonly call_events: number;
}

const ROWS = `
  select clinic_code, patient_id, queue_number, status, call_count, (
      select count(*)::int from events e
      where e.clinic_code = q.clinic_code and e.patient_id = q.patient_id and e.event_type = 'CALLED'
    ) as call_events
  from queues q where patient_id like 'chaos-%' order by clinic_code, queue_number`;

const key = ({ clinic, user, number }: Told) => `${clinic} ${number} ${user}`;

/** No number lost or doubled, nobody called twice, and everybody was told the truth. */
export async function expectWholeLines(stage: Stage, load: CommitteeLoad): Promise<void> {
  const rows = await stage.rows<Row>(ROWS);
  for (const clinic of new Set(rows.map((row) => row.clinic_code))) {
    const numbers = rows.filter((row) => row.clinic_code === clinic).map((row) => row.queue_number);
    expect(numbers, `numbers of ${clinic}`).toEqual(oneTo(numbers.length));
  }
  expect(new Set(rows.map((row) => row.patient_id)).size, 'one entry for each patient').toBe(rows.length);
  expect(rows.filter(({ status }) => status !== 'COMPLETED')).toEqual([]);
  expect(rows.filter((row) => row.call_count !== 1 || row.call_events !== 1)).toEqual([]);

  const stored = rows.map((row) => `${row.clinic_code} ${row.queue_number} ${row.patient_id}`).sort();
  expect(load.entered.map(key).sort(), 'the numbers that patients were given').toEqual(stored);
  expect(load.left.map(key).sort(), 'the exits that patients were told of').toEqual(stored);
  const calls = load.called.map(key);
  expect(new Set(calls).size, 'calls that staff was told of twice').toBe(calls.length);
  expect(calls.filter((call) => !stored.includes(call))).toEqual([]);
  expect(calls.length, 'every call was heard of by whoever made it').toBe(stored.length);
}
