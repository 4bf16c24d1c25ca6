-- People: patients who log in, staff accounts, and the purge of what has lived long enough.

-- Blowfish crypt() of the password's digest runs here, so that a slow hash costs the edge runtimes no CPU.
-- Supabase and Neon keep pgcrypto in the schema `extensions` or in `public`: both are searched.
create extension if not exists pgcrypto;
--> statement-breakpoint
-- {patient_id, gender, session_id, now?}: a new session for this person; earlier sessions keep their entries.
create function login_patient(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp set lock_timeout = '2s' as $$
declare
  v_now timestamptz := coalesce((p_args ->> 'now')::timestamptz, clock_timestamp());
begin
  insert into patients as p (patient_id, gender, session_id, login_time, status)
    values (p_args ->> 'patient_id', p_args ->> 'gender', p_args ->> 'session_id', v_now, 'logged_in')
    on conflict (patient_id) do update set
      gender = excluded.gender,
      session_id = excluded.session_id,
      login_time = excluded.login_time,
      status = excluded.status;
  return jsonb_build_object('ok', true, 'login_time', iso_utc(v_now));
end
$$;
--> statement-breakpoint
-- {username, secret}: the account behind a user name and the digest of a password. An unknown name is compared
-- with a hash that nothing matches, of the same cost, so that both answers take the same time.
create function admin_login(p_args jsonb) returns jsonb
language plpgsql stable set search_path = public, extensions, pg_temp as $$
declare
  c_nobody constant text := '$2a$11$C6UzMDM.H6dfI/f/IKcEe.6zMVVYvT8hrOm0tbbnSBrFJ8cyF5rTK';
  v_admin admins;
begin
  select * into v_admin from admins a where a.username = p_args ->> 'username';
  if crypt(p_args ->> 'secret', coalesce(v_admin.password_hash, c_nobody))
      = coalesce(v_admin.password_hash, 'no account') then
    return jsonb_build_object(
      'ok', true, 'username', v_admin.username, 'role', v_admin.role, 'ver', v_admin.token_version);
  end if;
  return jsonb_build_object('ok', false, 'code', 'INVALID_CREDENTIALS');
end
$$;
--> statement-breakpoint
-- {username, secret, role?}: makes an account or gives it a new password, which revokes its tokens.
create function save_admin(p_args jsonb) returns jsonb
language plpgsql set search_path = public, extensions, pg_temp set lock_timeout = '2s' as $$
declare
  v_created boolean;
begin
  insert into admins as a (username, password_hash, role)
    values (
      p_args ->> 'username',
      crypt(p_args ->> 'secret', gen_salt('bf', 11)),
      coalesce(p_args ->> 'role', 'admin'))
    on conflict (username) do update set
      password_hash = excluded.password_hash,
      token_version = a.token_version + 1
    returning (xmax = 0) into v_created;
  return jsonb_build_object('ok', true, 'created', v_created);
end
$$;
--> statement-breakpoint
-- {}: how many accounts there are; a first start makes one when there is none.
create function count_admins(p_args jsonb) returns jsonb
language sql stable
return jsonb_build_object('ok', true, 'count', (select count(*) from admins));
--> statement-breakpoint
-- {admin: {sub, ver}}: revokes every token issued to this account so far.
create function admin_logout(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp set lock_timeout = '2s' as $$
begin
  update admins a set token_version = a.token_version + 1
    where a.username = p_args -> 'admin' ->> 'sub' and a.token_version = (p_args -> 'admin' ->> 'ver')::int;
  if not found then
    return jsonb_build_object('ok', false, 'code', 'UNAUTHORIZED');
  end if;
  return jsonb_build_object('ok', true);
end
$$;
--> statement-breakpoint
-- {now?}: deletes what has lived long enough: events of more than an hour, idempotency keys and QR sessions of
-- more than a day, counted attempts and limits that no window reaches any more.
create function delete_old_events(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp set lock_timeout = '2s' as $$
declare
  v_now timestamptz := coalesce((p_args ->> 'now')::timestamptz, clock_timestamp());
  v_events int;
  v_keys int;
  v_sessions int;
  v_attempts int;
  v_limits int;
begin
  delete from events where created_at < v_now - interval '1 hour';
  get diagnostics v_events = row_count;
  delete from idempotency_keys where created_at < v_now - interval '24 hours';
  get diagnostics v_keys = row_count;
  delete from qr_sessions where created_at < v_now - interval '24 hours';
  get diagnostics v_sessions = row_count;
  -- A day's attempts count to the end of that day in whatever zone: two days later none can be in force.
  delete from pin_attempts where service_day < (v_now - interval '2 days')::date;
  get diagnostics v_attempts = row_count;
  delete from rate_limits where window_start < v_now - interval '2 days';
  get diagnostics v_limits = row_count;
  return jsonb_build_object(
    'ok', true, 'events', v_events,
    'rows', v_events + v_keys + v_sessions + v_attempts + v_limits);
end
$$;
