/** A day full of patients whose every secret is a text that stands nowhere by chance. */
import { randomBytes, randomInt } from 'node:crypto';
import { expect } from 'vitest';
import { readConfig } from '../../src/lib/config.ts';
import { createDatabase } from '../../src/lib/database.ts';
import { serviceDay } from '../../src/lib/service-day.ts';
import type { Answer } from './http.ts';
import { CLINIC_IDS, type QueueClient } from './queue-client.ts';
import type { Target } from './target.ts';

export interface MarkedPatient {
  readonly personalNumber: string;
  readonly user: string;
  /** Where the patient stands in line, stood, or would. */
  readonly clinic: string;
  readonly qrToken: string | undefined;
  /** Everything that only this patient and staff may know, each with what it is. */
  readonly secrets: ReadonlyMap<string, string>;
}

const STATES = ['COMPLETED', 'IN_PROGRESS', 'CALLED', 'WAITING', 'WAITING', 'EMERGENCY'] as const;
type State = (typeof STATES)[number] | 'NO_SHOW' | 'CANCELLED';

const DAY = 86_400_000;
const EMERGENCY_CODE = '1357924680';

/** Fills every clinic with patients in every state; NO_SHOW and CANCELLED only where the server is our own. */
export async function fillWithPatients(target: Target, staff: QueueClient): Promise<MarkedPatient[]> {
  const patients: MarkedPatient[] = [];
  for (const state of ['NO_SHOW', 'CANCELLED'] as const) {
    if (target.environment) patients.push(await leaveUnserved(target.environment, staff, state));
  }
  const settings = { emergency_pin: EMERGENCY_CODE };
  expectOk(await staff.post('/api/admin/settings', { settings }, { token: staff.token }));
  for (const clinic of CLINIC_IDS) {
    await staff.drain(clinic);
    for (const state of STATES) patients.push(await bringTo(staff, clinic, state));
  }
  return patients;
}

/** Half of them logged in; the other half has an id as the page makes it. */
async function newPatient(staff: QueueClient, clinic: string, state: State): Promise<MarkedPatient> {
  const personalNumber = `97${randomInt(10 ** 9, 10 ** 10 - 1)}`;
  const json = { patientId: personalNumber, gender: 'male' };
  const login = expectOk(await staff.post('/api/v1/patient/login', json));
  const made = `${Date.now()}-${randomBytes(5).toString('hex').slice(0, 9)}`;
  const user = randomInt(2) === 0 ? made : String((login.body.data as { id: string }).id);
  const { routeId } = await staff.route(user, [
    clinic,
    ...CLINIC_IDS.filter((other) => other !== clinic).slice(0, 2),
  ]);
  const whose = `of the ${state} patient in ${clinic}`;
  const qrToken = await newQrToken(staff, user, state);
  const secrets = new Map([
    [personalNumber, `the personal number ${whose}`],
    [user, `the session ${whose}`],
    [routeId, `the route id ${whose}`],
    ...(qrToken === undefined ? [] : ([[qrToken, `the QR token ${whose}`]] as const)),
  ]);
  return { personalNumber, user, clinic, qrToken, secrets };
}

/** Used in one state, unused in another. */
async function newQrToken(staff: QueueClient, user: string, state: State): Promise<string | undefined> {
  if (state !== 'CALLED' && state !== 'WAITING') return undefined;
  const { token } = staff;
  const created = expectOk(await staff.post('/api/session/create', { patientId: user }, { token }));
  const qrToken = String(created.body.token);
  if (state === 'CALLED') expectOk(await staff.post('/api/session/validate', { token: qrToken }));
  return qrToken;
}

async function bringTo(staff: QueueClient, clinic: string, state: State): Promise<MarkedPatient> {
  const patient = await newPatient(staff, clinic, state);
  const { user } = patient;
  if (state === 'EMERGENCY') {
    const json = { patientId: user, examType: 'courses', gender: 'male', emergencyCode: EMERGENCY_CODE };
    expectOk(await staff.post('/api/patient/enqueue', json));
    return patient;
  }
  await staff.enter(clinic, user);
  if (state === 'COMPLETED') expectOk(await staff.done(clinic, user, await staff.pin(clinic)));
  if (state === 'CALLED' || state === 'IN_PROGRESS') await staff.callUntil(clinic, user);
  if (state === 'IN_PROGRESS') {
    const json = { patientId: user, action: 'process_code', clinicCode: clinic };
    expectOk(await staff.post('/api/queue/complete', json, { token: staff.token }));
  }
  return patient;
}

/** States that only time brings: the database is told that it has passed. */
async function leaveUnserved(
  environment: Readonly<Record<string, string>>,
  staff: QueueClient,
  state: 'NO_SHOW' | 'CANCELLED',
): Promise<MarkedPatient> {
  const config = readConfig(environment);
  const database = createDatabase(config);
  const dayAt = (ms: number) => serviceDay(new Date(ms), config.timezone, config.serviceDayStart).day;
  const clinic = 'ent';
  const patient = await newPatient(staff, clinic, state);
  const { user } = patient;
  if (state === 'CANCELLED') {
    const past = Date.now() - DAY;
    const entered = { clinic, user, day: dayAt(past), now: new Date(past).toISOString() };
    expect(await database.call('enter_queue', entered)).toMatchObject({ ok: true });
    expectOk(await staff.post('/api/system/tick', {}, { token: staff.token }));
  } else {
    await staff.enter(clinic, user);
    await staff.callUntil(clinic, user);
    const later = new Date(Date.now() + DAY / 48).toISOString();
    const expiry = { clinic, day: dayAt(Date.now()), now: later, expire: true, force: true };
    expect(await database.call('call_next_within_limits', expiry)).toMatchObject({ expired: 1 });
  }
  return patient;
}

function expectOk(answer: Answer): Answer {
  expect(answer.status, answer.text).toBe(200);
  return answer;
}
