// What was observed from outside during the day: only what answers said and when. The verdict and the report
// are made from this alone.

import { CLINIC_IDS, type ClinicId } from './clinics.ts';
import type { OperationName } from './contract.ts';

export interface PatientRecord {
  readonly index: number;
  /** Stations of the route. */
  readonly stations: number;
  stationsLeft: number;
  /** Every route that any answer named: exactly one when all is well. */
  readonly routeIds: Set<string>;
  /** route/get said that the route is completed. */
  finished: boolean;
}

/** One patient in one clinic's line. Times are milliseconds of one monotonic clock. */
export interface Visit {
  readonly patient: number;
  readonly clinic: ClinicId;
  readonly user: string;
  /** Every number that any answer gave for this visit: exactly one when all is well. */
  readonly numbers: Set<number>;
  /** Every time of leaving that any answer gave: at most one when all is well. */
  readonly exitTimes: Set<string>;
  /** Answers that said the entry is new: exactly one when all is well. */
  newEntries: number;
  /** Answers to repeated requests. */
  repeats: number;
  calls: number;
  wrongPins: number;
  /** Wrong PINs after which the patient was out, by the answer or by the position asked for next. */
  letOutByWrongPin: number;
  /** Answers in which the place in line was further back than in the one before. */
  stepsBack: number;
  enteredAt: number | undefined;
  /** When the call that took this patient was sent, and when it was answered. */
  callSentAt: number | undefined;
  callAnsweredAt: number | undefined;
  calledSeenAt: number | undefined;
  doneAt: number | undefined;
}

export interface CallRecord {
  readonly clinic: ClinicId;
  readonly number: number;
  /** Called somebody whom the demo did not send (left over from an earlier run). */
  readonly stranger: boolean;
  readonly sentAt: number;
  readonly answeredAt: number;
}

export interface EmptyCall {
  readonly clinic: ClinicId;
  readonly sentAt: number;
  readonly answeredAt: number;
}

export interface OperationRecord {
  requests: number;
  /** Latencies of answers that were not held, in milliseconds. */
  readonly latencies: number[];
}

/** Something an answer said against the contract. No ids: operation, status and code say where to look. */
export interface Breach {
  readonly operation: OperationName | 'demo';
  readonly problem: string;
  count: number;
}

export type Trial =
  | 'double enters'
  | 'double dones'
  | 'replayed enters'
  | 'replayed dones'
  | 'replayed route/create'
  | 'wrong PINs'
  | 'PINs typed with spaces or Arabic digits'
  | 'right PINs at a locked door'
  | 'early laboratory entries'
  | 'calls at the same moment'
  | 'calls with nobody waiting'
  | 'held positions'
  | 'waits because of Retry-After'
  | 'requests sent again after a broken connection';

export interface Tally {
  readonly waiting: number;
  readonly inService: number;
  readonly done: number;
}

/** The book of the day. */
export class Ledger {
  readonly startedAt = performance.now();
  readonly patients: PatientRecord[] = [];
  readonly visits: Visit[] = [];
  readonly calls: CallRecord[] = [];
  readonly emptyCalls: EmptyCall[] = [];
  readonly operations = new Map<OperationName, OperationRecord>();
  readonly breaches = new Map<string, Breach>();
  readonly trials = new Map<Trial, number>();
  /** Calls whose answer never arrived: whom they called, if anybody, is not known. */
  callsOfUnknownOutcome = 0;
  /** When somebody last took a number, was called or left. */
  lastMoveAt = this.startedAt;
  requests = 0;

  /** Since when every connection broke; undefined while the server answers. */
  silentSince: number | undefined;

  readonly #byPatient = new Map<string, Visit>();
  readonly #tallies = new Map<ClinicId, { waiting: number; inService: number; done: number }>(
    CLINIC_IDS.map((clinic) => [clinic, { waiting: 0, inService: 0, done: 0 }]),
  );

  /** Adds a patient who has not come yet. */
  addPatient(index: number, stations: number): PatientRecord {
    const record = { index, stations, stationsLeft: 0, routeIds: new Set<string>(), finished: false };
    this.patients.push(record);
    return record;
  }

  /** Opens a visit before its first request is sent: staff may call the patient before that is answered. */
  openVisit(patient: number, clinic: ClinicId, user: string): Visit {
    const visit: Visit = {
      patient,
      clinic,
      user,
      numbers: new Set(),
      exitTimes: new Set(),
      newEntries: 0,
      repeats: 0,
      calls: 0,
      wrongPins: 0,
      letOutByWrongPin: 0,
      stepsBack: 0,
      enteredAt: undefined,
      callSentAt: undefined,
      callAnsweredAt: undefined,
      calledSeenAt: undefined,
      doneAt: undefined,
    };
    this.visits.push(visit);
    this.#byPatient.set(`${clinic} ${user}`, visit);
    return visit;
  }

  /** The visit of a session id in a clinic, if the demo sent that patient. */
  visitOf(clinic: ClinicId, user: string): Visit | undefined {
    return this.#byPatient.get(`${clinic} ${user}`);
  }

  /** Notes an answer of queue/enter. */
  entered(visit: Visit, answer: { number: number; isNew: boolean; answeredAt: number }): void {
    visit.numbers.add(answer.number);
    if (answer.isNew) visit.newEntries += 1;
    if (visit.enteredAt !== undefined) return;
    visit.enteredAt = answer.answeredAt;
    this.lastMoveAt = answer.answeredAt;
    if (visit.callAnsweredAt === undefined) this.#tally(visit.clinic).waiting += 1;
  }

  /** Notes an answer of queue/call that called somebody. */
  called(call: Omit<CallRecord, 'stranger'> & { user: string }): void {
    const visit = this.visitOf(call.clinic, call.user);
    const { clinic, number, sentAt, answeredAt } = call;
    this.calls.push({ clinic, number, sentAt, answeredAt, stranger: visit === undefined });
    if (visit === undefined) return;
    visit.numbers.add(number);
    visit.calls += 1;
    if (visit.callAnsweredAt !== undefined) return;
    visit.callSentAt = sentAt;
    visit.callAnsweredAt = answeredAt;
    this.lastMoveAt = answeredAt;
    if (visit.enteredAt !== undefined) this.#tally(clinic).waiting -= 1;
    if (visit.doneAt === undefined) this.#tally(clinic).inService += 1;
  }

  /** Notes the moment at which the patient's screen first showed the call. */
  sawCall(visit: Visit, at: number): void {
    visit.calledSeenAt ??= at;
  }

  /** Notes an answer of queue/done that let the patient out. */
  left(visit: Visit, answer: { number: number; exitTime: string; answeredAt: number }): void {
    visit.numbers.add(answer.number);
    visit.exitTimes.add(answer.exitTime);
    if (visit.doneAt !== undefined) return;
    visit.doneAt = answer.answeredAt;
    this.lastMoveAt = answer.answeredAt;
    const tally = this.#tally(visit.clinic);
    tally.done += 1;
    if (visit.callAnsweredAt !== undefined) tally.inService -= 1;
    const patient = this.patients[visit.patient];
    if (patient !== undefined) patient.stationsLeft += 1;
  }

  /** Counts a request that was answered. `latencyMs` is left out when the server held it on purpose. */
  answered(operation: OperationName, latencyMs: number | undefined): void {
    const record = this.operations.get(operation) ?? { requests: 0, latencies: [] };
    this.operations.set(operation, record);
    record.requests += 1;
    this.requests += 1;
    this.silentSince = undefined;
    if (latencyMs !== undefined) record.latencies.push(latencyMs);
  }

  /** Notes a request that got no answer. */
  connectionBroke(): void {
    this.silentSince ??= performance.now();
  }

  /** Notes an answer that breaks the contract. */
  breach(operation: Breach['operation'], problem: string): void {
    const key = `${operation}: ${problem}`;
    const breach = this.breaches.get(key) ?? { operation, problem, count: 0 };
    this.breaches.set(key, breach);
    breach.count += 1;
  }

  /** Counts something that was tried on purpose. */
  tried(trial: Trial, times = 1): void {
    this.trials.set(trial, (this.trials.get(trial) ?? 0) + times);
  }

  /** How many wait, are inside and are done in a clinic, as the demo's own people see it. */
  tally(clinic: ClinicId): Tally {
    return this.#tally(clinic);
  }

  #tally(clinic: ClinicId): { waiting: number; inService: number; done: number } {
    const tally = this.#tallies.get(clinic) ?? { waiting: 0, inService: 0, done: 0 };
    this.#tallies.set(clinic, tally);
    return tally;
  }
}
