// The line of a clinic: entering, calling, leaving, and what it looks like.
import { readThroughCache } from './cached-read.ts';
import type { Route } from './patient-routes.ts';
import type { ShownStatus } from './position.ts';
import { limitsOfPins } from './rate-limit-policies.ts';
import { callFunction, type RequestContext, today } from './request-context.ts';

export interface EntryRequest {
  readonly clinic: string;
  readonly user: string;
}

interface Entered {
  readonly clinic: string;
  readonly user: string;
  readonly number: number;
  readonly status: ShownStatus;
  readonly entry_status: 'ENTERED' | 'ALREADY_IN_QUEUE';
  readonly display_number: number;
  readonly position: number;
  readonly ahead: number;
  readonly total_waiting: number;
  readonly entry_time: string;
}

/** Takes a number, or gives back the entry there is. One database round trip. */
export async function enterQueue(ctx: RequestContext, { clinic, user }: EntryRequest) {
  const entry = await callFunction<Entered>(ctx, 'enter_queue', { clinic, user, day: today(ctx).day });
  return {
    success: true,
    clinic: entry.clinic,
    user: entry.user,
    number: entry.number,
    status: entry.status,
    entry_status: entry.entry_status,
    display_number: entry.display_number,
    position: entry.position,
    ahead: entry.ahead,
    total_waiting: entry.total_waiting,
    entry_time: entry.entry_time,
    message: entry.entry_status === 'ENTERED' ? 'Entered queue' : 'Already in queue',
  } as const;
}

interface Called {
  readonly clinic: string;
  readonly user: string;
  readonly number: number;
  readonly waiting: number;
  readonly entered_at: string;
  readonly called_at: string;
}

/** Calls the head of the line; two callers never get the same patient. One database round trip. */
export async function callNext(ctx: RequestContext, { clinic }: Pick<EntryRequest, 'clinic'>) {
  const called = await callFunction<Called>(ctx, 'call_next_patient', {
    clinic,
    day: today(ctx).day,
    by: 'admin',
    admin: ctx.admin,
  });
  const patient = { number: called.number, user: called.user, status: 'CALLED' } as const;
  return {
    success: true,
    clinic: called.clinic,
    number: called.number,
    user: called.user,
    waiting: called.waiting,
    called: patient,
    next_patient: { ...patient, entered_at: called.entered_at, called_at: called.called_at },
  } as const;
}

export interface ExitRequest extends EntryRequest {
  readonly pin: string;
}

interface Completed {
  readonly clinic: string;
  readonly user: string;
  readonly number: number;
  readonly entry_time: string;
  readonly exit_time: string;
  readonly duration_minutes: number;
  readonly remaining_in_queue: number;
  readonly next_clinic: string | null;
  readonly route_completed: boolean;
}

/** Closes the visit with the clinic's PIN of the day; a wrong PIN is counted. One database round trip. */
export async function completeVisit(ctx: RequestContext, request: ExitRequest) {
  const visit = await complete<Completed>(ctx, request);
  return {
    success: true,
    clinic: visit.clinic,
    user: visit.user,
    number: visit.number,
    status: 'DONE',
    entry_time: visit.entry_time,
    exit_time: visit.exit_time,
    duration_minutes: visit.duration_minutes,
    remaining_in_queue: visit.remaining_in_queue,
    next_clinic: visit.next_clinic,
    route_completed: visit.route_completed,
    message: 'Patient service completed',
  } as const;
}

/** As completeVisit, for a patient whose route of today contains the clinic; answers the whole route. */
export async function exitClinic(ctx: RequestContext, request: ExitRequest) {
  const { route } = await complete<{ route: Route }>(ctx, request, {
    require_route: true,
  });
  return { success: true, message: 'Clinic exit successful', route } as const;
}

async function complete<T>(ctx: RequestContext, request: ExitRequest, options: Record<string, unknown> = {}) {
  const { day, end } = today(ctx);
  return callFunction<T>(ctx, 'complete_patient_service', {
    clinic: request.clinic,
    user: request.user,
    pin: request.pin,
    day,
    day_end: end,
    ip_hash: await ctx.keyedHash('client-ip', ctx.clientIp),
    limits: limitsOfPins(ctx.config.rateLimits),
    ...options,
  });
}

interface LineEntry {
  readonly number: number;
  readonly user: string;
  readonly status: 'WAITING' | 'CALLED' | 'IN_SERVICE' | 'DONE';
  readonly entered_at: string;
  readonly called_at: string | null;
  readonly completed_at: string | null;
}

interface Line {
  readonly clinic: string;
  readonly total: number;
  readonly waiting: readonly LineEntry[];
  readonly in: readonly LineEntry[];
  readonly done: readonly LineEntry[];
  readonly current: LineEntry | null;
}

/** The whole line of a clinic today. Session ids are shown to an admin only; the database masks them otherwise. May be stale. */
export async function queueStatus(ctx: RequestContext, { clinic }: Pick<EntryRequest, 'clinic'>) {
  const { day } = today(ctx);
  const line = await readThroughCache<Line>(ctx, {
    sql: 'queue_status',
    args: { clinic, day },
    clinic,
    key: (id) => `queue:status:${id}`,
    ofOneLine: true,
    moreForAdmin: true,
    staleWhileDown: true,
  });
  const totalWaiting = line.waiting.length;
  const inService = line.in.length;
  const completed = line.done.length;
  return {
    success: true,
    clinic: line.clinic,
    list: [...line.in, ...line.waiting].map(({ completed_at: _, ...entry }) => entry),
    current: line.current?.number ?? null,
    current_display: line.current?.number ?? 0,
    current_serving: line.current && { number: line.current.number, user: line.current.user },
    total_waiting: totalWaiting,
    in_service: inService,
    completed,
    total: line.total,
    waiting: line.waiting.map((entry) => ({
      ticket: entry.number,
      visitId: entry.user,
      issuedAt: entry.entered_at,
    })),
    in: line.in.map((entry) => ({ ticket: entry.number, visitId: entry.user, calledAt: entry.called_at })),
    done: line.done.map((entry) => ({
      ticket: entry.number,
      visitId: entry.user,
      doneAt: entry.completed_at,
    })),
    stats: { totalWaiting, totalIn: inService, totalDone: completed, totalToday: line.total },
    dateKey: day,
    ...(line.stale && { stale: true as const }),
  } as const;
}
