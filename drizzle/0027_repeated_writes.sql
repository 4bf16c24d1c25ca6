-- What a repeated write is answered. The first attempt may have died before it made old what the cache holds of its
-- lines, so the answer to the next one, also a refusal, has the version of every line that it tells about.

-- The versions of some clinics' lines of a day.
create function line_vector(p_day date, p_clinics text[]) returns jsonb
language sql stable
return (
  select coalesce(jsonb_object_agg(k.clinic_code, k.version), '{}')
  from queue_counters k where k.service_day = p_day and k.clinic_code = any (p_clinics));
--> statement-breakpoint
-- {clinic, user, day, priority?, now?}: a new entry at the end of the line, or the entry there already is.
-- An entry of a later day comes with its `day`, of which its `version` is.
-- The number is taken first and handed back unseen when an entry exists: the usual case costs one statement less.
create or replace function enter_queue(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp set lock_timeout = '2s' as $$
declare
  v_clinic text := resolve_clinic(p_args ->> 'clinic');
  v_user text := p_args ->> 'user';
  v_day date := (p_args ->> 'day')::date;
  v_priority int := coalesce((p_args ->> 'priority')::int, 0);
  v_now timestamptz;
  v_route uuid;
  v_route_id text;
  v_number int;
  v_version bigint;
  v_waiting int;
  v_place int;
  v_entry queues;
begin
  if v_clinic is null then
    return jsonb_build_object('ok', false, 'code', 'UNKNOWN_CLINIC');
  end if;

  select r.id, r.route_id into v_route, v_route_id from routes r
    where r.patient_id = v_user and r.service_day = v_day and r.status <> 'cancelled'
    for update;

  insert into queue_counters as c (clinic_code, service_day, last_number, version)
    values (v_clinic, v_day, 1, 1)
    on conflict (clinic_code, service_day)
      do update set last_number = c.last_number + 1, version = c.version + 1
    returning c.last_number, c.version into v_number, v_version;
  v_now := coalesce((p_args ->> 'now')::timestamptz, clock_timestamp());

  loop
    insert into queues (clinic_code, patient_id, queue_number, service_day, priority, entered_at)
      values (v_clinic, v_user, v_number, v_day, v_priority, v_now)
      on conflict do nothing;
    exit when found;

    select * into v_entry from queues q
      where q.clinic_code = v_clinic and q.patient_id = v_user and q.service_day = v_day
        and q.status not in ('CANCELLED', 'NO_SHOW');
    if found then
      update queue_counters c set last_number = c.last_number - 1, version = c.version - 1
        where c.clinic_code = v_clinic and c.service_day = v_day;
      return entry_state(v_entry)
        || jsonb_build_object('ok', true, 'entry_status', 'ALREADY_IN_QUEUE', 'version', v_version - 1);
    end if;

    -- A request that was held up over the change of day finds the entry of the day that has begun: that one stays.
    select * into v_entry from queues q
      where q.clinic_code = v_clinic and q.patient_id = v_user and q.service_day > v_day
        and q.status in ('WAITING', 'CALLED', 'IN_PROGRESS');
    if found then
      update queue_counters c set last_number = c.last_number - 1, version = c.version - 1
        where c.clinic_code = v_clinic and c.service_day = v_day;
      return entry_state(v_entry) || jsonb_build_object(
        'ok', true, 'entry_status', 'ALREADY_IN_QUEUE', 'day', v_entry.service_day,
        'version', (select c.version from queue_counters c
          where c.clinic_code = v_clinic and c.service_day = v_entry.service_day));
    end if;

    perform cancel_stale_entry(v_clinic, v_user, v_day, v_now);
    -- A number that somebody wrote by hand past the counter must not stop the line.
    update queue_counters c
      set last_number = greatest(c.last_number, 1 + coalesce((
        select max(q.queue_number) from queues q where q.service_day = v_day and q.clinic_code = v_clinic), 0))
      where c.clinic_code = v_clinic and c.service_day = v_day
      returning c.last_number into v_number;
  end loop;

  -- Nobody behind a new entry has its priority or a higher one, so its place is a count.
  select count(*), count(*) filter (where q.priority >= v_priority) into v_waiting, v_place
    from queues q where q.clinic_code = v_clinic and q.service_day = v_day and q.status = 'WAITING';
  insert into events (event_type, clinic_code, patient_id, position, data, created_at)
    values
      ('ENTERED', v_clinic, v_user, v_place, jsonb_build_object('queue_number', v_number), v_now),
      ('CACHE_INVALIDATED', v_clinic, null, null, queue_cache_keys(v_clinic, v_route_id), v_now);
  if v_route is not null then
    perform mark_station_entered(v_route, v_clinic, v_now);
  end if;
  return jsonb_build_object(
    'ok', true, 'clinic', v_clinic, 'user', v_user, 'number', v_number, 'status', 'WAITING',
    'entry_status', 'ENTERED', 'display_number', v_place, 'position', v_place, 'ahead', v_place - 1,
    'total_waiting', v_waiting, 'entry_time', iso_utc(v_now), 'version', v_version);
end
$$;
--> statement-breakpoint
-- {user, day, route_id, exam_type, gender, stations, dynamic, priority?, emergency_code? + ip_hash? + limits?, admin?, now?}:
-- today's route of the patient and the entry at its first unfinished station. A patient with an entry today is
-- refused (the refusal has the versions of his lines), but with the emergency code gets the highest priority where he
-- waits. `priority` counts for an admin only.
create or replace function enqueue_patient(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp set lock_timeout = '2s' as $$
declare
  c_highest constant int := 3;
  v_user text := p_args ->> 'user';
  v_day date := (p_args ->> 'day')::date;
  v_now timestamptz := (p_args ->> 'now')::timestamptz;
  v_emergency boolean := p_args ? 'emergency_code';
  v_priority int := 0;
  v_refusal jsonb;
  v_route jsonb;
  v_first text;
  v_entered jsonb;
  v_versions jsonb;
  v_entry queues;
begin
  if v_emergency then
    v_refusal := check_emergency_code(p_args);
  end if;
  if v_refusal is not null then
    return v_refusal;
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
  if v_emergency then
    v_versions := raise_waiting_priority(v_user, v_day, v_first, v_priority, v_now);
    v_entry := foremost_entry(v_user, v_day);
    if v_entry.id is not null then
      return jsonb_build_object(
        'ok', true, 'clinic', v_entry.clinic_code, 'number', v_entry.queue_number, 'entry_status', 'ALREADY_IN_QUEUE',
        'priority', v_priority, 'emergency', true, 'versions', v_versions);
    end if;
  end if;
  -- The entry may be of the day that has begun meanwhile.
  v_day := coalesce((v_entered ->> 'day')::date, v_day);
  return jsonb_build_object(
    'ok', false, 'code', 'ALREADY_EXISTS', 'day', v_day, 'versions', line_vector(v_day, array(
      select q.clinic_code from queues q where q.patient_id = v_user and q.service_day = v_day)));
end
$$;
--> statement-breakpoint
-- {clinic, user, day, admin?, now?}: staff end a visit without a PIN; with automatic routing the next line is entered.
-- `next_station` is null when none is left; its number is null when its line was not entered. `versions` is of both
-- lines, also when an earlier call entered the next one.
create or replace function complete_by_staff(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp set lock_timeout = '2s' as $$
declare
  v_day date := (p_args ->> 'day')::date;
  v_visit jsonb := complete_patient_service(p_args || jsonb_build_object(
    'clinic', coalesce(resolve_clinic_or_number(p_args ->> 'clinic'), ''),
    'only_called', true,
    'auto_route', setting('enable_auto_routing')));
  v_next text := v_visit ->> 'next_clinic';
begin
  return v_visit || jsonb_build_object(
    'next_station', case when v_next is not null then
      clinic_label(v_next) || jsonb_build_object(
        'step', v_visit -> 'next_step',
        'number', (select q.queue_number from queues q
          where q.clinic_code = v_next and q.patient_id = p_args ->> 'user'
            and q.service_day = v_day and q.status not in ('CANCELLED', 'NO_SHOW'))) end,
    'versions', line_vector(v_day, array[v_visit ->> 'clinic', v_next]));
end
$$;
--> statement-breakpoint
-- {clinic, user, day, admin?, now?}: the patient's code is read at the clinic: the first time lets a called patient in,
-- the second ends the visit. A third is refused, with the versions of the patient's lines.
create or replace function process_clinic_code(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp set lock_timeout = '2s' as $$
declare
  v_clinic text := resolve_clinic_or_number(p_args ->> 'clinic');
  v_day date := (p_args ->> 'day')::date;
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
      and q.service_day = v_day and q.status not in ('CANCELLED', 'NO_SHOW');

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
    return jsonb_build_object(
      'ok', false, 'code', 'NOT_IN_QUEUE', 'clinic', v_clinic, 'versions', case when v_status is not null then
        line_vector(v_day, array(
          select q.clinic_code from queues q where q.patient_id = p_args ->> 'user' and q.service_day = v_day)) end);
  end if;
  return v_result || jsonb_build_object('label', clinic_label(v_clinic));
end
$$;
--> statement-breakpoint
-- As before (0022), and for work that is not a function's: with `arguments: {admin}` what is kept is for a current admin.
create or replace function with_idempotency(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp set lock_timeout = '2s' as $$
declare
  c_functions constant text[] := array[
    'enter_queue', 'call_next_patient', 'complete_patient_service', 'generate_daily_pins', 'create_route',
    'enqueue_patient', 'call_next_within_limits', 'complete_by_staff', 'process_clinic_code', 'set_call_interval',
    'save_settings', 'use_qr_session', 'set_qr_session_device', 'admin_logout'];
  -- A logout revokes its own token, and an enqueue takes a revoked admin for nobody.
  c_without_admin constant text[] := array['admin_logout', 'enqueue_patient'];
  v_now timestamptz := coalesce((p_args ->> 'now')::timestamptz, clock_timestamp());
  v_function text := p_args ->> 'function';
  v_admin jsonb := p_args -> 'arguments' -> 'admin';
  v_kept idempotency_keys;
  v_answer jsonb := p_args -> 'answer';
  v_status int;
  v_names jsonb[] := array[p_args] || case when p_args ? 'also' then array[p_args -> 'also'] end;
  v_name jsonb;
begin
  foreach v_name in array v_names loop
    if not pg_try_advisory_xact_lock(
      hashtextextended(format('idempotency %s %s', v_name ->> 'scope', v_name ->> 'key'), 0)) then
      return '{"ok": false, "code": "IDEMPOTENCY_IN_PROGRESS", "retry_after": 1}';
    end if;
  end loop;

  foreach v_name in array v_names loop
    select * into v_kept from idempotency_keys k
      where k.scope = v_name ->> 'scope' and k.key = v_name ->> 'key' and k.created_at > v_now - interval '24 hours';
    if found then
      if v_kept.request_hash <> v_name ->> 'request_hash' then
        return '{"ok": false, "code": "IDEMPOTENCY_MISMATCH"}';
      elsif jsonb_typeof(v_admin) = 'object' and coalesce(v_function <> all (c_without_admin), true)
        and not admin_is_current(v_admin) then
        return '{"ok": false, "code": "UNAUTHORIZED"}';
      end if;
      return v_kept.response::jsonb || '{"ok": true}';
    end if;
  end loop;

  if v_function is not null then
    if v_function <> all (c_functions) then
      raise exception 'No idempotency key covers %', v_function using errcode = 'invalid_parameter_value';
    end if;
    execute format('select %I($1)', v_function) into v_answer using p_args -> 'arguments';
  end if;
  v_status := case when (v_answer ->> 'ok')::boolean then 200 else (p_args -> 'kept' ->> (v_answer ->> 'code'))::int end;
  if v_status is not null then
    insert into idempotency_keys (scope, key, request_hash, status, response, created_at)
      values (p_args ->> 'scope', p_args ->> 'key', p_args ->> 'request_hash', v_status,
        jsonb_build_object(
          'answer', v_answer,
          'first', jsonb_build_object('at', p_args -> 'at', 'request_id', p_args -> 'request_id')),
        v_now)
      -- Only a row that is too old can be in the way.
      on conflict (scope, key) do update set
        request_hash = excluded.request_hash,
        status = excluded.status,
        response = excluded.response,
        created_at = excluded.created_at;
  end if;
  return jsonb_build_object('ok', true, 'answer', v_answer, 'first', null);
end
$$;
