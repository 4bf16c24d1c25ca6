// What the API contract promises about the answers that the demo relies on: the essential fields of each one, and
// the refusals that are allowed.

import { z } from 'zod';
import { CLINIC_IDS } from './clinics.ts';

const clinic = z.enum(CLINIC_IDS);
const iso = z.iso.datetime({ precision: 3 });
const count = z.int().nonnegative();
const user = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/);

const station = z.object({
  id: z.string().min(1),
  clinic,
  name: z.string().min(1),
  nameAr: z.string().min(1),
  floor: z.string(),
  floorCode: z.string(),
  code: z.string(),
  weight: count,
  status: z.enum(['ready', 'locked', 'completed']),
  entryTime: iso.nullable(),
  exitTime: iso.nullable(),
});

const route = z.object({
  routeId: z.string().min(16),
  patientId: user,
  examType: z.string().nullable(),
  gender: z.enum(['male', 'female']),
  stations: z.array(station).min(1),
  clinics: z.array(clinic).min(1),
  current: clinic.nullable(),
  completed: z.array(clinic),
  currentStep: count,
  status: z.enum(['active', 'completed', 'cancelled']),
  dynamic: z.boolean(),
  weights: z.record(z.string(), count),
  createdAt: iso,
});

const called = z.object({ number: z.int().positive(), user, status: z.literal('CALLED') });

/** The body of each 200. Fields that the demo does not need are not looked at. */
export const BODIES = {
  'admin/login': z.object({
    success: z.literal(true),
    token: z.string().min(1),
    token_type: z.literal('Bearer'),
  }),
  'patient/login': z.object({
    success: z.literal(true),
    data: z.object({
      id: user,
      patientId: z.string().regex(/^[0-9]{2,12}$/),
      gender: z.enum(['male', 'female']),
      loginTime: iso,
      status: z.literal('logged_in'),
    }),
  }),
  'route/create': z.object({
    success: z.literal(true),
    route,
    routeId: z.string(),
    clinics: z.array(clinic),
    sticky: z.boolean(),
  }),
  'route/get': z.object({ success: z.literal(true), route }),
  'queue/enter': z.object({
    success: z.literal(true),
    clinic,
    user,
    number: z.int().positive(),
    status: z.enum(['WAITING', 'CALLED', 'IN_SERVICE', 'DONE']),
    entry_status: z.enum(['ENTERED', 'ALREADY_IN_QUEUE']),
    display_number: z.int().min(-1),
    position: z.int().min(-1),
    ahead: count,
    total_waiting: count,
    entry_time: iso,
  }),
  'queue/position': z.object({
    success: z.literal(true),
    clinic,
    user,
    number: z.int().positive(),
    status: z.enum(['WAITING', 'NEXT', 'CALLED', 'IN_SERVICE', 'DONE']),
    display_number: z.int().min(-1),
    position: z.int().min(-1),
    ahead: count,
    total_waiting: count,
    estimated_wait_minutes: count,
    entry_time: iso,
    called_at: iso.nullable(),
  }),
  'queue/call': z.object({
    success: z.literal(true),
    clinic,
    number: z.int().positive(),
    user,
    waiting: count,
    called,
    next_patient: called.extend({ entered_at: iso, called_at: iso }),
  }),
  'queue/done': z.object({
    success: z.literal(true),
    clinic,
    user,
    number: z.int().positive(),
    status: z.literal('DONE'),
    entry_time: iso,
    exit_time: iso,
    duration_minutes: count,
    remaining_in_queue: count,
    next_clinic: clinic.nullable(),
    route_completed: z.boolean(),
  }),
  'queue/status': z.object({
    success: z.literal(true),
    clinic,
    list: z.array(z.object({ number: z.int().positive(), user: z.string() })),
    current: z.int().positive().nullable(),
    total_waiting: count,
    in_service: count,
    completed: count,
    total: count,
    waiting: z.array(z.object({ ticket: z.int().positive(), visitId: z.string() })),
    in: z.array(z.object({ ticket: z.int().positive(), visitId: z.string() })),
    done: z.array(z.object({ ticket: z.int().positive(), visitId: z.string() })),
    dateKey: z.string().regex(/^\d{4}-\d{2}-\d{2}$/),
  }),
  'pin/status': z.object({
    success: z.literal(true),
    pins: z.record(
      z.string(),
      z.object({ pin: z.string().regex(/^[1-9][0-9]$/), clinic, active: z.literal(true) }),
    ),
    allPins: z.array(z.string()),
  }),
} as const;

export type OperationName = keyof typeof BODIES;
export const OPERATION_NAMES = Object.keys(BODIES) as OperationName[];
export type BodyOf<Name extends OperationName> = z.infer<(typeof BODIES)[Name]>;

/** The body of every refusal. */
export const REFUSAL = z.object({
  success: z.literal(false),
  code: z.string().regex(/^[A-Z_]+$/),
  error: z.string().min(1),
  message: z.string().min(1),
  request_id: z.string().min(1),
  timestamp: iso,
  clinic: clinic.optional(),
  retry_after: z.int().positive().optional(),
});

/** The refusals that a correct client can meet, with their status. Any other one breaks the contract. */
export const ALLOWED_REFUSALS: Readonly<Partial<Record<OperationName, Readonly<Record<string, number>>>>> = {
  'queue/call': { NO_PATIENTS_WAITING: 404 },
  'queue/done': { WRONG_PIN: 403, PIN_LOCKED: 429 },
};

/** Refusals that mean "later", on any operation. They are waited for, and the request is sent again. */
export const LATER: Readonly<Record<string, number>> = { RATE_LIMITED: 429, DATABASE_UNAVAILABLE: 503 };
