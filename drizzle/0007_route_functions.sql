-- Routes: the stations of one patient for one service day.

-- A station as it is kept: what was sent, the rest from the clinic.
create function build_station(p_clinic clinics, p_sent jsonb, p_weight int) returns jsonb
language sql immutable
return jsonb_build_object(
  'id', coalesce(p_sent ->> 'id', lower((p_clinic).page_code), (p_clinic).code),
  'clinic', (p_clinic).code,
  'name', coalesce(p_sent ->> 'name', (p_clinic).name_ar, (p_clinic).name),
  'nameAr', coalesce(p_sent ->> 'nameAr', (p_clinic).name_ar, (p_clinic).name),
  'floor', coalesce(p_sent ->> 'floor',
    case (p_clinic).floor when 'M' then 'الميزانين' else 'الطابق ' || (p_clinic).floor end, ''),
  'floorCode', coalesce(p_sent ->> 'floorCode', (p_clinic).floor, ''),
  'code', coalesce(p_sent ->> 'code', (p_clinic).page_code, '-'),
  'weight', p_weight,
  'status', 'locked',
  'entryTime', null,
  'exitTime', null
) || jsonb_strip_nulls(jsonb_build_object('note', p_sent ->> 'note', 'roomNumber', p_sent ->> 'roomNumber'));
--> statement-breakpoint
-- A stored route as it is answered.
create function route_view(p_route uuid) returns jsonb
language sql stable
return (
  select jsonb_build_object(
    'routeId', r.route_id,
    'patientId', r.patient_id,
    'examType', r.exam_type,
    'gender', coalesce(r.gender, 'male'),
    'stations', r.clinics,
    'clinics', (select coalesce(jsonb_agg(s.value -> 'clinic' order by s.ordinality), '[]')
      from jsonb_array_elements(r.clinics) with ordinality as s),
    'current', r.current_clinic,
    'completed', r.completed_clinics,
    'currentStep', coalesce(
      (select min(s.ordinality) - 1 from jsonb_array_elements(r.clinics) with ordinality as s
        where s.value ->> 'status' <> 'completed'),
      jsonb_array_length(r.clinics)),
    'status', r.status,
    'dynamic', r.dynamic,
    'weights', (select coalesce(jsonb_object_agg(s.value ->> 'clinic', s.value -> 'weight'), '{}')
      from jsonb_array_elements(r.clinics) as s),
    'createdAt', iso_utc(r.created_at))
  from routes r where r.id = p_route
);
--> statement-breakpoint
-- {route_id, user, day, exam_type, gender, stations: [{id, ...}], dynamic, now?}: today's route of the patient, the
-- one there already is or a new one. `dynamic` orders the stations by how many wait in each clinic now, then by
-- floor (M, G, 2, 3), then as given. Two creators at once get the same route.
create function create_route(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp set lock_timeout = '2s' as $$
declare
  v_user text := p_args ->> 'user';
  v_day date := (p_args ->> 'day')::date;
  v_dynamic boolean := (p_args ->> 'dynamic')::boolean;
  v_stations jsonb;
  v_known int;
  v_distinct int;
  v_route uuid;
  v_sticky boolean := false;
begin
  select
      jsonb_agg(
        build_station(c, case when v_dynamic then '{}' else s.value end,
          case when v_dynamic then line.waiting else coalesce((s.value ->> 'weight')::int, 0) end)
        order by
          case when v_dynamic then line.waiting end,
          case when v_dynamic then array_position(array['M', 'G', '2', '3'], c.floor) end,
          s.ordinality) filter (where c.code is not null),
      count(c.code),
      count(distinct c.code)
    into v_stations, v_known, v_distinct
    from jsonb_array_elements(p_args -> 'stations') with ordinality as s
    left join clinics c on c.code = resolve_clinic(s.value ->> 'id')
    left join lateral (
      select count(*)::int as waiting from queues q
      where q.clinic_code = c.code and q.service_day = v_day and q.status = 'WAITING'
    ) as line on true;
  -- A closed clinic drops out of the routes we build; a caller who names one is told.
  if v_known = 0 or (not v_dynamic and v_known < jsonb_array_length(p_args -> 'stations')) then
    return jsonb_build_object('ok', false, 'code', 'UNKNOWN_CLINIC');
  elsif v_distinct < v_known then
    return jsonb_build_object('ok', false, 'code', 'INVALID_FIELD', 'field', 'stations');
  end if;

  insert into routes (route_id, patient_id, exam_type, gender, service_day, clinics, dynamic, current_clinic, created_at)
    values (
      p_args ->> 'route_id', v_user, p_args ->> 'exam_type', p_args ->> 'gender', v_day,
      jsonb_set(v_stations, '{0,status}', '"ready"'), v_dynamic, v_stations -> 0 ->> 'clinic',
      coalesce((p_args ->> 'now')::timestamptz, clock_timestamp()))
    on conflict (patient_id, service_day) where status <> 'cancelled' do nothing
    returning id into v_route;
  if v_route is null then
    v_sticky := true;
    select r.id into strict v_route from routes r
      where r.patient_id = v_user and r.service_day = v_day and r.status <> 'cancelled';
  else
    insert into events (event_type, data)
      values ('CACHE_INVALIDATED',
        jsonb_build_object('keys', jsonb_build_array('route:' || (p_args ->> 'route_id'))));
  end if;
  return jsonb_build_object('ok', true, 'sticky', v_sticky, 'route', route_view(v_route));
end
$$;
--> statement-breakpoint
-- {route_id} or {user, day}: a route by its id (any day), or the patient's route of the day.
create function get_route(p_args jsonb) returns jsonb
language sql stable
return coalesce(
  (select jsonb_build_object('ok', true, 'route', route_view(r.id)) from routes r
    where r.route_id = p_args ->> 'route_id'),
  (select jsonb_build_object('ok', true, 'route', route_view(r.id)) from routes r
    where r.patient_id = p_args ->> 'user' and r.service_day = (p_args ->> 'day')::date
      and r.status <> 'cancelled'),
  jsonb_build_object('ok', false, 'code', 'ROUTE_NOT_FOUND'));
