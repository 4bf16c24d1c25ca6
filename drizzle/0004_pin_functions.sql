-- PINs of the day. Lock order: all counters by clinic code (a change of PINs raises every version), then pins.

-- Gives each active clinic without a PIN of the day one; with p_rotate also replaces those that have one
-- (of p_only, or of all). Holds every counter of the day, so two generators leave one set.
create function issue_pins(p_day date, p_day_end timestamptz, p_now timestamptz, p_rotate boolean, p_only text)
returns void
language plpgsql set search_path = public, pg_temp set lock_timeout = '2s' as $$
declare
  v_now timestamptz;
  v_clinic text;
  v_targets text[];
  v_replaced text[];
  v_in_force text[];
  v_new text[];
begin
  -- One after the other, made where missing: inserting all of them first would hold a later counter while waiting
  -- for an earlier one, the opposite of everybody else's order.
  for v_clinic in select c.code from clinics c where c.is_active order by c.code loop
    perform lock_queue_counter(v_clinic, p_day);
  end loop;
  v_now := coalesce(p_now, clock_timestamp());

  update pins set is_active = false where is_active and service_day < p_day;

  select array_agg(p.pin) filter (where true),
         array_agg(p.clinic_code) filter (where p_rotate and (p_only is null or p.clinic_code = p_only))
    into v_in_force, v_replaced
    from pins p where p.service_day = p_day and p.is_active;

  select array_agg(c.code order by c.display_order, c.code) into v_targets
    from clinics c
    where c.is_active
      and (
        c.code = any (v_replaced)
        or not exists (
          select 1 from pins p where p.clinic_code = c.code and p.service_day = p_day and p.is_active)
      );
  if v_targets is null then
    return;
  end if;

  -- A random order by random UUIDs: core Postgres takes them from the system's cryptographic source.
  select array_agg(candidate.pin) into v_new from (
    select n::text as pin from generate_series(10, 99) as n
    where n::text <> all (coalesce(v_in_force, '{}'))
    order by gen_random_uuid()
    limit cardinality(v_targets)
  ) as candidate;
  if coalesce(cardinality(v_new), 0) < cardinality(v_targets) then
    raise exception 'There are not enough two-digit PINs for % clinics', cardinality(v_targets);
  end if;

  update pins set is_active = false
    where service_day = p_day and is_active and clinic_code = any (v_replaced);
  insert into pins (clinic_code, pin, service_day, generated_at, expires_at)
    select v_targets[i], v_new[i], p_day, v_now, p_day_end from generate_subscripts(v_targets, 1) as i;
  update queue_counters set version = version + 1 where service_day = p_day and clinic_code = any (v_targets);

  foreach v_clinic in array coalesce(v_replaced, '{}') loop
    insert into events (event_type, clinic_code, data, created_at) values ('PIN_ROTATED', v_clinic, '{}', v_now);
  end loop;
  insert into events (event_type, data, created_at)
    values ('CACHE_INVALIDATED', '{"keys": ["pins:current", "pins:daily"]}', v_now);
end
$$;
--> statement-breakpoint
-- The PINs of a day as stored, with the version of each clinic's line. A read: creates nothing.
create function read_pins(p_day date) returns jsonb
language sql stable
return (
  select jsonb_build_object(
    'ok', true,
    'complete', bool_and(p.pin is not null),
    'pins', jsonb_agg(jsonb_build_object(
        'clinic', c.code, 'pin', p.pin, 'generated_at', iso_utc(p.generated_at)) order by c.display_order, c.code),
    'generated_at', iso_utc(max(p.generated_at)),
    'total_issued', (select count(*) from pins i where i.service_day = p_day),
    'versions', jsonb_object_agg(c.code, coalesce(q.version, 0))
  )
  from clinics c
  left join pins p on p.clinic_code = c.code and p.service_day = p_day and p.is_active
  left join queue_counters q on q.clinic_code = c.code and q.service_day = p_day
  where c.is_active
);
--> statement-breakpoint
-- {day, day_end, clinic?, rotate?, admin?}: makes what is missing, or replaces the PINs of one or all clinics.
create function generate_daily_pins(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp set lock_timeout = '2s' as $$
declare
  v_day date := (p_args ->> 'day')::date;
  v_clinic text;
begin
  if p_args ? 'admin' and not admin_is_current(p_args -> 'admin') then
    return jsonb_build_object('ok', false, 'code', 'UNAUTHORIZED');
  end if;
  if p_args ? 'clinic' then
    v_clinic := resolve_clinic(p_args ->> 'clinic');
    if v_clinic is null then
      return jsonb_build_object('ok', false, 'code', 'UNKNOWN_CLINIC');
    end if;
  end if;
  perform issue_pins(
    v_day,
    (p_args ->> 'day_end')::timestamptz,
    (p_args ->> 'now')::timestamptz,
    coalesce((p_args ->> 'rotate')::boolean, false),
    v_clinic);
  return read_pins(v_day) || jsonb_build_object('clinic', v_clinic, 'admin', p_args ? 'admin');
end
$$;
--> statement-breakpoint
-- {day, day_end, admin?, clinic?}: today's PINs, made by the first reader of the day. `admin` says whether the
-- caller's token is current: without it the values are masked here, so that no layer above can leak them.
create function get_current_pins(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp set lock_timeout = '2s' as $$
declare
  v_day date := (p_args ->> 'day')::date;
  v_admin boolean := p_args ? 'admin' and admin_is_current(p_args -> 'admin');
  v_clinic text;
  v_pins jsonb;
begin
  if p_args ? 'clinic' then
    v_clinic := resolve_clinic(p_args ->> 'clinic');
    if v_clinic is null then
      return jsonb_build_object('ok', false, 'code', 'UNKNOWN_CLINIC');
    end if;
  end if;
  v_pins := read_pins(v_day);
  if not (v_pins ->> 'complete')::boolean then
    perform issue_pins(
      v_day,
      (p_args ->> 'day_end')::timestamptz,
      (p_args ->> 'now')::timestamptz,
      false,
      null);
    v_pins := read_pins(v_day) || '{"created": true}';
  end if;
  if not v_admin then
    v_pins := jsonb_set(v_pins, '{pins}', (
      select jsonb_agg(p.value || '{"pin": "**"}' order by p.ordinality)
      from jsonb_array_elements(v_pins -> 'pins') with ordinality as p));
  end if;
  return v_pins || jsonb_build_object('admin', v_admin, 'clinic', v_clinic);
end
$$;
