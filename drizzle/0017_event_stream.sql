-- The event stream. Its cursor is the pair (xid, seq): rows are read in that order and only below the oldest
-- transaction still running, so one that commits late is never skipped (seq alone is not commit order).

-- '<xid>-<seq>': everything below it has been committed or rolled back and can be read now.
create function event_horizon() returns text
language sql stable parallel safe
return pg_snapshot_xmin(pg_current_snapshot())::text || '-0';
--> statement-breakpoint
-- Events after one cursor, up to and including another, of one clinic or all, none older than p_since, oldest first.
-- Index: events_cursor_idx.
create function events_between(p_after text, p_until text, p_clinic text, p_since timestamptz, p_limit int) returns jsonb
language sql stable
return (
  select coalesce(jsonb_agg(jsonb_build_object(
      'id', found.xid::text || '-' || found.seq,
      'type', found.event_type,
      'clinic', found.clinic_code,
      'user', found.patient_id,
      'number', found.data -> 'queue_number',
      'position', found.position,
      'data', found.data,
      'timestamp', iso_utc(found.created_at)) order by found.xid, found.seq), '[]')
  from (
    select * from events e
    where (e.xid, e.seq) > (split_part(p_after, '-', 1)::xid8, split_part(p_after, '-', 2)::bigint)
      and (p_until is null
        or (e.xid, e.seq) <= (split_part(p_until, '-', 1)::xid8, split_part(p_until, '-', 2)::bigint))
      and e.xid < pg_snapshot_xmin(pg_current_snapshot())
      and (p_clinic is null or e.clinic_code = p_clinic)
      and (p_since is null or e.created_at > p_since)
    order by e.xid, e.seq
    limit p_limit
  ) as found
);
--> statement-breakpoint
-- What the patients among p_users are told about their entries of the day, in the clinics given, in the order of
-- `event`: the cursor of the line's last event that can be read. Index: queues_patient_day_idx.
create function patient_states(p_day date, p_users text[], p_clinics text[]) returns jsonb
language sql stable
return (
  with lines as materialized (
    select
      k.clinic_code,
      k.version,
      last_event.xid,
      last_event.seq,
      (select s.queue_number from queues s
        where s.clinic_code = k.clinic_code and s.service_day = k.service_day and s.status in ('CALLED', 'IN_PROGRESS')
        order by s.called_at desc, s.queue_number desc limit 1) as current_number
    from queue_counters k
    left join lateral (
      select e.xid, e.seq from events e
      where e.clinic_code = k.clinic_code and e.xid < pg_snapshot_xmin(pg_current_snapshot())
      order by e.xid desc, e.seq desc limit 1
    ) as last_event on true
    where k.service_day = p_day
      and k.clinic_code = any (p_clinics)
      and k.clinic_code in (
        select q.clinic_code from queues q where q.patient_id = any (p_users) and q.service_day = p_day)
  )
  select coalesce(jsonb_agg(entry_state(q) || jsonb_build_object(
      'version', line.version,
      'event', line.xid::text || '-' || line.seq,
      'current', line.current_number,
      'remaining', exists (select 1 from routes r
        where r.patient_id = q.patient_id and r.service_day = q.service_day and r.status = 'active'))
    order by line.xid, line.seq), '[]')
  from queues q join lines line on line.clinic_code = q.clinic_code
  where q.patient_id = any (p_users)
    and q.service_day = p_day
    and q.status not in ('CANCELLED', 'NO_SHOW')
);
--> statement-breakpoint
-- Did this event of its line move a waiting entry? A call takes the head of the line. Somebody ahead may leave without
-- a call, or come with a higher priority. What stands alone as CACHE_INVALIDATED is a check-in, which moves nobody, or
-- a raised priority. Index: queues_number_of_day_key.
create function moves_waiting_entry(p_event events, p_entry queues) returns boolean
language sql stable
return p_entry.status = 'WAITING' and case p_event.event_type
  when 'CALLED' then true
  when 'CACHE_INVALIDATED' then
    not exists (
      select 1 from events e
      where e.xid = p_event.xid and e.clinic_code = p_event.clinic_code and e.event_type <> 'CACHE_INVALIDATED')
    and not exists (
      select 1 from queues o
      where o.service_day = p_entry.service_day and o.clinic_code = p_entry.clinic_code
        and o.started_at = p_event.created_at)
  else exists (
    select 1 from queues o
    where o.service_day = p_entry.service_day
      and o.clinic_code = p_entry.clinic_code
      and o.queue_number = (p_event.data ->> 'queue_number')::int
      and (p_event.event_type = 'ENTERED' or o.called_at is null)
      and (o.priority > p_entry.priority
        or (o.priority = p_entry.priority and o.queue_number < p_entry.queue_number)))
end;
--> statement-breakpoint
-- {day, user?, clinic?, after?, admin?}: where a new stream begins. `after` is never beyond the horizon. A state is
-- `newer` when it is not what a patient who saw everything up to `after` was told last.
create function stream_start(p_args jsonb) returns jsonb
language plpgsql stable set search_path = public, pg_temp as $$
declare
  v_day date := (p_args ->> 'day')::date;
  v_horizon text := event_horizon();
  v_after text := p_args ->> 'after';
  v_clinic text;
  v_states jsonb := '[]';
begin
  if p_args ? 'clinic' then
    v_clinic := resolve_clinic(p_args ->> 'clinic');
    if v_clinic is null then
      return jsonb_build_object('ok', false, 'code', 'UNKNOWN_CLINIC');
    end if;
  end if;
  if v_after is not null and split_part(v_after, '-', 1)::xid8 >= split_part(v_horizon, '-', 1)::xid8 then
    v_after := v_horizon;
  end if;

  if p_args ? 'user' then
    select coalesce(jsonb_agg(found.state || jsonb_build_object('newer', v_after is not null and exists (
        select 1 from events e
        where e.clinic_code = q.clinic_code
          and (e.xid, e.seq) > (split_part(v_after, '-', 1)::xid8, split_part(v_after, '-', 2)::bigint)
          and (e.patient_id = q.patient_id
            or (q.status = 'IN_PROGRESS' and e.created_at = q.started_at)
            or ((found.state ->> 'ahead')::int < 3 and moves_waiting_entry(e, q))))) order by found.ordinality), '[]')
      into v_states
      from jsonb_array_elements(patient_states(
          v_day,
          array[p_args ->> 'user'],
          array(select c.code from clinics c where v_clinic is null or c.code = v_clinic)))
        with ordinality as found(state)
      join queues q on q.service_day = v_day and q.clinic_code = found.state ->> 'clinic'
        and q.queue_number = (found.state ->> 'number')::int;
  end if;
  return jsonb_build_object(
    'ok', true,
    'clinic', v_clinic,
    'admin', p_args ? 'admin' and admin_is_current(p_args -> 'admin'),
    'after', v_after,
    'cursor', v_horizon,
    'notifications', setting('enable_notifications'),
    'states', v_states);
end
$$;
--> statement-breakpoint
-- {after, until, clinic?, limit, now?}: what a stream that comes back has missed within the last hour, a page at a time.
create function missed_events(p_args jsonb) returns jsonb
language sql stable
return jsonb_build_object('ok', true, 'events', events_between(
  p_args ->> 'after', p_args ->> 'until', p_args ->> 'clinic',
  coalesce((p_args ->> 'now')::timestamptz, now()) - interval '1 hour',
  (p_args ->> 'limit')::int));
--> statement-breakpoint
-- {day, after?, told: {clinic: version}, users: [id], admins: [{sub, ver}]}: everything new for all streams of a process
-- in one round trip: events up to the horizon (`more`: not all of them), the versions of the lines, the states of these
-- users where a line is newer than `told`, and which of these tokens are current. `hidden`: a committed event still
-- waits behind an older transaction. The states of its line wait with it, or the id under which they are told would
-- tell them again after a reconnect; but not longer than a second: to be told twice is better than too late.
create function stream_changes(p_args jsonb) returns jsonb
language plpgsql stable set search_path = public, pg_temp as $$
declare
  c_limit constant int := 1000;
  v_day date := (p_args ->> 'day')::date;
  v_horizon text := event_horizon();
  v_events jsonb := '[]';
  v_more boolean;
  v_hidden boolean;
  v_held text[];
  v_versions jsonb;
  v_told jsonb;
  v_changed text[];
begin
  if p_args ->> 'after' is not null then
    v_events := events_between(p_args ->> 'after', null, null, null, c_limit);
  end if;
  v_more := jsonb_array_length(v_events) = c_limit;
  select count(*) > 0, coalesce(array_agg(h.clinic_code) filter (where h.since > now() - interval '1 second'), '{}')
    into v_hidden, v_held
    from (
      select e.clinic_code, min(e.created_at) as since from events e
      where e.xid >= split_part(v_horizon, '-', 1)::xid8 group by e.clinic_code
    ) as h;
  select
      coalesce(jsonb_object_agg(k.clinic_code, k.version), '{}'),
      coalesce(jsonb_object_agg(k.clinic_code,
        case when k.clinic_code = any (v_held) then (p_args -> 'told' ->> k.clinic_code)::bigint else k.version end), '{}'),
      coalesce(array_agg(k.clinic_code) filter (
        where k.clinic_code <> all (v_held)
          and k.version is distinct from (p_args -> 'told' ->> k.clinic_code)::bigint), '{}')
    into v_versions, v_told, v_changed
    from queue_counters k
    where k.service_day = v_day;
  return jsonb_build_object(
    'ok', true,
    'events', v_events,
    'cursor', case when v_more then v_events -> -1 ->> 'id' else v_horizon end,
    'more', v_more,
    'hidden', v_hidden,
    'versions', v_versions,
    'told', v_told,
    'states', patient_states(v_day, array(select jsonb_array_elements_text(p_args -> 'users')), v_changed),
    'notifications', setting('enable_notifications'),
    'admins', (select coalesce(jsonb_agg(a.value), '[]')
      from jsonb_array_elements(p_args -> 'admins') as a where admin_is_current(a.value)));
end
$$;
--> statement-breakpoint
-- {day, day_end, admin, now?}: the picture of all clinics for an admin's stream: the dashboard's numbers and what the
-- staff's overview shows, with names and mean service minutes (0 below three visits).
create function admin_view(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp set lock_timeout = '2s' as $$
declare
  v_day date := (p_args ->> 'day')::date;
  v_status jsonb := admin_status(p_args);
begin
  if not (v_status ->> 'admin')::boolean then
    return jsonb_build_object('ok', false, 'code', 'UNAUTHORIZED');
  end if;
  return stats_dashboard(p_args) || jsonb_build_object('queues', (
    select coalesce(jsonb_agg(line.queue || jsonb_build_object(
        'name_ar', coalesce(c.name_ar, c.name),
        'mean_minutes', case when visits.known < 3 then 0 else mean_service_minutes(c.code, v_day) end)
      order by line.ordinality), '[]')
    from jsonb_array_elements(v_status -> 'queues') with ordinality as line(queue)
    join clinics c on c.code = line.queue ->> 'clinic'
    cross join lateral (
      select count(*) as known from queues q
      where q.clinic_code = c.code and q.service_day = v_day and q.status = 'COMPLETED'
        and coalesce(q.started_at, q.called_at) is not null
    ) as visits));
end
$$;
