-- What /metrics shows of the queue besides who waits, and when a tick last ended.

-- {day, now?}: of each active clinic who waits and for how long the first of them has, how many were called and are
-- completed; clinics without a PIN; the last tick in Unix seconds, 0 when there was none. What is in a line is counted by
-- one look at queues_number_of_day_key for each clinic, the PINs by pins_clinic_day_idx.
create or replace function queue_gauges(p_args jsonb) returns jsonb
language sql stable
return (
  select jsonb_build_object(
    'ok', true,
    'queues', coalesce(jsonb_agg(jsonb_build_object(
      'clinic', c.code,
      'waiting', line.waiting,
      'oldest_wait_seconds', line.oldest_wait,
      'called_today', line.called,
      'completed_today', line.completed)
      order by c.display_order, c.code), '[]'),
    'pins_missing', count(*) filter (where not exists (
      select 1 from pins p
      where p.clinic_code = c.code and p.service_day = (p_args ->> 'day')::date and p.is_active)),
    'last_tick', coalesce((
      select round(extract(epoch from j.finished_at), 3) from job_runs j where j.job = 'tick' and j.period = 'last'), 0))
  from clinics c
  cross join lateral (
    select
      (count(*) filter (where q.status = 'WAITING'))::int as waiting,
      (count(*) filter (where q.called_at is not null))::int as called,
      (count(*) filter (where q.status = 'COMPLETED'))::int as completed,
      round(extract(epoch from greatest(interval '0',
        coalesce((p_args ->> 'now')::timestamptz, now())
          - min(q.entered_at) filter (where q.status = 'WAITING'))), 3) as oldest_wait
    from queues q
    where q.clinic_code = c.code and q.service_day = (p_args ->> 'day')::date
  ) as line
  where c.is_active
);
--> statement-breakpoint
-- {target?, now?}: the purge; of several runners at once one does it. It is the last step of every tick, so it also
-- writes down that there was one. A run that is recorded guards its own day only (the tick asks for yesterday's), so the
-- row of a day goes 400 days after it.
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
  insert into job_runs (job, period, finished_at, target)
    values ('tick', 'last', v_now, coalesce(p_args ->> 'target', 'pg_cron'))
    on conflict (job, period) do update set finished_at = excluded.finished_at, target = excluded.target;
  return v_purged || jsonb_build_object('rows', (v_purged ->> 'rows')::int + v_runs);
end
$$;
