// The line as staff work it: calls within hours and capacity, and visits that end without a PIN.
import type { ClinicLoad, ErrorExtra } from './errors.ts';
import type { StaffAction } from './fields.ts';
import { callFunction, type RequestContext, today } from './request-context.ts';
import { missingFields } from './validate.ts';

export interface CallRequest {
  readonly clinicId: string;
  readonly force?: boolean | undefined;
}

interface Called {
  readonly clinic: string;
  readonly id: string;
  readonly user: string;
  readonly number: number;
  readonly called_at: string;
  readonly expires_at: string;
  readonly expired: number;
  /** Before this call. */
  readonly load: ClinicLoad;
}

/**
 * Calls the next patient of a clinic, after the calls that nobody followed have expired. Throws OUTSIDE_WORKING_HOURS
 * (not with `force`), CAPACITY_FULL, NO_PATIENTS_WAITING. One database round trip.
 */
export async function callNextWithinLimits(ctx: RequestContext, { clinicId, force }: CallRequest) {
  const call = await callFunction<Called>(
    ctx,
    'call_next_within_limits',
    {
      clinic: clinicId,
      day: today(ctx).day,
      admin: ctx.admin,
      force: force ?? false,
      expire: ctx.config.noShowExpiry,
    },
    (refusal) => whyNobodyWasCalled(refusal as unknown as Refusal),
  );
  const { called, in: inside, total } = call.load;
  return {
    success: true,
    clinicId: call.clinic,
    expiredNoShows: call.expired,
    callResult: {
      success: true,
      patient: {
        id: call.id,
        patientId: call.user,
        number: call.number,
        calledAt: call.called_at,
        expiresAt: call.expires_at,
      },
      currentLoad: { called: called + 1, in: inside, total: total + 1 },
    },
    timestamp: ctx.clock.now().toISOString(),
  } as const;
}

interface Refusal {
  readonly code: string;
  readonly expired: number;
  readonly load: ClinicLoad;
}

const REASONS = { CAPACITY_FULL: 'capacity_full', NO_PATIENTS_WAITING: 'no_waiting' } as const;

function whyNobodyWasCalled({ code, expired, load }: Refusal): ErrorExtra | undefined {
  const reason = code === 'CAPACITY_FULL' || code === 'NO_PATIENTS_WAITING' ? REASONS[code] : undefined;
  return reason && { expiredNoShows: expired, callResult: { success: false, reason, currentLoad: load } };
}

export interface StaffRequest {
  readonly patientId?: string | undefined;
  readonly action?: StaffAction | undefined;
  readonly clinicId?: string | undefined;
  readonly clinicCode?: { readonly sent: string; readonly clinic: string } | undefined;
}

interface NextStation {
  readonly step: number;
  readonly clinic: string;
  readonly name: string;
  readonly floor: string;
  readonly number: number | null;
}

/** Ends a visit, or reads the patient's code at the clinic. Throws MISSING_FIELDS by the action that was asked for. */
export async function staffComplete(ctx: RequestContext, request: StaffRequest) {
  const { patientId, clinicId, clinicCode } = request;
  const isCode = request.action === 'process_code';
  const where = isCode ? clinicCode?.clinic : clinicId;
  if (patientId === undefined || where === undefined) {
    throw missingFields([
      ...(patientId === undefined ? ['patientId'] : []),
      ...(where === undefined ? [isCode ? 'clinicCode' : 'clinicId'] : []),
    ]);
  }
  const args = { clinic: where, user: patientId, day: today(ctx).day, admin: ctx.admin };
  return isCode && clinicCode ? processCode(ctx, args, clinicCode.sent) : completeWithoutPin(ctx, args);
}

type StaffArgs = Readonly<Record<'clinic' | 'user' | 'day', string>> & Record<string, unknown>;

async function completeWithoutPin(ctx: RequestContext, args: StaffArgs) {
  const visit = await callFunction<{ clinic: string; next_station: NextStation | null }>(
    ctx,
    'complete_by_staff',
    args,
  );
  const next = visit.next_station;
  return {
    success: true,
    patientId: args.user,
    clinicId: visit.clinic,
    completed: next === null,
    nextClinic: next && nextClinic(next),
    message: next ? 'Service completed, another station remains' : 'Service completed, no station remains',
    timestamp: ctx.clock.now().toISOString(),
  } as const;
}

const CODE_MESSAGES = {
  checked_in: 'Patient checked in',
  routed_to_next: 'Service completed, another station remains',
  route_completed: 'Service completed, no station remains',
} as const;

interface Processed {
  readonly clinic: string;
  readonly action: keyof typeof CODE_MESSAGES;
  readonly label: { readonly clinic: string; readonly name: string };
  readonly number: number;
  readonly next_station: NextStation | null;
}

async function processCode(ctx: RequestContext, args: StaffArgs, clinicCode: string) {
  const { clinic, action, label, number, next_station } = await callFunction<Processed>(
    ctx,
    'process_clinic_code',
    args,
  );
  return {
    success: true,
    action,
    patientId: args.user,
    clinicCode,
    clinicId: clinic,
    result: {
      success: true,
      action,
      clinic: { id: label.clinic, name: label.name },
      queueNumber: number,
      nextClinic: next_station && nextClinic(next_station),
      message: CODE_MESSAGES[action],
    },
    timestamp: ctx.clock.now().toISOString(),
  } as const;
}

function nextClinic({ step, clinic, name, floor, number }: NextStation) {
  return { stepOrder: step, clinicId: clinic, clinicName: name, floor, queueNumber: number } as const;
}
