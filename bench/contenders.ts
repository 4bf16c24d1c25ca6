// The three ways to take a number and to call a patient that are measured against each other.
import { readFile } from 'node:fs/promises';
import type pg from 'pg';

/** A service day of one clinic: one line of people. */
export interface Line {
  readonly clinic: string;
  readonly day: string;
}

/** A statement with its arguments; its only column is `result`. */
export interface Statement {
  /** What it is prepared under, in scenarios that prepare. */
  readonly name: string;
  readonly text: string;
  readonly values: readonly (string | number | readonly string[])[];
}

export interface Contender {
  readonly name: string;
  /** Puts `people` into an empty line at once, with the numbers 1 to n. */
  fill(line: Line, people: number): Statement[];
  /** What patients bring along to the lines of a day; not part of what is measured. */
  register?(day: string, patients: readonly string[]): Statement;
  enter(line: Line, patient: string): Statement;
  /** The number of an answer of `enter`, or null when there was none. */
  numberOf(result: unknown): number | null;
  call(line: Line): Statement;
  /** The patient of an answer of `call`, or null when nobody was called. */
  calledOf(result: unknown): string | null;
}

/** The patient whose route all others copy. */
const WHOLE_ROUTE = 'bench';

/** Who calls: the account is checked at each call, as the application has it done. */
const ADMIN = { sub: 'bench', ver: 0 };

const fillQueues = (table: string, { clinic, day }: Line, people: number): Statement => ({
  name: '',
  text: `insert into ${table} (clinic_code, patient_id, queue_number, service_day)
    select $1, gen_random_uuid()::text, n, $2 from generate_series(1, $3::int) as n`,
  values: [clinic, day, people],
});

const fillCounted = (line: Line, people: number): Statement[] => [
  fillQueues('queues', line, people),
  {
    name: '',
    text: 'insert into queue_counters (clinic_code, service_day, last_number) values ($1, $2, $3)',
    values: [line.clinic, line.day, people],
  },
];

/** The functions of this project, called with what the application sends. */
export const ours: Contender = {
  name: 'ours',
  fill: fillCounted,
  enter: ({ clinic, day }, user) => ({
    name: 'ours_enter',
    text: 'select enter_queue($1::jsonb) as result',
    values: [JSON.stringify({ clinic, user, day })],
  }),
  numberOf: (result) => (result as { number?: number }).number ?? null,
  call: ({ clinic, day }) => ({
    name: 'ours_call',
    text: 'select call_next_patient($1::jsonb) as result',
    values: [JSON.stringify({ clinic, day, by: 'admin', admin: ADMIN })],
  }),
  calledOf: (result) => (result as { user?: string }).user ?? null,
};

/** The same for patients who have a route through every clinic: an enter then marks its station as well. */
export const oursWithRoute: Contender = {
  ...ours,
  name: 'ours, with a route',
  register: (day, patients) => ({
    name: '',
    text: `insert into routes (route_id, patient_id, service_day, clinics, current_clinic)
      select gen_random_uuid()::text, patient, $1, whole.clinics, whole.current_clinic
      from routes whole, unnest($2::text[]) as patient
      where whole.patient_id = $3`,
    values: [day, patients, WHOLE_ROUTE],
  }),
};

/**
 * The least that is still correct: a counter row whose lock makes the numbers, and the write itself, in one statement
 * on our tables. No event, no version, no place in the line, no token, no second look for the same patient.
 */
export const floor: Contender = {
  name: 'floor',
  fill: fillCounted,
  enter: ({ clinic, day }, patient) => ({
    name: 'floor_enter',
    text: `with counter as (
        insert into queue_counters as c (clinic_code, service_day, last_number) values ($1, $2, 1)
        on conflict (clinic_code, service_day) do update set last_number = c.last_number + 1
        returning c.last_number
      )
      insert into queues (clinic_code, patient_id, queue_number, service_day)
      select $1, $3, counter.last_number, $2 from counter
      returning queue_number as result`,
    values: [clinic, day, patient],
  }),
  numberOf: (result) => result as number,
  // The head is looked for after the counter's lock is held, because it joins the counter's row.
  call: ({ clinic, day }) => ({
    name: 'floor_call',
    text: `with counter as (
        insert into queue_counters as c (clinic_code, service_day) values ($1, $2)
        on conflict (clinic_code, service_day) do update set last_called_at = now()
        returning c.clinic_code, c.service_day
      ), head as (
        select line.id from counter, lateral (
          select q.id from queues q
          where q.clinic_code = counter.clinic_code and q.service_day = counter.service_day and q.status = 'WAITING'
          order by q.priority desc, q.queue_number
          limit 1 for update
        ) as line
      )
      update queues q set status = 'CALLED', called_at = now(), call_count = q.call_count + 1
      from head where q.id = head.id
      returning q.patient_id as result`,
    values: [clinic, day],
  }),
  calledOf: (result) => (result as string | undefined) ?? null,
};

/** What the migration plan had: see plan-baseline.sql. */
export const plan: Contender = {
  name: 'plan',
  fill: (line, people) => [fillQueues('plan.queues', line, people)],
  enter: ({ clinic, day }, patient) => ({
    name: 'plan_enter',
    text: 'select plan.enter_queue($1, $2, $3) as result',
    values: [clinic, patient, day],
  }),
  numberOf: (result) => (result as { number: number }).number,
  call: ({ clinic, day }) => ({
    name: 'plan_call',
    text: 'select plan.call_next_patient($1, $2) as result',
    values: [clinic, day],
  }),
  calledOf: (result) => (result as { patient: string | null }).patient,
};

/** Makes what the contenders need beside the migrations: the caller's account, a route, and the plan's schema. */
export async function prepareContenders(client: pg.Client): Promise<void> {
  await client.query(
    `insert into admins (username, password_hash, token_version) values ($1, 'never compared', $2)`,
    [ADMIN.sub, ADMIN.ver],
  );
  await client.query(
    `select create_route(jsonb_build_object(
      'route_id', $1::text, 'user', $1::text, 'day', '2099-01-01', 'dynamic', false,
      'stations', (select jsonb_agg(jsonb_build_object('id', code) order by display_order) from clinics)))`,
    [WHOLE_ROUTE],
  );
  await client.query(await readFile(new URL('plan-baseline.sql', import.meta.url), 'utf8'));
}
