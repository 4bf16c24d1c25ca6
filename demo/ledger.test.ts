import { describe, expect, it } from 'vitest';
import { Ledger } from './ledger.ts';

const called = { clinic: 'lab', number: 1, user: 'u', sentAt: 20, answeredAt: 30 } as const;

describe('the ledger', () => {
  it('counts who waits, who is inside and who is done', () => {
    const ledger = new Ledger();
    ledger.addPatient(0, 1);
    const visit = ledger.openVisit(0, 'lab', 'u');
    expect(ledger.tally('lab')).toEqual({ waiting: 0, inService: 0, done: 0 });
    ledger.entered(visit, { number: 1, isNew: true, answeredAt: 10 });
    expect(ledger.tally('lab')).toEqual({ waiting: 1, inService: 0, done: 0 });
    ledger.called(called);
    expect(ledger.tally('lab')).toEqual({ waiting: 0, inService: 1, done: 0 });
    ledger.left(visit, { number: 1, exitTime: 'now', answeredAt: 40 });
    ledger.left(visit, { number: 1, exitTime: 'now', answeredAt: 50 });
    expect(ledger.tally('lab')).toEqual({ waiting: 0, inService: 0, done: 1 });
    expect(ledger.patients[0]?.stationsLeft).toBe(1);
    expect(visit.doneAt).toBe(40);
  });

  it('comes to the same when the answer of the call overtakes that of the enter', () => {
    const ledger = new Ledger();
    const visit = ledger.openVisit(0, 'lab', 'u');
    ledger.called(called);
    ledger.entered(visit, { number: 1, isNew: true, answeredAt: 35 });
    expect(ledger.tally('lab')).toEqual({ waiting: 0, inService: 1, done: 0 });
    expect([...visit.numbers]).toEqual([1]);
  });

  it('knows a stranger, and keeps the first of several calls', () => {
    const ledger = new Ledger();
    const visit = ledger.openVisit(0, 'lab', 'u');
    ledger.called({ ...called, user: 'somebody else' });
    ledger.called(called);
    ledger.called({ ...called, answeredAt: 99 });
    expect(ledger.calls.map((call) => call.stranger)).toEqual([true, false, false]);
    expect(visit.calls).toBe(2);
    expect(visit.callAnsweredAt).toBe(30);
  });

  it('gathers equal breaches and keeps latencies of requests that were not held', () => {
    const ledger = new Ledger();
    ledger.breach('queue/call', 'unexpected 500 INTERNAL_ERROR');
    ledger.breach('queue/call', 'unexpected 500 INTERNAL_ERROR');
    expect([...ledger.breaches.values()].map((breach) => breach.count)).toEqual([2]);
    ledger.answered('queue/position', 4);
    ledger.answered('queue/position', undefined);
    expect(ledger.operations.get('queue/position')).toEqual({ requests: 2, latencies: [4] });
    expect(ledger.requests).toBe(2);
  });
});
