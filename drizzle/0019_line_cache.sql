-- What the cache needs to know of every value that is read through it: the versions of the lines it shows, from the
-- same statement as the value.

-- The version of every clinic's line of a day, also of a clinic that was closed since. Without a change a clinic has no
-- row, which counts as version 0.
create function line_vector(p_day date) returns jsonb
language sql stable
return (
  select coalesce(jsonb_object_agg(k.clinic_code, k.version), '{}')
  from queue_counters k where k.service_day = p_day);
--> statement-breakpoint
-- {clinic, user, day}: the caller's place, and `line`: the numbers of the day by state, those who wait in the order of
-- the line, from which every other place in it can be told. Index: queues_entry_of_day_key, then
-- queues_head_of_line_idx and queues_number_of_day_key.
create or replace function queue_position(p_args jsonb) returns jsonb
language plpgsql stable set search_path = public, pg_temp set plan_cache_mode = force_generic_plan as $$
declare
  v_clinic text := resolve_clinic(p_args ->> 'clinic');
  v_state jsonb;
begin
  if v_clinic is null then
    return jsonb_build_object('ok', false, 'code', 'UNKNOWN_CLINIC');
  end if;
  select entry_state(q) || jsonb_build_object(
      'ok', true,
      'mean_minutes', mean_service_minutes(q.clinic_code, q.service_day),
      'line', line_numbers(q.clinic_code, q.service_day),
      'version', (select c.version from queue_counters c
        where c.clinic_code = q.clinic_code and c.service_day = q.service_day))
    into v_state
    from queues q
    where q.clinic_code = v_clinic and q.patient_id = p_args ->> 'user'
      and q.service_day = (p_args ->> 'day')::date
      and q.status not in ('CANCELLED', 'NO_SHOW');
  return coalesce(v_state, jsonb_build_object('ok', false, 'code', 'NOT_IN_QUEUE', 'clinic', v_clinic));
end
$$;
--> statement-breakpoint
-- The numbers of a clinic's line by their shown state. No ids: this is kept in the cache.
create function line_numbers(p_clinic text, p_day date) returns jsonb
language plpgsql stable as $$
begin
  return (
    select jsonb_build_object(
      'waiting', coalesce(jsonb_agg(q.queue_number order by q.priority desc, q.queue_number)
        filter (where q.status = 'WAITING'), '[]'),
      'called', coalesce(jsonb_agg(q.queue_number) filter (where q.status = 'CALLED'), '[]'),
      'in', coalesce(jsonb_agg(q.queue_number) filter (where q.status = 'IN_PROGRESS'), '[]'),
      'done', coalesce(jsonb_agg(q.queue_number) filter (where q.status = 'COMPLETED'), '[]'))
    from public.queues q
    where q.clinic_code = p_clinic and q.service_day = p_day);
end
$$;
--> statement-breakpoint
-- {day}: one row a clinic, without any id of a person.
create or replace function stats_queues(p_args jsonb) returns jsonb
language sql stable
return (
  select jsonb_build_object(
    'ok', true,
    'queues', coalesce(jsonb_agg(jsonb_build_object(
      'clinic', (l.clinic).code,
      'name', (l.clinic).name,
      'name_ar', coalesce((l.clinic).name_ar, (l.clinic).name),
      'capacity', (l.clinic).capacity,
      'total', l.total,
      'waiting', l.waiting,
      'called', l.called,
      'in_progress', l.in_progress,
      'completed', l.completed,
      'no_show', l.no_show,
      'current', l.current_number,
      'current_status', l.current_status,
      'first_waiting', l.first_waiting,
      'mean_minutes', l.mean_minutes)
      order by (l.clinic).display_order, (l.clinic).code), '[]'),
    'versions', line_vector((p_args ->> 'day')::date))
  from clinic_lines((p_args ->> 'day')::date) as l
);
--> statement-breakpoint
-- {day, day_end, admin?, now?}: every clinic for the staff's overview. With a current admin the day's PINs are made
-- where they are missing and shown, with who is in the line and who was served last; else none of the three is read.
create or replace function admin_status(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp set lock_timeout = '2s' as $$
declare
  v_day date := (p_args ->> 'day')::date;
  v_admin boolean := p_args ? 'admin' and admin_is_current(p_args -> 'admin');
begin
  if v_admin and exists (
    select 1 from clinics c where c.is_active and not exists (
      select 1 from pins p where p.clinic_code = c.code and p.service_day = v_day and p.is_active)
  ) then
    perform issue_pins(v_day, (p_args ->> 'day_end')::timestamptz, (p_args ->> 'now')::timestamptz, false, null);
  end if;
  return (
    select jsonb_build_object(
      'ok', true,
      'admin', v_admin,
      'queues', coalesce(jsonb_agg(jsonb_build_object(
        'clinic', (l.clinic).code,
        'list', coalesce(people.list, '[]'),
        'current', l.current_number,
        'served', coalesce(people.served, '[]'),
        'pin', p.pin,
        'waiting', l.waiting,
        'in_service', l.called + l.in_progress,
        'completed', l.completed,
        'call_interval', (l.clinic).call_interval,
        'auto_call', (l.clinic).auto_call)
        order by (l.clinic).display_order, (l.clinic).code), '[]'),
      'versions', line_vector(v_day))
    from clinic_lines(v_day) as l
    left join pins p
      on v_admin and p.clinic_code = (l.clinic).code and p.service_day = v_day and p.is_active
    left join lateral (
      select
        jsonb_agg(jsonb_build_object(
            'number', q.queue_number,
            'user', q.patient_id,
            'status', shown_status(q.status),
            'entered_at', iso_utc(q.entered_at),
            'called_at', iso_utc(q.called_at))
          order by q.status = 'WAITING', case q.status when 'WAITING' then -q.priority end, q.queue_number)
          filter (where q.status <> 'COMPLETED') as list,
        jsonb_agg(jsonb_build_object('number', q.queue_number, 'completed_at', iso_utc(q.completed_at))
          order by q.completed_at desc, q.queue_number desc)
          filter (where q.status = 'COMPLETED') as served
      from (
        select s.*, row_number() over (
            partition by s.status = 'COMPLETED' order by s.completed_at desc, s.queue_number desc) as recency
        from queues s
        where s.clinic_code = (l.clinic).code and s.service_day = v_day
          and s.status not in ('CANCELLED', 'NO_SHOW')
      ) as q
      where q.status <> 'COMPLETED' or q.recency <= 10
    ) as people on v_admin
  );
end
$$;
--> statement-breakpoint
-- {day}: how busy each clinic is, one statement.
create or replace function clinic_loads(p_args jsonb) returns jsonb
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
      'total', l.total) order by (l.clinic).display_order, (l.clinic).code), '[]'),
    'versions', line_vector((p_args ->> 'day')::date))
  from clinic_lines((p_args ->> 'day')::date) as l
);
--> statement-breakpoint
-- {clinic, day, detailed?, admin?}: one clinic's counts; `detailed` adds its people, for an admin whose token is current.
-- Index: queues_number_of_day_key.
create or replace function queue_snapshot(p_args jsonb) returns jsonb
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
          'created_at', iso_utc(q.entered_at)) order by q.queue_number) filter (where v_people), '[]'),
      'version', coalesce((select k.version from queue_counters k
        where k.clinic_code = v_clinic and k.service_day = (p_args ->> 'day')::date), 0))
    from queues q
    where q.clinic_code = v_clinic and q.service_day = (p_args ->> 'day')::date and q.status <> 'CANCELLED'
  );
end
$$;
--> statement-breakpoint
-- The PINs of a day as stored, with the version of each clinic's line. A read: creates nothing.
create or replace function read_pins(p_day date) returns jsonb
language sql stable
return (
  select jsonb_build_object(
    'ok', true,
    'complete', bool_and(p.pin is not null),
    'pins', jsonb_agg(jsonb_build_object(
        'clinic', c.code, 'pin', p.pin, 'generated_at', iso_utc(p.generated_at)) order by c.display_order, c.code),
    'generated_at', iso_utc(max(p.generated_at)),
    'total_issued', (select count(*) from pins i where i.service_day = p_day),
    'versions', line_vector(p_day)
  )
  from clinics c
  left join pins p on p.clinic_code = c.code and p.service_day = p_day and p.is_active
  where c.is_active
);
