-- Reports of a year that nobody stored yet, and the index that a stream which comes back asks.

-- The counts of some days from their entries, in one pass: every grouping set is hashed, none sorted (which the memory
-- allows also for a long history), and each is small. Index: queues_number_of_day_key. Its cost lets a plan run several
-- of them side by side. Entries are binned by quarters of UTC, of which every zone's hour is made.
create or replace function count_report_days(p_first date, p_last date, p_timezone text) returns jsonb
language sql stable parallel safe cost 1000000 set work_mem = '32MB'
begin atomic
  with grouped as (
    select
      grouping(e.wait) = 0 as is_wait,
      grouping(e.service) = 0 as is_service,
      grouping(e.quarter) = 0 as is_quarter,
      grouping(e.patient_id) = 0 as is_patient,
      e.wait, e.service, e.status, e.quarter, e.service_day,
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
    group by grouping sets ((e.wait), (e.service, e.status), (e.quarter), (e.service_day, e.patient_id))
  )
  select jsonb_build_object(
    'visits', coalesce(sum(g.entries) filter (where g.is_service), 0),
    'served', coalesce(sum(g.entries) filter (where g.is_service and g.status = 'COMPLETED'), 0),
    'waiting', coalesce(sum(g.entries)
      filter (where g.is_service and g.status in ('WAITING', 'CALLED', 'IN_PROGRESS')), 0),
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
    -- Only COMPLETED entries have a service time, so each minute is there once.
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
-- These read only, so a plan may run what calls them side by side.
alter function stored_report(text, date) parallel safe;
--> statement-breakpoint
alter function span_counts(text, date, date, text) parallel safe;
--> statement-breakpoint
-- The counts of one month of a year, 0 to 11: the stored ones, else from the days.
create function month_counts(p_year date, p_month int, p_today date, p_timezone text) returns jsonb
language sql stable parallel safe cost 1000000
return (
  select coalesce(
    stored_report('monthly', m.first) -> 'counts', span_counts('monthly', m.first, p_today, p_timezone))
  from (select (p_year::timestamp + make_interval(months => p_month))::date as first) as m
);
--> statement-breakpoint
-- The counts of the twelve months, in order. A branch each, and in the query of a RETURN, since that is what Postgres
-- can run in parallel; where it has no process to spare, one after the other.
create function year_counts(p_year date, p_today date, p_timezone text) returns jsonb[]
language plpgsql stable set search_path = public, pg_temp as $$
begin
  return (
    select array_agg(m.counts order by m.month)
    from (
      select 0 as month, c.counts from month_counts(p_year, 0, p_today, p_timezone) as c(counts)
      union all select 1, c.counts from month_counts(p_year, 1, p_today, p_timezone) as c(counts)
      union all select 2, c.counts from month_counts(p_year, 2, p_today, p_timezone) as c(counts)
      union all select 3, c.counts from month_counts(p_year, 3, p_today, p_timezone) as c(counts)
      union all select 4, c.counts from month_counts(p_year, 4, p_today, p_timezone) as c(counts)
      union all select 5, c.counts from month_counts(p_year, 5, p_today, p_timezone) as c(counts)
      union all select 6, c.counts from month_counts(p_year, 6, p_today, p_timezone) as c(counts)
      union all select 7, c.counts from month_counts(p_year, 7, p_today, p_timezone) as c(counts)
      union all select 8, c.counts from month_counts(p_year, 8, p_today, p_timezone) as c(counts)
      union all select 9, c.counts from month_counts(p_year, 9, p_today, p_timezone) as c(counts)
      union all select 10, c.counts from month_counts(p_year, 10, p_today, p_timezone) as c(counts)
      union all select 11, c.counts from month_counts(p_year, 11, p_today, p_timezone) as c(counts)
    ) as m
  );
end
$$;
--> statement-breakpoint
-- The report of a year with its counts and the reports of its months, these without their days.
create or replace function annual_report(p_first date, p_today date, p_made_at text, p_timezone text) returns jsonb
language plpgsql stable set search_path = public, pg_temp as $$
declare
  v_counts jsonb[] := year_counts(p_first, p_today, p_timezone);
  v_months jsonb := (
    select jsonb_agg((coalesce(
        stored_report('monthly', m.first),
        summarize_report('monthly', m.first, p_today, p_made_at, v_counts[m.place])
      ) || '{"daily_reports": []}') - 'counts' order by m.place)
    from (
      select n as place, (p_first::timestamp + make_interval(months => n - 1))::date as first
      from generate_series(1, 12) as n
    ) as m);
begin
  return coalesce(
    stored_report('annual', p_first),
    summarize_report('annual', p_first, p_today, p_made_at, merge_report_counts(v_counts))
  ) || jsonb_build_object('monthly_reports', v_months);
end
$$;
--> statement-breakpoint
-- What a clinic's line has had since a cursor, for patient_states and stream_start: by the cursor within the clinic. The
-- events of an hour, so building it takes no time that anybody notices.
drop index events_clinic_idx;
--> statement-breakpoint
create index events_clinic_idx on events (clinic_code, xid, seq);
--> statement-breakpoint
-- {now?}: the purge; of several runners at once one does it. A run that is recorded guards its own day only (the tick
-- asks for yesterday's), so the row of a day goes 400 days after it.
create or replace function purge_old_rows(p_args jsonb) returns jsonb
language plpgsql set search_path = public, pg_temp set lock_timeout = '2s' as $$
declare
  v_now timestamptz := coalesce((p_args ->> 'now')::timestamptz, clock_timestamp());
  v_purged jsonb;
  v_runs int;
begin
  if not pg_try_advisory_xact_lock(hashtextextended('purge_old_rows', 0)) then
    return '{"ok": true, "events": 0, "rows": 0}';
  end if;
  v_purged := delete_old_events(p_args);
  delete from job_runs j where j.period collate "C" < to_char(v_now - interval '400 days', 'YYYY-MM-DD');
  get diagnostics v_runs = row_count;
  return v_purged || jsonb_build_object('rows', (v_purged ->> 'rows')::int + v_runs);
end
$$;
