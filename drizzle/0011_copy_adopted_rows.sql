-- Copies the rows of an adopted database (0000) from mmc_previous, which stays for its owner to drop by hand.
-- Without that schema every block ends at once. Not copied: events (they live an hour), rate limits, and admins:
-- their hashes are of another kind or none, so accounts are made anew.

-- The clinics: both vocabularies of the plan (page codes and ids) become one row each. Names and intervals that
-- staff gave win over the seed. A code seen only in entries or PINs becomes an inactive clinic, so that history stays.
do $$
begin
  if to_regnamespace('mmc_previous') is null then
    return;
  end if;

  -- Every name of a clinic, trimmed and in lower case: first ours (a code wins over an alias over a name), then the
  -- previous codes, made into codes that the check accepts, then the previous names.
  create table mmc_previous.clinic_names (name text primary key, code text not null, added boolean not null);
  insert into mmc_previous.clinic_names (name, code, added)
    select distinct on (spelled.name) spelled.name, c.code, false
    from clinics c, lateral (
      values (1, c.code), (3, lower(c.name)), (3, c.name_ar)
      union all select 2, alias from unnest(c.aliases) as alias
    ) as spelled(rank, name)
    where spelled.name is not null
    order by spelled.name, spelled.rank, c.code;
  insert into mmc_previous.clinic_names (name, code, added)
    select previous.name, coalesce(known.code, previous.made), true
    from (
      select name, left(case
          when name ~ '^[a-z0-9_-]+$' then name
          else coalesce(nullif(btrim(regexp_replace(name, '[^a-z0-9_]+', '-', 'g'), '-'), ''),
            'clinic-' || left(md5(name), 8)) end, 64) as made
      from (
        select lower(btrim(code)) as name from mmc_previous.clinics
        union select lower(btrim(clinic_code)) from mmc_previous.queues
        union select lower(btrim(clinic_code)) from mmc_previous.pins
      ) as used
      where name is not null
    ) as previous
    left join mmc_previous.clinic_names known on known.name = previous.made
    on conflict (name) do nothing;
  insert into mmc_previous.clinic_names (name, code, added)
    select lower(btrim(p.name)), map.code, false
    from mmc_previous.clinics p join mmc_previous.clinic_names map on map.name = lower(btrim(p.code))
    where p.name is not null
    order by p.created_at, p.code
    on conflict (name) do nothing;

  insert into clinics (code, name, is_active, display_order)
    select made.code, made.code, false,
      (select max(c.display_order) from clinics c) + row_number() over (order by made.first_made, made.code)
    from (
      select map.code, min(p.created_at) as first_made
      from mmc_previous.clinic_names map
      left join mmc_previous.clinics p on lower(btrim(p.code)) = map.name
      where not exists (select 1 from clinics c where c.code = map.code)
      group by map.code
    ) as made;

  update clinics c set
      name = case when p.name ~ '[؀-ۿ]' then c.name else p.name end,
      name_ar = case when p.name ~ '[؀-ۿ]' then p.name else c.name_ar end,
      call_interval = case when p.call_interval > 0 then p.call_interval else c.call_interval end,
      is_active = p.is_active
    from (
      select distinct on (map.code) map.code, coalesce(nullif(btrim(old.name), ''), map.code) as name,
        old.call_interval, coalesce(old.is_active, true) as is_active
      from mmc_previous.clinics old
      join mmc_previous.clinic_names map on map.name = lower(btrim(old.code))
      order by map.code, coalesce(old.is_active, true) desc, map.name = map.code desc, old.created_at, old.code
    ) as p
    where p.code = c.code;

  update clinics c set aliases = c.aliases || spelled.aliases
    from (
      select map.code, array_agg(map.name) as aliases
      from mmc_previous.clinic_names map
      where map.added and map.name not in (map.code, '')
      group by map.code
    ) as spelled
    where spelled.code = c.code;
end
$$;
--> statement-breakpoint
-- The people: a session belongs to the newest row that names it.
do $$
begin
  if to_regnamespace('mmc_previous') is null then
    return;
  end if;
  insert into patients (id, patient_id, gender, session_id, login_time, status, created_at, updated_at)
    select p.id, p.patient_id,
      case when lower(p.gender) in ('m', 'male') then 'male' when lower(p.gender) in ('f', 'female') then 'female' end,
      case when row_number() over (partition by p.session_id order by p.seen desc, p.id) = 1 then p.session_id end,
      p.login_time, coalesce(p.status, 'logged_in'), coalesce(p.created_at, now()), coalesce(p.updated_at, now())
    from (
      select distinct on (old.patient_id) old.*, seen
      from mmc_previous.patients old,
        lateral coalesce(old.login_time, old.updated_at, old.created_at, '-infinity') as seen
      where old.patient_id is not null
      order by old.patient_id, seen desc, old.id
    ) as p;
end
$$;
--> statement-breakpoint
-- The entries. The plan handed out duplicate numbers (MAX + 1): the first holder keeps the number, before those who
-- cancelled; later holders get numbers after the day's last. Of several entries of one patient in a clinic and day
-- the one furthest along stays. What is still open from another day is over.
do $$
declare
  v_zone constant text := (select s.value #>> '{}' from settings s where s.key = 'timezone');
  v_start constant interval := (select (s.value #>> '{}')::time from settings s where s.key = 'service_day_start');
  v_today constant date := (service_day_at(now())).day;
  c_progress constant text[] := '{COMPLETED,IN_PROGRESS,CALLED,WAITING,NO_SHOW,CANCELLED}';
begin
  if to_regnamespace('mmc_previous') is null then
    return;
  end if;
  with entry as (
    select q.id, map.code as clinic, q.patient_id, q.status, q.called_at, q.completed_at, q.created_at, q.updated_at,
      case when q.queue_number between 1 and 1000000 then q.queue_number end as number,
      e.entered_at, ((e.entered_at at time zone v_zone) - v_start)::date as day
    from mmc_previous.queues q
    join mmc_previous.clinic_names map on map.name = lower(btrim(q.clinic_code)),
      lateral (select coalesce(q.entered_at, q.created_at, q.called_at, q.completed_at, now()) as entered_at) as e
    where q.patient_id is not null
  ),
  closed as (
    select *, case
        when status in ('COMPLETED', 'NO_SHOW') then status
        when status in ('WAITING', 'CALLED', 'IN_PROGRESS') and day = v_today then status
        else 'CANCELLED' end as state
    from entry
  ),
  single as (
    select *, case
        when state = 'NO_SHOW' or row_number() over (
          partition by clinic, patient_id, day
          order by array_position(c_progress, state), entered_at, number, id) = 1 then state
        else 'CANCELLED' end as final
    from closed
  ),
  held as (
    select *,
      number is not null and row_number() over (
        partition by clinic, day, number order by final = 'CANCELLED', entered_at, id) = 1 as keeps,
      coalesce(max(number) over (partition by clinic, day), 0) as last_number
    from single
  )
  insert into queues (id, clinic_code, patient_id, queue_number, service_day, status, entered_at, called_at,
      started_at, completed_at, call_count, created_at, updated_at)
    select id, clinic, patient_id,
      case when keeps then number
        else last_number + row_number() over (partition by clinic, day, keeps order by entered_at, id) end,
      day, final, entered_at,
      case when final = 'CALLED' then coalesce(called_at, updated_at, entered_at) else called_at end,
      case when final = 'IN_PROGRESS' then coalesce(called_at, updated_at, entered_at) end,
      case when final = 'COMPLETED' then coalesce(completed_at, updated_at, called_at, entered_at)
        else completed_at end,
      case when called_at is not null or final in ('CALLED', 'IN_PROGRESS') then 1 else 0 end,
      coalesce(created_at, entered_at), coalesce(updated_at, entered_at)
    from held;

  insert into queue_counters (clinic_code, service_day, last_number, version, last_called_at)
    select q.clinic_code, q.service_day, max(q.queue_number), count(*), max(q.called_at)
    from queues q group by q.clinic_code, q.service_day;
end
$$;
--> statement-breakpoint
-- Today's PINs, which staff have on paper: one a clinic, none twice; the first reader makes those that lack.
-- Their old expiry is not asked: the plan computed it in UTC and so ended every PIN three hours after it was made.
do $$
declare
  v_today constant record := service_day_at(now());
begin
  if to_regnamespace('mmc_previous') is null then
    return;
  end if;
  insert into pins (id, clinic_code, pin, service_day, generated_at, expires_at, created_at)
    select distinct on (newest.pin) newest.id, newest.code, newest.pin, v_today.day,
      newest.made_at, v_today.day_end, coalesce(newest.created_at, newest.made_at)
    from (
      select distinct on (map.code) p.id, map.code, btrim(p.pin) as pin, p.created_at, made_at
      from mmc_previous.pins p
      join mmc_previous.clinic_names map on map.name = lower(btrim(p.clinic_code)),
        lateral coalesce(p.generated_at, p.created_at) as made_at
      where p.is_active and btrim(p.pin) ~ '^[1-9][0-9]$' and (service_day_at(made_at)).day = v_today.day
      order by map.code, made_at desc, p.id
    ) as newest
    order by newest.pin, newest.made_at, newest.code;
end
$$;
--> statement-breakpoint
-- The routes: stations were names or objects of several shapes. A station that names no clinic is left out, and a
-- route without stations is cancelled, so that the patient can get a new one. Of several routes of one patient and
-- day the newest stays. A station is finished where the route or the clinic's entry says so.
do $$
declare
  v_zone constant text := (select s.value #>> '{}' from settings s where s.key = 'timezone');
  v_start constant interval := (select (s.value #>> '{}')::time from settings s where s.key = 'service_day_start');
  v_codes jsonb;
begin
  if to_regnamespace('mmc_previous') is null then
    return;
  end if;
  v_codes := (select jsonb_object_agg(map.name, map.code) from mmc_previous.clinic_names map);

  -- A list as an array, also where somebody stored JSON inside a JSON string; what is no list is empty.
  create function mmc_previous.list_of(p_list jsonb) returns jsonb
  language plpgsql immutable as $body$
  begin
    if jsonb_typeof(p_list) = 'string' then
      return mmc_previous.list_of((p_list #>> '{}')::jsonb);
    end if;
    return case when jsonb_typeof(p_list) = 'array' then p_list else '[]' end;
  exception when data_exception then
    return '[]';
  end
  $body$;

  with route as (
    select r.id, coalesce(r.route_id, r.id::text) as route_id, r.patient_id, r.status, made_at,
      ((made_at at time zone v_zone) - v_start)::date as day, coalesce(r.updated_at, made_at) as updated_at,
      mmc_previous.list_of(r.clinics) as stations,
      mmc_previous.list_of(r.completed_clinics) as finished
    from mmc_previous.routes r, lateral coalesce(r.created_at, r.updated_at, now()) as made_at
    where r.patient_id is not null
  ),
  -- Each element of both lists, with the first of its names that is a clinic's. Of an object whose id names no
  -- clinic (a row's uuid) only the rest is kept.
  element as (
    select r.id as route, r.patient_id, r.day, named.clinic, list.of_finished, e.place,
      case
        when jsonb_typeof(e.value) = 'object' then case when named.rank = 1 then e.value else e.value - 'id' end
        when lower(e.value #>> '{}') ~ '^[a-z0-9_-]+$' then jsonb_build_object('id', lower(e.value #>> '{}'))
        else '{}' end as sent,
      coalesce(list.of_finished or r.status = 'completed'
        or lower(e.value ->> 'status') in ('completed', 'done'), false) as finished
    from route r
    cross join lateral (values (r.stations, false), (r.finished, true)) as list(elements, of_finished)
    cross join lateral jsonb_array_elements(list.elements) with ordinality as e(value, place)
    cross join lateral (
      select v_codes ->> lower(btrim(n.name)) as clinic, n.rank
      from unnest(case when jsonb_typeof(e.value) = 'object' then array[
          e.value ->> 'id', e.value ->> 'clinic', e.value ->> 'clinicId', e.value ->> 'clinic_id',
          e.value ->> 'clinic_code', e.value ->> 'code', e.value ->> 'nameAr', e.value ->> 'name']
        else array[e.value #>> '{}'] end) with ordinality as n(name, rank)
      where v_codes ? lower(btrim(n.name))
      order by n.rank
      limit 1
    ) as named
  ),
  single as (
    select route, patient_id, day, clinic, min(place) filter (where not of_finished) as place,
      (array_agg(sent order by place) filter (where not of_finished))[1] as sent, bool_or(finished) as finished
    from element
    group by route, patient_id, day, clinic
    having not bool_and(of_finished)
  ),
  station as (
    select s.route, s.clinic, s.place, s.sent, entry.entered_at, entry.completed_at,
      s.finished or coalesce(entry.status = 'COMPLETED', false) as finished
    from single s
    left join queues entry on entry.clinic_code = s.clinic and entry.patient_id = s.patient_id
      and entry.service_day = s.day and entry.status not in ('CANCELLED', 'NO_SHOW')
  ),
  ordered as (
    select *, not finished and row_number() over (partition by route, finished order by place) = 1 as is_current
    from station
  ),
  built as (
    select o.route,
      jsonb_agg(
        build_station(c, o.sent, case when jsonb_typeof(o.sent -> 'weight') = 'number'
          then least(greatest((o.sent ->> 'weight')::numeric, 0), 1000000)::int else 0 end)
        || jsonb_build_object(
          'status', case when o.finished then 'completed' when o.is_current then 'ready' else 'locked' end,
          'entryTime', coalesce(iso_utc(o.entered_at), o.sent ->> 'entryTime'),
          'exitTime', case when o.finished then coalesce(iso_utc(o.completed_at), o.sent ->> 'exitTime') end)
        order by o.place) as stations,
      max(o.clinic) filter (where o.is_current) as current_clinic,
      coalesce(jsonb_agg(o.clinic order by o.place) filter (where o.finished), '[]') as finished
    from ordered o join clinics c on c.code = o.clinic
    group by o.route
  ),
  judged as (
    select r.*, b.stations as built, b.current_clinic, b.finished as done,
      r.status is distinct from 'cancelled' and b.route is not null as lives
    from route r left join built b on b.route = r.id
  )
  insert into routes (id, route_id, patient_id, gender, service_day, clinics, current_clinic, completed_clinics,
      status, created_at, updated_at)
    select j.id, j.route_id, j.patient_id, coalesce(by_session.gender, by_person.gender), j.day,
      coalesce(j.built, '[]'), j.current_clinic, coalesce(j.done, '[]'),
      case
        when not j.lives or row_number() over (
          partition by j.patient_id, j.day, j.lives order by j.made_at desc, j.id) > 1 then 'cancelled'
        when j.current_clinic is null then 'completed'
        else 'active' end,
      j.made_at, j.updated_at
    from judged j
    left join patients by_session on by_session.session_id = j.patient_id
    left join patients by_person on by_person.patient_id = j.patient_id
    on conflict (route_id) do nothing;
end
$$;
--> statement-breakpoint
-- Settings that this schema does not have, and the stored reports.
do $$
begin
  if to_regnamespace('mmc_previous') is null then
    return;
  end if;
  insert into settings (key, value)
    select s.key, s.value from mmc_previous.settings s
    where s.key not in ('timezone', 'service_day_start') and s.value is not null
    on conflict (key) do nothing;
  insert into reports (report_type, report_date, data, created_at)
    select r.report_type, r.report_date, r.data, coalesce(r.created_at, now()) from mmc_previous.reports r
    where r.report_type in ('daily', 'weekly', 'monthly', 'annual') and r.report_date is not null
      and r.data is not null
    order by r.created_at desc
    on conflict (report_type, report_date) do nothing;

  drop function mmc_previous.list_of(jsonb);
  -- The first plans would otherwise be made for empty tables.
  analyze patients, queues, queue_counters, routes;
end
$$;
