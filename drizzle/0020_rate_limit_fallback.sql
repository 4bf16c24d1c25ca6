-- Limits that hold without Redis: attempts to log in while it is down, and wrong emergency codes always.

-- How many of a client count at this moment in a window of one minute: those of this minute, and of the minute before
-- the share that the window still covers. Index: rate_limits_window_key.
create function window_use(p_client text, p_endpoint text, p_now timestamptz) returns int
language sql stable
return (
  select coalesce(sum(case r.window_start
      when date_trunc('minute', p_now) then r.request_count
      else floor(r.request_count * (1 - extract(epoch from p_now - date_trunc('minute', p_now)) / 60))
    end), 0)::int
  from rate_limits r
  where r.client_id = p_client and r.endpoint = p_endpoint
    and r.window_start in (date_trunc('minute', p_now), date_trunc('minute', p_now) - interval '1 minute')
);
--> statement-breakpoint
-- One client's counts are looked at and raised by one transaction at a time. To be taken before any row lock.
create function lock_window(p_client text, p_endpoint text) returns void
language sql
return pg_advisory_xact_lock(hashtextextended(format('rate_limits %s %s', p_endpoint, p_client), 0));
--> statement-breakpoint
-- {counts: [{name, key, limit}], now?}: counts an attempt to log in under each key, in this order, until one is full: what
-- an address is refused does not use up the account's. Returns where each stands; `reset` in epoch milliseconds.
create function count_login_attempt(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp set lock_timeout = '2s' as $$
declare
  v_now timestamptz;
  v_count jsonb;
  v_used int;
  v_admitted boolean := true;
  v_standings jsonb := '[]';
begin
  for v_count in select c.value from jsonb_array_elements(p_args -> 'counts') with ordinality as c order by c.ordinality
  loop
    perform lock_window(v_count ->> 'key', v_count ->> 'name');
    v_now := coalesce((p_args ->> 'now')::timestamptz, clock_timestamp());
    v_used := window_use(v_count ->> 'key', v_count ->> 'name', v_now);
    v_admitted := v_used < (v_count ->> 'limit')::int;
    v_standings := v_standings || jsonb_build_object(
      'name', v_count -> 'name',
      'admitted', v_admitted,
      'limit', v_count -> 'limit',
      'remaining', greatest(0, (v_count ->> 'limit')::int - v_used - 1),
      'reset', (extract(epoch from date_trunc('minute', v_now)) * 1000)::bigint + 60000);
    exit when not v_admitted;
    insert into rate_limits as r (client_id, endpoint, request_count, window_start)
      values (v_count ->> 'key', v_count ->> 'name', 1, date_trunc('minute', v_now))
      on conflict (client_id, endpoint, window_start) do update set request_count = r.request_count + 1;
  end loop;
  return jsonb_build_object('ok', true, 'standings', v_standings);
end
$$;
--> statement-breakpoint
-- {emergency_code, ip_hash?, limits?, now?}: looks at an emergency code. Null when it is right, else what to answer. A client with 5 wrong ones in the minute or
-- 20 in 24 hours is refused before the code is looked at. Tries of one client come here one after the other.
create function check_emergency_code(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp as $$
declare
  c_endpoint constant text := 'emergency';
  v_client text := p_args ->> 'ip_hash';
  v_limit int := coalesce((p_args -> 'limits' ->> 'emergency')::int, 5);
  v_day_limit int := coalesce((p_args -> 'limits' ->> 'emergency_day')::int, 20);
  v_now timestamptz;
  v_reset timestamptz;
begin
  if v_client is not null then
    perform lock_window(v_client, c_endpoint);
    v_now := coalesce((p_args ->> 'now')::timestamptz, clock_timestamp());
    -- The newest row with which the day is full: when that is a day old, the next try is looked at.
    select max(w.window_start) + interval '24 hours' into v_reset from (
        select r.window_start, sum(r.request_count) over (order by r.window_start desc) as up_to_here
        from rate_limits r
        where r.client_id = v_client and r.endpoint = c_endpoint and r.window_start > v_now - interval '24 hours') as w
      where w.up_to_here >= v_day_limit;
    if v_reset is not null then
      v_limit := v_day_limit;
    elsif window_use(v_client, c_endpoint, v_now) >= v_limit then
      v_reset := date_trunc('minute', v_now) + interval '1 minute';
    end if;
    if v_reset is not null then
      return jsonb_build_object(
        'ok', false, 'code', 'RATE_LIMITED', 'policy', c_endpoint, 'limit', v_limit, 'remaining', 0,
        'retry_after', greatest(1, ceil(extract(epoch from v_reset - v_now))::int),
        'reset', ceil(extract(epoch from v_reset))::bigint);
    end if;
  end if;
  if emergency_code_is_right(p_args ->> 'emergency_code') then
    return null;
  end if;
  if v_client is not null then
    perform count_wrong_emergency_code(v_client, v_now);
  end if;
  return jsonb_build_object('ok', false, 'code', 'INVALID_EMERGENCY_CODE');
end
$$;
--> statement-breakpoint
-- {user, day, route_id, exam_type, gender, stations, dynamic, priority?, emergency_code? + ip_hash? + limits?, admin?, now?}:
-- today's route of the patient and the entry at its first unfinished station. A patient with an entry today is
-- refused, but with the emergency code gets the highest priority where he waits. `priority` counts for an admin only.
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
-- Looks at one PIN try. Null when the PIN is right (and the patient's count is cleared), else what to answer, with
-- the policy of a lock. The caller holds the clinic's counter, so tries of one clinic come here one after the other.
-- Limits: 5 wrong a minute per patient, 15 a minute per address (patients who still wait), 15 a day per patient.
create or replace function check_pin(p_args jsonb, p_entry queues, p_now timestamptz) returns jsonb
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
  v_policy text := 'pin';
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
    v_policy := 'pin_ip';
  end if;
  if v_locked_until is not null then
    return jsonb_build_object(
      'ok', false, 'code', 'PIN_LOCKED', 'clinic', p_entry.clinic_code, 'limit', v_locked_limit, 'remaining', 0,
      'policy', v_policy,
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
