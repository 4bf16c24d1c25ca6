// The numbers of the day, over all clinics. Each is one SQL statement, however many clinics there are.
import { type Cached, readThroughCache } from './cached-read.ts';
import { type RequestContext, today } from './request-context.ts';

interface DashboardCounts {
  readonly waiting: number;
  readonly completed: number;
  readonly active_queues: number;
  readonly current_patients: number;
  readonly patients: number;
  readonly average_wait: number;
  readonly last_hour: number;
  readonly clinics: number;
}

/** The dashboard: every number twice where two screens read it under two names. One database round trip. */
export async function dashboard(ctx: RequestContext) {
  const counts = await readThroughCache<DashboardCounts>(ctx, {
    sql: 'stats_dashboard',
    args: { day: today(ctx).day },
    key: 'stats:dashboard',
    staleWhileDown: true,
  });
  return {
    success: true,
    stats: {
      totalWaiting: counts.waiting,
      activeQueues: counts.active_queues,
      completedToday: counts.completed,
      avgWaitTime: counts.average_wait,
    },
    currentPatients: counts.current_patients,
    completedToday: counts.completed,
    avgWaitTime: counts.average_wait,
    throughputHour: counts.last_hour,
    total_patients: counts.patients,
    total_queues: counts.clinics,
    active_queues: counts.active_queues,
    timestamp: ctx.clock.now().toISOString(),
    ...(counts.stale && { stale: true as const }),
  } as const;
}

interface ClinicLine {
  readonly clinic: string;
  readonly name: string;
  readonly name_ar: string;
  readonly capacity: number;
  readonly total: number;
  readonly waiting: number;
  readonly called: number;
  readonly in_progress: number;
  readonly completed: number;
  readonly current: number | null;
  readonly current_status: 'CALLED' | 'IN_PROGRESS' | null;
  readonly first_waiting: number | null;
  readonly mean_minutes: number;
}

/** One row for each clinic, without any id of a person; `stale` while the database is down. */
export async function clinicRows(ctx: RequestContext) {
  const { queues, stale }: Cached<{ queues: readonly ClinicLine[] }> = await readThroughCache(ctx, {
    sql: 'stats_queues',
    args: { day: today(ctx).day },
    key: 'stats:queues',
    staleWhileDown: true,
  });
  return { rows: queues.map(clinicRow), stale };
}

/** The rows in the envelope of `stats/queues`. */
export async function queueStatistics(ctx: RequestContext) {
  const { rows, stale } = await clinicRows(ctx);
  return {
    success: true,
    queues: rows,
    timestamp: ctx.clock.now().toISOString(),
    ...(stale && { stale }),
  } as const;
}

function clinicRow(line: ClinicLine) {
  const inService = line.called + line.in_progress;
  return {
    id: line.clinic,
    clinic: line.clinic,
    name: line.name_ar,
    nameAr: line.name_ar,
    name_ar: line.name_ar,
    name_en: line.name,
    clinic_name: line.name_ar,
    current: line.current,
    current_display: line.current ?? 0,
    total: line.total,
    waiting: line.waiting,
    in_service: inService,
    completed: line.completed,
    active: line.waiting + inService > 0,
    capacity: line.capacity,
    current_load: inService,
    occupancy_percent: Math.round((100 * inService) / line.capacity),
    reviewer_number: line.current ?? line.first_waiting ?? '-',
    status: rowStatus(line),
    eta_minutes: Math.round(line.waiting * line.mean_minutes),
  } as const;
}

/** In the words that the page's card knows. */
function rowStatus(line: ClinicLine) {
  if (line.current_status === 'IN_PROGRESS') return 'started';
  if (line.current_status === 'CALLED') return 'called';
  return line.waiting > 0 ? 'queued' : 'completed';
}
