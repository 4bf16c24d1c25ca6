// What the database knows of the rows that are about to be imported. The functions of drizzle/0025_import.sql count
// them; which row is new, and what the export says beyond what stays here, is asked in the same transaction.

/** Of one row, in the order of the rows that were sent. */
export interface Standing {
  /** It is here, or what is here instead stays. */
  readonly here: boolean;
  /** It is here and this import changes it. */
  readonly changes: boolean;
  /** It cannot be taken over. */
  readonly refused: boolean;
  /** What of the export is not taken over, and why; null when nothing is left. */
  readonly why: string | null;
}

/** Asks of the rows in `$1 -> name`; every query here gives the standings as the text of one JSON array. */
const standings = (name: string, from: string, members: Readonly<Record<keyof Standing, string>>) => `
  select coalesce(jsonb_agg(jsonb_build_object(
      'here', ${members.here}, 'changes', ${members.changes}, 'refused', ${members.refused},
      'why', ${members.why}) order by sent.place), '[]')::text as answer
  from jsonb_array_elements($1::jsonb -> '${name}') with ordinality as sent(data, place)
  ${from}`;

/** The query for each part of `import_previous`, with the same argument. */
export const STANDINGS: Readonly<Record<'patients' | 'line' | 'pins' | 'routes' | 'intervals', string>> = {
  patients: standings(
    'patients',
    `cross join lateral (select (sent.data ->> 'login_time')::timestamptz as login_time) as login
    left join patients known on known.patient_id = sent.data ->> 'patient_id'`,
    {
      here: 'known.id is not null',
      changes: `known.id is not null and coalesce(login.login_time > coalesce(known.login_time, '-infinity'), false)`,
      refused: 'false',
      why: `case
        when exists (
          select 1 from patients other
          where other.session_id = sent.data ->> 'session_id' and other.patient_id <> sent.data ->> 'patient_id')
          then 'taken over without its session, which another person has here'
        when known.login_time is not distinct from login.login_time
          and (known.gender <> sent.data ->> 'gender' or known.status <> coalesce(sent.data ->> 'status', 'logged_in'))
          then 'the same login is here and says something else; what is here stays'
        end`,
    },
  ),

  // A repaired entry was cancelled because its patient has another one that day: it says nothing new.
  line: standings(
    'entries',
    `cross join (select '{WAITING,CALLED,IN_PROGRESS,NO_SHOW,CANCELLED,COMPLETED}'::text[] as states) as progress
    left join queues known on known.id = imported_id(array[
      'entry', $1::jsonb ->> 'clinic', ($1::jsonb ->> 'day')::date::text, sent.data ->> 'user', sent.data ->> 'number'])`,
    {
      here: 'known.id is not null',
      changes: 'false',
      refused: 'false',
      why: `case when array_position(progress.states, sent.data ->> 'status') > array_position(progress.states, known.status)
        and not (known.status = 'CANCELLED' and exists (
          select 1 from queues other
          where other.clinic_code = known.clinic_code and other.patient_id = known.patient_id
            and other.service_day = known.service_day and other.status not in ('CANCELLED', 'NO_SHOW')))
        then 'the entry is here and the export is further along; what is here stays' end`,
    },
  ),

  // A PIN that another clinic has stays there: with the first of those in the export, and with one that is not in it.
  // What was refused so is remembered without an end; the reason is given again until the clinic has that PIN after all.
  pins: `
  with sent as (
    select sent.place, sent.data ->> 'clinic' as clinic, sent.data ->> 'pin' as pin, known.id is not null as here,
      known.id is not null and not known.is_active and known.expires_at is null and not exists (
        select 1 from pins p
        where p.clinic_code = known.clinic_code and p.service_day = known.service_day and p.is_active
          and p.pin = known.pin) as was_refused,
      coalesce(c.is_active, false) as is_open, row_number() over (order by c.display_order, c.code) as rank
    from jsonb_array_elements($1::jsonb -> 'pins') with ordinality as sent(data, place)
    left join clinics c on c.code = sent.data ->> 'clinic'
    left join pins known on known.id = imported_id(array[
      'pin', ($1::jsonb ->> 'day')::date::text, sent.data ->> 'clinic', sent.data ->> 'pin'])
  ),
  fresh as (select * from sent where not here and is_open)
  select coalesce(jsonb_agg(jsonb_build_object(
      'here', sent.here, 'changes', false, 'refused', not sent.here and not sent.is_open,
      'why', case
        when sent.was_refused then 'another clinic has this PIN; the clinic has a new one'
        when sent.here then null
        when not sent.is_open then 'the clinic is closed here'
        when exists (select 1 from fresh other where other.pin = sent.pin and other.rank < sent.rank) or exists (
          select 1 from pins p
          where p.service_day = ($1::jsonb ->> 'day')::date and p.is_active and p.pin = sent.pin
            and p.clinic_code not in (select clinic from fresh))
          then 'another clinic has this PIN; the clinic has a new one'
        end) order by sent.place), '[]')::text as answer
  from sent`,

  routes: standings('routes', `left join routes known on known.route_id = sent.data ->> 'route_id'`, {
    here: 'known.id is not null',
    changes: 'false',
    refused: 'false',
    why: `case when ((sent.data ->> 'cancelled')::boolean and known.status <> 'cancelled') or exists (
        select 1 from jsonb_array_elements(sent.data -> 'stations') as station
        where not known.clinics @> jsonb_build_array(jsonb_build_object('clinic', station -> 'clinic'))
          or ((station ->> 'finished')::boolean and not known.completed_clinics @> (station -> 'clinic')))
      then 'the route is here and the export says more; what is here stays' end`,
  }),

  intervals: standings(
    'intervals',
    `join clinics c on c.code = sent.data ->> 'clinic'
    cross join lateral (select (sent.data ->> 'seconds')::int as seconds) as wanted`,
    {
      here: 'c.auto_call or c.call_interval <> 300 or wanted.seconds = 300',
      changes: 'false',
      refused: 'false',
      why: `case when c.call_interval <> wanted.seconds and (c.auto_call or c.call_interval <> 300)
      then 'another interval is set here; what is here stays' end`,
    },
  ),
};
