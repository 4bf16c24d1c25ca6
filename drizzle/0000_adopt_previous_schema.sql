-- Before the first table of ours: an empty database passes. One that holds the migration plan's schema, whole and
-- nothing else, is adopted: its tables and functions move to the schema mmc_previous, which frees their names and
-- loses nothing; 0011 copies the rows. Anything else is refused, because we would write among somebody's tables.
do $$
declare
  c_tables constant jsonb := '{
    "admins": {"id": "uuid", "username": "text", "password_hash": "text", "role": "text",
      "created_at": "timestamptz", "updated_at": "timestamptz"},
    "patients": {"id": "uuid", "patient_id": "text", "gender": "text", "session_id": "text",
      "login_time": "timestamptz", "status": "text", "created_at": "timestamptz", "updated_at": "timestamptz"},
    "clinics": {"id": "uuid", "code": "text", "name": "text", "call_interval": "int4", "is_active": "bool",
      "created_at": "timestamptz", "updated_at": "timestamptz"},
    "queues": {"id": "uuid", "clinic_code": "text", "patient_id": "text", "queue_number": "int4", "status": "text",
      "entered_at": "timestamptz", "called_at": "timestamptz", "completed_at": "timestamptz",
      "created_at": "timestamptz", "updated_at": "timestamptz"},
    "pins": {"id": "uuid", "clinic_code": "text", "pin": "text", "generated_at": "timestamptz",
      "expires_at": "timestamptz", "is_active": "bool", "created_at": "timestamptz"},
    "routes": {"id": "uuid", "route_id": "text", "patient_id": "text", "clinics": "jsonb", "current_clinic": "text",
      "completed_clinics": "jsonb", "status": "text", "created_at": "timestamptz", "updated_at": "timestamptz"},
    "events": {"id": "uuid", "event_type": "text", "clinic_code": "text", "patient_id": "text", "position": "int4",
      "data": "jsonb", "created_at": "timestamptz"},
    "settings": {"id": "uuid", "key": "text", "value": "jsonb",
      "created_at": "timestamptz", "updated_at": "timestamptz"},
    "reports": {"id": "uuid", "report_type": "text", "report_date": "date", "data": "jsonb",
      "created_at": "timestamptz"},
    "rate_limits": {"id": "uuid", "client_id": "text", "endpoint": "text", "request_count": "int4",
      "window_start": "timestamptz", "created_at": "timestamptz", "updated_at": "timestamptz"}
  }';
  c_functions constant text[] := array[
    'get_next_queue_number', 'enter_queue', 'call_next_patient', 'complete_patient_service', 'generate_daily_pins',
    'get_current_pins', 'delete_old_events', 'update_updated_at_column'];
  v_relations text[];
  v_functions regprocedure[];
  v_refused text;
  v_name text;
  v_function regprocedure;
  v_role text;
begin
  select array_agg(c.relname::text order by c.relname) into v_relations
    from pg_class c
    where c.relnamespace = 'public'::regnamespace
      and c.relkind in ('r', 'p', 'f', 'v', 'm')
      and c.relname <> 'schema_migrations'
      and not exists (
        select 1 from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e');
  select array_agg(p.oid::regprocedure order by p.proname) into v_functions
    from pg_proc p
    where p.pronamespace = 'public'::regnamespace
      and p.proname = any (c_functions)
      and not exists (
        select 1 from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e');

  if v_relations is null and v_functions is null and to_regnamespace('mmc_previous') is null then
    return;
  end if;

  v_refused := case
    when to_regnamespace('mmc_previous') is not null then 'the schema mmc_previous already exists'
    when v_relations is null then format('there is a function %s of somebody else', v_functions[1])
  end;
  if v_refused is null then
    select format('public.%I is not a table of the plan', name) into v_refused
      from unnest(v_relations) as name
      where not c_tables ? name
      limit 1;
  end if;
  if v_refused is null then
    select format('public.%I of the plan is missing', name) into v_refused
      from jsonb_object_keys(c_tables) as name
      where name <> all (v_relations)
      order by name
      limit 1;
  end if;
  if v_refused is null then
    select format('public.%I has no column %I of type %s', plan.name, col.key, col.value) into v_refused
      from jsonb_each(c_tables) as plan(name, columns), jsonb_each_text(plan.columns) as col
      where not exists (
        select 1 from pg_attribute a
        join pg_type t on t.oid = a.atttypid
        where a.attrelid = format('public.%I', plan.name)::regclass
          and a.attname = col.key
          and (t.typname = col.value or (t.typname = 'varchar' and col.value = 'text')))
      order by plan.name, col.key
      limit 1;
  end if;
  if v_refused is not null then
    raise exception 'This database is neither empty nor of the plan''s schema: %', v_refused
      using errcode = 'object_not_in_prerequisite_state',
        hint = 'Give this service a database of its own, or move what is not its out of the schema public.';
  end if;

  create schema mmc_previous;
  foreach v_name in array v_relations loop
    execute format('alter table public.%I set schema mmc_previous', v_name);
  end loop;
  foreach v_function in array coalesce(v_functions, '{}') loop
    execute format('alter routine %s set schema mmc_previous', v_function);
  end loop;

  foreach v_role in array array['public'] || array(
    select quote_ident(r.rolname) from pg_roles r where r.rolname in ('anon', 'authenticated'))
  loop
    execute format('revoke all on schema mmc_previous from %s', v_role);
    execute format('revoke all on all tables in schema mmc_previous from %s', v_role);
    execute format('revoke all on all sequences in schema mmc_previous from %s', v_role);
    execute format('revoke all on all routines in schema mmc_previous from %s', v_role);
  end loop;
end
$$;
