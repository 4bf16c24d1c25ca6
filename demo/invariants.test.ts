import { describe, expect, it } from 'vitest';
import { CLINIC_IDS, type ClinicId } from './clinics.ts';
import { judge, type Observed } from './invariants.ts';
import { Ledger } from './ledger.ts';
import type { Line, Lines } from './lines.ts';

const DAY = '2026-01-15';

function linesOf(fill: (clinic: ClinicId) => Partial<Line>): Lines {
  const empty = { day: DAY, total: 0, waiting: [], inService: [], done: [] };
  return new Map(CLINIC_IDS.map((clinic) => [clinic, { ...empty, ...fill(clinic) }]));
}

interface MadeUpDay {
  readonly ledger: Ledger;
  before: Lines;
  after: Lines | undefined;
  unknownCalls: number;
  othersMayCome: boolean;
}

/** Three patients go through the laboratory and the eyes, one after the other, and everything is right. */
function goodDay(first = 0): MadeUpDay {
  const ledger = new Ledger();
  let clock = 1000;
  const people: Record<'lab' | 'eyes', { number: number; user: string }[]> = { lab: [], eyes: [] };
  for (const index of [0, 1, 2]) {
    const patient = ledger.addPatient(index, 2);
    patient.routeIds.add(`route-${index}`);
    for (const clinic of ['lab', 'eyes'] as const) {
      const user = `user-${index}`;
      const number = first + index + 1;
      const visit = ledger.openVisit(index, clinic, user);
      ledger.entered(visit, { number, isNew: true, answeredAt: clock++ });
      ledger.called({ clinic, number, user, sentAt: clock++, answeredAt: clock++ });
      ledger.sawCall(visit, clock++);
      ledger.left(visit, { number, exitTime: `left ${clinic} ${index}`, answeredAt: clock++ });
      people[clinic].push({ number, user });
    }
    patient.finished = true;
  }
  const filled = (clinic: ClinicId) => (clinic === 'lab' || clinic === 'eyes' ? people[clinic] : []);
  return {
    ledger,
    before: linesOf((clinic) => (filled(clinic).length > 0 ? { total: first } : {})),
    after: linesOf((clinic) => ({
      total: filled(clinic).length > 0 ? first + filled(clinic).length : 0,
      done: filled(clinic),
    })),
    unknownCalls: 0,
    othersMayCome: false,
  };
}

function observe(day: MadeUpDay): Observed {
  const { patients, visits, calls, emptyCalls, breaches } = day.ledger;
  return { ...day, patients, visits, calls, emptyCalls, breaches, unknownEnters: 0 };
}

function broken(day: MadeUpDay): { title: string; findings: readonly string[] }[] {
  return judge(observe(day), 100)
    .filter((verdict) => verdict.held === false)
    .map(({ title, findings }) => ({ title, findings }));
}

function visitAt(day: MadeUpDay, index: number) {
  const visit = day.ledger.visits[index];
  if (visit === undefined) throw new Error(`the day has no visit ${index}`);
  return visit;
}

function patientAt(day: MadeUpDay, index: number) {
  const patient = day.ledger.patients[index];
  if (patient === undefined) throw new Error(`the day has no patient ${index}`);
  return patient;
}

/** Changes the server's final list of one clinic. */
function changeAfter(day: MadeUpDay, clinic: ClinicId, change: (line: Line) => Partial<Line>): void {
  const lines = day.after ?? new Map();
  const line = lines.get(clinic);
  day.after = new Map([...lines, [clinic, { ...line, ...change(line) }]]);
}

describe('the verdict', () => {
  it('holds for a good day, and for one that began with numbers already given', () => {
    expect(broken(goodDay())).toEqual([]);
    expect(broken(goodDay(40))).toEqual([]);
    expect(judge(observe(goodDay()), 100).every((verdict) => verdict.held === true)).toBe(true);
  });

  it('sees a patient who did not finish', () => {
    const day = goodDay();
    patientAt(day, 1).finished = false;
    expect(broken(day)).toEqual([
      { title: expect.stringContaining('every patient finished'), findings: ['1 patient did not finish'] },
    ]);
  });

  it('sees a number that two patients got', () => {
    const day = goodDay();
    const visit = visitAt(day, 2);
    visit.numbers.clear();
    visit.numbers.add(1);
    const [first] = broken(day);
    expect(first?.title).toContain('without gap or duplicate');
    expect(first?.findings).toContain('lab: number 1 was given to 2 patients');
  });

  it('sees a number that nobody got', () => {
    const day = goodDay();
    const visit = visitAt(day, 4);
    visit.numbers.clear();
    visit.numbers.add(4);
    expect(broken(day)[0]?.findings).toContain('lab: number 3 is missing');
  });

  it('sees a number that belongs to the time before the start', () => {
    const day = goodDay(10);
    visitAt(day, 0).numbers.add(7);
    expect(broken(day)[0]?.findings).toContain('lab: number 7 had been given before the start');
  });

  it('sees an entry that nobody made, unless other people may be there', () => {
    const day = goodDay();
    changeAfter(day, 'lab', (line) => ({
      total: 4,
      waiting: [...line.waiting, { number: 4, user: 'ghost' }],
    }));
    expect(broken(day)[0]?.findings).toEqual(['lab: 1 entry of nobody who came']);
    day.othersMayCome = true;
    expect(broken(day)).toEqual([]);
  });

  it('sees more entries than patients', () => {
    const day = goodDay();
    changeAfter(day, 'eyes', () => ({ total: 5 }));
    expect(broken(day)[0]?.findings).toEqual(['eyes: 5 entries instead of 3']);
  });

  it('sees a patient who was called twice', () => {
    const day = goodDay();
    day.ledger.called({ clinic: 'eyes', number: 2, user: 'user-1', sentAt: 5000, answeredAt: 5001 });
    const titles = broken(day).map(({ title }) => title);
    expect(titles).toContain('nobody called twice');
  });

  it('sees a call on a screen that no staff made, unless an answer was lost or others may call', () => {
    const day = goodDay();
    visitAt(day, 0).calls = 0;
    expect(broken(day)).toEqual([
      { title: 'nobody called twice', findings: ['lab: 1 patient saw a call that no staff made'] },
    ]);
    day.othersMayCome = true;
    expect(broken(day)).toEqual([]);
    day.othersMayCome = false;
    day.unknownCalls = 1;
    expect(broken(day)).toEqual([]);
  });

  it('sees an entry that is still open at the end', () => {
    const day = goodDay();
    changeAfter(day, 'eyes', (line) => ({ done: line.done.slice(1), inService: line.done.slice(0, 1) }));
    expect(broken(day)[0]?.findings).toEqual([
      'eyes: 1 entry of ours not done in the final list',
      'eyes: 1 patient not done in the final list under their number',
    ]);
  });

  it('sees a call that went behind an earlier one, but not two that were under way together', () => {
    const late = goodDay();
    late.ledger.calls.push({ clinic: 'lab', number: 1, stranger: false, sentAt: 9000, answeredAt: 9001 });
    expect(broken(late)[0]?.findings).toEqual(['lab: number 1 was called after number 3']);

    const together = goodDay();
    together.ledger.calls.length = 0;
    together.ledger.calls.push(
      { clinic: 'lab', number: 2, stranger: false, sentAt: 10, answeredAt: 12 },
      { clinic: 'lab', number: 1, stranger: false, sentAt: 11, answeredAt: 13 },
    );
    expect(broken(together)).toEqual([]);
  });

  it('sees a call that found nobody although somebody waited', () => {
    const day = goodDay();
    const visit = visitAt(day, 0);
    const entered = visit.enteredAt ?? 0;
    visit.callSentAt = entered + 10;
    day.ledger.emptyCalls.push({ clinic: 'lab', sentAt: entered + 1, answeredAt: entered + 2 });
    expect(broken(day)[0]?.findings).toEqual(['lab: 1 call overlooked somebody']);
  });

  it('sees the same of a patient who was never called, unless others may call', () => {
    const day = goodDay();
    const visit = visitAt(day, 0);
    const entered = visit.enteredAt ?? 0;
    visit.callSentAt = undefined;
    day.ledger.emptyCalls.push({ clinic: 'lab', sentAt: entered + 1, answeredAt: entered + 2 });
    expect(broken(day)[0]?.findings).toEqual(['lab: 1 call overlooked somebody']);
    day.othersMayCome = true;
    expect(broken(day)).toEqual([]);
  });

  it('allows a call that found nobody while the enter or another call was under way', () => {
    const day = goodDay();
    const { enteredAt = 0, callSentAt = 0, callAnsweredAt = 0 } = visitAt(day, 0);
    day.ledger.emptyCalls.push(
      { clinic: 'lab', sentAt: enteredAt - 1, answeredAt: enteredAt + 0.5 },
      { clinic: 'lab', sentAt: callSentAt + 0.1, answeredAt: callAnsweredAt + 5 },
      { clinic: 'eyes', sentAt: enteredAt + 0.1, answeredAt: enteredAt + 0.2 },
    );
    expect(broken(day)).toEqual([]);
  });

  it('sees a wrong PIN that opened the door', () => {
    const day = goodDay();
    visitAt(day, 3).wrongPins = 2;
    expect(broken(day)).toEqual([]);
    visitAt(day, 3).letOutByWrongPin = 1;
    expect(broken(day)[0]?.findings).toEqual(['eyes: 1 time a patient was out after a wrong PIN']);
  });

  it('sees a repeated request that changed something', () => {
    const number = goodDay();
    number.ledger.entered(visitAt(number, 0), { number: 9, isNew: false, answeredAt: 9000 });
    expect(broken(number).at(-1)?.findings).toEqual(['lab: one patient got the numbers 1 and 9']);

    const entry = goodDay();
    entry.ledger.entered(visitAt(entry, 0), { number: 1, isNew: true, answeredAt: 9000 });
    expect(broken(entry)[0]?.findings).toEqual(['lab: one patient was entered 2 times']);

    const exit = goodDay();
    exit.ledger.left(visitAt(exit, 0), { number: 1, exitTime: 'later', answeredAt: 9000 });
    expect(broken(exit)[0]?.findings).toEqual(['lab: one patient left at two different times']);

    const route = goodDay();
    patientAt(route, 0).routeIds.add('another');
    expect(broken(route)[0]?.findings).toEqual(['1 patient got a second route']);
  });

  it('sees a place that moved back', () => {
    const day = goodDay();
    visitAt(day, 5).stepsBack = 1;
    expect(broken(day)[0]?.findings).toEqual(['eyes: 1 patient saw the place move back']);
  });

  it('sees answers against the contract, the most frequent first', () => {
    const day = goodDay();
    day.ledger.breach('queue/enter', 'unexpected 500 INTERNAL_ERROR');
    for (const _ of [1, 2]) day.ledger.breach('queue/done', 'unexpected 404 NOT_IN_QUEUE');
    expect(broken(day)[0]?.findings).toEqual([
      'queue/done: unexpected 404 NOT_IN_QUEUE (2 times)',
      'queue/enter: unexpected 500 INTERNAL_ERROR (1 time)',
    ]);
  });

  it('says so when the service day changed meanwhile', () => {
    const day = goodDay();
    changeAfter(day, 'bones', () => ({ day: '2026-01-16' }));
    expect(broken(day)[0]?.title).toBe('one service day');
  });

  it('leaves open what a day that was broken off cannot show, and still sees a duplicate', () => {
    const day = goodDay();
    day.after = undefined;
    patientAt(day, 2).finished = false;
    expect(broken(day)).toEqual([]);
    const open = judge(observe(day), 100).filter((verdict) => verdict.held === undefined);
    expect(open.map((verdict) => verdict.title)).toEqual([
      expect.stringContaining('every patient finished'),
      expect.stringContaining('without gap or duplicate'),
      expect.stringContaining('nobody lost'),
    ]);
    const visit = visitAt(day, 2);
    visit.numbers.clear();
    visit.numbers.add(1);
    expect(broken(day)[0]?.findings).toEqual(['lab: number 1 was given to 2 patients']);
  });
});
