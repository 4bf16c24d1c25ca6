/** Route and first entry in one call: one of each for a patient, and the emergency's place, whatever runs beside it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, openMigratedDatabase, type SqlDatabase } from '../support/sql-database.ts';
import { overtake } from '../support/sql-overtake.ts';
import { ascending, atOnce, oneTo, report, tally, times } from '../support/sql-report.ts';

let db: SqlDatabase;
beforeAll(async () => {
  db = await openMigratedDatabase();
  await db.rows(`insert into settings (key, value) values ('emergency_pin', '"246810"')`);
});
afterAll(() => db.remove());

const STATIONS = ['lab', 'eyes', 'internal', 'ent', 'ecg', 'audio'];

let routes = 0;
function enqueueArgs(user: string, day: string, options: object = {}): object {
  routes += 1;
  return {
    user,
    day,
    route_id: `route-${routes}`,
    exam_type: 'aviation',
    gender: 'male',
    stations: STATIONS.map((id) => ({ id })),
    dynamic: true,
    ...options,
  };
}

const enqueue = (user: string, day: string, options?: object): Promise<Answer> =>
  db.call('enqueue_patient', enqueueArgs(user, day, options));
const emergency = (user: string, day: string) => enqueue(user, day, { emergency_code: '246810' });
const codes = (answers: readonly Answer[]) => tally(answers.map(({ code }) => code ?? 'OK'));

const stored = (day: string) =>
  db.rows<{ clinic: string; user: string; number: number; priority: number; first: string | null }>(
    `select q.clinic_code as clinic, q.patient_id as "user", q.queue_number as number, q.priority,
       r.clinics -> 0 ->> 'clinic' as first
     from queues q
     left join routes r on r.patient_id = q.patient_id and r.service_day = q.service_day
     where q.service_day = $1 order by 1, 3`,
    [day],
  );

describe('enqueuing', () => {
  it('takes one of 50 who enqueue the same patient at once', async () => {
    const [user, day] = ['same', '2032-01-01'];
    expect(codes(await atOnce(50, () => enqueue(user, day)))).toEqual({ OK: 1, ALREADY_EXISTS: 49 });
    const entries = await stored(day);
    expect(entries).toEqual([{ clinic: 'lab', user, number: 1, priority: 0, first: 'lab' }]);
    expect(await db.value(`select count(*)::int from routes where patient_id = $1`, [user])).toBe(1);
    const events = await db.rows<{ type: string }>(
      `select event_type as type from events where patient_id = $1`,
      [user],
    );
    expect(events).toEqual([{ type: 'ENTERED' }]);
    report('one patient enqueued by 50 callers at once, one route, one entry, one event', 50);
  });

  it('gives 300 patients at once a route and a number each, without a gap in any line', async () => {
    const day = '2032-01-02';
    const answers = await atOnce(300, (i) => enqueue(`many-${i}`, day));
    expect(codes(answers)).toEqual({ OK: 300 });
    const entries = await stored(day);
    expect(entries).toHaveLength(300);
    // Each waits where the route begins, and was told so.
    expect(entries.filter(({ clinic, first }) => clinic !== first)).toEqual([]);
    const answered = answers.map(({ clinic, user, number }) => `${clinic} ${number} ${user}`).sort();
    expect(entries.map(({ clinic, number, user }) => `${clinic} ${number} ${user}`).sort()).toEqual(answered);
    for (const clinic of new Set(entries.map((entry) => entry.clinic))) {
      const numbers = entries.filter((entry) => entry.clinic === clinic).map(({ number }) => number);
      expect(ascending(numbers)).toEqual(oneTo(numbers.length));
    }
    report('patients enqueued at once, one route and one number each, no gap', 300);
  });

  it('never leaves a patient with two entries in a line who enters the other way at the same moment', async () => {
    const day = '2032-01-03';
    const answers = await atOnce(400, (i) => {
      const user = `both-${i >> 2}`;
      if (i % 4 === 0) return enqueue(user, day);
      if (i % 4 === 1) return emergency(user, day);
      return db.call('enter_queue', { clinic: 'lab', user, day });
    });
    expect(Object.keys(codes(answers)).sort()).toEqual(['ALREADY_EXISTS', 'OK']);
    const entries = await stored(day);
    const places = entries.map(({ clinic, user }) => `${clinic} ${user}`);
    expect(new Set(places).size).toBe(places.length);
    // The emergency code was right each time: whatever was there when it came has the highest priority.
    const urgent = new Set(entries.filter(({ priority }) => priority === 3).map(({ user }) => user));
    expect(urgent.size).toBe(100);
    report('enqueue, emergency and two enters of 100 patients at once, one entry a line each', 400);
  });

  it.each([
    ['without the code', {}, { code: 'ALREADY_EXISTS' }, 0, '2032-01-09'],
    [
      'with it',
      { emergency_code: '246810' },
      { ok: true, clinic: 'lab', number: 1, priority: 3, versions: { lab: 2 } },
      3,
      '2032-01-08',
    ],
  ])(
    'sees the entry that was made while it waited for the line, %s',
    async (label, options, answer, priority, day) => {
      const user = `overtaken-${label.replaceAll(' ', '-')}`;
      const entering = { name: 'enter_queue', args: { clinic: 'lab', user, day } };
      const enqueuing = { name: 'enqueue_patient', args: enqueueArgs(user, day, options) };
      expect(await overtake(db, entering, enqueuing)).toMatchObject(answer);
      expect((await stored(day)).filter((entry) => entry.user === user)).toMatchObject([
        { clinic: 'lab', user, priority },
      ]);
    },
  );

  it('sees the entry in another line that was made while it waited for the route', async () => {
    const [user, day] = ['elsewhere', '2032-01-10'];
    await db.call('create_route', enqueueArgs(user, day));
    const entering = { name: 'enter_queue', args: { clinic: 'xray', user, day } };
    const enqueuing = { name: 'enqueue_patient', args: enqueueArgs(user, day) };
    const told = { day, versions: { xray: 1 } };
    expect(await overtake(db, entering, enqueuing)).toEqual({ ok: false, code: 'ALREADY_EXISTS', ...told });
    expect(await stored(day)).toMatchObject([{ clinic: 'xray', user, number: 1 }]);
  });

  it('moves emergencies to the front while their lines are called and left, without a deadlock', async () => {
    const rounds = 15;
    const faults: string[] = [];
    const refusals: string[] = [];
    const attempt = (work: Promise<Answer>) =>
      work.then(
        ({ code }) => refusals.push(code ?? 'OK'),
        (error: { code?: string }) => faults.push(error.code ?? String(error)),
      );
    for (let round = 0; round < rounds; round += 1) {
      const day = `2032-02-${String(round + 1).padStart(2, '0')}`;
      const users = times(12, (i) => `hurry-${round}-${i}`);
      // Two lines each, taken in both orders.
      await Promise.all(
        users.flatMap((user, i) =>
          (i % 2 === 0 ? ['dental', 'surgery'] : ['surgery', 'dental']).map((clinic) =>
            db.call('enter_queue', { clinic, user, day }),
          ),
        ),
      );
      await Promise.all([
        ...users.map((user) => attempt(emergency(user, day))),
        ...users.map((user, i) =>
          attempt(
            db.call('complete_patient_service', {
              clinic: i % 3 === 0 ? 'surgery' : 'dental',
              user,
              day,
            }),
          ),
        ),
        ...times(6, (i) =>
          attempt(db.call('call_next_patient', { clinic: i % 2 === 0 ? 'dental' : 'surgery', day })),
        ),
        attempt(db.call('generate_daily_pins', { day, day_end: '2032-03-01T21:00:00Z', rotate: true })),
        ...users.map((user) => attempt(emergency(user, day))),
      ]);
      // Who still waits, waits with the highest priority.
      const waiting = await db.rows<{ user: string }>(
        `select patient_id as "user" from queues
         where service_day = $1 and status = 'WAITING' and priority < 3`,
        [day],
      );
      expect(waiting).toEqual([]);
    }
    expect(tally(faults)).toEqual({});
    expect(tally(refusals).ALREADY_EXISTS).toBeUndefined();
    report('emergencies raised while lines are called, left and given PINs, 0 deadlocks', refusals.length);
  });

  it('raises the version of each line that an emergency changes, and answers it', async () => {
    const [user, day] = ['versions', '2032-01-05'];
    await db.call('enter_queue', { clinic: 'xray', user: 'somebody', day });
    await db.call('enter_queue', { clinic: 'xray', user, day });
    await db.call('enter_queue', { clinic: 'bones', user, day });
    const first = await emergency(user, day);
    expect(first.versions).toEqual({ xray: 3, bones: 2 });
    // The newest line is the one the patient is concerned with.
    expect(first).toMatchObject({ clinic: 'bones', number: 1, priority: 3, emergency: true });
    // Repeated: nothing changes, and the versions are answered all the same.
    expect((await emergency(user, day)).versions).toEqual({ xray: 3, bones: 2 });
    const keys = await db.rows<{ clinic: string; keys: string[] }>(
      `select clinic_code as clinic, data -> 'keys' as keys from events
       where event_type = 'CACHE_INVALIDATED' and data -> 'keys' ->> 0 in ('queue:list:xray', 'queue:list:bones')
       order by seq desc limit 2`,
    );
    expect(keys.map(({ clinic }) => clinic).sort()).toEqual(['bones', 'xray']);
    expect((await db.call('queue_position', { clinic: 'xray', user, day })).ahead).toBe(0);
  });

  it('gives a priority to a current admin only', async () => {
    const day = '2032-01-06';
    await db.call('save_admin', { username: 'head', secret: 'x' });
    const asAdmin = (user: string, ver: number) =>
      enqueue(user, day, { priority: 2, admin: { sub: 'head', ver } });
    expect((await asAdmin('current', 0)).priority).toBe(2);
    await db.call('admin_logout', { admin: { sub: 'head', ver: 0 } });
    expect((await asAdmin('revoked', 0)).priority).toBe(0);
    expect((await enqueue('public', day, { priority: 2 })).priority).toBe(0);
  });

  it('looks at five wrong emergency codes of a client in the minute, however many come at once', async () => {
    const day = '2032-01-07';
    const wrong = (i: number, now: string) =>
      enqueue(`guess-${i}`, day, { emergency_code: '000000', ip_hash: 'somewhere', now });
    const answers = await atOnce(60, (i) => wrong(i, '2032-01-07T08:00:50Z'));
    expect(codes(answers)).toEqual({ INVALID_EMERGENCY_CODE: 5, RATE_LIMITED: 55 });
    // Ten seconds into the next minute the window still covers five sixths of the one before.
    const later = await atOnce(60, (i) => wrong(i, '2032-01-07T08:01:10Z'));
    expect(codes(later)).toEqual({ INVALID_EMERGENCY_CODE: 1, RATE_LIMITED: 59 });
    expect(
      await db.rows(
        `select request_count as count from rate_limits
         where client_id = 'somewhere' and endpoint = 'emergency' order by window_start`,
      ),
    ).toEqual([{ count: 5 }, { count: 1 }]);
    expect(await stored(day)).toEqual([]);
    report('wrong emergency codes at once, six looked at, nobody enqueued', 120);
  });
});
