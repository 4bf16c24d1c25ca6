-- What staff can set, automatic calling, and the work that schedulers start.

-- Every setting that staff can change: what it takes and what holds while nobody set it.
create function setting_rules() returns table (key text, kind text, lowest int, highest int, fallback jsonb)
language sql immutable parallel safe
begin atomic
  values
    ('grace_minutes', 'number', 1, 120, '5'::jsonb),
    ('max_capacity_per_clinic', 'number', 1, 100, '6'),
    ('enable_auto_routing', 'boolean', null, null, 'true'),
    ('enable_notifications', 'boolean', null, null, 'true'),
    ('working_hours_start', 'time', null, null, '"00:00"'),
    ('working_hours_end', 'time', null, null, '"24:00"'),
    ('emergency_pin', 'digits', 6, 10, 'null'),
    ('current_theme', 'text', 1, 64, '"medical-professional"'),
    ('enable_theme_selector', 'boolean', null, null, 'true'),
    ('show_theme_preview', 'boolean', null, null, 'true'),
    ('admission_cadence_minutes', 'number', 1, 60, '1');
end;
--> statement-breakpoint
-- A value in the form in which it is kept, or SQL null when the rule of its key refuses it. Rows that an adopted
-- database brought are read through this as well, so a value nobody could have set here counts as not set.
create function checked_setting(p_key text, p_value jsonb) returns jsonb
language sql immutable parallel safe
return (
  select case rule.kind
    when 'number' then
      case when sent.as_text ~ '^[0-9]{1,4}$' then
        case when sent.as_text::int between rule.lowest and rule.highest then to_jsonb(sent.as_text::int) end end
    when 'boolean' then case when sent.as_text in ('true', 'false') then sent.as_text::jsonb end
    when 'time' then
      case when sent.as_text ~ '^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$' then to_jsonb(sent.as_text) end
    when 'digits' then
      case
        when jsonb_typeof(p_value) = 'null' or sent.as_text = '' then 'null'::jsonb
        when sent.as_text ~ '^[0-9]+$' and length(sent.as_text) between rule.lowest and rule.highest
          then to_jsonb(sent.as_text)
      end
    when 'text' then
      case when jsonb_typeof(p_value) = 'string' and length(sent.as_text) between rule.lowest and rule.highest
        then to_jsonb(sent.as_text) end
  end
  from setting_rules() as rule, btrim(p_value #>> '{}') as sent(as_text)
  where rule.key = p_key
);
--> statement-breakpoint
-- All settings with the values in force, by their keys.
create function current_settings() returns jsonb
language sql stable
return (
  select jsonb_object_agg(rule.key, coalesce(checked_setting(rule.key, s.value), rule.fallback))
  from setting_rules() as rule left join settings s on s.key = rule.key
);
--> statement-breakpoint
-- One of them.
create function setting(p_key text) returns jsonb
language sql stable
return (
  select coalesce(checked_setting(rule.key, s.value), rule.fallback)
  from setting_rules() as rule left join settings s on s.key = rule.key
  where rule.key = p_key
);
--> statement-breakpoint
-- Is this moment, on the clock of the service day's zone, within the working hours?
create function is_working_time(p_now timestamptz) returns boolean
language sql stable
return (
  select local.clock collate "C" >= (setting('working_hours_start') #>> '{}')
    and local.clock collate "C" < (setting('working_hours_end') #>> '{}')
  from to_char(p_now at time zone (select s.value #>> '{}' from settings s where s.key = 'timezone'), 'HH24:MI')
    as local(clock)
);
--> statement-breakpoint
-- {admin?}: the settings; the emergency PIN only for an admin whose token is current.
create function get_settings(p_args jsonb) returns jsonb
language sql stable
return jsonb_build_object('ok', true, 'settings',
  case when p_args ? 'admin' and admin_is_current(p_args -> 'admin') then current_settings()
    else current_settings() - 'emergency_pin' end);
--> statement-breakpoint
-- {admin, settings: {key: value}}: all of them or, when one is refused, none.
create function save_settings(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp set lock_timeout = '2s' as $$
declare
  v_refused text;
begin
  select min(s.key) into v_refused from jsonb_each(p_args -> 'settings') as s
    where checked_setting(s.key, s.value) is null;
  if v_refused is not null then
    return jsonb_build_object('ok', false, 'code', 'INVALID_FIELD', 'field', v_refused);
  elsif not admin_is_current(p_args -> 'admin') then
    return jsonb_build_object('ok', false, 'code', 'UNAUTHORIZED');
  end if;
  -- In one order, so that two savers of the same keys do not wait for each other.
  insert into settings (key, value)
    select s.key, checked_setting(s.key, s.value) from jsonb_each(p_args -> 'settings') as s order by s.key
    on conflict (key) do update set value = excluded.value;
  return jsonb_build_object('ok', true);
end
$$;
--> statement-breakpoint
-- {clinic, day, seconds, admin, now?}: how often a clinic is called automatically; 0 switches that off and leaves the
-- interval as it is. What an overview shows of the clinic changes, so its version rises.
create function set_call_interval(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp set lock_timeout = '2s' as $$
declare
  v_clinic text := resolve_clinic(p_args ->> 'clinic');
  v_day date := (p_args ->> 'day')::date;
  v_seconds int := (p_args ->> 'seconds')::int;
  v_now timestamptz;
  v_version bigint;
begin
  if v_clinic is null then
    return jsonb_build_object('ok', false, 'code', 'UNKNOWN_CLINIC');
  elsif not admin_is_current(p_args -> 'admin') then
    return jsonb_build_object('ok', false, 'code', 'UNAUTHORIZED');
  end if;
  perform lock_queue_counter(v_clinic, v_day);
  v_now := coalesce((p_args ->> 'now')::timestamptz, clock_timestamp());
  update clinics c set
      auto_call = v_seconds > 0,
      call_interval = case when v_seconds > 0 then v_seconds else c.call_interval end
    where c.code = v_clinic;
  update queue_counters k set version = k.version + 1
    where k.clinic_code = v_clinic and k.service_day = v_day
    returning k.version into v_version;
  insert into events (event_type, clinic_code, data, created_at)
    values
      ('INTERVAL_SET', v_clinic,
        jsonb_build_object('interval_seconds', v_seconds, 'auto_call', v_seconds > 0), v_now),
      ('CACHE_INVALIDATED', v_clinic, queue_cache_keys(v_clinic), v_now);
  return jsonb_build_object('ok', true, 'clinic', v_clinic, 'seconds', v_seconds, 'version', v_version);
end
$$;
--> statement-breakpoint
-- {clinic, day, now?}: whoever was called longer ago than the grace time becomes NO_SHOW. Whether that is wanted
-- (NO_SHOW_EXPIRY), the caller knows. Index: queues_number_of_day_key.
create function expire_no_shows(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp set lock_timeout = '2s' as $$
declare
  v_clinic text := resolve_clinic(p_args ->> 'clinic');
  v_day date := (p_args ->> 'day')::date;
  v_grace interval := make_interval(mins => setting('grace_minutes')::int);
  v_now timestamptz;
  v_expired int;
  v_version bigint;
begin
  if v_clinic is null then
    return jsonb_build_object('ok', false, 'code', 'UNKNOWN_CLINIC');
  end if;
  perform lock_queue_counter(v_clinic, v_day);
  v_now := coalesce((p_args ->> 'now')::timestamptz, clock_timestamp());
  with gone as (
    update queues q set status = 'NO_SHOW'
    where q.clinic_code = v_clinic and q.service_day = v_day and q.status = 'CALLED' and q.called_at < v_now - v_grace
    returning q.patient_id, q.queue_number
  )
  insert into events (event_type, clinic_code, patient_id, data, created_at)
    select 'NO_SHOW', v_clinic, gone.patient_id, jsonb_build_object('queue_number', gone.queue_number), v_now
    from gone order by gone.queue_number;
  get diagnostics v_expired = row_count;
  if v_expired > 0 then
    insert into events (event_type, clinic_code, data, created_at)
      values ('CACHE_INVALIDATED', v_clinic, queue_cache_keys(v_clinic), v_now);
  end if;
  update queue_counters k set version = k.version + least(v_expired, 1)
    where k.clinic_code = v_clinic and k.service_day = v_day
    returning k.version into v_version;
  return jsonb_build_object('ok', true, 'clinic', v_clinic, 'version', v_version, 'expired', v_expired);
end
$$;
--> statement-breakpoint
-- What a tick finds in each active clinic: how many calls ran out, whether an automatic call is due, and what stands
-- against it. Calls that ran out do not count against the capacity. Index: queues_number_of_day_key, once a clinic.
create function clinic_dues(p_day date, p_now timestamptz, p_expire boolean)
returns table (clinic text, name text, expired int, due boolean, reason text)
language sql stable
begin atomic
  with rules as materialized (
    select
      make_interval(mins => setting('grace_minutes')::int) as grace,
      setting('max_capacity_per_clinic')::int as capacity,
      is_working_time(p_now) as working
  )
  select
    c.code,
    coalesce(c.name_ar, c.name),
    line.expired,
    c.auto_call and rules.working
      and coalesce(k.last_called_at + make_interval(secs => c.call_interval) <= p_now, true),
    case when line.waiting = 0 then 'no_waiting'
      when line.inside - line.expired >= rules.capacity then 'capacity_full' end
  from rules cross join clinics c
  left join queue_counters k on k.clinic_code = c.code and k.service_day = p_day
  cross join lateral (
    select
      (count(*) filter (where q.status = 'WAITING'))::int as waiting,
      (count(*) filter (where q.status in ('CALLED', 'IN_PROGRESS')))::int as inside,
      (count(*) filter (where p_expire and q.status = 'CALLED' and q.called_at < p_now - rules.grace))::int as expired
    from queues q
    where q.clinic_code = c.code and q.service_day = p_day
  ) as line
  where c.is_active
  order by c.code;
end;
--> statement-breakpoint
-- Entries of earlier days that nobody closed, by day and clinic. Index: queues_active_entry_key holds active ones only.
create function open_past_lines(p_day date) returns table (day date, clinic text)
language sql stable
begin atomic
  select distinct q.service_day, q.clinic_code from queues q
  where q.status in ('WAITING', 'CALLED', 'IN_PROGRESS') and q.service_day < p_day
  order by 1, 2;
end;
--> statement-breakpoint
-- {day, expire?, admin?, now?}: what there is to do now; everything below looks again under its lock. One tick closes
-- thirty lines at most, so that one after a long pause also ends.
create function tick_state(p_args jsonb) returns jsonb
language plpgsql stable set search_path = public, pg_temp as $$
declare
  v_day date := (p_args ->> 'day')::date;
  v_now timestamptz := coalesce((p_args ->> 'now')::timestamptz, clock_timestamp());
  v_expire boolean := coalesce((p_args ->> 'expire')::boolean, false);
begin
  if p_args ? 'admin' and not admin_is_current(p_args -> 'admin') then
    return jsonb_build_object('ok', false, 'code', 'UNAUTHORIZED');
  end if;
  return jsonb_build_object(
    'ok', true,
    'working_hours', is_working_time(v_now),
    'clinics', (select coalesce(jsonb_agg(to_jsonb(d) order by c.display_order, d.clinic), '[]')
      from clinic_dues(v_day, v_now, v_expire) as d join clinics c on c.code = d.clinic),
    'pins_missing', exists (
      select 1 from clinics c where c.is_active and not exists (
        select 1 from pins p where p.clinic_code = c.code and p.service_day = v_day and p.is_active)),
    'open_lines', (select coalesce(jsonb_agg(to_jsonb(l) order by l.day, l.clinic), '[]')
      from (select * from open_past_lines(v_day) limit 30) as l),
    'days_to_finish',
      not exists (select 1 from job_runs j where j.job = 'close-day' and j.period = (v_day - 1)::text)
      or exists (
        select 1 from queue_counters k where k.service_day < v_day and k.last_number > 0 and not exists (
          select 1 from reports r where r.report_type = 'daily' and r.report_date = k.service_day)));
end
$$;
--> statement-breakpoint
-- {day, day_end, target?, now?}: the day's PINs, where a clinic has none. Says how many this call made.
create function make_daily_pins(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp set lock_timeout = '2s' as $$
declare
  v_day date := (p_args ->> 'day')::date;
  v_clinic text;
  v_before int;
  v_pins jsonb;
begin
  -- The counters first, in everybody's order: the count must not miss what another generator is about to commit.
  for v_clinic in select c.code from clinics c where c.is_active order by c.code loop
    perform lock_queue_counter(v_clinic, v_day);
  end loop;
  select count(*) into v_before from pins p where p.service_day = v_day and p.is_active;
  v_pins := generate_daily_pins(p_args - array['admin', 'clinic', 'rotate']);
  insert into job_runs (job, period, target) values ('daily-pins', v_day::text, p_args ->> 'target')
    on conflict do nothing;
  return jsonb_build_object(
    'ok', true,
    'created', (select count(*) from pins p where p.service_day = v_day and p.is_active) - v_before,
    'versions', v_pins -> 'versions');
end
$$;
--> statement-breakpoint
-- {day, clinic, today, now?}: closes what is left of one clinic's line of an earlier day. A report that was stored
-- without these entries (a target with a slow clock wrote into a closed day) is thrown away, to be made again.
create function close_past_line(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp set lock_timeout = '2s' as $$
declare
  v_clinic text := p_args ->> 'clinic';
  v_day date := (p_args ->> 'day')::date;
  v_now timestamptz;
  v_closed int;
  v_version bigint;
begin
  if v_day >= (p_args ->> 'today')::date then
    raise exception 'The service day % is not over', v_day using errcode = 'invalid_parameter_value';
  end if;
  perform lock_queue_counter(v_clinic, v_day);
  v_now := coalesce((p_args ->> 'now')::timestamptz, clock_timestamp());
  with closed as (
    update queues q set status = 'CANCELLED'
    where q.clinic_code = v_clinic and q.service_day = v_day and q.status in ('WAITING', 'CALLED', 'IN_PROGRESS')
    returning q.patient_id, q.queue_number
  )
  insert into events (event_type, clinic_code, patient_id, data, created_at)
    select 'CANCELLED', v_clinic, closed.patient_id,
      jsonb_build_object('queue_number', closed.queue_number, 'reason', 'day_closed'), v_now
    from closed order by closed.queue_number;
  get diagnostics v_closed = row_count;
  if v_closed > 0 then
    insert into events (event_type, clinic_code, data, created_at)
      values ('CACHE_INVALIDATED', v_clinic, queue_cache_keys(v_clinic), v_now);
    delete from reports r
      where (r.report_type = 'daily' and r.report_date = v_day)
        or (r.report_type = 'weekly' and v_day between r.report_date and r.report_date + 6)
        or (r.report_type = 'monthly' and date_trunc('month', r.report_date) = date_trunc('month', v_day))
        or (r.report_type = 'annual' and date_trunc('year', r.report_date) = date_trunc('year', v_day));
  end if;
  update queue_counters k set version = k.version + least(v_closed, 1)
    where k.clinic_code = v_clinic and k.service_day = v_day
    returning k.version into v_version;
  return jsonb_build_object('ok', true, 'clinic', v_clinic, 'version', v_version, 'closed', v_closed);
end
$$;
--> statement-breakpoint
-- {day, target?, now?}: stores reports of periods that are over, a bounded number, and records once that everything
-- before this day is closed and stored. What contains an open line is not final: store_finished_reports leaves it out.
create function finish_past_days(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp set lock_timeout = '2s' as $$
declare
  v_day date := (p_args ->> 'day')::date;
  v_written int;
begin
  -- Of several runners at once one works; the others must not take its reports for stored.
  if not pg_try_advisory_xact_lock(hashtextextended('finish_past_days', 0)) then
    return jsonb_build_object('ok', true, 'written', 0);
  end if;
  v_written := (store_finished_reports(p_args || jsonb_build_object(
    'timezone', (select s.value from settings s where s.key = 'timezone'))) ->> 'written')::int;
  if v_written = 0 and not exists (select 1 from open_past_lines(v_day)) then
    insert into job_runs (job, period, target) values ('close-day', (v_day - 1)::text, p_args ->> 'target')
      on conflict do nothing;
  end if;
  return jsonb_build_object('ok', true, 'written', v_written);
end
$$;
--> statement-breakpoint
-- {clinic, day, expire?, now?}: the tick of one clinic. Calls that ran out end, and the next patient is called when
-- that is due: the last call of the day, looked at under the counter's lock, decides for however many ticks at once.
create function tick_clinic(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp set lock_timeout = '2s' as $$
declare
  v_clinic text := resolve_clinic(p_args ->> 'clinic');
  v_day date := (p_args ->> 'day')::date;
  v_at jsonb;
  v_expired int := 0;
  v_due record;
  v_called jsonb;
  v_call jsonb;
begin
  if v_clinic is null then
    return jsonb_build_object('ok', false, 'code', 'UNKNOWN_CLINIC');
  end if;
  perform lock_queue_counter(v_clinic, v_day);
  v_at := jsonb_build_object(
    'clinic', v_clinic, 'day', v_day, 'now', coalesce((p_args ->> 'now')::timestamptz, clock_timestamp()));
  if (p_args ->> 'expire')::boolean then
    v_expired := (expire_no_shows(v_at) ->> 'expired')::int;
  end if;
  select * into v_due from clinic_dues(v_day, (v_at ->> 'now')::timestamptz, false) as d where d.clinic = v_clinic;
  if v_due.due and v_due.reason is null then
    v_called := call_next_patient(v_at || '{"by": "auto"}');
  end if;
  if v_due.due then
    v_call := jsonb_build_object(
      'success', v_called is not null, 'reason', v_due.reason, 'number', v_called -> 'number');
  end if;
  return jsonb_build_object(
    'ok', true, 'clinic', v_clinic, 'expired', v_expired, 'call', v_call,
    'version', (select k.version from queue_counters k where k.clinic_code = v_clinic and k.service_day = v_day));
end
$$;
--> statement-breakpoint
-- {now?}: the purge; of several runners at once one does it.
create function purge_old_rows(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp set lock_timeout = '2s' as $$
begin
  if pg_try_advisory_xact_lock(hashtextextended('purge_old_rows', 0)) then
    return delete_old_events(p_args);
  end if;
  return '{"ok": true, "events": 0, "rows": 0}';
end
$$;
--> statement-breakpoint
-- The whole tick in the form for pg_cron and for hands: the service day comes from the settings. It is one
-- transaction, with a subtransaction for each step, so an error in one clinic is listed and stays there. The locks
-- are taken in everybody's order: earlier days before today, then by clinic code.
create function queue_tick(p_expire_no_shows boolean default false) returns jsonb
language plpgsql set search_path = public, pg_temp as $$
declare
  v_today record := service_day_at(clock_timestamp());
  v_args jsonb := jsonb_build_object(
    'day', v_today.day, 'day_end', v_today.day_end, 'expire', p_expire_no_shows, 'target', 'pg_cron');
  v_state jsonb := tick_state(v_args);
  v_step record;
  v_result jsonb;
  v_done jsonb := '{}';
  v_errors text[] := '{}';
begin
  for v_step in
    select 'close_past_line' as work, l.day::text || ' ' || l.clinic as name, 1 as turn,
        jsonb_build_object('day', l.day, 'clinic', l.clinic, 'today', v_today.day) as args
      from jsonb_to_recordset(v_state -> 'open_lines') as l(day date, clinic text)
    union all select 'finish_past_days', 'finish_past_days', 2, v_args
      where (v_state ->> 'days_to_finish')::boolean
    union all select 'make_daily_pins', 'make_daily_pins', 3, v_args where (v_state ->> 'pins_missing')::boolean
    union all
    select 'tick_clinic', d.clinic, 4, v_args || jsonb_build_object('clinic', d.clinic)
      from jsonb_to_recordset(v_state -> 'clinics') as d(clinic text, expired int, due boolean, reason text)
      where d.expired > 0 or (d.due and d.reason is null)
    union all select 'purge_old_rows', 'purge_old_rows', 5, '{}'
    order by 3, 2
  loop
    begin
      execute format('select %I($1)', v_step.work) into v_result using v_step.args;
      v_done := v_done || jsonb_build_object(v_step.name, v_result - array['ok', 'clinic', 'version', 'versions']);
    exception when others then
      v_errors := v_errors || format('%s: %s', v_step.name, sqlstate);
    end;
  end loop;
  return jsonb_build_object(
    'success', true, 'working_hours', v_state -> 'working_hours', 'done', v_done, 'errors', to_jsonb(v_errors));
end
$$;
--> statement-breakpoint
-- Where the database has pg_cron it does the scheduled work itself, by SQL only, whichever target is active. Registering
-- a job again replaces it. Without pg_cron (or the right to create it) the targets' schedulers call the tick instead.
do $$
begin
  if not exists (select 1 from pg_available_extensions where name = 'pg_cron') then
    return;
  end if;
  create extension if not exists pg_cron;
  perform cron.schedule('daily-pin-reset', '0 21 * * *', 'select public.generate_daily_pins()');
  perform cron.schedule('clean-old-events', '0 * * * *', 'select public.delete_old_events()');
  perform cron.schedule('queue-tick', '* * * * *', 'select public.queue_tick()');
exception when others then
  raise notice 'pg_cron is not used here (SQLSTATE %)', sqlstate;
end
$$;
