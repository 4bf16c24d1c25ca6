-- Statistics: one statement each, whatever the number of clinics.

-- Every active clinic with its line of a day: counts, who is served, who is first, mean service minutes.
-- Index: queues_number_of_day_key, once for each clinic. What a caller does not read is not computed.
create function clinic_lines(p_day date)
returns table (
  clinic clinics, total int, waiting int, called int, in_progress int, completed int, no_show int,
  current_number int, current_status text, first_waiting int, mean_minutes numeric, version bigint
)
language sql stable
begin atomic
  select
    c,
    line.total, line.waiting, line.called, line.in_progress, line.completed, line.no_show,
    line.current_numbers[1], line.current_statuses[1], line.waiting_numbers[1],
    mean_service_minutes(c.code, p_day),
    coalesce(k.version, 0)
  from clinics c
  left join queue_counters k on k.clinic_code = c.code and k.service_day = p_day
  cross join lateral (
    select
      count(*)::int as total,
      (count(*) filter (where q.status = 'WAITING'))::int as waiting,
      (count(*) filter (where q.status = 'CALLED'))::int as called,
      (count(*) filter (where q.status = 'IN_PROGRESS'))::int as in_progress,
      (count(*) filter (where q.status = 'COMPLETED'))::int as completed,
      (count(*) filter (where q.status = 'NO_SHOW'))::int as no_show,
      array_agg(q.queue_number order by q.called_at desc, q.queue_number desc)
        filter (where q.status in ('CALLED', 'IN_PROGRESS')) as current_numbers,
      array_agg(q.status order by q.called_at desc, q.queue_number desc)
        filter (where q.status in ('CALLED', 'IN_PROGRESS')) as current_statuses,
      array_agg(q.queue_number order by q.priority desc, q.queue_number)
        filter (where q.status = 'WAITING') as waiting_numbers
    from queues q
    where q.clinic_code = c.code and q.service_day = p_day
  ) as line
  where c.is_active;
end;
--> statement-breakpoint
-- {day, now?}: the numbers of the dashboard. Index: queues_number_of_day_key.
create function stats_dashboard(p_args jsonb) returns jsonb
language sql stable
return (
  select jsonb_build_object(
    'ok', true,
    'waiting', count(*) filter (where q.status = 'WAITING'),
    'completed', count(*) filter (where q.status = 'COMPLETED'),
    'active_queues', count(distinct q.clinic_code) filter (where q.status in ('WAITING', 'CALLED', 'IN_PROGRESS')),
    'current_patients', count(distinct q.patient_id) filter (where q.status in ('WAITING', 'CALLED', 'IN_PROGRESS')),
    'patients', count(distinct q.patient_id),
    'average_wait', coalesce(round(avg(
        extract(epoch from coalesce(q.called_at, q.completed_at) - q.entered_at) / 60)
        filter (where q.called_at is not null or q.status = 'COMPLETED')), 0),
    'last_hour', count(*) filter (where q.status = 'COMPLETED'
      and q.completed_at > coalesce((p_args ->> 'now')::timestamptz, now()) - interval '1 hour'),
    'clinics', (select count(*) from clinics c where c.is_active),
    'versions', (select coalesce(jsonb_object_agg(k.clinic_code, k.version), '{}')
      from queue_counters k where k.service_day = (p_args ->> 'day')::date))
  from queues q
  where q.service_day = (p_args ->> 'day')::date
    and q.clinic_code in (select c.code from clinics c where c.is_active)
);
--> statement-breakpoint
-- {day}: one row a clinic, without any id of a person.
create function stats_queues(p_args jsonb) returns jsonb
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
    'versions', coalesce(jsonb_object_agg((l.clinic).code, l.version), '{}'))
  from clinic_lines((p_args ->> 'day')::date) as l
);
--> statement-breakpoint
-- {day, day_end, admin?, now?}: every clinic for the staff's overview. With a current admin the day's PINs are made
-- where they are missing and shown, with who is in the line and who was served last; else none of the three is read.
create function admin_status(p_args jsonb) returns jsonb
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
      'versions', coalesce(jsonb_object_agg((l.clinic).code, l.version), '{}'))
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
-- {day, day_end, admin?, now?}: today's PINs, masked without a current admin, beside the names of their clinics.
create function clinic_pins(p_args jsonb) returns jsonb
language sql set search_path = public, pg_temp set lock_timeout = '2s' as $$
  select get_current_pins(p_args) || jsonb_build_object('clinics', (
    select coalesce(jsonb_agg(jsonb_build_object(
        'id', c.code,
        'name', coalesce(c.name_ar, c.name),
        'name_en', c.name,
        'floor', coalesce(c.floor, '')) order by c.display_order, c.code), '[]')
    from clinics c where c.is_active))
$$;
--> statement-breakpoint
-- {day, now?}: who waits in each active clinic, and for how long the first of them has: what /metrics shows.
-- Index: queues_head_of_line_idx, once for each clinic.
create function queue_gauges(p_args jsonb) returns jsonb
language sql stable
return (
  select jsonb_build_object(
    'ok', true,
    'queues', coalesce(jsonb_agg(jsonb_build_object(
      'clinic', c.code,
      'waiting', line.waiting,
      'oldest_wait_seconds', line.oldest_wait)
      order by c.display_order, c.code), '[]'))
  from clinics c
  cross join lateral (
    select
      count(*)::int as waiting,
      round(extract(epoch from greatest(interval '0',
        coalesce((p_args ->> 'now')::timestamptz, now()) - min(q.entered_at))), 3) as oldest_wait
    from queues q
    where q.clinic_code = c.code and q.service_day = (p_args ->> 'day')::date and q.status = 'WAITING'
  ) as line
  where c.is_active
);
