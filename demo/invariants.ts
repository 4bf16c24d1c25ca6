// What must be true of every committee day, judged from what was observed. Nothing here talks to the server: a day
// can be made up in a test and must fail for the right reason.

import { CLINIC_IDS, type ClinicId } from './clinics.ts';
import type { Breach, CallRecord, EmptyCall, PatientRecord, Visit } from './ledger.ts';
import type { Line, Lines } from './lines.ts';

/** The observations that the verdict is made from. */
export interface Observed {
  readonly patients: readonly PatientRecord[];
  readonly visits: readonly Visit[];
  readonly calls: readonly CallRecord[];
  readonly emptyCalls: readonly EmptyCall[];
  readonly breaches: ReadonlyMap<string, Breach>;
  /** Answers that never arrived, so that what they did is not known. */
  readonly unknownCalls: number;
  readonly unknownEnters: number;
  readonly before: Lines;
  /** Undefined when the day was broken off. */
  readonly after: Lines | undefined;
  /** On the demo's own server nobody else can take a number or call. */
  readonly othersMayCome: boolean;
}

export interface Verdict {
  readonly title: string;
  /** Undefined: the day was broken off before it could be judged. */
  readonly held: boolean | undefined;
  readonly detail: string;
  /** What broke it, without ids. */
  readonly findings: readonly string[];
}

const EMPTY_LINE: Line = { day: '', total: 0, waiting: [], inService: [], done: [] };

function verdict(title: string, detail: string, findings: readonly string[], complete = true): Verdict {
  return { title, detail, findings, held: findings.length > 0 ? false : complete ? true : undefined };
}

/** "1,650 stations", "1 entry", "2 entries". */
export function plural(count: number, noun: string): string {
  const many = noun.endsWith('ry') ? `${noun.slice(0, -1)}ies` : `${noun}s`;
  return `${count.toLocaleString('en')} ${count === 1 ? noun : many}`;
}

function perClinic(check: (clinic: ClinicId) => readonly string[]): string[] {
  return CLINIC_IDS.flatMap((clinic) => check(clinic).map((finding) => `${clinic}: ${finding}`));
}

/** Entries of today after the start that belong to people whom the demo did not send. */
function strangersSince(clinic: ClinicId, observed: Observed): number[] {
  const line = observed.after?.get(clinic) ?? EMPTY_LINE;
  const first = (observed.before.get(clinic) ?? EMPTY_LINE).total;
  const ours = new Set(observed.visits.filter((visit) => visit.clinic === clinic).map((visit) => visit.user));
  return [...line.waiting, ...line.inService, ...line.done]
    .filter((person) => person.number > first && !ours.has(person.user))
    .map((person) => person.number);
}

function everybodyFinished(observed: Observed): Verdict {
  const { patients } = observed;
  const finished = patients.filter((patient) => patient.finished);
  const stations = patients.reduce((sum, patient) => sum + patient.stationsLeft, 0);
  const complete = observed.after !== undefined;
  const missing = patients.length - finished.length;
  const findings = complete && missing > 0 ? [`${plural(missing, 'patient')} did not finish`] : [];
  for (const patient of finished) {
    if (patient.stationsLeft !== patient.stations)
      findings.push('a route was completed without all its stations');
  }
  const detail = `${finished.length} of ${plural(patients.length, 'patient')}, ${plural(stations, 'station')}`;
  return verdict('every patient finished the whole route', detail, findings, complete);
}

function numbersWithoutGap(observed: Observed): Verdict {
  const complete = observed.after !== undefined;
  let given = 0;
  const findings = perClinic((clinic) => {
    const first = (observed.before.get(clinic) ?? EMPTY_LINE).total;
    const visits = observed.visits.filter((visit) => visit.clinic === clinic && visit.numbers.size > 0);
    const owners = new Map<number, number>();
    for (const visit of visits) {
      for (const number of visit.numbers) owners.set(number, (owners.get(number) ?? 0) + 1);
    }
    given += visits.length;
    const problems: string[] = [];
    for (const [number, count] of owners) {
      if (count > 1) problems.push(`number ${number} was given to ${count} patients`);
      if (number <= first) problems.push(`number ${number} had been given before the start`);
    }
    if (!complete) return problems;
    const strangers = strangersSince(clinic, observed);
    if (strangers.length > 0 && !observed.othersMayCome) {
      problems.push(`${plural(strangers.length, 'entry')} of nobody who came`);
    }
    for (const number of strangers) owners.set(number, (owners.get(number) ?? 0) + 1);
    for (let number = first + 1; number <= first + owners.size; number += 1) {
      if (!owners.has(number)) problems.push(`number ${number} is missing`);
    }
    const total = observed.after?.get(clinic)?.total ?? 0;
    if (total !== first + owners.size) problems.push(`${total} entries instead of ${first + owners.size}`);
    return problems;
  });
  const title = 'numbers 1 to n per clinic, without gap or duplicate';
  return verdict(title, `${plural(given, 'number')} in ${CLINIC_IDS.length} clinics`, findings, complete);
}

function calledOnce(observed: Observed): Verdict {
  const findings = perClinic((clinic) => {
    const visits = observed.visits.filter((visit) => visit.clinic === clinic);
    const twice = visits.filter((visit) => visit.calls > 1).length;
    const never = visits.filter((visit) => visit.calls === 0 && visit.calledSeenAt !== undefined).length;
    const problems = twice > 0 ? [`${plural(twice, 'patient')} called more than once`] : [];
    // A call whose answer was lost, or other people's staff, can explain a patient whom no answer named.
    const explained = observed.unknownCalls > 0 || observed.othersMayCome;
    if (never > 0 && !explained && observed.after !== undefined) {
      problems.push(`${plural(never, 'patient')} saw a call that no staff made`);
    }
    return problems;
  });
  const calls = observed.calls.filter((call) => !call.stranger).length;
  return verdict('nobody called twice', plural(calls, 'call'), findings);
}

function calledInOrder(observed: Observed): Verdict {
  const findings = perClinic((clinic) => {
    const calls = observed.calls.filter((call) => call.clinic === clinic && !call.stranger);
    const bySending = [...calls].sort((a, b) => a.sentAt - b.sentAt);
    const byAnswer = [...calls].sort((a, b) => a.answeredAt - b.answeredAt);
    const problems: string[] = [];
    let answered = 0;
    let highest = 0;
    // Two calls under way together may go either way; a call sent after an answer may not go behind it.
    for (const call of bySending) {
      for (let earlier = byAnswer[answered]; earlier !== undefined && earlier.answeredAt < call.sentAt; ) {
        highest = Math.max(highest, earlier.number);
        answered += 1;
        earlier = byAnswer[answered];
      }
      if (call.number < highest) problems.push(`number ${call.number} was called after number ${highest}`);
    }
    return problems;
  });
  return verdict(
    'calls went out in the order of the numbers',
    plural(observed.calls.length, 'call'),
    findings,
  );
}

function noBlindCall(observed: Observed): Verdict {
  const findings = perClinic((clinic) => {
    // Other people's staff may have called whom ours did not.
    const visits = observed.visits.filter(
      (visit) =>
        visit.clinic === clinic &&
        visit.enteredAt !== undefined &&
        (visit.callSentAt !== undefined || !observed.othersMayCome),
    );
    const blind = observed.emptyCalls.filter(
      (call) =>
        call.clinic === clinic &&
        visits.some(
          (visit) =>
            (visit.enteredAt ?? 0) < call.sentAt &&
            (visit.callSentAt ?? Number.POSITIVE_INFINITY) > call.answeredAt &&
            (visit.doneAt ?? Number.POSITIVE_INFINITY) > call.answeredAt,
        ),
    ).length;
    return blind > 0 && observed.unknownCalls === 0 ? [`${plural(blind, 'call')} overlooked somebody`] : [];
  });
  const detail = `${plural(observed.emptyCalls.length, 'call')} found nobody`;
  return verdict('no call said "nobody waits" while somebody waited', detail, findings);
}

function nobodyLost(observed: Observed): Verdict {
  const inside = perClinic((clinic) => {
    const after = observed.after?.get(clinic);
    if (after === undefined) return [];
    const visits = observed.visits.filter((visit) => visit.clinic === clinic);
    const open = visits.filter((visit) => visit.doneAt === undefined).length;
    const problems = open > 0 ? [`${plural(open, 'patient')} never left`] : [];
    const ours = new Map(visits.map((visit) => [visit.user, visit]));
    const still = [...after.waiting, ...after.inService].filter((person) => ours.has(person.user)).length;
    if (still > 0) problems.push(`${plural(still, 'entry')} of ours not done in the final list`);
    const listed = new Map(after.done.map((person) => [person.user, person.number]));
    const absent = visits.filter((visit) => {
      const number = listed.get(visit.user);
      return visit.doneAt !== undefined && (number === undefined || !visit.numbers.has(number));
    }).length;
    if (absent > 0)
      problems.push(`${plural(absent, 'patient')} not done in the final list under their number`);
    return problems;
  });
  const done = observed.visits.filter((visit) => visit.doneAt !== undefined).length;
  const detail = `${plural(done, 'entry')} done of ${observed.visits.length.toLocaleString('en')}`;
  return verdict(
    'nobody lost: every entry is done, also in the final lists',
    detail,
    inside,
    observed.after !== undefined,
  );
}

function wrongPinsRefused(observed: Observed): Verdict {
  const tries = observed.visits.reduce((sum, visit) => sum + visit.wrongPins, 0);
  const findings = perClinic((clinic) => {
    const out = observed.visits
      .filter((visit) => visit.clinic === clinic)
      .reduce((sum, visit) => sum + visit.letOutByWrongPin, 0);
    return out > 0 ? [`${plural(out, 'time')} a patient was out after a wrong PIN`] : [];
  });
  return verdict('a wrong PIN let nobody out', plural(tries, 'wrong PIN'), findings);
}

function repeatsHarmless(observed: Observed): Verdict {
  const repeats = observed.visits.reduce((sum, visit) => sum + visit.repeats, 0);
  const findings = perClinic((clinic) => {
    const problems: string[] = [];
    for (const visit of observed.visits) {
      if (visit.clinic !== clinic) continue;
      if (visit.numbers.size > 1)
        problems.push(`one patient got the numbers ${[...visit.numbers].join(' and ')}`);
      if (visit.exitTimes.size > 1) problems.push('one patient left at two different times');
      if (visit.newEntries > 1) problems.push(`one patient was entered ${visit.newEntries} times`);
      if (visit.newEntries === 0 && visit.enteredAt !== undefined && observed.unknownEnters === 0) {
        problems.push('a first entry was answered as a repeated one');
      }
    }
    return [...new Set(problems)];
  });
  const routes = observed.patients.filter((patient) => patient.routeIds.size > 1).length;
  if (routes > 0) findings.push(`${plural(routes, 'patient')} got a second route`);
  const title = 'repeated requests were harmless: same number, same exit, same route';
  return verdict(title, plural(repeats, 'repeated enter and done request'), findings);
}

function placesOnlyForward(observed: Observed): Verdict {
  const findings = perClinic((clinic) => {
    const back = observed.visits.filter((visit) => visit.clinic === clinic && visit.stepsBack > 0).length;
    return back > 0 ? [`${plural(back, 'patient')} saw the place move back`] : [];
  });
  const watched = observed.visits.filter((visit) => visit.calledSeenAt !== undefined).length;
  return verdict('a place in line only moved forward', `${plural(watched, 'wait')} watched`, findings);
}

function answersAsPromised(observed: Observed, answers: number): Verdict {
  const findings = [...observed.breaches.values()]
    .sort((a, b) => b.count - a.count)
    .map((breach) => `${breach.operation}: ${breach.problem} (${plural(breach.count, 'time')})`);
  return verdict('every answer was as the contract says', plural(answers, 'answer'), findings);
}

function sameDay(observed: Observed): string[] {
  const changed = CLINIC_IDS.some((clinic) => {
    const after = observed.after?.get(clinic);
    return after !== undefined && after.day !== observed.before.get(clinic)?.day;
  });
  return changed ? ['the service day changed during the run: numbers began anew, run it again'] : [];
}

/** Judges the day. */
export function judge(observed: Observed, answers: number): Verdict[] {
  const newDay = sameDay(observed);
  return [
    everybodyFinished(observed),
    numbersWithoutGap(observed),
    calledOnce(observed),
    nobodyLost(observed),
    calledInOrder(observed),
    noBlindCall(observed),
    placesOnlyForward(observed),
    wrongPinsRefused(observed),
    repeatsHarmless(observed),
    answersAsPromised(observed, answers),
    ...(newDay.length > 0 ? [verdict('one service day', '', newDay)] : []),
  ];
}
