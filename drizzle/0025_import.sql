-- The data of the previous backend, a key-value store (`npm run import`). The command reads the export and resolves the
-- names of clinics; these functions put rows where they belong. Each is harmless to repeat: what was imported carries an
-- id made of what it was, and is left alone from then on, whatever happened to it here.

-- The id that a row of the previous backend gets here.
create function imported_id(p_parts text[]) returns uuid
language sql immutable parallel safe
return md5(array_to_string(p_parts, ':'))::uuid;
--> statement-breakpoint
-- {now?}: what the command must know: the service day, and every name of each clinic, also of closed ones.
create function import_state(p_args jsonb) returns jsonb
language plpgsql stable set search_path = public, pg_temp as $$
declare
  v_today constant record := service_day_at(coalesce((p_args ->> 'now')::timestamptz, now()));
begin
  return jsonb_build_object(
    'ok', true,
    'day', v_today.day,
    'day_end', iso_utc(v_today.day_end),
    'timezone', (select s.value from settings s where s.key = 'timezone'),
    'service_day_start', (select s.value from settings s where s.key = 'service_day_start'),
    'clinics', (
      select jsonb_agg(jsonb_build_object(
          'code', c.code,
          'aliases', to_jsonb(c.aliases),
          'names', jsonb_build_array(c.page_code, c.name, c.name_ar)) order by c.display_order, c.code)
      from clinics c));
end
$$;
--> statement-breakpoint
-- {patients: [{patient_id, session_id, gender, login_time, status}]}: each person once. A newer login that is already
-- here stays, and a session stays with whom it has.
create function import_patients(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp as $$
declare
  v_added int;
  v_changed int;
begin
  with person as (
    select p.*, not exists (
        select 1 from patients other
        where other.session_id = p.session_id and other.patient_id <> p.patient_id) as has_session
    from jsonb_to_recordset(p_args -> 'patients') as p(
      patient_id text, session_id text, gender text, login_time timestamptz, status text)
  ),
  written as (
    insert into patients as known (patient_id, gender, session_id, login_time, status)
      select p.patient_id, p.gender, case when p.has_session then p.session_id end, p.login_time,
        coalesce(p.status, 'logged_in')
      from person p
      order by p.patient_id
      on conflict (patient_id) do update set
        gender = coalesce(excluded.gender, known.gender),
        session_id = coalesce(excluded.session_id, known.session_id),
        login_time = excluded.login_time,
        status = excluded.status
        where excluded.login_time > coalesce(known.login_time, '-infinity')
      returning xmax = 0 as is_new
  )
  select count(*) filter (where is_new), count(*) filter (where not is_new) into v_added, v_changed from written;
  return jsonb_build_object('ok', true, 'added', v_added, 'changed', v_changed);
end
$$;
--> statement-breakpoint
-- {clinic, day, today, entries: [{user, number, status, entered_at, called_at, completed_at}]}: one line. The first
-- holder of a number keeps it, before those who cancelled; whoever held it too, or finds it taken here, gets one after
-- the last. Of several entries of one patient the one furthest along stays, behind one that is here already. What is
-- still open from another day is over.
create function import_line(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp as $$
declare
  v_clinic constant text := p_args ->> 'clinic';
  v_day constant date := (p_args ->> 'day')::date;
  v_is_today constant boolean := v_day = (p_args ->> 'today')::date;
  c_progress constant text[] := '{COMPLETED,IN_PROGRESS,CALLED,WAITING,NO_SHOW,CANCELLED}';
  v_last int;
  v_added int;
  v_renumbered int;
  v_closed int;
begin
  perform lock_queue_counter(v_clinic, v_day);
  select greatest(k.last_number, coalesce(max((e.value ->> 'number')::int), 0)) into v_last
    from queue_counters k left join jsonb_array_elements(p_args -> 'entries') as e on true
    where k.clinic_code = v_clinic and k.service_day = v_day
    group by k.last_number;

  with entry as (
    select imported_id(array['entry', v_clinic, v_day::text, e."user", e.number::text]) as id, e.*,
      case when e.status in ('WAITING', 'CALLED', 'IN_PROGRESS') and not v_is_today then 'CANCELLED'
        else e.status end as state
    from jsonb_to_recordset(p_args -> 'entries') as e(
      "user" text, number int, status text, entered_at timestamptz, called_at timestamptz, completed_at timestamptz)
  ),
  fresh as (
    select e.* from entry e where not exists (select 1 from queues q where q.id = e.id)
  ),
  single as (
    select f.*, case
        when f.state in ('NO_SHOW', 'CANCELLED') then f.state
        when exists (
          select 1 from queues q where q.clinic_code = v_clinic and q.patient_id = f."user"
            and ((q.service_day = v_day and q.status not in ('CANCELLED', 'NO_SHOW'))
              or (f.state <> 'COMPLETED' and q.status in ('WAITING', 'CALLED', 'IN_PROGRESS')))) then 'CANCELLED'
        when row_number() over (
          partition by f."user" order by array_position(c_progress, f.state), f.entered_at, f.number) = 1 then f.state
        else 'CANCELLED' end as final
    from fresh f
  ),
  held as (
    select s.*, row_number() over (
        partition by s.number order by s.final = 'CANCELLED', s.entered_at, s.id) = 1
      and not exists (
        select 1 from queues q
        where q.clinic_code = v_clinic and q.service_day = v_day and q.queue_number = s.number) as keeps
    from single s
  ),
  written as (
    insert into queues (id, clinic_code, patient_id, queue_number, service_day, status, entered_at, called_at,
        started_at, completed_at, call_count, created_at, updated_at)
      select h.id, v_clinic, h."user",
        case when h.keeps then h.number
          else v_last + row_number() over (partition by h.keeps order by h.entered_at, h.id) end,
        v_day, h.final, h.entered_at,
        case when h.final in ('CALLED', 'IN_PROGRESS') then coalesce(h.called_at, h.entered_at) else h.called_at end,
        case when h.final = 'IN_PROGRESS' then coalesce(h.called_at, h.entered_at) end,
        case when h.final = 'COMPLETED' then coalesce(h.completed_at, h.called_at, h.entered_at)
          else h.completed_at end,
        case when h.called_at is not null or h.final in ('CALLED', 'IN_PROGRESS') then 1 else 0 end,
        h.entered_at, h.entered_at
      from held h
      returning id, queue_number
  )
  select count(*), count(*) filter (where w.queue_number <> h.number),
      count(*) filter (where h.final = 'CANCELLED' and h.status <> 'CANCELLED')
    into v_added, v_renumbered, v_closed
    from written w join held h on h.id = w.id;

  if v_added > 0 then
    update queue_counters k set
        last_number = greatest(k.last_number, line.last_number),
        last_called_at = greatest(k.last_called_at, line.last_called_at),
        version = k.version + 1
      from (
        select max(q.queue_number) as last_number, max(q.called_at) as last_called_at
        from queues q where q.clinic_code = v_clinic and q.service_day = v_day
      ) as line
      where k.clinic_code = v_clinic and k.service_day = v_day;
    insert into events (event_type, clinic_code, data)
      values ('CACHE_INVALIDATED', v_clinic, queue_cache_keys(v_clinic));
  end if;
  return jsonb_build_object('ok', true, 'added', v_added, 'renumbered', v_renumbered, 'closed', v_closed);
end
$$;
--> statement-breakpoint
-- {day, day_end, pins: [{clinic, pin}]}: what staff have on paper for this day replaces what was made here, once. A PIN
-- that two clinics have stays with the first of them; a clinic left without gets a fresh one.
create function import_pins(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp as $$
declare
  v_day constant date := (p_args ->> 'day')::date;
  v_clinic text;
  v_new jsonb;
  v_kept int;
begin
  for v_clinic in select c.code from clinics c where c.is_active order by c.code loop
    perform lock_queue_counter(v_clinic, v_day);
  end loop;

  select jsonb_agg(jsonb_build_object('clinic', sent.clinic, 'pin', sent.pin, 'place', c.display_order)) into v_new
    from jsonb_to_recordset(p_args -> 'pins') as sent(clinic text, pin text)
    join clinics c on c.code = sent.clinic and c.is_active
    where not exists (
      select 1 from pins p where p.id = imported_id(array['pin', v_day::text, sent.clinic, sent.pin]));
  if v_new is null then
    return '{"ok": true, "added": 0, "made_anew": 0}';
  end if;

  update pins p set is_active = false
    from jsonb_to_recordset(v_new) as sent(clinic text)
    where p.service_day = v_day and p.is_active and p.clinic_code = sent.clinic;
  insert into pins (id, clinic_code, pin, service_day, expires_at)
    select imported_id(array['pin', v_day::text, one.clinic, one.pin]), one.clinic, one.pin, v_day,
      (p_args ->> 'day_end')::timestamptz
    from (
      select distinct on (sent.pin) sent.clinic, sent.pin
      from jsonb_to_recordset(v_new) as sent(clinic text, pin text, place int)
      where not exists (select 1 from pins p where p.service_day = v_day and p.is_active and p.pin = sent.pin)
      order by sent.pin, sent.place, sent.clinic
    ) as one;
  get diagnostics v_kept = row_count;
  -- Those that could not keep theirs are remembered as tried, so that repeating the import changes no PIN again.
  insert into pins (id, clinic_code, pin, service_day, is_active)
    select imported_id(array['pin', v_day::text, sent.clinic, sent.pin]), sent.clinic, sent.pin, v_day, false
    from jsonb_to_recordset(v_new) as sent(clinic text, pin text)
    on conflict (id) do nothing;
  update queue_counters k set version = k.version + 1
    from jsonb_to_recordset(v_new) as sent(clinic text)
    where k.clinic_code = sent.clinic and k.service_day = v_day;
  insert into events (event_type, data)
    values ('CACHE_INVALIDATED', '{"keys": ["pins:current", "pins:daily"]}');
  perform issue_pins(v_day, (p_args ->> 'day_end')::timestamptz, null, false, null);
  return jsonb_build_object('ok', true, 'added', v_kept, 'made_anew', jsonb_array_length(v_new) - v_kept);
end
$$;
--> statement-breakpoint
-- {routes: [{route_id, user, day, exam_type, gender, created_at, cancelled, stations: [{clinic, sent, weight,
-- finished}]}]}: the newest first. A station is finished where the route or its entry says so. A patient who has a route
-- of that day here keeps it: the imported one is history.
create function import_routes(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp as $$
declare
  v_added int;
  v_closed int;
begin
  with route as (
    select distinct on (r.route_id) r.*,
      row_number() over (partition by r."user", r.day, r.cancelled order by r.created_at desc, r.route_id) as place,
      exists (select 1 from routes k
        where k.patient_id = r."user" and k.service_day = r.day and k.status <> 'cancelled') as has_one
    from jsonb_to_recordset(p_args -> 'routes') as r(
      route_id text, "user" text, day date, exam_type text, gender text, created_at timestamptz, cancelled boolean,
      stations jsonb)
    where not exists (select 1 from routes k where k.route_id = r.route_id)
    order by r.route_id
  ),
  station as (
    select r.route_id, s.ordinality as place, s.value ->> 'clinic' as clinic, s.value -> 'sent' as sent,
      coalesce((s.value ->> 'weight')::int, 0) as weight, entry.entered_at, entry.completed_at,
      (s.value ->> 'finished')::boolean or coalesce(entry.status = 'COMPLETED', false) as finished
    from route r
    cross join lateral jsonb_array_elements(r.stations) with ordinality as s
    left join queues entry on entry.clinic_code = s.value ->> 'clinic' and entry.patient_id = r."user"
      and entry.service_day = r.day and entry.status not in ('CANCELLED', 'NO_SHOW')
  ),
  ordered as (
    select *, not finished and row_number() over (partition by route_id, finished order by place) = 1 as is_current
    from station
  ),
  built as (
    select o.route_id,
      jsonb_agg(
        build_station(c, o.sent, o.weight) || jsonb_build_object(
          'status', case when o.finished then 'completed' when o.is_current then 'ready' else 'locked' end,
          'entryTime', iso_utc(o.entered_at),
          'exitTime', case when o.finished then iso_utc(o.completed_at) end)
        order by o.place) as stations,
      max(o.clinic) filter (where o.is_current) as current_clinic,
      coalesce(jsonb_agg(o.clinic order by o.place) filter (where o.finished), '[]') as finished
    from ordered o join clinics c on c.code = o.clinic
    group by o.route_id
  ),
  written as (
    insert into routes (route_id, patient_id, exam_type, gender, service_day, clinics, current_clinic,
        completed_clinics, status, created_at)
      select r.route_id, r."user", r.exam_type,
        coalesce(r.gender, (select p.gender from patients p where p.session_id = r."user")), r.day,
        b.stations, b.current_clinic, b.finished,
        case
          when r.cancelled or r.has_one or r.place > 1 then 'cancelled'
          when b.current_clinic is null then 'completed'
          else 'active' end,
        r.created_at
      from route r join built b on b.route_id = r.route_id
      order by r."user", r.day
      on conflict do nothing
      returning status, route_id
  )
  select count(*), count(*) filter (where w.status = 'cancelled' and not r.cancelled) into v_added, v_closed
    from written w join route r on r.route_id = w.route_id;
  return jsonb_build_object('ok', true, 'added', v_added, 'closed', v_closed);
end
$$;
--> statement-breakpoint
-- {intervals: [{clinic, seconds}]}: how often a clinic is called, where nobody set it here. Automatic calling itself
-- stays as it is: staff switch it on when they are ready.
create function import_intervals(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp as $$
declare
  v_changed int;
begin
  update clinics c set call_interval = sent.seconds
    from jsonb_to_recordset(p_args -> 'intervals') as sent(clinic text, seconds int)
    where c.code = sent.clinic and not c.auto_call and c.call_interval = 300 and sent.seconds <> 300;
  get diagnostics v_changed = row_count;
  return jsonb_build_object('ok', true, 'added', v_changed);
end
$$;
--> statement-breakpoint
-- {part, dry_run?, ...}: one of the functions above; with `dry_run` its answer without its effect.
create function import_previous(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp set lock_timeout = '10s' as $$
declare
  v_answer jsonb;
begin
  -- The inner block is a savepoint: raising in it undoes the rows, and a variable keeps its value.
  begin
    v_answer := case p_args ->> 'part'
      when 'patients' then import_patients(p_args)
      when 'line' then import_line(p_args)
      when 'pins' then import_pins(p_args)
      when 'routes' then import_routes(p_args)
      when 'intervals' then import_intervals(p_args)
      else '{"ok": false, "code": "INVALID_FIELD", "field": "part"}' end;
    if coalesce((p_args ->> 'dry_run')::boolean, false) then
      raise exception 'a dry run' using errcode = 'MMC00';
    end if;
  exception when sqlstate 'MMC00' then
    null;
  end;
  return v_answer;
end
$$;
