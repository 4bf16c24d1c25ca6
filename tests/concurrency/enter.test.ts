/** Numbers of a line: each handed out once, none left out, one per patient, however many ask at the same time. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openMigratedDatabase, type SqlDatabase } from '../support/sql-database.ts';
import { ascending, atOnce, oneTo, report, tally } from '../support/sql-report.ts';

let db: SqlDatabase;
beforeAll(async () => {
  db = await openMigratedDatabase();
});
afterAll(() => db.remove());

describe('entering a line', () => {
  it('gives 500 patients who enter at once the numbers 1 to 500, each with its event', async () => {
    const day = '2031-01-01';
    const answers = await atOnce(500, (i) =>
      db.call('enter_queue', { clinic: 'lab', user: `many-${i}`, day }),
    );

    expect(ascending(answers.map((answer) => answer.number))).toEqual(oneTo(500));
    expect(tally(answers.map((answer) => String(answer.entry_status)))).toEqual({ ENTERED: 500 });
    const byNumber = [...answers].sort((a, b) => a.number - b.number);
    // The counter's lock makes both: a later number has a later version, and nobody shares one.
    expect(byNumber.map((answer) => answer.version)).toEqual(oneTo(500));
    expect(byNumber.map((answer) => answer.ahead)).toEqual(oneTo(500).map((place) => place - 1));
    expect(
      await db.value(`select count(*)::int from events where event_type = 'ENTERED' and clinic_code = 'lab'`),
    ).toBe(500);
    report(
      '500 distinct enters at once on one clinic over 90 connections, 0 duplicate numbers, 0 gaps, 500 events',
      500,
    );
  });

  it('gives a patient who enters 50 times at once one number, and burns none', async () => {
    const day = '2031-01-02';
    const enter = (user: string) => db.call('enter_queue', { clinic: 'xray', user, day });
    const answers = await atOnce(50, () => enter('impatient'));

    expect(tally(answers.map((answer) => String(answer.entry_status)))).toEqual({
      ENTERED: 1,
      ALREADY_IN_QUEUE: 49,
    });
    expect(new Set(answers.map((answer) => answer.number))).toEqual(new Set([1]));
    expect((await enter('next')).number).toBe(2);
    expect(
      await db.value(
        `select count(*)::int from events where event_type = 'ENTERED' and patient_id = 'impatient'`,
      ),
    ).toBe(1);
    report('one patient entering at once, 1 number, 0 burned, the next gets 2', 51);
  });

  it('burns no number when repeats of old requests mix with new patients', async () => {
    const day = '2031-01-03';
    const answers = await atOnce(400, (i) =>
      db.call('enter_queue', { clinic: 'ecg', user: `mixed-${i % 100}`, day }),
    );

    const numbers = new Map(answers.map((answer) => [answer.user, answer.number]));
    expect(ascending([...numbers.values()])).toEqual(oneTo(100));
    expect(answers.every((answer) => answer.number === numbers.get(answer.user))).toBe(true);
    expect(
      await db.value(
        `select last_number from queue_counters where clinic_code = 'ecg' and service_day = $1`,
        [day],
      ),
    ).toBe(100);
    report('100 patients entering four times each at once, 100 numbers without gap', 400);
  });

  it('closes the entry of yesterday that is still open, and starts at number 1', async () => {
    const [yesterday, today] = ['2031-01-04', '2031-01-05'];
    const users = oneTo(40).map((n) => `late-${n}`);
    await Promise.all(users.map((user) => db.call('enter_queue', { clinic: 'audio', user, day: yesterday })));
    await atOnce(10, () => db.call('call_next_patient', { clinic: 'audio', day: yesterday }));

    const answers = await Promise.all(
      users.flatMap((user) =>
        [1, 2].map(() => db.call('enter_queue', { clinic: 'audio', user, day: today })),
      ),
    );
    expect(ascending([...new Set(answers.map((answer) => answer.number))])).toEqual(oneTo(40));
    const stored = await db.rows(
      `select service_day::text as day, status, count(*)::int as entries from queues
       where clinic_code = 'audio' group by 1, 2 order by 1`,
    );
    expect(stored).toEqual([
      { day: yesterday, status: 'CANCELLED', entries: 40 },
      { day: today, status: 'WAITING', entries: 40 },
    ]);
    expect(
      await db.value(
        `select count(*)::int from events where event_type = 'CANCELLED' and clinic_code = 'audio'`,
      ),
    ).toBe(40);
    report("yesterday's 40 open entries cancelled by entering today, once each", 130);
  });

  it('keeps one entry when yesterday and today are entered at the same moment', async () => {
    const days = ['2031-01-06', '2031-01-07'];
    await atOnce(200, (i) =>
      db.call('enter_queue', { clinic: 'eyes', user: `midnight-${i >> 2}`, day: days[i % 2] }),
    );

    expect(
      await db.rows(
        `select service_day::text as day, count(*)::int as entries, count(distinct patient_id)::int as patients
         from queues where clinic_code = 'eyes' and status in ('WAITING', 'CALLED', 'IN_PROGRESS')
         group by service_day`,
      ),
    ).toEqual([{ day: '2031-01-07', entries: 50, patients: 50 }]);
    report(
      '50 patients entering on both sides of midnight at once, one open entry each, of the newer day',
      200,
    );
  });

  it('goes on after a number that somebody wrote by hand past the counter', async () => {
    const day = '2031-01-08';
    await db.rows(
      `insert into queues (clinic_code, patient_id, queue_number, service_day) values ('ent', 'by-hand', 3, $1)`,
      [day],
    );
    const answers = await atOnce(20, (i) =>
      db.call('enter_queue', { clinic: 'ent', user: `after-${i}`, day }),
    );
    expect(ascending(answers.map((answer) => answer.number))).toEqual([1, 2, ...oneTo(18).map((n) => n + 3)]);
    report('a number written by hand is passed over, the line goes on', 21);
  });
});
