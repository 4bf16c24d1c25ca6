-- Small functions that the atomic operations share. What every operation calls and cannot be inlined is plpgsql: a
-- SQL function is planned anew at each call, which alone took a third of an enter. These name the
-- schema instead of setting the search path, which would cost more than some of them do.

-- ISO 8601 in UTC with milliseconds, the only form of a time in an answer.
create function iso_utc(p_time timestamptz) returns text
language sql stable parallel safe
return to_char(p_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
--> statement-breakpoint
-- The canonical code of an active clinic, from its code or one of its aliases in any case; else null.
create function resolve_clinic(p_name text) returns text
language plpgsql stable parallel safe as $$
declare
  v_name text := lower(p_name);
  v_code text;
begin
  select c.code into v_code from public.clinics c where c.code = v_name and c.is_active;
  if not found then
    select c.code into v_code from public.clinics c where v_name = any (c.aliases) and c.is_active limit 1;
  end if;
  return v_code;
end
$$;
--> statement-breakpoint
-- The stored status as people see it.
create function shown_status(p_status text) returns text
language sql immutable parallel safe
return case p_status when 'IN_PROGRESS' then 'IN_SERVICE' when 'COMPLETED' then 'DONE' else p_status end;
--> statement-breakpoint
-- Whole minutes between two times, rounded, never negative.
create function whole_minutes(p_from timestamptz, p_to timestamptz) returns int
language sql immutable parallel safe
return greatest(0, round(extract(epoch from p_to - p_from) / 60))::int;
--> statement-breakpoint
-- Is this the caller's current token? {sub, ver}: a logout raises the account's version.
create function admin_is_current(p_admin jsonb) returns boolean
language plpgsql stable parallel safe as $$
begin
  return exists (
    select 1 from public.admins a
    where a.username = p_admin ->> 'sub' and a.token_version = (p_admin ->> 'ver')::int);
end
$$;
--> statement-breakpoint
-- The state of one entry and its place in the line; a new statement, so it sees this transaction's work.
-- It names its schema, like the next one: statistics and streams call them without a search path of their own.
create function entry_state(p_entry queues) returns jsonb
language plpgsql stable as $$
declare
  v_waiting int;
  v_ahead int;
  v_place int;
begin
  select
      count(*),
      count(*) filter (
        where q.priority > p_entry.priority
          or (q.priority = p_entry.priority and q.queue_number < p_entry.queue_number))
    into v_waiting, v_ahead
    from public.queues q
    where q.clinic_code = p_entry.clinic_code
      and q.service_day = p_entry.service_day
      and q.status = 'WAITING';
  v_place := case p_entry.status when 'WAITING' then v_ahead + 1 when 'COMPLETED' then -1 else 0 end;
  return jsonb_build_object(
    'clinic', p_entry.clinic_code,
    'user', p_entry.patient_id,
    'number', p_entry.queue_number,
    'status', public.shown_status(p_entry.status),
    'display_number', v_place,
    'position', v_place,
    'ahead', case p_entry.status when 'WAITING' then v_ahead else 0 end,
    'total_waiting', v_waiting,
    'entry_time', public.iso_utc(p_entry.entered_at),
    'called_at', public.iso_utc(p_entry.called_at));
end
$$;
--> statement-breakpoint
-- Mean service minutes of a clinic's last 20 finished visits of the day, within 1..60; 5 below three visits.
create function mean_service_minutes(p_clinic text, p_day date) returns numeric
language plpgsql stable as $$
begin
  return (
    select case when count(*) < 3 then 5 else least(60, greatest(1, avg(visit.minutes))) end
    from (
      select extract(epoch from q.completed_at - coalesce(q.started_at, q.called_at)) / 60 as minutes
      from public.queues q
      where q.clinic_code = p_clinic
        and q.service_day = p_day
        and q.status = 'COMPLETED'
        and coalesce(q.started_at, q.called_at) is not null
      order by q.completed_at desc
      limit 20
    ) as visit
  );
end
$$;
--> statement-breakpoint
-- The service day of a moment and the moment it ends, from the settings that the migrator wrote.
-- Only for the forms called by hand or by pg_cron: the application passes its day in.
create function service_day_at(p_now timestamptz, out day date, out day_end timestamptz)
language plpgsql stable set search_path = public, pg_temp as $$
declare
  v_zone text := (select s.value #>> '{}' from settings s where s.key = 'timezone');
  v_start interval := (select (s.value #>> '{}')::time::interval from settings s where s.key = 'service_day_start');
begin
  day := ((p_now at time zone v_zone) - v_start)::date;
  day_end := ((day + 1)::timestamp + v_start) at time zone v_zone;
end
$$;
--> statement-breakpoint
-- Takes the row lock of a clinic's counter without changing it. Every change of a line holds this lock.
create function lock_queue_counter(p_clinic text, p_day date) returns void
language plpgsql as $$
begin
  perform 1 from public.queue_counters c where c.clinic_code = p_clinic and c.service_day = p_day for update;
  if not found then
    insert into public.queue_counters (clinic_code, service_day) values (p_clinic, p_day) on conflict do nothing;
    perform 1 from public.queue_counters c where c.clinic_code = p_clinic and c.service_day = p_day for update;
  end if;
end
$$;
--> statement-breakpoint
-- The cache keys that a change of a clinic's line makes old, and those of the patient's route when it changed with it.
create function queue_cache_keys(p_clinic text, p_route_id text default null) returns jsonb
language sql stable parallel safe
return jsonb_build_object('keys', to_jsonb(array_remove(array[
  'queue:list:' || p_clinic, 'queue:status:' || p_clinic, 'stats:queues', 'stats:dashboard',
  'route:' || p_route_id], null)));
