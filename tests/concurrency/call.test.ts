/** Calling the next patient: nobody twice, nobody lost, in the order of the line, within the clinic's limits. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, openMigratedDatabase, type SqlDatabase } from '../support/sql-database.ts';
import { atOnce, oneTo, report, tally, times } from '../support/sql-report.ts';

let db: SqlDatabase;
beforeAll(async () => {
  db = await openMigratedDatabase();
});
afterAll(() => db.remove());

const outcomes = (answers: readonly Answer[]) => tally(answers.map((answer) => answer.code ?? 'CALLED'));

async function fill(
  clinic: string,
  day: string,
  patients: number,
  priority = (_: number) => 0,
): Promise<void> {
  await atOnce(patients, (i) =>
    db.call('enter_queue', { clinic, user: `${clinic}-${i}`, day, priority: priority(i) }),
  );
}

describe('calling the next patient', () => {
  it('lets 20 callers drain 1,000 patients: each called once, in the order of the line', async () => {
    const [clinic, day] = ['lab', '2031-02-01'];
    await fill(clinic, day, 1000, (i) => (i % 10 === 0 ? 1 : 0));

    const calls: Answer[] = [];
    await atOnce(20, async () => {
      for (;;) {
        const answer = await db.call('call_next_patient', { clinic, day, by: 'admin' });
        if (!answer.ok) return expect(answer.code).toBe('NO_PATIENTS_WAITING');
        calls.push(answer);
      }
    });

    expect(new Set(calls.map((answer) => answer.user)).size).toBe(1000);
    expect(calls).toHaveLength(1000);
    const inLine = await db.rows<{ user: string }>(
      `select patient_id as user from queues where clinic_code = $1 and service_day = $2
       order by priority desc, queue_number`,
      [clinic, day],
    );
    const inTime = await db.rows<{ user: string }>(
      'select patient_id as user from queues where clinic_code = $1 and service_day = $2 order by called_at',
      [clinic, day],
    );
    expect(inTime).toEqual(inLine);
    // The version of each call is the order in which the lock was held.
    const byVersion = [...calls].sort((a, b) => a.version - b.version);
    expect(byVersion.map(({ user }) => ({ user }))).toEqual(inLine);
    expect(new Set(calls.map((answer) => answer.version)).size).toBe(1000);
    expect(
      await db.rows(
        `select count(*)::int as events, count(distinct patient_id)::int as patients from events
         where clinic_code = $1 and event_type = 'CALLED'`,
        [clinic],
      ),
    ).toEqual([{ events: 1000, patients: 1000 }]);
    report('20 callers drained 1,000 patients, 0 lost, 0 called twice, order kept', 2020);
  });

  it('neither loses nor repeats anybody when the head leaves while others are called', async () => {
    const clinic = 'xray';
    const rounds = 60;
    for (const round of times(rounds, (i) => i)) {
      const day = `2031-03-${String(1 + (round % 28)).padStart(2, '0')}`;
      const head = `head-${round}`;
      const second = `second-${round}`;
      await db.call('enter_queue', { clinic, user: head, day });
      await db.call('enter_queue', { clinic, user: second, day });
      const [done, ...calls] = await Promise.all([
        db.call('complete_patient_service', { clinic, user: head, day }),
        ...times(3, () => db.call('call_next_patient', { clinic, day })),
      ]);

      expect(done.ok).toBe(true);
      const called = calls.filter((answer) => answer.ok).map((answer) => answer.user);
      expect(new Set(called).size).toBe(called.length);
      expect(called).toContain(second);
      expect(called.every((user) => user === head || user === second)).toBe(true);
    }
    expect(
      await db.rows(
        `select status, count(*)::int as entries from queues where clinic_code = $1 group by 1 order by 1`,
        [clinic],
      ),
    ).toEqual([
      { status: 'CALLED', entries: rounds },
      { status: 'COMPLETED', entries: rounds },
    ]);
    report('calls raced with done of the head, the next one is called exactly once', rounds * 6);
  });

  it('never calls more than the capacity, whoever calls and leaves at the same time', async () => {
    const [clinic, day, capacity] = ['ecg', '2031-02-03', 3];
    await fill(clinic, day, 40);
    const call = () => db.call('call_next_patient', { clinic, day, capacity });

    const first = await atOnce(20, call);
    expect(outcomes(first)).toEqual({ CALLED: 3, CAPACITY_FULL: 17 });

    let inside = first.filter((answer) => answer.ok);
    for (const _ of oneTo(8)) {
      const leaving = inside.slice(0, 2);
      const [calls] = await Promise.all([
        atOnce(10, call),
        ...leaving.map(({ user }) => db.call('complete_patient_service', { clinic, user, day })),
      ]);
      const load = calls.map((answer) => (answer.load as { total: number }).total);
      expect(calls.every((answer, i) => answer.ok === (load[i] ?? 0) < capacity)).toBe(true);
      inside = await db.rows<Answer>(
        `select patient_id as user from queues
         where clinic_code = $1 and service_day = $2 and status = 'CALLED' order by called_at`,
        [clinic, day],
      );
      expect(inside.length).toBeLessThanOrEqual(capacity);
    }
    report('capacity 3 held while patients left and ten called at once, eight times', 20 + 8 * 12);
  });

  it('makes one automatic call per interval, however many schedulers fire', async () => {
    const [clinic, day] = ['audio', '2031-02-04'];
    await fill(clinic, day, 5);
    const start = Date.parse('2031-02-04T08:00:00Z');
    const fire = (second: number) =>
      atOnce(30, () =>
        db.call('call_next_patient', {
          clinic,
          day,
          by: 'auto',
          due_after: 60,
          now: new Date(start + second * 1000).toISOString(),
        }),
      );

    expect(outcomes(await fire(0))).toEqual({ CALLED: 1, NOT_DUE: 29 });
    expect(outcomes(await fire(59))).toEqual({ NOT_DUE: 30 });
    expect(outcomes(await fire(60))).toEqual({ CALLED: 1, NOT_DUE: 29 });
    report('30 schedulers firing at once, one call per interval', 90);
  });

  it('calls the patient with the higher priority first, also one who enters during the calls', async () => {
    const [clinic, day] = ['eyes', '2031-02-05'];
    await fill(clinic, day, 100);
    await Promise.all([
      ...times(50, () => db.call('call_next_patient', { clinic, day })),
      ...times(10, (i) => db.call('enter_queue', { clinic, user: `urgent-${i}`, day, priority: 5 })),
    ]);
    const next = await atOnce(10, () => db.call('call_next_patient', { clinic, day }));

    // Whoever was urgent is inside by now; of the others the smallest numbers are.
    expect(
      await db.value(
        `select count(*)::int from queues where clinic_code = $1 and status = 'WAITING' and priority > 0`,
        [clinic],
      ),
    ).toBe(0);
    expect(next.every((answer) => answer.ok)).toBe(true);
    const called = await db.rows<{ number: number }>(
      `select queue_number as number from queues
       where clinic_code = $1 and status = 'CALLED' and priority = 0 order by 1`,
      [clinic],
    );
    const waiting = await db.value<number>(
      `select min(queue_number) from queues where clinic_code = $1 and status = 'WAITING'`,
      [clinic],
    );
    expect(called.every(({ number }) => number < waiting)).toBe(true);
    report('urgent patients entering during calls, none is passed over', 170);
  });
});
