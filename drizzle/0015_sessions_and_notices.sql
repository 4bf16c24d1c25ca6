-- QR sessions: tokens for one use. Notices: what happened to a patient within the last hour.

-- {token, user, day, minutes, admin?, now?}: keeps a new token.
create function create_qr_session(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp set lock_timeout = '2s' as $$
declare
  v_now timestamptz := coalesce((p_args ->> 'now')::timestamptz, clock_timestamp());
  v_expires timestamptz := v_now + make_interval(mins => (p_args ->> 'minutes')::int);
begin
  if p_args ? 'admin' and not admin_is_current(p_args -> 'admin') then
    return jsonb_build_object('ok', false, 'code', 'UNAUTHORIZED');
  end if;
  insert into qr_sessions (token, patient_id, service_day, created_at, expires_at)
    values (p_args ->> 'token', p_args ->> 'user', (p_args ->> 'day')::date, v_now, v_expires);
  return jsonb_build_object('ok', true, 'expires_at', iso_utc(v_expires));
end
$$;
--> statement-breakpoint
-- {token, now?}: uses a token up. The row lock lets exactly one of many callers have it.
create function use_qr_session(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp set lock_timeout = '2s' as $$
declare
  v_session qr_sessions;
  v_now timestamptz;
begin
  select * into v_session from qr_sessions s where s.token = p_args ->> 'token' for update;
  v_now := coalesce((p_args ->> 'now')::timestamptz, clock_timestamp());
  if v_session.token is null then
    return jsonb_build_object('ok', false, 'code', 'SESSION_NOT_FOUND');
  elsif v_session.used_at is not null then
    return jsonb_build_object('ok', false, 'code', 'SESSION_ALREADY_USED');
  elsif v_session.expires_at <= v_now then
    return jsonb_build_object('ok', false, 'code', 'SESSION_EXPIRED');
  end if;
  update qr_sessions set used_at = v_now where token = v_session.token;
  return jsonb_build_object('ok', true);
end
$$;
--> statement-breakpoint
-- {token, device}: notes what kind of device the token was opened on, used or not.
create function set_qr_session_device(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp set lock_timeout = '2s' as $$
begin
  update qr_sessions set device = p_args ->> 'device' where token = p_args ->> 'token';
  if not found then
    return jsonb_build_object('ok', false, 'code', 'SESSION_NOT_FOUND');
  end if;
  return jsonb_build_object('ok', true);
end
$$;
--> statement-breakpoint
-- {day, admin?, now?}: counts of the tokens made in a service day. Index: qr_sessions_service_day_idx.
create function qr_session_stats(p_args jsonb) returns jsonb
language plpgsql stable set search_path = public, pg_temp as $$
declare
  v_now timestamptz := coalesce((p_args ->> 'now')::timestamptz, now());
begin
  if p_args ? 'admin' and not admin_is_current(p_args -> 'admin') then
    return jsonb_build_object('ok', false, 'code', 'UNAUTHORIZED');
  end if;
  return (
    select jsonb_build_object(
      'ok', true,
      'total', count(*),
      'active', count(*) filter (where s.used_at is null and s.expires_at > v_now),
      'used', count(*) filter (where s.used_at is not null),
      'expired', count(*) filter (where s.used_at is null and s.expires_at <= v_now),
      'ios', count(*) filter (where s.device = 'iOS'),
      'android', count(*) filter (where s.device = 'Android'),
      'desktop', count(*) filter (where s.device = 'Desktop'))
    from qr_sessions s where s.service_day = (p_args ->> 'day')::date
  );
end
$$;
--> statement-breakpoint
-- The newest notices of a patient in one clinic, or in all when p_clinic is null: the events of the last hour
-- that concern people. Index: events_patient_clinic_idx.
create function recent_notices(p_user text, p_clinic text, p_now timestamptz, p_limit int) returns jsonb
language sql stable
return (
  select coalesce(jsonb_agg(jsonb_build_object(
      'type', e.event_type,
      'clinic', e.clinic_code,
      'number', e.data -> 'queue_number',
      'position', e.position,
      'timestamp', iso_utc(e.created_at)) order by e.created_at desc, e.seq desc), '[]')
  from (
    select * from events
    where patient_id = p_user
      and (p_clinic is null or clinic_code = p_clinic)
      and event_type in ('ENTERED', 'CALLED', 'COMPLETED', 'CANCELLED', 'NO_SHOW')
      and created_at > p_now - interval '1 hour'
    order by created_at desc, seq desc
    limit p_limit
  ) as e
);
--> statement-breakpoint
-- {clinic, user | number, day, limit, now?}: the notices of a patient in a clinic. A number is that of today's line.
create function patient_notices(p_args jsonb) returns jsonb
language plpgsql stable set search_path = public, pg_temp as $$
declare
  v_clinic text := resolve_clinic(p_args ->> 'clinic');
  v_user text := p_args ->> 'user';
begin
  if v_clinic is null then
    return jsonb_build_object('ok', false, 'code', 'UNKNOWN_CLINIC');
  end if;
  if v_user is null then
    select q.patient_id into v_user from queues q
      where q.service_day = (p_args ->> 'day')::date and q.clinic_code = v_clinic
        and q.queue_number = (p_args ->> 'number')::int;
  end if;
  return jsonb_build_object(
    'ok', true,
    'clinic', v_clinic,
    'notices', recent_notices(
      v_user, v_clinic, coalesce((p_args ->> 'now')::timestamptz, now()), (p_args ->> 'limit')::int));
end
$$;
