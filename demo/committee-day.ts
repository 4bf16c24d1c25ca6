// A whole day: staff log in and open their clinics, patients come and go, the clinics close, the books are read.

import { setMaxListeners } from 'node:events';
import { Api } from './api.ts';
import { HttpClient } from './client.ts';
import { CLINIC_IDS, type ClinicId } from './clinics.ts';
import { type Day, Doors, PinBoard, paceOf } from './day.ts';
import { type PatientPlan, planDay } from './day-plan.ts';
import type { Ledger, PatientRecord } from './ledger.ts';
import { type Lines, readLines } from './lines.ts';
import type { Credentials } from './options.ts';
import { spendTheDay } from './patient.ts';
import { pause } from './pause.ts';
import { createRandom } from './random.ts';
import { staffClinic } from './staff.ts';

/** Below this a minute at a locked door would be most of the day. */
const LEAST_WINDOW_FOR_STUBBORN_MS = 45_000;
const STALLED_MS = 150_000;
/** Long enough for a server to be started again. */
const SILENT_MS = 20_000;

export interface DayOptions {
  readonly url: string;
  readonly admin: Credentials;
  readonly patients: number;
  readonly seed: number;
  readonly windowMs: number;
}

export interface DayResult {
  readonly before: Lines;
  /** Undefined when the day was broken off. */
  readonly after: Lines | undefined;
}

/** The day cannot begin; the message says why. */
export class CannotBegin extends Error {}

/** Clinics that more than a third of all patients visit have two workers. */
function workersOf(clinic: ClinicId, plans: readonly PatientPlan[]): number {
  const visits = plans.filter((plan) => plan.clinics.includes(clinic)).length;
  return visits * 3 > plans.length ? 2 : 1;
}

async function openTheHouse(api: Api, pins: PinBoard, ledger: Ledger, admin: Credentials): Promise<Lines> {
  const reason = (): string =>
    [...ledger.breaches.values()].map((b) => `${b.operation}: ${b.problem}`).join('; ');
  if (!(await api.adminLogin(admin.username, admin.password))) {
    throw new CannotBegin(`the staff could not log in at the server (${reason()})`);
  }
  if (!(await pins.read(api))) throw new CannotBegin(`the PINs of the day could not be read (${reason()})`);
  const before = await readLines(api);
  if (before === undefined) throw new CannotBegin(`the lines could not be read (${reason()})`);
  return before;
}

/** Why the day cannot go on: a lost patient or a dead server must not keep the house open for ever. */
function deadEnd(ledger: Ledger, stalledMs: number): string | undefined {
  const now = performance.now();
  if (ledger.silentSince !== undefined && now - ledger.silentSince > SILENT_MS) {
    return `the server did not answer for ${SILENT_MS / 1000} s`;
  }
  if (now - ledger.lastMoveAt > stalledMs) return `nobody moved for ${Math.round(stalledMs / 1000)} s`;
  return undefined;
}

async function watchForDeadEnd(
  day: Day,
  stalledMs: number,
  end: AbortController,
  over: AbortSignal,
): Promise<void> {
  while (!over.aborted) {
    await pause(1000, over);
    const reason = deadEnd(day.ledger, stalledMs);
    if (reason === undefined) continue;
    day.ledger.breach('demo', `${reason}: the day was ended`);
    end.abort(new Error(reason));
  }
}

async function onePatient(plan: PatientPlan, record: PatientRecord, day: Day): Promise<void> {
  try {
    await spendTheDay(plan, record, day);
  } catch (error) {
    if (day.signal.aborted) return;
    day.ledger.breach(
      'demo',
      `a patient's day failed: ${error instanceof Error ? error.message : 'unknown'}`,
    );
  }
}

/**
 * Runs the day and fills the ledger. `interrupt` breaks it off: everything stops, and what was seen so far stays.
 * Throws CannotBegin when the server does not let the staff in.
 */
export async function runCommitteeDay(
  options: DayOptions,
  ledger: Ledger,
  interrupt: AbortSignal,
): Promise<DayResult> {
  const random = createRandom(options.seed);
  const plans = planDay({
    patients: options.patients,
    windowMs: options.windowMs,
    random,
    withStubbornPatient: options.windowMs >= LEAST_WINDOW_FOR_STUBBORN_MS,
  });
  const records = plans.map((plan) => ledger.addPatient(plan.index, plan.clinics.length));

  const dead = new AbortController();
  const closed = new AbortController();
  const signal = AbortSignal.any([interrupt, dead.signal]);
  const closing = AbortSignal.any([signal, closed.signal]);
  // Hundreds of people listen for the end of the day; that is no leak.
  setMaxListeners(0, signal, closing);

  // The office outlives a stalled day: it reads the lines at the end, where what was lost can be seen.
  const office = new Api(new HttpClient(options.url, ledger, interrupt), ledger);
  const pins = new PinBoard();
  const before = await openTheHouse(office, pins, ledger, options.admin);
  const day = {
    api: office.through(new HttpClient(options.url, ledger, signal)),
    ledger,
    pace: paceOf(options.patients, options.windowMs),
    random,
    pins,
    doors: new Doors(),
    signal,
  };

  const watch = watchForDeadEnd(day, options.windowMs + STALLED_MS, dead, closing).catch(() => undefined);
  const desks = CLINIC_IDS.map((clinic) => staffClinic(clinic, workersOf(clinic, plans), day, closing));
  const staff = Promise.all(desks).catch((error: unknown) => {
    if (signal.aborted) return;
    ledger.breach('demo', `a clinic's staff failed: ${error instanceof Error ? error.message : 'unknown'}`);
  });
  await Promise.all(
    plans.map((plan, index) => {
      const record = records[index];
      return record === undefined ? Promise.resolve() : onePatient(plan, record, day);
    }),
  );
  closed.abort(new Error('closed'));
  await Promise.all([staff, watch]);
  return { before, after: interrupt.aborted ? undefined : await readLines(office) };
}
