-- The forms that people call by hand or from pg_cron: thin callers of the full functions, with the service day
-- from the settings. None of them checks an admin: whoever reaches the database is its owner.

create function get_next_queue_number(p_clinic_code text) returns int
language plpgsql set search_path = public, pg_temp as $$
declare
  v_result jsonb := get_next_queue_number(jsonb_build_object(
    'clinic', p_clinic_code, 'day', (service_day_at(clock_timestamp())).day));
begin
  if not (v_result ->> 'ok')::boolean then
    raise exception 'Unknown clinic: %', p_clinic_code using errcode = 'no_data_found';
  end if;
  return (v_result ->> 'number')::int;
end
$$;
--> statement-breakpoint
-- p_is_auto_entry is accepted and changes nothing: the page sends true at every station.
create function enter_queue(p_clinic_code text, p_patient_id text, p_is_auto_entry boolean default false) returns jsonb
language sql set search_path = public, pg_temp as $$
  select enter_queue(jsonb_build_object(
    'clinic', p_clinic_code, 'user', p_patient_id, 'day', (service_day_at(clock_timestamp())).day))
$$;
--> statement-breakpoint
create function call_next_patient(p_clinic_code text) returns jsonb
language sql set search_path = public, pg_temp as $$
  select call_next_patient(jsonb_build_object(
    'clinic', p_clinic_code, 'day', (service_day_at(clock_timestamp())).day, 'by', 'admin'))
$$;
--> statement-breakpoint
-- Without a PIN: for admins and jobs.
create function complete_patient_service(p_clinic_code text, p_patient_id text) returns jsonb
language sql set search_path = public, pg_temp as $$
  select complete_patient_service(jsonb_build_object(
    'clinic', p_clinic_code, 'user', p_patient_id, 'day', (service_day_at(clock_timestamp())).day))
$$;
--> statement-breakpoint
create function generate_daily_pins() returns jsonb
language plpgsql set search_path = public, pg_temp as $$
declare
  v_today record := service_day_at(clock_timestamp());
  v_pins jsonb := generate_daily_pins(jsonb_build_object('day', v_today.day, 'day_end', v_today.day_end));
begin
  return jsonb_build_object(
    'success', true,
    'pins', (select jsonb_object_agg(p ->> 'clinic', p -> 'pin') from jsonb_array_elements(v_pins -> 'pins') as p),
    'generated_at', v_pins -> 'generated_at');
end
$$;
--> statement-breakpoint
create function get_current_pins() returns jsonb
language sql set search_path = public, pg_temp as $$
  select generate_daily_pins() - 'generated_at'
$$;
--> statement-breakpoint
create function delete_old_events() returns int
language sql set search_path = public, pg_temp as $$
  select (delete_old_events('{}'::jsonb) ->> 'events')::int
$$;
