-- Idempotency keys: a write that is sent again is not done again, and gets the first answer.

-- {scope, key, request_hash, at, request_id, kept: {code: status}, function + arguments | answer?, now?}: calls the
-- function unless this key was answered within 24 hours, and keeps what it returned in the same transaction, with the
-- time and the id of the request: an HTTP answer made of the three is the first one again. A success is kept (as
-- 200), and a refusal whose code `kept` names. `answer` is kept instead of a function's, for work of several
-- transactions; without either this only looks. Returns {answer, first}, or the refusal of the key.
create function with_idempotency(p_args jsonb) returns jsonb
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
begin
  if not pg_try_advisory_xact_lock(
    hashtextextended(format('idempotency %s %s', p_args ->> 'scope', p_args ->> 'key'), 0)) then
    return '{"ok": false, "code": "IDEMPOTENCY_IN_PROGRESS", "retry_after": 1}';
  end if;

  select * into v_kept from idempotency_keys k
    where k.scope = p_args ->> 'scope' and k.key = p_args ->> 'key' and k.created_at > v_now - interval '24 hours';
  if found then
    if v_kept.request_hash <> p_args ->> 'request_hash' then
      return '{"ok": false, "code": "IDEMPOTENCY_MISMATCH"}';
    elsif jsonb_typeof(v_admin) = 'object' and v_function <> all (c_without_admin) and not admin_is_current(v_admin) then
      return '{"ok": false, "code": "UNAUTHORIZED"}';
    end if;
    return v_kept.response::jsonb || '{"ok": true}';
  end if;

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
