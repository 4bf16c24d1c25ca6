-- The atomic operations of the line. One call = one round trip = one transaction. A domain outcome is returned
-- as {ok: false, code}: raising would roll back the counted attempt and the events.
-- Lock order everywhere: route row, counter rows by clinic code, entry, attempts.

-- {clinic, day}: the next number under the counter's row lock: no gap, no duplicate.
create function get_next_queue_number(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp set lock_timeout = '2s' as $$
declare
  v_clinic text := resolve_clinic(p_args ->> 'clinic');
  v_number int;
  v_version bigint;
begin
  if v_clinic is null then
    return jsonb_build_object('ok', false, 'code', 'UNKNOWN_CLINIC');
  end if;
  insert into queue_counters as c (clinic_code, service_day, last_number, version)
    values (v_clinic, (p_args ->> 'day')::date, 1, 1)
    on conflict (clinic_code, service_day)
      do update set last_number = c.last_number + 1, version = c.version + 1
    returning c.last_number, c.version into v_number, v_version;
  return jsonb_build_object('ok', true, 'clinic', v_clinic, 'number', v_number, 'version', v_version);
end
$$;
--> statement-breakpoint
-- Marks a station of a route with the moment of entry. The caller holds the route row.
create function mark_station_entered(p_route uuid, p_clinic text, p_at timestamptz) returns void
language plpgsql as $$
begin
  update routes r
    set clinics = jsonb_set(r.clinics, array[(s.ordinality - 1)::text, 'entryTime'], to_jsonb(iso_utc(p_at)))
    from jsonb_array_elements((select clinics from routes where id = p_route)) with ordinality as s
    where r.id = p_route
      and s.value ->> 'clinic' = p_clinic
      and s.value ->> 'status' <> 'completed';
end
$$;
--> statement-breakpoint
-- {clinic, user, day, priority?, now?}: a new entry at the end of the line, or the entry there already is.
-- The number is taken first and handed back unseen when an entry exists: the usual case costs one statement less.
create function enter_queue(p_args jsonb) returns jsonb
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
      return entry_state(v_entry) || jsonb_build_object('ok', true, 'entry_status', 'ALREADY_IN_QUEUE');
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
-- Closes an entry left over from an earlier day: it never counts, and never blocks.
create function cancel_stale_entry(p_clinic text, p_user text, p_day date, p_now timestamptz) returns void
language sql set search_path = public, pg_temp as $$
  with closed as (
    update queues q set status = 'CANCELLED'
    where q.clinic_code = p_clinic and q.patient_id = p_user and q.service_day < p_day
      and q.status in ('WAITING', 'CALLED', 'IN_PROGRESS')
    returning q.queue_number
  )
  insert into events (event_type, clinic_code, patient_id, data, created_at)
  select 'CANCELLED', p_clinic, p_user,
    jsonb_build_object('queue_number', closed.queue_number, 'reason', 'day_closed'), p_now
  from closed
$$;
--> statement-breakpoint
-- {clinic, day, by: admin|auto, admin?, capacity?, due_after?, now?}: the head of the line becomes CALLED.
-- `capacity` and `due_after` (seconds since the last call) are looked at under the lock that makes the call. The
-- version rises only with a call: a click on an empty line must not wake everybody who watches it.
create function call_next_patient(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp set lock_timeout = '2s' as $$
declare
  v_clinic text := resolve_clinic(p_args ->> 'clinic');
  v_day date := (p_args ->> 'day')::date;
  v_now timestamptz;
  v_last_called timestamptz;
  v_version bigint;
  v_load jsonb;
  v_entry queues;
  v_waiting int;
begin
  if p_args ? 'admin' and not admin_is_current(p_args -> 'admin') then
    return jsonb_build_object('ok', false, 'code', 'UNAUTHORIZED');
  end if;
  if v_clinic is null then
    return jsonb_build_object('ok', false, 'code', 'UNKNOWN_CLINIC');
  end if;

  select c.version, c.last_called_at into v_version, v_last_called from queue_counters c
    where c.clinic_code = v_clinic and c.service_day = v_day
    for update;
  if not found then
    perform lock_queue_counter(v_clinic, v_day);
    select c.version, c.last_called_at into v_version, v_last_called from queue_counters c
      where c.clinic_code = v_clinic and c.service_day = v_day;
  end if;
  v_now := coalesce((p_args ->> 'now')::timestamptz, clock_timestamp());

  if p_args ? 'due_after'
    and v_last_called + make_interval(secs => (p_args ->> 'due_after')::int) > v_now then
    return jsonb_build_object('ok', false, 'code', 'NOT_DUE', 'clinic', v_clinic, 'version', v_version);
  end if;
  if p_args ? 'capacity' then
    select jsonb_build_object(
        'called', count(*) filter (where q.status = 'CALLED'),
        'in', count(*) filter (where q.status = 'IN_PROGRESS'),
        'total', count(*))
      into v_load
      from queues q
      where q.clinic_code = v_clinic and q.service_day = v_day and q.status in ('CALLED', 'IN_PROGRESS');
    if (v_load ->> 'total')::int >= (p_args ->> 'capacity')::int then
      return jsonb_build_object(
        'ok', false, 'code', 'CAPACITY_FULL', 'clinic', v_clinic, 'version', v_version, 'load', v_load);
    end if;
  end if;

  -- Plain FOR UPDATE: SKIP LOCKED would pass over a head whom somebody touches at this moment. It finds nothing
  -- when that somebody moved the head on, so look again for as long as anybody waits.
  loop
    update queues q set status = 'CALLED', called_at = v_now, call_count = q.call_count + 1
      where q.id = (
        select head.id from queues head
        where head.clinic_code = v_clinic and head.service_day = v_day and head.status = 'WAITING'
        order by head.priority desc, head.queue_number
        limit 1 for update)
      returning q.* into v_entry;
    exit when found;
    if not exists (
      select 1 from queues q where q.clinic_code = v_clinic and q.service_day = v_day and q.status = 'WAITING'
    ) then
      return jsonb_build_object(
        'ok', false, 'code', 'NO_PATIENTS_WAITING', 'clinic', v_clinic, 'version', v_version, 'load', v_load);
    end if;
  end loop;

  update queue_counters c set last_called_at = v_now, version = c.version + 1
    where c.clinic_code = v_clinic and c.service_day = v_day
    returning c.version into v_version;
  insert into events (event_type, clinic_code, patient_id, data, created_at)
    values
      ('CALLED', v_clinic, v_entry.patient_id,
        jsonb_build_object('queue_number', v_entry.queue_number, 'by', p_args ->> 'by'), v_now),
      ('CACHE_INVALIDATED', v_clinic, null, queue_cache_keys(v_clinic), v_now);
  select count(*) into v_waiting from queues q
    where q.clinic_code = v_clinic and q.service_day = v_day and q.status = 'WAITING';
  return jsonb_build_object(
    'ok', true, 'clinic', v_clinic, 'id', v_entry.id, 'user', v_entry.patient_id, 'number', v_entry.queue_number,
    'waiting', v_waiting, 'entered_at', iso_utc(v_entry.entered_at), 'called_at', iso_utc(v_now),
    'load', v_load, 'version', v_version);
end
$$;
--> statement-breakpoint
-- Looks at one PIN try. Null when the PIN is right (and the patient's count is cleared), else what to answer.
-- The caller holds the clinic's counter, so tries of one clinic come here one after the other.
-- Limits: 5 wrong a minute per patient, 15 a minute per address (patients who still wait), 15 a day per patient.
create function check_pin(p_args jsonb, p_entry queues, p_now timestamptz) returns jsonb
language plpgsql set search_path = public, pg_temp as $$
declare
  c_window constant interval := '60 seconds';
  v_limit int := coalesce((p_args -> 'limits' ->> 'pin')::int, 5);
  v_ip_limit int := coalesce((p_args -> 'limits' ->> 'pin_ip')::int, 15);
  v_day_limit int := coalesce((p_args -> 'limits' ->> 'pin_day')::int, 15);
  v_ip_hash text := p_args ->> 'ip_hash';
  v_tries pin_attempts;
  v_ip_tries pin_attempts;
  v_locked_until timestamptz;
  v_locked_limit int := v_limit;
  v_pin text;
begin
  select * into v_tries from pin_attempts a
    where a.clinic_code = p_entry.clinic_code and a.service_day = p_entry.service_day
      and a.patient_id = p_entry.patient_id;
  select * into v_ip_tries from pin_attempts a
    where a.clinic_code = p_entry.clinic_code and a.service_day = p_entry.service_day
      and a.client_ip_hash = v_ip_hash;

  if v_tries.day_failures >= v_day_limit then
    v_locked_until := (p_args ->> 'day_end')::timestamptz;
    v_locked_limit := v_day_limit;
  elsif v_tries.failures >= v_limit and p_now < v_tries.window_start + c_window then
    v_locked_until := v_tries.window_start + c_window;
  elsif p_entry.status = 'WAITING' and v_ip_tries.failures >= v_ip_limit
    and p_now < v_ip_tries.window_start + c_window then
    v_locked_until := v_ip_tries.window_start + c_window;
    v_locked_limit := v_ip_limit;
  end if;
  if v_locked_until is not null then
    return jsonb_build_object(
      'ok', false, 'code', 'PIN_LOCKED', 'clinic', p_entry.clinic_code, 'limit', v_locked_limit, 'remaining', 0,
      'retry_after', greatest(1, ceil(extract(epoch from v_locked_until - p_now))::int),
      'reset', ceil(extract(epoch from v_locked_until))::bigint);
  end if;

  select p.pin into v_pin from pins p
    where p.clinic_code = p_entry.clinic_code and p.service_day = p_entry.service_day and p.is_active;
  -- Digests of equal length are compared, so that the time says nothing about the PIN.
  if sha256(convert_to(v_pin, 'UTF8')) = sha256(convert_to(p_args ->> 'pin', 'UTF8')) then
    if v_tries.failures > 0 then
      update pin_attempts set failures = 0 where id = v_tries.id;
    end if;
    return null;
  end if;

  insert into pin_attempts as a (clinic_code, service_day, patient_id, window_start, failures, day_failures)
    values (p_entry.clinic_code, p_entry.service_day, p_entry.patient_id, p_now, 1, 1)
    on conflict (clinic_code, service_day, patient_id) where patient_id is not null do update set
      failures = case when a.failures = 0 or p_now >= a.window_start + c_window then 1 else a.failures + 1 end,
      window_start = case when a.failures = 0 or p_now >= a.window_start + c_window then p_now else a.window_start end,
      day_failures = a.day_failures + 1
    returning a.* into v_tries;
  if v_ip_hash is not null then
    insert into pin_attempts as a (clinic_code, service_day, client_ip_hash, window_start, failures, day_failures)
      values (p_entry.clinic_code, p_entry.service_day, v_ip_hash, p_now, 1, 1)
      on conflict (clinic_code, service_day, client_ip_hash) where client_ip_hash is not null do update set
        failures = case when p_now >= a.window_start + c_window then 1 else a.failures + 1 end,
        window_start = case when p_now >= a.window_start + c_window then p_now else a.window_start end,
        day_failures = a.day_failures + 1;
  end if;
  return jsonb_build_object(
    'ok', false, 'code', 'WRONG_PIN', 'clinic', p_entry.clinic_code, 'limit', v_limit,
    'remaining', greatest(0, v_limit - v_tries.failures),
    'reset', ceil(extract(epoch from v_tries.window_start + c_window))::bigint);
end
$$;
--> statement-breakpoint
-- Marks a station completed and unlocks the first unfinished one. Returns {next, completed, step, changed}: the next
-- station's clinic, whether the route is finished, the next station's 1-based place, and whether this call did
-- anything. Repeating it is harmless.
create function advance_route(p_route uuid, p_clinic text, p_entered timestamptz, p_left timestamptz) returns jsonb
language plpgsql set search_path = public, pg_temp as $$
declare
  v_stations jsonb;
  v_next text;
  v_step int;
  v_done jsonb;
  v_contains boolean;
  v_changed boolean := false;
begin
  select jsonb_agg(
      case when s.value ->> 'clinic' = p_clinic and s.value ->> 'status' <> 'completed'
        then s.value || jsonb_build_object(
          'status', 'completed',
          'entryTime', coalesce(s.value ->> 'entryTime', iso_utc(p_entered)),
          'exitTime', iso_utc(p_left))
        else s.value end
      order by s.ordinality),
      bool_or(s.value ->> 'clinic' = p_clinic)
    into v_stations, v_contains
    from routes r, jsonb_array_elements(r.clinics) with ordinality as s
    where r.id = p_route;

  select s.value ->> 'clinic', s.ordinality into v_next, v_step
    from jsonb_array_elements(v_stations) with ordinality as s
    where s.value ->> 'status' <> 'completed'
    order by s.ordinality
    limit 1;
  if v_next is not null then
    v_stations := jsonb_set(v_stations, array[(v_step - 1)::text, 'status'], '"ready"');
  end if;

  if v_contains then
    select coalesce(jsonb_agg(s.value -> 'clinic' order by s.ordinality), '[]') into v_done
      from jsonb_array_elements(v_stations) with ordinality as s
      where s.value ->> 'status' = 'completed';
    update routes set
      clinics = v_stations,
      current_clinic = v_next,
      completed_clinics = v_done,
      status = case when v_next is null then 'completed' else 'active' end
    where id = p_route and clinics is distinct from v_stations;
    v_changed := found;
  end if;
  return jsonb_build_object('next', v_next, 'completed', v_next is null, 'step', v_step, 'changed', v_changed);
end
$$;
--> statement-breakpoint
-- {clinic, user, day, day_end, pin? + ip_hash?, require_route?, only_called?, auto_route?, admin?, limits?, now?}:
-- the patient leaves the clinic. With `pin` the try is checked and counted in the same transaction. `only_called`
-- refuses an entry that still waits. `auto_route` enters the next station's line. Repeating it is harmless.
create function complete_patient_service(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp set lock_timeout = '2s' as $$
declare
  v_clinic text := resolve_clinic(p_args ->> 'clinic');
  v_user text := p_args ->> 'user';
  v_day date := (p_args ->> 'day')::date;
  v_now timestamptz;
  v_route routes;
  v_next text;
  v_lock text;
  v_entry queues;
  v_refusal jsonb;
  v_version bigint;
  v_progress jsonb := '{"next": null, "completed": false}';
  v_next_entry jsonb;
  v_repeated boolean;
  v_waiting int;
begin
  if p_args ? 'admin' and not admin_is_current(p_args -> 'admin') then
    return jsonb_build_object('ok', false, 'code', 'UNAUTHORIZED');
  end if;
  if v_clinic is null then
    return jsonb_build_object('ok', false, 'code', 'UNKNOWN_CLINIC');
  end if;
  perform 1 from queues q
    where q.clinic_code = v_clinic and q.patient_id = v_user and q.service_day = v_day
      and q.status not in ('CANCELLED', 'NO_SHOW');
  if not found then
    return jsonb_build_object('ok', false, 'code', 'NOT_IN_QUEUE', 'clinic', v_clinic);
  end if;

  select * into v_route from routes r
    where r.patient_id = v_user and r.service_day = v_day and r.status <> 'cancelled'
    for update;
  if (p_args ->> 'require_route')::boolean then
    if v_route.id is null then
      return jsonb_build_object('ok', false, 'code', 'ROUTE_NOT_FOUND');
    elsif not v_route.clinics @> jsonb_build_array(jsonb_build_object('clinic', v_clinic)) then
      return jsonb_build_object('ok', false, 'code', 'CLINIC_NOT_IN_ROUTE', 'clinic', v_clinic);
    end if;
  end if;

  -- The PINs of the day are made by the first who needs them. That takes every counter, in order, so it comes
  -- before the lock on this one.
  if p_args ? 'pin' and not exists (
    select 1 from pins p where p.clinic_code = v_clinic and p.service_day = v_day and p.is_active
  ) then
    perform issue_pins(
      v_day, (p_args ->> 'day_end')::timestamptz, (p_args ->> 'now')::timestamptz, false, null);
  end if;

  if (p_args ->> 'auto_route')::boolean and v_route.id is not null then
    select s.value ->> 'clinic' into v_next
      from jsonb_array_elements(v_route.clinics) with ordinality as s
      where s.value ->> 'status' <> 'completed' and s.value ->> 'clinic' <> v_clinic
      order by s.ordinality
      limit 1;
  end if;
  for v_lock in select distinct c from unnest(array[v_clinic, v_next]) as c where c is not null order by c loop
    perform lock_queue_counter(v_lock, v_day);
  end loop;
  v_now := coalesce((p_args ->> 'now')::timestamptz, clock_timestamp());

  select * into v_entry from queues q
    where q.clinic_code = v_clinic and q.patient_id = v_user and q.service_day = v_day
      and q.status not in ('CANCELLED', 'NO_SHOW')
    for update;
  if not found then
    return jsonb_build_object('ok', false, 'code', 'NOT_IN_QUEUE', 'clinic', v_clinic);
  end if;
  if p_args ? 'pin' then
    v_refusal := check_pin(p_args, v_entry, v_now);
    if v_refusal is not null then
      return v_refusal;
    end if;
  end if;
  if (p_args ->> 'only_called')::boolean and v_entry.status = 'WAITING' then
    return jsonb_build_object('ok', false, 'code', 'NOT_CALLED', 'clinic', v_clinic);
  end if;

  v_repeated := v_entry.status = 'COMPLETED';
  if v_repeated then
    select c.version into v_version from queue_counters c
      where c.clinic_code = v_clinic and c.service_day = v_day;
  else
    update queues set status = 'COMPLETED', completed_at = v_now
      where id = v_entry.id returning * into v_entry;
    update queue_counters c set version = c.version + 1
      where c.clinic_code = v_clinic and c.service_day = v_day
      returning c.version into v_version;
  end if;
  if v_route.id is not null then
    v_progress := advance_route(v_route.id, v_clinic, v_entry.entered_at, v_entry.completed_at);
  end if;
  if not v_repeated then
    insert into events (event_type, clinic_code, patient_id, data, created_at)
      values
        ('COMPLETED', v_clinic, v_user, jsonb_build_object(
          'queue_number', v_entry.queue_number,
          'duration_minutes', whole_minutes(v_entry.entered_at, v_entry.completed_at)), v_now),
        ('CACHE_INVALIDATED', v_clinic, null, queue_cache_keys(v_clinic, v_route.route_id), v_now);
    if v_next is not null and resolve_clinic(v_next) is not null then
      v_next_entry := enter_queue(
        jsonb_build_object('clinic', v_next, 'user', v_user, 'day', v_day, 'now', v_now));
    end if;
  elsif (v_progress ->> 'changed')::boolean then
    -- The route was made after the visit ended: only now does it learn of it.
    insert into events (event_type, data, created_at)
      values ('CACHE_INVALIDATED',
        jsonb_build_object('keys', jsonb_build_array('route:' || v_route.route_id)), v_now);
  end if;

  select count(*) into v_waiting from queues q
    where q.clinic_code = v_clinic and q.service_day = v_day and q.status = 'WAITING';
  return jsonb_build_object(
    'ok', true, 'clinic', v_clinic, 'user', v_user, 'number', v_entry.queue_number, 'status', 'DONE',
    'entry_time', iso_utc(v_entry.entered_at), 'exit_time', iso_utc(v_entry.completed_at),
    'duration_minutes', whole_minutes(v_entry.entered_at, v_entry.completed_at),
    'remaining_in_queue', v_waiting, 'next_clinic', v_progress -> 'next', 'next_step', v_progress -> 'step',
    'route_completed', v_progress -> 'completed', 'repeated', v_repeated, 'next_entry', v_next_entry,
    'version', v_version,
    'route', case when (p_args ->> 'require_route')::boolean then route_view(v_route.id) end);
end
$$;
--> statement-breakpoint
-- {clinic, user, day, admin?, now?}: CALLED -> IN_PROGRESS, when staff let the patient in.
create function check_in_patient(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp set lock_timeout = '2s' as $$
declare
  v_clinic text := resolve_clinic(p_args ->> 'clinic');
  v_day date := (p_args ->> 'day')::date;
  v_now timestamptz;
  v_entry queues;
  v_version bigint;
begin
  if p_args ? 'admin' and not admin_is_current(p_args -> 'admin') then
    return jsonb_build_object('ok', false, 'code', 'UNAUTHORIZED');
  end if;
  if v_clinic is null then
    return jsonb_build_object('ok', false, 'code', 'UNKNOWN_CLINIC');
  end if;
  perform lock_queue_counter(v_clinic, v_day);
  v_now := coalesce((p_args ->> 'now')::timestamptz, clock_timestamp());
  select * into v_entry from queues q
    where q.clinic_code = v_clinic and q.patient_id = p_args ->> 'user' and q.service_day = v_day
      and q.status in ('WAITING', 'CALLED', 'IN_PROGRESS')
    for update;
  if not found then
    return jsonb_build_object('ok', false, 'code', 'NOT_IN_QUEUE', 'clinic', v_clinic);
  elsif v_entry.status = 'WAITING' then
    return jsonb_build_object('ok', false, 'code', 'NOT_CALLED', 'clinic', v_clinic);
  elsif v_entry.status = 'CALLED' then
    update queues set status = 'IN_PROGRESS', started_at = v_now where id = v_entry.id returning * into v_entry;
    update queue_counters c set version = c.version + 1
      where c.clinic_code = v_clinic and c.service_day = v_day
      returning c.version into v_version;
    insert into events (event_type, clinic_code, data, created_at)
      values ('CACHE_INVALIDATED', v_clinic, queue_cache_keys(v_clinic), v_now);
  else
    select c.version into v_version from queue_counters c
      where c.clinic_code = v_clinic and c.service_day = v_day;
  end if;
  return entry_state(v_entry) || jsonb_build_object('ok', true, 'version', v_version);
end
$$;
