-- The older API families: a route and its first entry in one call, and the calls of staff with their limits.

-- A clinic by its code, an alias, or its 1-based place in the display order.
create function resolve_clinic_or_number(p_name text) returns text
language sql stable parallel safe
return coalesce(resolve_clinic(p_name), (
  select c.code from clinics c
  where c.is_active and p_name ~ '^[0-9]{1,4}$' and c.display_order = p_name::int
  order by c.code
  limit 1
));
--> statement-breakpoint
-- What people read of a clinic; an inactive one still has its name.
create function clinic_label(p_clinic text) returns jsonb
language sql stable
return (
  select jsonb_build_object(
    'clinic', c.code,
    'name', coalesce(c.name_ar, c.name),
    'floor', case c.floor when 'M' then 'الميزانين' else coalesce('الطابق ' || c.floor, '') end)
  from clinics c where c.code = p_clinic
);
--> statement-breakpoint
-- The entry a patient is concerned with: being served, called, waiting, else the last one. Index: queues_patient_day_idx.
create function foremost_entry(p_user text, p_day date) returns queues
language sql stable
return (
  select q from queues q
  where q.patient_id = p_user and q.service_day = p_day
  order by array_position(array['IN_PROGRESS', 'CALLED', 'WAITING'], q.status) nulls last, q.entered_at desc, q.id
  limit 1
);
--> statement-breakpoint
-- When a call expires; null unless the patient is called and did not come yet.
create function call_expiry(p_entry queues, p_grace_minutes jsonb) returns text
language sql stable
return case (p_entry).status when 'CALLED' then
  iso_utc((p_entry).called_at + make_interval(mins => p_grace_minutes::int)) end;
--> statement-breakpoint
-- Is this the emergency code in force? While none is set every code is wrong. Digests of equal length are
-- compared, so that the time says nothing about the code.
create function emergency_code_is_right(p_code text) returns boolean
language sql stable
return coalesce(
  sha256(convert_to(setting('emergency_pin') #>> '{}', 'UTF8')) = sha256(convert_to(p_code, 'UTF8')), false);
--> statement-breakpoint
-- Counts a wrong emergency code of a client: one row a minute, so that a minute and a day can be summed.
create function count_wrong_emergency_code(p_client text, p_now timestamptz) returns void
language sql set search_path = public, pg_temp as $$
  insert into rate_limits as r (client_id, endpoint, request_count, window_start)
  values (p_client, 'emergency', 1, date_trunc('minute', p_now))
  on conflict (client_id, endpoint, window_start) do update set request_count = r.request_count + 1
$$;
--> statement-breakpoint
-- Gives the patient's waiting entries of the day this priority, in one clinic or (p_clinic null) in all. Returns the
-- version of each line they are in.
create function raise_waiting_priority(p_user text, p_day date, p_clinic text, p_priority int, p_now timestamptz)
returns jsonb
language plpgsql set search_path = public, pg_temp set lock_timeout = '2s' as $$
declare
  v_clinics text[];
  v_clinic text;
  v_raised text[];
begin
  perform 1 from routes r
    where r.patient_id = p_user and r.service_day = p_day and r.status <> 'cancelled'
    for update;
  select array_agg(q.clinic_code order by q.clinic_code) into v_clinics from queues q
    where q.patient_id = p_user and q.service_day = p_day and q.status = 'WAITING'
      and (p_clinic is null or q.clinic_code = p_clinic);
  foreach v_clinic in array coalesce(v_clinics, '{}') loop
    perform lock_queue_counter(v_clinic, p_day);
  end loop;

  with raised as (
    update queues q set priority = p_priority
    where q.patient_id = p_user and q.service_day = p_day and q.status = 'WAITING'
      and q.clinic_code = any (v_clinics) and q.priority < p_priority
    returning q.clinic_code
  )
  select array_agg(r.clinic_code) into v_raised from raised r;
  update queue_counters c set version = c.version + 1
    where c.service_day = p_day and c.clinic_code = any (v_raised);
  insert into events (event_type, clinic_code, data, created_at)
    select 'CACHE_INVALIDATED', r.clinic, queue_cache_keys(r.clinic), coalesce(p_now, clock_timestamp())
    from unnest(v_raised) as r (clinic);
  return (
    select coalesce(jsonb_object_agg(c.clinic_code, c.version), '{}')
    from queue_counters c where c.service_day = p_day and c.clinic_code = any (v_clinics));
end
$$;
--> statement-breakpoint
-- {user, day, route_id, exam_type, gender, stations, dynamic, priority?, emergency_code? + ip_hash?, admin?, now?}:
-- today's route of the patient and the entry at its first unfinished station. A patient with an entry today is
-- refused, but with the emergency code gets the highest priority where he waits. `priority` counts for an admin only.
create function enqueue_patient(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp set lock_timeout = '2s' as $$
declare
  c_highest constant int := 3;
  v_user text := p_args ->> 'user';
  v_day date := (p_args ->> 'day')::date;
  v_now timestamptz := (p_args ->> 'now')::timestamptz;
  v_emergency boolean := p_args ? 'emergency_code';
  v_priority int := 0;
  v_route jsonb;
  v_first text;
  v_entered jsonb;
  v_versions jsonb;
  v_entry queues;
begin
  if v_emergency and not emergency_code_is_right(p_args ->> 'emergency_code') then
    if p_args ->> 'ip_hash' is not null then
      perform count_wrong_emergency_code(p_args ->> 'ip_hash', coalesce(v_now, clock_timestamp()));
    end if;
    return jsonb_build_object('ok', false, 'code', 'INVALID_EMERGENCY_CODE');
  elsif v_emergency then
    v_priority := c_highest;
  elsif p_args ? 'admin' and admin_is_current(p_args -> 'admin') then
    v_priority := coalesce((p_args ->> 'priority')::int, 0);
  end if;

  if not exists (select 1 from queues q where q.patient_id = v_user and q.service_day = v_day) then
    v_route := create_route(p_args);
    if not (v_route ->> 'ok')::boolean then
      return v_route;
    end if;
    -- One after the other from here: whoever comes second sees the first one's entry.
    perform 1 from routes r where r.route_id = v_route -> 'route' ->> 'routeId' for update;
    if not exists (select 1 from queues q where q.patient_id = v_user and q.service_day = v_day) then
      select s.value ->> 'clinic' into v_first
        from routes r, jsonb_array_elements(r.clinics) with ordinality as s
        where r.route_id = v_route -> 'route' ->> 'routeId' and s.value ->> 'status' <> 'completed'
        order by s.ordinality
        limit 1;
    end if;
  end if;

  if v_first is not null then
    v_entered := enter_queue(jsonb_build_object(
      'clinic', v_first, 'user', v_user, 'day', v_day, 'priority', v_priority) || jsonb_strip_nulls(
      jsonb_build_object('now', p_args ->> 'now')));
    -- ALREADY_IN_QUEUE: the patient entered that line at this very moment by the other way, and goes on below; with
    -- its counter held, an earlier one may not be locked any more.
    if v_entered ->> 'entry_status' is distinct from 'ALREADY_IN_QUEUE' then
      return v_entered || jsonb_build_object('priority', v_priority, 'emergency', v_emergency);
    end if;
  end if;
  if not v_emergency then
    return jsonb_build_object('ok', false, 'code', 'ALREADY_EXISTS');
  end if;

  v_versions := raise_waiting_priority(v_user, v_day, v_first, v_priority, v_now);
  v_entry := foremost_entry(v_user, v_day);
  if v_entry.id is null then
    return jsonb_build_object('ok', false, 'code', 'ALREADY_EXISTS');
  end if;
  return jsonb_build_object(
    'ok', true, 'clinic', v_entry.clinic_code, 'number', v_entry.queue_number, 'entry_status', 'ALREADY_IN_QUEUE',
    'priority', v_priority, 'emergency', true, 'versions', v_versions);
end
$$;
--> statement-breakpoint
-- {user, day, notices, now?}: how far a patient is today: the steps of the route, the active entry, the last notices.
create function patient_progress(p_args jsonb) returns jsonb
language plpgsql stable set search_path = public, pg_temp as $$
declare
  v_user text := p_args ->> 'user';
  v_day date := (p_args ->> 'day')::date;
  v_route routes;
  v_entry queues := foremost_entry(v_user, v_day);
begin
  select * into v_route from routes r
    where r.patient_id = v_user and r.service_day = v_day and r.status <> 'cancelled';
  if v_route.id is null and v_entry.id is null then
    return jsonb_build_object('ok', false, 'code', 'NOT_IN_QUEUE');
  end if;
  return jsonb_build_object(
    'ok', true,
    'exam_type', v_route.exam_type,
    'gender', v_route.gender,
    'steps', (
      select coalesce(jsonb_agg(
          clinic_label(s.value ->> 'clinic') || jsonb_build_object(
            'status', s.value -> 'status', 'started_at', s.value -> 'entryTime', 'completed_at', s.value -> 'exitTime')
          order by s.ordinality), '[]')
      from jsonb_array_elements(v_route.clinics) with ordinality as s),
    'entry', case when v_entry.status in ('WAITING', 'CALLED', 'IN_PROGRESS') then
      entry_state(v_entry) || clinic_label(v_entry.clinic_code) || jsonb_build_object(
        'expires_at', call_expiry(v_entry, setting('grace_minutes')), 'started_at', iso_utc(v_entry.started_at)) end,
    'notices', recent_notices(
      v_user, null, coalesce((p_args ->> 'now')::timestamptz, now()), (p_args ->> 'notices')::int));
end
$$;
--> statement-breakpoint
-- {clinic, day, admin?, force?, expire?, now?}: calls the next patient within working hours and capacity,
-- after the calls that nobody followed have expired.
create function call_next_within_limits(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp set lock_timeout = '2s' as $$
declare
  v_clinic text := resolve_clinic_or_number(p_args ->> 'clinic');
  v_now timestamptz := (p_args ->> 'now')::timestamptz;
  v_line jsonb;
  v_expired int := 0;
  v_called jsonb;
begin
  if p_args ? 'admin' and not admin_is_current(p_args -> 'admin') then
    return jsonb_build_object('ok', false, 'code', 'UNAUTHORIZED');
  elsif v_clinic is null then
    return jsonb_build_object('ok', false, 'code', 'UNKNOWN_CLINIC');
  elsif not coalesce((p_args ->> 'force')::boolean, false)
    and not is_working_time(coalesce(v_now, clock_timestamp())) then
    return jsonb_build_object('ok', false, 'code', 'OUTSIDE_WORKING_HOURS', 'clinic', v_clinic);
  end if;

  v_line := jsonb_strip_nulls(jsonb_build_object(
    'clinic', v_clinic, 'day', p_args -> 'day', 'now', p_args -> 'now'));
  if (p_args ->> 'expire')::boolean then
    v_expired := (expire_no_shows(v_line) ->> 'expired')::int;
  end if;
  v_called := call_next_patient(v_line || jsonb_build_object(
    'by', 'admin', 'capacity', setting('max_capacity_per_clinic')));
  return v_called || jsonb_build_object(
    'expired', v_expired,
    'expires_at', iso_utc((v_called ->> 'called_at')::timestamptz
      + make_interval(mins => setting('grace_minutes')::int)));
end
$$;
--> statement-breakpoint
-- {clinic, user, day, admin?, now?}: staff end a visit without a PIN; with automatic routing the next line is entered.
-- `next_station` is null when none is left; its number is null when its line was not entered.
create function complete_by_staff(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp set lock_timeout = '2s' as $$
declare
  v_visit jsonb := complete_patient_service(p_args || jsonb_build_object(
    'clinic', coalesce(resolve_clinic_or_number(p_args ->> 'clinic'), ''),
    'only_called', true,
    'auto_route', setting('enable_auto_routing')));
  v_next text := v_visit ->> 'next_clinic';
begin
  return v_visit || jsonb_build_object('next_station', case when v_next is not null then
    clinic_label(v_next) || jsonb_build_object(
      'step', v_visit -> 'next_step',
      'number', (select q.queue_number from queues q
        where q.clinic_code = v_next and q.patient_id = p_args ->> 'user'
          and q.service_day = (p_args ->> 'day')::date and q.status not in ('CANCELLED', 'NO_SHOW'))) end);
end
$$;
--> statement-breakpoint
-- {clinic, user, day, admin?, now?}: the patient's code is read at the clinic: the first time lets a called patient in,
-- the second ends the visit.
create function process_clinic_code(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp set lock_timeout = '2s' as $$
declare
  v_clinic text := resolve_clinic_or_number(p_args ->> 'clinic');
  v_args jsonb := p_args || jsonb_build_object('clinic', v_clinic);
  v_status text;
  v_result jsonb;
begin
  if p_args ? 'admin' and not admin_is_current(p_args -> 'admin') then
    return jsonb_build_object('ok', false, 'code', 'UNAUTHORIZED');
  elsif v_clinic is null then
    return jsonb_build_object('ok', false, 'code', 'UNKNOWN_CLINIC');
  end if;
  -- Readings of one code come one after the other. Before any row lock, so the order of those stays as it is.
  perform pg_advisory_xact_lock(hashtextextended(
    'process_clinic_code:' || v_clinic || ':' || (p_args ->> 'user'), 0));
  select q.status into v_status from queues q
    where q.clinic_code = v_clinic and q.patient_id = p_args ->> 'user'
      and q.service_day = (p_args ->> 'day')::date and q.status not in ('CANCELLED', 'NO_SHOW');

  if v_status = 'WAITING' then
    return jsonb_build_object('ok', false, 'code', 'NOT_CALLED', 'clinic', v_clinic);
  elsif v_status = 'CALLED' then
    v_result := check_in_patient(v_args) || '{"action": "checked_in", "next_station": null}';
  elsif v_status = 'IN_PROGRESS' then
    v_result := complete_by_staff(v_args);
    v_result := v_result || jsonb_build_object('action',
      case when v_result ->> 'next_clinic' is null then 'route_completed' else 'routed_to_next' end);
  end if;
  -- Also when a PIN ended the visit between the look and the lock.
  if v_result is null or (v_result ->> 'repeated')::boolean then
    return jsonb_build_object('ok', false, 'code', 'NOT_IN_QUEUE', 'clinic', v_clinic);
  end if;
  return v_result || jsonb_build_object('label', clinic_label(v_clinic));
end
$$;
--> statement-breakpoint
-- {day}: how busy each clinic is, one statement.
create function clinic_loads(p_args jsonb) returns jsonb
language sql stable
return (
  select jsonb_build_object(
    'ok', true,
    'clinics', coalesce(jsonb_agg(jsonb_build_object(
      'clinic', (l.clinic).code,
      'name', coalesce((l.clinic).name_ar, (l.clinic).name),
      'capacity', (l.clinic).capacity,
      'called', l.called,
      'in', l.in_progress,
      'completed', l.completed,
      'total', l.total) order by (l.clinic).display_order, (l.clinic).code), '[]'))
  from clinic_lines((p_args ->> 'day')::date) as l
);
--> statement-breakpoint
-- {clinic, day, detailed?, admin?}: one clinic's counts; `detailed` adds its people, for an admin whose token is current.
-- Index: queues_number_of_day_key.
create function queue_snapshot(p_args jsonb) returns jsonb
language plpgsql stable set search_path = public, pg_temp as $$
declare
  v_clinic text := resolve_clinic_or_number(p_args ->> 'clinic');
  v_grace jsonb := setting('grace_minutes');
  v_people boolean := coalesce((p_args ->> 'detailed')::boolean, false)
    and p_args ? 'admin' and admin_is_current(p_args -> 'admin');
begin
  if v_clinic is null then
    return jsonb_build_object('ok', false, 'code', 'UNKNOWN_CLINIC');
  end if;
  return (
    select jsonb_build_object(
      'ok', true,
      'clinic', v_clinic,
      'counts', jsonb_build_object(
        'waiting', count(*) filter (where q.status = 'WAITING'),
        'called', count(*) filter (where q.status = 'CALLED'),
        'in', count(*) filter (where q.status = 'IN_PROGRESS'),
        'done', count(*) filter (where q.status = 'COMPLETED'),
        'no_show', count(*) filter (where q.status = 'NO_SHOW')),
      'patients', coalesce(jsonb_agg(jsonb_build_object(
          'number', q.queue_number,
          'patient_id', q.patient_id,
          'status', case q.status when 'IN_PROGRESS' then 'in' when 'COMPLETED' then 'done' else lower(q.status) end,
          'called_at', iso_utc(q.called_at),
          'expires_at', call_expiry(q, v_grace),
          'started_at', iso_utc(q.started_at),
          'finished_at', iso_utc(q.completed_at),
          'priority', q.priority,
          'created_at', iso_utc(q.entered_at)) order by q.queue_number) filter (where v_people), '[]'))
    from queues q
    where q.clinic_code = v_clinic and q.service_day = (p_args ->> 'day')::date and q.status <> 'CANCELLED'
  );
end
$$;
