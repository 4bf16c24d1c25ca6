-- Reports of service days, weeks, months and years.
--
-- What is added up is kept as `counts`: {visits, served, waiting, patients, clinics, days, wait, service, hours}. The
-- last three are histograms (entries per whole minute, per local hour), `days` has the patients of each day. Adding
-- histograms and reading the median from the sum is exact: no average of averages. `counts` stands in reports.data
-- and in no answer.

-- Whole minutes of a span, rounded half up like whole_minutes; float arithmetic, since a year has 400,000 entries.
create function span_minutes(p_span interval) returns int
language sql immutable parallel safe
return floor(date_part('epoch', p_span) / 60 + 0.5)::int;
--> statement-breakpoint
-- From entry to call, or to completion for who was never called; null for who was neither.
create function wait_span(p_status text, p_entered timestamptz, p_called timestamptz, p_completed timestamptz)
returns interval
language sql immutable parallel safe
return coalesce(p_called, case p_status when 'COMPLETED' then p_completed end) - p_entered;
--> statement-breakpoint
-- From check-in, or from the call, to completion; null for who is not finished or was never called.
create function service_span(p_status text, p_called timestamptz, p_started timestamptz, p_completed timestamptz)
returns interval
language sql immutable parallel safe
return case p_status when 'COMPLETED' then p_completed - coalesce(p_started, p_called) end;
--> statement-breakpoint
-- The counts of some days from their entries, in one pass. Index: queues_number_of_day_key.
-- Entries are binned by quarters of UTC, of which every zone's hour is made: a conversion each bin, not each entry.
create function count_report_days(p_first date, p_last date, p_timezone text) returns jsonb
language sql stable
begin atomic
  with grouped as (
    select
      grouping(e.wait) = 0 as is_wait,
      grouping(e.service) = 0 as is_service,
      grouping(e.quarter) = 0 as is_quarter,
      grouping(e.patient_id) = 0 as is_patient,
      e.wait, e.service, e.quarter, e.status, e.service_day,
      count(*)::int as entries
    from (
      select
        q.service_day,
        q.patient_id,
        q.status,
        span_minutes(wait_span(q.status, q.entered_at, q.called_at, q.completed_at)) as wait,
        span_minutes(service_span(q.status, q.called_at, q.started_at, q.completed_at)) as service,
        date_bin('15 minutes', q.entered_at, timestamptz 'epoch') as quarter
      from queues q
      where q.service_day between p_first and p_last
      -- Computes each expression once for all grouping sets.
      offset 0
    ) as e
    group by grouping sets ((e.wait), (e.service), (e.quarter, e.status), (e.service_day, e.patient_id))
  )
  select jsonb_build_object(
    'visits', coalesce(sum(g.entries) filter (where g.is_quarter), 0),
    'served', coalesce(sum(g.entries) filter (where g.is_quarter and g.status = 'COMPLETED'), 0),
    'waiting', coalesce(sum(g.entries)
      filter (where g.is_quarter and g.status in ('WAITING', 'CALLED', 'IN_PROGRESS')), 0),
    'patients', count(*) filter (where g.is_patient),
    -- One look at the index for each clinic and day.
    'clinics', (
      select coalesce(jsonb_agg(distinct c.code), '[]')
      from generate_series(0, p_last - p_first) as day
      cross join clinics c
      cross join lateral (
        select from queues q where q.service_day = p_first + day and q.clinic_code = c.code limit 1) as entry),
    'days', (
      select coalesce(jsonb_object_agg(d.service_day, d.patients), '{}')
      from (
        select p.service_day, count(*) as patients from grouped p where p.is_patient group by p.service_day
      ) as d),
    'wait', coalesce(jsonb_object_agg(g.wait, g.entries) filter (where g.is_wait and g.wait is not null), '{}'),
    'service', coalesce(jsonb_object_agg(g.service, g.entries)
      filter (where g.is_service and g.service is not null), '{}'),
    'hours', (
      select coalesce(jsonb_object_agg(h.hour, h.entries), '{}')
      from (
        select date_part('hour', b.quarter at time zone p_timezone)::int as hour, sum(b.entries) as entries
        from grouped b
        where b.is_quarter
        group by 1
      ) as h))
  from grouped g;
end;
--> statement-breakpoint
-- The sum of the counts of different days.
create function merge_report_counts(p_parts jsonb[]) returns jsonb
language sql immutable parallel safe
return (
  select jsonb_build_object(
    'visits', coalesce(sum((part ->> 'visits')::int), 0),
    'served', coalesce(sum((part ->> 'served')::int), 0),
    'waiting', coalesce(sum((part ->> 'waiting')::int), 0),
    'patients', coalesce(sum((part ->> 'patients')::int), 0),
    'clinics', (
      select coalesce(jsonb_agg(distinct code), '[]')
      from unnest(p_parts) as p, jsonb_array_elements_text(p -> 'clinics') as code),
    'days', (
      select coalesce(jsonb_object_agg(e.key, e.value), '{}')
      from unnest(p_parts) as p, jsonb_each(p -> 'days') as e),
    'wait', (
      select coalesce(jsonb_object_agg(h.key, h.entries), '{}') from (
        select e.key, sum(e.value::int) as entries
        from unnest(p_parts) as p, jsonb_each_text(p -> 'wait') as e group by e.key) as h),
    'service', (
      select coalesce(jsonb_object_agg(h.key, h.entries), '{}') from (
        select e.key, sum(e.value::int) as entries
        from unnest(p_parts) as p, jsonb_each_text(p -> 'service') as e group by e.key) as h),
    'hours', (
      select coalesce(jsonb_object_agg(h.key, h.entries), '{}') from (
        select e.key, sum(e.value::int) as entries
        from unnest(p_parts) as p, jsonb_each_text(p -> 'hours') as e group by e.key) as h))
  from unnest(p_parts) as part
);
--> statement-breakpoint
-- The nearest-rank percentile of a histogram: the least minute that this share of the entries does not exceed; a
-- minute that somebody had, also for an even number of entries. 0 if none.
create function histogram_percentile(p_histogram jsonb, p_share numeric) returns int
language sql immutable parallel safe
return (
  select coalesce(greatest(0, min(h.minute)), 0)
  from (
    select
      e.key::int as minute,
      sum(e.value::int) over (order by e.key::int) as reached,
      sum(e.value::int) over () as total
    from jsonb_each_text(p_histogram) as e
  ) as h
  where h.reached >= p_share * h.total
);
--> statement-breakpoint
-- What every summary says besides its own sums. Of hours equally busy the smallest counts.
create function report_figures(p_counts jsonb) returns jsonb
language sql immutable parallel safe
return jsonb_build_object(
  'total_patients', (p_counts ->> 'patients')::int,
  'total_served', (p_counts ->> 'served')::int,
  'median_wait_time', histogram_percentile(p_counts -> 'wait', 0.5),
  'p90_wait_time', histogram_percentile(p_counts -> 'wait', 0.9),
  'median_service_time', histogram_percentile(p_counts -> 'service', 0.5),
  'p90_service_time', histogram_percentile(p_counts -> 'service', 0.9),
  'busiest_hour', (
    select e.key::int from jsonb_each_text(p_counts -> 'hours') as e
    order by e.value::int desc, e.key::int limit 1));
--> statement-breakpoint
-- The rows of a day: every active clinic, and every other one that had entries, so that a clinic which closes takes
-- nothing out of the past. Null: a day on which nobody came. Index: queues_number_of_day_key, once for each clinic.
create function report_clinics(p_day date) returns jsonb
language sql stable
return (
  select coalesce(jsonb_object_agg(c.code, jsonb_build_object(
    'total', line.total,
    'served', line.served,
    'waiting', line.waiting,
    'cancelled', line.cancelled,
    'no_show', line.no_show,
    'avg_wait_time', coalesce(greatest(0, span_minutes(line.mean_wait)), 0),
    'median_wait_time', coalesce(greatest(0, span_minutes(line.waits[1])), 0),
    'p90_wait_time', coalesce(greatest(0, span_minutes(line.waits[2])), 0),
    'avg_service_time', coalesce(greatest(0, span_minutes(line.mean_service)), 0),
    'median_service_time', coalesce(greatest(0, span_minutes(line.services[1])), 0),
    'p90_service_time', coalesce(greatest(0, span_minutes(line.services[2])), 0))), '{}')
  from clinics c
  cross join lateral (
    select
      count(*) as total,
      count(*) filter (where e.status = 'COMPLETED') as served,
      count(*) filter (where e.status in ('WAITING', 'CALLED', 'IN_PROGRESS')) as waiting,
      count(*) filter (where e.status = 'CANCELLED') as cancelled,
      count(*) filter (where e.status = 'NO_SHOW') as no_show,
      avg(e.wait) as mean_wait,
      avg(e.service) as mean_service,
      percentile_disc(array[0.5, 0.9]) within group (order by e.wait) as waits,
      percentile_disc(array[0.5, 0.9]) within group (order by e.service) as services
    from (
      select
        q.status,
        wait_span(q.status, q.entered_at, q.called_at, q.completed_at) as wait,
        service_span(q.status, q.called_at, q.started_at, q.completed_at) as service
      from queues q
      where q.service_day = p_day and q.clinic_code = c.code
    ) as e
  ) as line
  where c.is_active or line.total > 0
);
--> statement-breakpoint
-- A stored report of ours with its counts. A report of an adopted database has another shape: it is not reused.
-- Index: reports_type_date_key.
create function stored_report(p_type text, p_first date) returns jsonb
language sql stable
return (
  select r.data from reports r
  where r.report_type = p_type and r.report_date = p_first and r.data ? 'counts'
);
--> statement-breakpoint
-- The last day of the period that begins on a day.
create function report_last_day(p_type text, p_first date) returns date
language sql immutable parallel safe
return case p_type
  when 'daily' then p_first
  when 'weekly' then p_first + 6
  when 'monthly' then (p_first::timestamp + interval '1 month' - interval '1 day')::date
  when 'annual' then (p_first::timestamp + interval '1 year' - interval '1 day')::date
end;
--> statement-breakpoint
-- The report of a day with its counts: the stored one, else from the entries. A clinic that was added since a report
-- was stored is in it with zeros, as it would be in one made now.
create function daily_report(p_day date, p_today date, p_made_at text, p_timezone text) returns jsonb
language plpgsql stable set search_path = public, pg_temp as $$
declare
  v_report jsonb := stored_report('daily', p_day);
  v_counts jsonb;
begin
  if v_report is not null then
    return jsonb_set(v_report, '{clinics}', report_clinics(null) || (v_report -> 'clinics'));
  end if;
  v_counts := count_report_days(p_day, p_day, p_timezone);
  return jsonb_build_object(
    'date', p_day,
    'type', 'daily',
    'generated_at', p_made_at,
    'final', p_day < p_today,
    'clinics', report_clinics(p_day),
    'summary', report_figures(v_counts) || jsonb_build_object(
      'total_waiting', v_counts -> 'waiting',
      'avg_wait_time', (
        select coalesce(greatest(0, span_minutes(avg(
          wait_span(q.status, q.entered_at, q.called_at, q.completed_at)))), 0)
        from queues q where q.service_day = p_day)),
    'total_patients', v_counts -> 'patients',
    'totals', jsonb_build_object(
      'visits', v_counts -> 'visits', 'clinics', jsonb_array_length(v_counts -> 'clinics')),
    'counts', v_counts);
end
$$;
--> statement-breakpoint
-- The report of a week, month or year from its counts.
create function summarize_report(p_type text, p_first date, p_today date, p_made_at text, p_counts jsonb)
returns jsonb
language sql stable
begin atomic
  with part as (
    select
      case p_type when 'annual' then left(d.key, 7) else d.key end as name,
      sum(d.value::int) as patients
    from jsonb_each_text(p_counts -> 'days') as d
    group by 1
  ),
  begun as (
    select least(p_today, report_last_day(p_type, p_first)) as until
  )
  select jsonb_build_object(
    case p_type when 'weekly' then 'week' when 'monthly' then 'month' else 'year' end,
    case p_type
      when 'weekly' then to_jsonb(to_char(p_first, 'IYYY"-W"IW'))
      when 'monthly' then to_jsonb(to_char(p_first, 'YYYY-MM'))
      else to_jsonb(date_part('year', p_first))
    end,
    'type', p_type,
    'generated_at', p_made_at,
    'final', report_last_day(p_type, p_first) < p_today,
    'summary', report_figures(p_counts)
      || jsonb_build_object(
        case p_type when 'annual' then 'avg_monthly_patients' else 'avg_daily_patients' end,
        round((p_counts ->> 'patients')::numeric / greatest(1, case p_type
          when 'annual' then date_part('month', b.until)::int
          else b.until - p_first + 1
        end)))
      || case p_type
        when 'weekly' then '{}'
        else jsonb_build_object(
          case p_type when 'monthly' then 'busiest_day' else 'busiest_month' end,
          (select p.name from part p where p.patients > 0 order by p.patients desc, p.name limit 1),
          case p_type when 'monthly' then 'quietest_day' else 'quietest_month' end,
          (select p.name from part p where p.patients > 0 order by p.patients, p.name limit 1))
      end,
    'total_patients', p_counts -> 'patients',
    'totals', jsonb_build_object(
      'visits', p_counts -> 'visits', 'clinics', jsonb_array_length(p_counts -> 'clinics')),
    'counts', p_counts)
  from begun b;
end;
--> statement-breakpoint
-- The counts of a week or month: stored days from their reports, each run of other days in one pass. Days to come
-- have nobody.
create function span_counts(p_type text, p_first date, p_today date, p_timezone text) returns jsonb
language sql stable
begin atomic
  with span as (
    select d.day::date as day, stored_report('daily', d.day::date) -> 'counts' as counts
    from generate_series(
      p_first::timestamp, least(p_today, report_last_day(p_type, p_first))::timestamp, interval '1 day') as d(day)
  ),
  run as (
    select min(s.day) as first, max(s.day) as last
    from (
      select u.day, u.day - row_number() over (order by u.day)::int as island from span u where u.counts is null
    ) as s
    group by s.island
  )
  select merge_report_counts(
    array(select s.counts from span s where s.counts is not null)
    || array(select count_report_days(r.first, r.last, p_timezone) from run r));
end;
--> statement-breakpoint
-- The report of a week or month with its counts, and in it the reports of its days, if wanted.
create function span_report(
  p_type text, p_first date, p_today date, p_made_at text, p_timezone text, p_with_days boolean
) returns jsonb
language plpgsql stable set search_path = public, pg_temp as $$
declare
  v_report jsonb := stored_report(p_type, p_first);
  v_days jsonb[];
begin
  if p_with_days then
    v_days := array(
      select daily_report(day::date, p_today, p_made_at, p_timezone)
      from generate_series(
        p_first::timestamp, report_last_day(p_type, p_first)::timestamp, interval '1 day') as day
      order by day);
  end if;
  if v_report is null then
    v_report := summarize_report(p_type, p_first, p_today, p_made_at, case when p_with_days
      then merge_report_counts(array(select day -> 'counts' from unnest(v_days) as day))
      else span_counts(p_type, p_first, p_today, p_timezone) end);
  end if;
  return v_report || jsonb_build_object('daily_reports', (
    select coalesce(jsonb_agg(d.day - 'counts' order by d.place), '[]')
    from unnest(v_days) with ordinality as d(day, place)));
end
$$;
--> statement-breakpoint
-- The report of a year with its counts and the reports of its months, these without their days.
create function annual_report(p_first date, p_today date, p_made_at text, p_timezone text) returns jsonb
language plpgsql stable set search_path = public, pg_temp as $$
declare
  v_months jsonb[] := array(
    select span_report('monthly', month::date, p_today, p_made_at, p_timezone, false)
    from generate_series(p_first::timestamp, p_first + interval '11 months', interval '1 month') as month
    order by month);
begin
  return coalesce(
    stored_report('annual', p_first),
    summarize_report('annual', p_first, p_today, p_made_at,
      merge_report_counts(array(select month -> 'counts' from unnest(v_months) as month)))
  ) || jsonb_build_object('monthly_reports', (
    select jsonb_agg(m.month - 'counts' order by m.place)
    from unnest(v_months) with ordinality as m(month, place)));
end
$$;
--> statement-breakpoint
-- The report of the period that begins on a day, with its counts.
create function any_report(
  p_type text, p_first date, p_today date, p_made_at text, p_timezone text, p_with_days boolean
) returns jsonb
language sql stable
return case p_type
  when 'daily' then daily_report(p_first, p_today, p_made_at, p_timezone)
  when 'annual' then annual_report(p_first, p_today, p_made_at, p_timezone)
  else span_report(p_type, p_first, p_today, p_made_at, p_timezone, p_with_days)
end;
--> statement-breakpoint
-- {type, first, day, timezone, open?, admin?, now?}: the report of the period that begins on `first`, and the names
-- of all clinics in their order. Refused to who is no current admin unless `open`. Without jit: compiling the plan
-- of a day takes longer than running it for a year.
create function get_report(p_args jsonb) returns jsonb
language plpgsql stable set search_path = public, pg_temp set jit = off as $$
begin
  if not (coalesce((p_args ->> 'open')::boolean, false) or admin_is_current(p_args -> 'admin')) then
    return jsonb_build_object('ok', false, 'code', 'UNAUTHORIZED');
  end if;
  return jsonb_build_object(
    'ok', true,
    'report', any_report(
      p_args ->> 'type', (p_args ->> 'first')::date, (p_args ->> 'day')::date,
      iso_utc(coalesce((p_args ->> 'now')::timestamptz, clock_timestamp())), p_args ->> 'timezone', true) - 'counts',
    'clinics', (
      select coalesce(jsonb_agg(jsonb_build_object('code', c.code, 'name_ar', coalesce(c.name_ar, c.name))
        order by c.display_order, c.code), '[]')
      from clinics c));
end
$$;
--> statement-breakpoint
-- {admin?}: the 30 newest stored reports (those whose period ended last); none without a current admin.
create function report_history(p_args jsonb) returns jsonb
language sql stable
return jsonb_build_object('ok', true, 'reports', (
  select coalesce(jsonb_agg(jsonb_build_object(
      'type', newest.report_type,
      'date', newest.report_date,
      'bytes', octet_length((newest.data - 'counts')::text)) order by newest.last desc, newest.report_type), '[]')
  from (
    select r.report_type, r.report_date, r.data, report_last_day(r.report_type, r.report_date) as last
    from reports r
    where admin_is_current(p_args -> 'admin')
    order by last desc, r.report_type
    limit 30
  ) as newest));
--> statement-breakpoint
-- {day, timezone, now?}: stores the reports of finished periods that have none yet, for the tick alone. Finished: all
-- its days are over, none has an open entry. From the day of the first entry on, also for days on which nobody came.
-- At most 31 a call, so that a backlog of years cannot hold the tick; days first, so that a longer period finds its
-- parts, and the newest first, since those are read. A second runner waits for the first, so that 0 always
-- means that nothing was left to store.
create function store_finished_reports(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp set lock_timeout = '2s' set jit = off as $$
declare
  v_today date := (p_args ->> 'day')::date;
  v_made_at text := iso_utc(coalesce((p_args ->> 'now')::timestamptz, clock_timestamp()));
  v_begin timestamp := (select min(q.service_day) from queues q);
  v_end timestamp := v_today - 1;
  v_open date[];
  v_written int := 0;
begin
  perform pg_advisory_xact_lock(hashtextextended('store_finished_reports', 0));
  -- Index: queues_active_entry_key, which holds open entries only.
  v_open := array(
    select distinct q.service_day from queues q
    where q.status in ('WAITING', 'CALLED', 'IN_PROGRESS') and q.service_day < v_today);
  with due as (
    select p.type, p.first
    from (
      select 1 as rank, 'daily' as type, day::date as first
      from generate_series(v_begin, v_end, interval '1 day') as day
      union all
      select 2, 'weekly', day::date
      from generate_series(date_trunc('week', v_begin), v_end, interval '1 week') as day
      union all
      select 3, 'monthly', day::date
      from generate_series(date_trunc('month', v_begin), v_end, interval '1 month') as day
      union all
      select 4, 'annual', day::date
      from generate_series(date_trunc('year', v_begin), v_end, interval '1 year') as day
    ) as p
    where report_last_day(p.type, p.first) < v_today
      and not exists (
        select from unnest(v_open) as open(day)
        where open.day between p.first and report_last_day(p.type, p.first))
      and not exists (
        select from reports r where r.report_type = p.type and r.report_date = p.first)
    order by p.rank, p.first desc
    limit 31
  )
  insert into reports (report_type, report_date, data)
    select d.type, d.first,
      any_report(d.type, d.first, v_today, v_made_at, p_args ->> 'timezone', false)
        - 'daily_reports' - 'monthly_reports'
    from due d
    on conflict (report_type, report_date) do nothing;
  get diagnostics v_written = row_count;
  return jsonb_build_object('ok', true, 'written', v_written);
end
$$;
