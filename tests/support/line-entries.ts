/** Queue entries in any state, written past the API, and what they are: tests compute from them what answers must say. */

import type { Random } from './sql-random.ts';
import { oneTo } from './sql-report.ts';

export type Status = 'WAITING' | 'CALLED' | 'IN_PROGRESS' | 'COMPLETED' | 'CANCELLED' | 'NO_SHOW';

export interface LineEntry {
  readonly clinic: string;
  readonly user: string;
  readonly number: number;
  readonly day: string;
  readonly status: Status;
  readonly priority: number;
  /** Milliseconds since 1970. */
  readonly entered: number;
  readonly called: number | null;
  readonly started: number | null;
  readonly completed: number | null;
}

type Rows = (query: string, params: readonly (string | null)[]) => Promise<unknown>;

/** Writes entries as a day of people would have left them, and the counters of their lines. */
export async function writeEntries(rows: Rows, entries: readonly LineEntry[]): Promise<void> {
  await rows(
    `insert into queues (clinic_code, patient_id, queue_number, service_day, status, priority,
       entered_at, called_at, started_at, completed_at)
     select clinic, "user", number, day, status, priority, to_timestamp(entered / 1000.0),
       to_timestamp(called / 1000.0), to_timestamp(started / 1000.0), to_timestamp(completed / 1000.0)
     from jsonb_to_recordset($1::jsonb) as e(clinic text, "user" text, number int, day date, status text,
       priority int, entered numeric, called numeric, started numeric, completed numeric)`,
    [JSON.stringify(entries)],
  );
  await rows(
    `insert into queue_counters (clinic_code, service_day, last_number, version, last_called_at)
     select clinic_code, service_day, max(queue_number), count(*), max(called_at) from queues group by 1, 2
     on conflict (clinic_code, service_day) do update set
       last_number = excluded.last_number, last_called_at = excluded.last_called_at,
       version = queue_counters.version + 1`,
    [],
  );
}

const STATUSES = [
  'WAITING',
  'CALLED',
  'IN_PROGRESS',
  'COMPLETED',
  'COMPLETED',
  'CANCELLED',
  'NO_SHOW',
] as const;
const MINUTE = 60_000;

/** A clinic's line with people in every state, who entered one after the other until `now`. */
export function randomLine(
  random: Random,
  clinic: string,
  day: string,
  now: number,
  people: number,
): LineEntry[] {
  return oneTo(people).map((number) => {
    const status = random.pick(STATUSES);
    const entered = now - random.below(180 * MINUTE);
    const later = (from: number) => Math.min(now, from + random.below(40 * MINUTE));
    // Some leave without ever being called, and some are called without being checked in.
    const isCalled =
      status !== 'WAITING' && !(['COMPLETED', 'CANCELLED'].includes(status) && random.chance(0.3));
    const called = isCalled ? later(entered) : null;
    const isStarted =
      status === 'IN_PROGRESS' || (status === 'COMPLETED' && called !== null && random.chance(0.5));
    const started = isStarted ? later(called ?? entered) : null;
    const completed = status === 'COMPLETED' ? later(started ?? called ?? entered) : null;
    const user = random.chance(0.2) ? `everywhere-${number}` : `${clinic}-${number}`;
    return {
      clinic,
      user,
      number,
      day,
      status,
      priority: random.below(3),
      entered,
      called,
      started,
      completed,
    };
  });
}
