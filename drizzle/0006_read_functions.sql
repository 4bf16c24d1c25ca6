-- Reads: one statement each, served by an index, of one moment.

-- {clinic, user, day}: the caller's place. Index: queues_entry_of_day_key, then queues_head_of_line_idx.
-- Whoever waits asks this again and again: planned for each day anew, it would cost twice as much.
create function queue_position(p_args jsonb) returns jsonb
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
-- {clinic, day, admin?}: everybody in a clinic's line today. Session ids are masked here unless the caller is an
-- admin whose token is current. Index: queues_number_of_day_key.
create function queue_status(p_args jsonb) returns jsonb
language plpgsql stable set search_path = public, pg_temp as $$
declare
  v_clinic text := resolve_clinic(p_args ->> 'clinic');
  v_day date := (p_args ->> 'day')::date;
  v_admin boolean := p_args ? 'admin' and admin_is_current(p_args -> 'admin');
begin
  if v_clinic is null then
    return jsonb_build_object('ok', false, 'code', 'UNKNOWN_CLINIC');
  end if;
  return (
    select jsonb_build_object(
      'ok', true,
      'admin', v_admin,
      'clinic', v_clinic,
      'total', count(*),
      'waiting', coalesce(jsonb_agg(e.entry order by e.priority desc, e.queue_number)
        filter (where e.status = 'WAITING'), '[]'),
      'in', coalesce(jsonb_agg(e.entry order by e.queue_number)
        filter (where e.status in ('CALLED', 'IN_PROGRESS')), '[]'),
      'done', coalesce(jsonb_agg(e.entry order by e.completed_at, e.queue_number)
        filter (where e.status = 'COMPLETED'), '[]'),
      'current', (array_agg(e.entry order by e.called_at desc, e.queue_number desc)
        filter (where e.status in ('CALLED', 'IN_PROGRESS')))[1],
      'version', coalesce((select c.version from queue_counters c
        where c.clinic_code = v_clinic and c.service_day = v_day), 0))
    from (
      select q.status, q.priority, q.queue_number, q.called_at, q.completed_at,
        jsonb_build_object(
          'number', q.queue_number,
          'user', case when v_admin then q.patient_id else '**' end,
          'status', shown_status(q.status),
          'entered_at', iso_utc(q.entered_at),
          'called_at', iso_utc(q.called_at),
          'completed_at', iso_utc(q.completed_at)) as entry
      from queues q
      where q.clinic_code = v_clinic and q.service_day = v_day
    ) as e
  );
end
$$;
--> statement-breakpoint
-- {day}: the version of every clinic's line, what a waiter compares with what it has seen.
create function line_versions(p_args jsonb) returns jsonb
language sql stable
return jsonb_build_object('ok', true, 'versions', (
  select coalesce(jsonb_object_agg(c.clinic_code, c.version), '{}')
  from queue_counters c where c.service_day = (p_args ->> 'day')::date));
--> statement-breakpoint
-- {}: what a target must agree with before it serves from this database.
create function service_state(p_args jsonb) returns jsonb
language sql stable
return jsonb_build_object(
  'ok', true,
  'timezone', (select s.value #>> '{}' from settings s where s.key = 'timezone'),
  'service_day_start', (select s.value #>> '{}' from settings s where s.key = 'service_day_start'),
  'schema_version', (select max(m.version) from schema_migrations m));
