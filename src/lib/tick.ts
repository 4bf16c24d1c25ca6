// The work that a scheduler starts every minute. Safe at any time, twice, and by several targets at once: each step
// is one SQL function that looks again under its lock, so a runner that dies or comes second changes nothing.
import { DomainError } from './errors.ts';
import { keepOnce } from './keep-once.ts';
import { callFunction, type RequestContext, today } from './request-context.ts';
import type { ServiceDay } from './service-day.ts';
import type { Services } from './services.ts';
import type { SqlFunction } from './sql-functions.ts';
import { Timing } from './timing.ts';

interface TickState {
  readonly working_hours: boolean;
  readonly clinics: readonly ClinicDue[];
  readonly pins_missing: boolean;
  readonly open_lines: readonly { readonly day: string; readonly clinic: string }[];
  readonly days_to_finish: boolean;
}

interface ClinicDue {
  readonly clinic: string;
  readonly name: string;
  readonly expired: number;
  readonly due: boolean;
  readonly reason: CallResult['reason'];
}

interface CallResult {
  readonly success: boolean;
  readonly reason: 'no_waiting' | 'capacity_full' | null;
  readonly number: number | null;
}

/** The context of work that no request asked for: a scheduler of the platform. `waitUntil` must never throw. */
export function schedulerContext(
  services: Services,
  waitUntil: RequestContext['waitUntil'] = () => {},
): RequestContext {
  return {
    ...services,
    ...services.waiting(),
    requestId: services.ids.uuid(),
    timing: new Timing(),
    admin: undefined,
    foreignOrigin: false,
    clientIp: 'scheduler',
    admitted: Promise.resolve(),
    signal: new AbortController().signal,
    waitUntil: (work) => waitUntil(work.catch(() => undefined)),
  };
}

/**
 * One tick: closes past days, stores their reports, makes the PINs of today, ends calls that ran out, calls where it
 * is time, purges. A step that fails is listed and stops no other. Throws UNAUTHORIZED for an admin whose token is
 * not current, and DATABASE_UNAVAILABLE when not even the first look succeeds.
 */
export function runTick(ctx: RequestContext) {
  return keepOnce(ctx, tick, ctx.admin);
}

/** What a tick would find to do, and nothing done. Throws as runTick. One database round trip. */
export function lookBeforeTick(ctx: RequestContext): Promise<TickState> {
  return callFunction<TickState>(ctx, 'tick_state', {
    day: today(ctx).day,
    expire: ctx.config.noShowExpiry,
    ...(ctx.admin && { admin: ctx.admin }),
  });
}

async function tick(ctx: RequestContext) {
  const start = performance.now();
  const now = today(ctx);
  const expire = ctx.config.noShowExpiry;
  const state = await lookBeforeTick(ctx);
  const errors: string[] = [];
  const step = stepRunner(ctx, now, errors);

  // A day's report is final only once every line of the day is closed, so closing comes first.
  let closed = 0;
  for (const { day, clinic } of state.open_lines) {
    const line = await step<{ closed: number }>(`${day} ${clinic}`, 'close_past_line', {
      day,
      clinic,
      today: now.day,
    });
    closed += line?.closed ?? 0;
  }
  const finished = state.days_to_finish
    ? await step<{ written: number }>('reports', 'finish_past_days', {})
    : undefined;
  const pins = state.pins_missing
    ? await step<{ created: number }>('pins', 'make_daily_pins', {})
    : undefined;
  const clinics = [];
  for (const due of state.clinics) clinics.push(await tickClinic(due, expire, step));
  const purged = await step<{ events: number; rows: number }>('purge', 'purge_old_rows', {});

  ctx.log('info', {
    event: 'job_done',
    request_id: ctx.requestId,
    target: ctx.target,
    job: 'tick',
    duration_ms: Math.round(performance.now() - start),
    failed: errors.length,
  });
  return {
    success: true,
    message: state.working_hours ? `Tick done: ${clinics.length} clinics` : 'Outside working hours',
    executionTime: Math.round(performance.now() - start),
    timestamp: ctx.clock.now().toISOString(),
    results: {
      workingHours: state.working_hours,
      processedClinics: clinics.length,
      expiredNoShows: clinics.reduce((total, { expiredCount }) => total + expiredCount, 0),
      calledPatients: clinics.filter(({ callResult }) => callResult?.success).length,
      errors,
      cleanedNotifications: purged?.events ?? 0,
      clinicResults: clinics,
      jobs: {
        pins_created: pins?.created ?? 0,
        entries_closed: closed,
        reports_written: finished?.written ?? 0,
        rows_purged: purged?.rows ?? 0,
      },
    },
  } as const;
}

type RunStep = <T>(name: string, work: SqlFunction, args: Record<string, unknown>) => Promise<T | undefined>;

/** Runs one step; a failure is logged and listed under the step's name with its code, never with its text. */
function stepRunner(ctx: RequestContext, { day, end }: ServiceDay, errors: string[]): RunStep {
  return async <T>(name: string, work: SqlFunction, args: Record<string, unknown>) => {
    try {
      return await callFunction<T>(ctx, work, { day, day_end: end, target: ctx.target, ...args });
    } catch (error) {
      const code = error instanceof DomainError ? error.code : 'INTERNAL_ERROR';
      errors.push(`${name}: ${code}`);
      ctx.log('error', { event: 'tick_step_failed', request_id: ctx.requestId, error: code });
      return undefined;
    }
  };
}

/** Asks the database only where the first look found something to do: an idle minute costs one look and a purge. */
async function tickClinic({ clinic, name, expired, due, reason }: ClinicDue, expire: boolean, step: RunStep) {
  const nothing = { expired: 0, call: due && reason ? { success: false, reason, number: null } : null };
  const hasWork = expired > 0 || (due && reason === null);
  const done = hasWork
    ? await step<{ expired: number; call: CallResult | null }>(clinic, 'tick_clinic', { clinic, expire })
    : nothing;
  return {
    clinicId: clinic,
    clinicName: name,
    expiredCount: done?.expired ?? 0,
    callResult: done?.call ?? null,
    error: done ? null : 'The tick of this clinic failed',
  } as const;
}
