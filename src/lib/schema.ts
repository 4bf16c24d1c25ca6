// The tables, as drizzle-kit reads them to write the numbered migrations in drizzle/.
// The application itself talks to the database only through the SQL functions of those migrations.
import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  check,
  customType,
  date,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';

/** A transaction id that never wraps. With `seq` it is the cursor of the event stream. */
const xid8 = customType<{ data: string }>({ dataType: () => 'xid8' });

const id = () => uuid('id').primaryKey().defaultRandom();
const moment = (name: string) => timestamp(name, { withTimezone: true });
const createdAt = () => moment('created_at').notNull().defaultNow();
const updatedAt = () => moment('updated_at').notNull().defaultNow();

export const admins = pgTable(
  'admins',
  {
    id: id(),
    username: text('username').notNull(),
    passwordHash: text('password_hash').notNull(),
    role: text('role').notNull().default('admin'),
    tokenVersion: integer('token_version').notNull().default(0),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [uniqueIndex('admins_username_key').on(t.username)],
).enableRLS();

export const patients = pgTable(
  'patients',
  {
    id: id(),
    patientId: text('patient_id').notNull(),
    gender: text('gender'),
    sessionId: text('session_id'),
    loginTime: moment('login_time'),
    status: text('status').notNull().default('logged_in'),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    uniqueIndex('patients_patient_id_key').on(t.patientId),
    uniqueIndex('patients_session_id_key').on(t.sessionId),
    check('patients_gender_check', sql`${t.gender} in ('male', 'female')`),
  ],
).enableRLS();

export const clinics = pgTable(
  'clinics',
  {
    id: id(),
    code: text('code').notNull().unique('clinics_code_key'),
    name: text('name').notNull(),
    nameAr: text('name_ar'),
    floor: text('floor'),
    /** The short name the web page uses for this clinic; null where it has none. */
    pageCode: text('page_code'),
    aliases: text('aliases').array().notNull().default(sql`'{}'`),
    capacity: integer('capacity').notNull().default(1),
    callInterval: integer('call_interval').notNull().default(300),
    autoCall: boolean('auto_call').notNull().default(false),
    isActive: boolean('is_active').notNull().default(true),
    displayOrder: integer('display_order'),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    // Codes and aliases are compared in lower case, so they are kept in it.
    check('clinics_code_check', sql`${t.code} ~ '^[a-z0-9_-]{1,64}$'`),
    check('clinics_capacity_check', sql`${t.capacity} > 0`),
  ],
).enableRLS();

const clinicCode = () =>
  text('clinic_code')
    .notNull()
    .references(() => clinics.code, { onDelete: 'cascade' });

export const queues = pgTable(
  'queues',
  {
    id: id(),
    clinicCode: clinicCode(),
    patientId: text('patient_id').notNull(),
    queueNumber: integer('queue_number').notNull(),
    serviceDay: date('service_day').notNull(),
    status: text('status').notNull().default('WAITING'),
    priority: integer('priority').notNull().default(0),
    enteredAt: moment('entered_at').notNull().defaultNow(),
    calledAt: moment('called_at'),
    startedAt: moment('started_at'),
    completedAt: moment('completed_at'),
    callCount: integer('call_count').notNull().default(0),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    check(
      'queues_status_check',
      sql`${t.status} in ('WAITING', 'CALLED', 'IN_PROGRESS', 'COMPLETED', 'CANCELLED', 'NO_SHOW')`,
    ),
    check('queues_queue_number_check', sql`${t.queueNumber} > 0`),
    check('queues_called_check', sql`${t.status} <> 'CALLED' or ${t.calledAt} is not null`),
    check('queues_started_check', sql`${t.status} <> 'IN_PROGRESS' or ${t.startedAt} is not null`),
    check('queues_completed_check', sql`${t.status} <> 'COMPLETED' or ${t.completedAt} is not null`),
    uniqueIndex('queues_active_entry_key')
      .on(t.clinicCode, t.patientId)
      .where(sql`status in ('WAITING', 'CALLED', 'IN_PROGRESS')`),
    uniqueIndex('queues_entry_of_day_key')
      .on(t.clinicCode, t.patientId, t.serviceDay)
      .where(sql`status not in ('CANCELLED', 'NO_SHOW')`),
    // Day first, so that the same index serves a day's report over all clinics.
    uniqueIndex('queues_number_of_day_key').on(t.serviceDay, t.clinicCode, t.queueNumber),
    index('queues_head_of_line_idx')
      .on(t.clinicCode, t.serviceDay, t.priority.desc().nullsFirst(), t.queueNumber)
      .where(sql`status = 'WAITING'`),
    index('queues_patient_day_idx').on(t.patientId, t.serviceDay),
  ],
).enableRLS();

export const queueCounters = pgTable(
  'queue_counters',
  {
    clinicCode: clinicCode(),
    serviceDay: date('service_day').notNull(),
    lastNumber: integer('last_number').notNull().default(0),
    version: bigint('version', { mode: 'number' }).notNull().default(0),
    lastCalledAt: moment('last_called_at'),
  },
  (t) => [primaryKey({ columns: [t.clinicCode, t.serviceDay] })],
).enableRLS();

export const pins = pgTable(
  'pins',
  {
    id: id(),
    clinicCode: clinicCode(),
    pin: text('pin').notNull(),
    serviceDay: date('service_day').notNull(),
    generatedAt: moment('generated_at').notNull().defaultNow(),
    expiresAt: moment('expires_at'),
    isActive: boolean('is_active').notNull().default(true),
    createdAt: createdAt(),
  },
  (t) => [
    check('pins_pin_check', sql`${t.pin} ~ '^[1-9][0-9]$'`),
    uniqueIndex('pins_clinic_day_key').on(t.clinicCode, t.serviceDay).where(sql`is_active`),
    uniqueIndex('pins_day_pin_key').on(t.serviceDay, t.pin).where(sql`is_active`),
    index('pins_clinic_day_idx').on(t.clinicCode, t.serviceDay),
  ],
).enableRLS();

/** Wrong PINs: a row for each patient of a clinic and day, and one for each client address (hashed). */
export const pinAttempts = pgTable(
  'pin_attempts',
  {
    id: id(),
    clinicCode: clinicCode(),
    serviceDay: date('service_day').notNull(),
    patientId: text('patient_id'),
    clientIpHash: text('client_ip_hash'),
    windowStart: moment('window_start').notNull().defaultNow(),
    failures: integer('failures').notNull().default(0),
    dayFailures: integer('day_failures').notNull().default(0),
  },
  (t) => [
    check('pin_attempts_subject_check', sql`num_nonnulls(${t.patientId}, ${t.clientIpHash}) = 1`),
    uniqueIndex('pin_attempts_patient_key')
      .on(t.clinicCode, t.serviceDay, t.patientId)
      .where(sql`patient_id is not null`),
    uniqueIndex('pin_attempts_ip_key')
      .on(t.clinicCode, t.serviceDay, t.clientIpHash)
      .where(sql`client_ip_hash is not null`),
    index('pin_attempts_service_day_idx').on(t.serviceDay),
  ],
).enableRLS();

export const routes = pgTable(
  'routes',
  {
    id: id(),
    routeId: text('route_id').notNull(),
    patientId: text('patient_id').notNull(),
    examType: text('exam_type'),
    gender: text('gender'),
    serviceDay: date('service_day').notNull(),
    /** The stations in route order. */
    clinics: jsonb('clinics').notNull(),
    /** True when the system made the order, false when the caller sent the stations. */
    dynamic: boolean('dynamic').notNull().default(false),
    currentClinic: text('current_clinic'),
    completedClinics: jsonb('completed_clinics').notNull().default([]),
    status: text('status').notNull().default('active'),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    check('routes_status_check', sql`${t.status} in ('active', 'completed', 'cancelled')`),
    uniqueIndex('routes_route_id_key').on(t.routeId),
    uniqueIndex('routes_patient_day_key').on(t.patientId, t.serviceDay).where(sql`status <> 'cancelled'`),
  ],
).enableRLS();

export const events = pgTable(
  'events',
  {
    id: id(),
    seq: bigint('seq', { mode: 'number' }).generatedAlwaysAsIdentity(),
    xid: xid8('xid').notNull().default(sql`pg_current_xact_id()`),
    eventType: text('event_type').notNull(),
    clinicCode: text('clinic_code'),
    patientId: text('patient_id'),
    position: integer('position'),
    data: jsonb('data').notNull().default({}),
    createdAt: createdAt(),
  },
  (t) => [
    index('events_cursor_idx').on(t.xid, t.seq),
    index('events_patient_clinic_idx').on(t.patientId, t.clinicCode),
    index('events_clinic_idx').on(t.clinicCode, t.xid, t.seq),
    index('events_created_at_idx').on(t.createdAt),
  ],
).enableRLS();

export const settings = pgTable(
  'settings',
  {
    id: id(),
    key: text('key').notNull(),
    value: jsonb('value').notNull(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [uniqueIndex('settings_key_key').on(t.key)],
).enableRLS();

export const reports = pgTable(
  'reports',
  {
    id: id(),
    reportType: text('report_type').notNull(),
    reportDate: date('report_date').notNull(),
    data: jsonb('data').notNull(),
    createdAt: createdAt(),
  },
  (t) => [
    check('reports_report_type_check', sql`${t.reportType} in ('daily', 'weekly', 'monthly', 'annual')`),
    uniqueIndex('reports_type_date_key').on(t.reportType, t.reportDate),
  ],
).enableRLS();

export const rateLimits = pgTable(
  'rate_limits',
  {
    id: id(),
    clientId: text('client_id').notNull(),
    endpoint: text('endpoint').notNull(),
    requestCount: integer('request_count').notNull().default(0),
    windowStart: moment('window_start').notNull().defaultNow(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    uniqueIndex('rate_limits_window_key').on(t.clientId, t.endpoint, t.windowStart),
    index('rate_limits_window_start_idx').on(t.windowStart),
  ],
).enableRLS();

export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    key: text('key').notNull(),
    scope: text('scope').notNull(),
    requestHash: text('request_hash').notNull(),
    status: integer('status').notNull(),
    response: text('response').notNull(),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({ columns: [t.scope, t.key] }),
    index('idempotency_keys_created_at_idx').on(t.createdAt),
  ],
).enableRLS();

export const qrSessions = pgTable(
  'qr_sessions',
  {
    token: text('token').primaryKey(),
    patientId: text('patient_id').notNull(),
    serviceDay: date('service_day').notNull(),
    createdAt: createdAt(),
    expiresAt: moment('expires_at').notNull(),
    usedAt: moment('used_at'),
    device: text('device'),
  },
  (t) => [
    check('qr_sessions_device_check', sql`${t.device} in ('iOS', 'Android', 'Desktop')`),
    index('qr_sessions_service_day_idx').on(t.serviceDay),
  ],
).enableRLS();

export const jobRuns = pgTable(
  'job_runs',
  {
    job: text('job').notNull(),
    period: text('period').notNull(),
    finishedAt: moment('finished_at').notNull().defaultNow(),
    target: text('target'),
  },
  (t) => [primaryKey({ columns: [t.job, t.period] })],
).enableRLS();
