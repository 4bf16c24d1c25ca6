// Route and first entry in one call, and how far a patient got with them today.
import type { Gender } from './fields.ts';
import { inWords, type StoredNotice } from './notices.ts';
import { examStations, type Station } from './patient-routes.ts';
import type { ShownStatus } from './position.ts';
import { limitsOfEmergencyCodes } from './rate-limit-policies.ts';
import { callFunction, type RequestContext, today } from './request-context.ts';

export interface EnqueueRequest {
  readonly patientId: string;
  readonly examType: string;
  readonly gender: Gender;
  readonly priority?: number | undefined;
  readonly emergencyCode?: string | undefined;
}

interface Enqueued {
  readonly clinic: string;
  readonly number: number;
  readonly entry_status: 'ENTERED' | 'ALREADY_IN_QUEUE';
  readonly priority: number;
  readonly emergency: boolean;
}

/**
 * Makes today's route and enters its first unfinished station; with the emergency code a patient who is in line
 * already moves to its front. Throws INVALID_FIELD, INVALID_EMERGENCY_CODE, ALREADY_EXISTS. One round trip.
 */
export async function enqueuePatient(ctx: RequestContext, request: EnqueueRequest) {
  const { patientId, examType, gender, emergencyCode } = request;
  const enqueued = await callFunction<Enqueued>(ctx, 'enqueue_patient', {
    user: patientId,
    day: today(ctx).day,
    route_id: ctx.ids.secret(),
    exam_type: examType,
    gender,
    stations: examStations(examType),
    dynamic: true,
    priority: request.priority,
    admin: ctx.admin,
    ...(emergencyCode !== undefined && {
      emergency_code: emergencyCode,
      ip_hash: await ctx.keyedHash('client-ip', ctx.clientIp),
      limits: limitsOfEmergencyCodes(ctx.config.rateLimits),
    }),
  });
  return {
    success: true,
    patientId,
    examType,
    gender,
    priority: enqueued.priority,
    emergency: enqueued.emergency,
    result: {
      success: true,
      patientId,
      firstClinic: { id: enqueued.clinic, queueNumber: enqueued.number },
      message: enqueued.entry_status === 'ENTERED' ? 'Patient enqueued' : 'Patient moved to the front',
    },
    timestamp: ctx.clock.now().toISOString(),
  } as const;
}

interface Step {
  readonly clinic: string;
  readonly name: string;
  readonly floor: string;
  readonly status: Station['status'];
  readonly started_at: string | null;
  readonly completed_at: string | null;
}

interface Progress {
  readonly exam_type: string | null;
  readonly gender: Gender | null;
  readonly steps: readonly Step[];
  readonly entry:
    | (Pick<Step, 'clinic' | 'name' | 'floor' | 'started_at'> & {
        readonly number: number;
        readonly status: ShownStatus;
        readonly ahead: number;
        readonly called_at: string | null;
        readonly expires_at: string | null;
      })
    | null;
  readonly notices: readonly StoredNotice[];
}

/** Notices that come with a patient's progress. */
const LATEST_NOTICES = 5;

/** The patient's steps, active entry and last notices. Throws NOT_IN_QUEUE with neither route nor entry today. */
export async function patientProgress(ctx: RequestContext, { patientId }: { readonly patientId: string }) {
  const found = await callFunction<Progress>(
    ctx,
    'patient_progress',
    { user: patientId, day: today(ctx).day, notices: LATEST_NOTICES },
    () => ({ status: { exists: false } }),
  );
  const now = ctx.clock.now().toISOString();
  return { success: true, patientId, status: progressBody(found, now), timestamp: now } as const;
}

function progressBody({ exam_type, gender, steps, entry, notices }: Progress, now: string) {
  const totalSteps = steps.length;
  const completedSteps = steps.filter(({ status }) => status === 'completed').length;
  return {
    exists: true,
    examType: exam_type,
    gender,
    progress: totalSteps === 0 ? 0 : Math.round((100 * completedSteps) / totalSteps),
    completedSteps,
    totalSteps,
    isComplete: totalSteps > 0 && completedSteps === totalSteps,
    currentQueue: entry && {
      clinicId: entry.clinic,
      clinicName: entry.name,
      floor: entry.floor,
      number: entry.number,
      status: entry.status,
      positionInQueue: entry.ahead,
      calledAt: entry.called_at,
      expiresAt: entry.expires_at,
      startedAt: entry.started_at,
    },
    allSteps: steps.map((step, index) => ({
      stepOrder: index + 1,
      clinicId: step.clinic,
      clinicName: step.name,
      floor: step.floor,
      status: step.status,
      startedAt: step.started_at,
      completedAt: step.completed_at,
    })),
    notifications: notices.map(inWords),
    lastUpdated: now,
  } as const;
}
