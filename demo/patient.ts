// One patient's day: log in, get a route, and at each station take a number, wait, be served, leave.

import { type ClinicId, isClinicId } from './clinics.ts';
import type { BodyOf } from './contract.ts';
import { type Day, insist } from './day.ts';
import type { PatientPlan } from './day-plan.ts';
import { leave, replayDone } from './leave.ts';
import type { PatientRecord, Visit } from './ledger.ts';
import { pause } from './pause.ts';
import type { Random } from './random.ts';
import { waitUntilCalled } from './waiting-screen.ts';

interface Station {
  /** The name that the page uses for this clinic in all its requests. */
  readonly id: string;
  readonly clinic: ClinicId;
}

interface Patient {
  readonly plan: PatientPlan;
  readonly record: PatientRecord;
  readonly user: string;
  readonly random: Random;
  readonly day: Day;
}

/** Lives through the plan. Ends early, without a throw, when the server leaves the patient no way to go on. */
export async function spendTheDay(plan: PatientPlan, record: PatientRecord, day: Day): Promise<void> {
  await pause(plan.arrivesAfterMs, day.signal);
  const random = day.random.branch(`patient ${plan.index}`);
  const user = await sessionOf(plan, random, day);
  if (user === undefined) return;
  const patient = { plan, record, user, random, day };
  const request = routeRequest(plan, user);
  const route = await askForRoute(patient, request);
  if (route === undefined) return;

  const visits = new Map<ClinicId, Visit>();
  if (plan.entersLabFirst) {
    day.ledger.tried('early laboratory entries');
    const visit = day.ledger.openVisit(record.index, 'lab', user);
    visits.set('lab', visit);
    if (!(await takeNumber(visit, 'lab', false, patient))) return;
  }
  const done: { visit: Visit; station: Station }[] = [];
  for (const [step, station] of route.stations.entries()) {
    const early = visits.get(station.clinic);
    const visit = early ?? day.ledger.openVisit(record.index, station.clinic, user);
    if (early !== undefined) early.repeats += 1;
    const next = route.stations[step + 1]?.clinic ?? null;
    if (!(await visitClinic(visit, station, next, patient))) return;
    done.push({ visit, station });
    await replaySomething(done, patient);
    await pause(random.duration(day.pace.walkMs), day.signal);
  }
  if (random.chance(0.3)) await askForRoute(patient, request);
  await checkEnd(patient, route.stations.length);
}

async function sessionOf(plan: PatientPlan, random: Random, day: Day): Promise<string | undefined> {
  const { personalId, gender } = plan;
  if (personalId === undefined) {
    // One build of the page logs in locally and makes an id of this form.
    const suffix = Array.from({ length: 9 }, () => random.integer(0, 35).toString(36)).join('');
    return `${Date.now()}-${suffix}`;
  }
  const outcome = await insist(day, () => day.api.patientLogin(personalId, gender));
  if (outcome.kind !== 'ok') return undefined;
  const { data } = outcome.body;
  if (data.gender !== fullGender(gender)) day.ledger.breach('patient/login', 'another gender was stored');
  return data.id;
}

function fullGender(gender: string): 'male' | 'female' {
  return gender.toLowerCase().startsWith('f') ? 'female' : 'male';
}

function routeRequest(plan: PatientPlan, user: string): Readonly<Record<string, unknown>> {
  const { examType, gender, request } = plan;
  const common = { patientId: user, examType, gender };
  if (request.kind === 'page') return { ...common, stations: request.stations };
  if (request.kind === 'codes') return { ...common, clinics: request.codes };
  return common;
}

/** Asks for the route; asked again, the same one must come back. */
async function askForRoute(
  patient: Patient,
  request: Readonly<Record<string, unknown>>,
): Promise<{ stations: Station[] } | undefined> {
  const { plan, record, user, day } = patient;
  const repeated = record.routeIds.size > 0;
  if (repeated) day.ledger.tried('replayed route/create');
  const outcome = await insist(day, () => day.api.createRoute(request));
  if (outcome.kind !== 'ok') return undefined;
  const { body } = outcome;
  record.routeIds.add(body.routeId);
  const problem = routeProblem(body, plan, user);
  if (problem !== undefined) day.ledger.breach('route/create', problem);
  if (repeated && !body.sticky) day.ledger.breach('route/create', 'a repeated request was not sticky');
  if (
    !repeated &&
    body.route.stations.some((station, index) => station.status !== (index === 0 ? 'ready' : 'locked'))
  ) {
    day.ledger.breach('route/create', 'a new route has its first station ready and the others locked');
  }
  return body.route;
}

function routeProblem(body: BodyOf<'route/create'>, plan: PatientPlan, user: string): string | undefined {
  const { route } = body;
  const order = route.stations.map((station) => station.clinic);
  const same = (list: readonly string[]): boolean => list.join() === order.join();
  if (route.patientId !== user) return 'the route belongs to somebody else';
  if (body.routeId !== route.routeId) return 'two route ids in one answer';
  if (!same(body.clinics) || !same(route.clinics)) return 'clinics and stations differ';
  if (route.examType !== plan.storedExamType) return 'another exam type was stored';
  if (route.gender !== fullGender(plan.gender)) return 'another gender was stored';
  if (route.dynamic !== (plan.request.kind === 'dynamic')) return 'dynamic is wrong';
  if (plan.request.kind === 'dynamic') {
    return [...order].sort().join() === [...plan.clinics].sort().join()
      ? undefined
      : 'stations are not those of the exam';
  }
  if (!same(plan.clinics)) return 'the order that was sent was not kept';
  const sent =
    plan.request.kind === 'page' ? plan.request.stations.map((station) => station.id) : plan.request.codes;
  return sent.join() === route.stations.map((station) => station.id).join()
    ? undefined
    : 'station ids did not come back';
}

async function visitClinic(
  visit: Visit,
  station: Station,
  next: ClinicId | null,
  patient: Patient,
): Promise<boolean> {
  const { plan, random, day } = patient;
  if (!(await takeNumber(visit, station.id, true, patient))) return false;
  if (!(await waitUntilCalled(visit, station.id, day))) return false;
  await pause(random.duration(day.pace.serviceMs), day.signal);
  const stubborn = plan.stubborn && patient.record.stationsLeft === 0;
  return leave(visit, { station: station.id, next, stubborn, random }, day);
}

/** Takes a number, now and then with two clicks at the same moment. */
async function takeNumber(visit: Visit, station: string, auto: boolean, patient: Patient): Promise<boolean> {
  const { user, random, day } = patient;
  const clicks = random.chance(0.12) ? 2 : 1;
  if (clicks === 2) {
    day.ledger.tried('double enters');
    visit.repeats += 1;
  }
  const outcomes = await Promise.all(
    Array.from({ length: clicks }, () => insist(day, () => day.api.enter(station, visit.clinic, user, auto))),
  );
  for (const outcome of outcomes) {
    if (outcome.kind !== 'ok') continue;
    const { body, answeredAt } = outcome;
    const isNew = body.entry_status === 'ENTERED';
    day.ledger.entered(visit, { number: body.number, isNew, answeredAt });
    if (isNew && body.status !== 'WAITING') day.ledger.breach('queue/enter', 'a new entry does not wait');
    if (isNew && body.ahead >= body.total_waiting)
      day.ledger.breach('queue/enter', 'total_waiting leaves out the caller');
  }
  return visit.enteredAt !== undefined;
}

/** Sends an old request of a finished station again, as the page does after a reload. */
async function replaySomething(
  done: readonly { visit: Visit; station: Station }[],
  patient: Patient,
): Promise<void> {
  const { random, user, day } = patient;
  const old = done[random.integer(0, done.length - 1)];
  if (old === undefined) return;
  const { visit, station } = old;
  if (random.chance(0.08)) {
    day.ledger.tried('replayed enters');
    visit.repeats += 1;
    const outcome = await insist(day, () => day.api.enter(station.id, visit.clinic, user, true));
    if (outcome.kind === 'ok') {
      const { body, answeredAt } = outcome;
      day.ledger.entered(visit, { number: body.number, isNew: body.entry_status === 'ENTERED', answeredAt });
      if (body.status !== 'DONE')
        day.ledger.breach('queue/enter', `a repeated request of a finished visit is ${body.status}`);
    }
  }
  if (random.chance(0.08)) await replayDone(visit, station.id, random, day);
}

/** The day is over for a patient when the server says so. */
async function checkEnd(patient: Patient, stations: number): Promise<void> {
  const { day, user, record } = patient;
  const outcome = await insist(day, () => day.api.getRoute(user));
  if (outcome.kind !== 'ok') return;
  const { route } = outcome.body;
  record.routeIds.add(route.routeId);
  const left = route.stations.filter((station) => station.status !== 'completed');
  const completed = new Set(route.completed.filter(isClinicId));
  record.finished =
    route.status === 'completed' &&
    left.length === 0 &&
    completed.size === stations &&
    route.current === null;
  if (!record.finished) {
    day.ledger.breach('route/get', `${route.status} with ${left.length} stations left after the last one`);
  } else if (route.currentStep !== stations || route.stations.some((station) => station.exitTime === null)) {
    day.ledger.breach(
      'route/get',
      'a completed route with a wrong currentStep or a station without exitTime',
    );
  }
}
