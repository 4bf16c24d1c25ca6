/** Staff at a clinic: a code lets in once and out once, calls expire, and nobody is called outside the hours. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, openMigratedDatabase, type SqlDatabase } from '../support/sql-database.ts';
import { overtake } from '../support/sql-overtake.ts';
import { atOnce, report, tally, times } from '../support/sql-report.ts';

let db: SqlDatabase;
beforeAll(async () => {
  db = await openMigratedDatabase();
});
afterAll(() => db.remove());

const said = ({ code, action }: Answer) => String(code ?? action);

describe('process_clinic_code', () => {
  it('lets a patient in once and out once when a code is read 20 times at once', async () => {
    const rounds = 20;
    for (let round = 0; round < rounds; round += 1) {
      const day = `2034-01-${String(round + 1).padStart(2, '0')}`;
      const [user, clinic] = ['scanned', 'lab'];
      await db.call('enter_queue', { clinic, user, day });
      await db.call('call_next_patient', { clinic, day });
      const answers = await atOnce(20, () => db.call('process_clinic_code', { clinic, user, day }));
      expect(tally(answers.map(said))).toEqual({ checked_in: 1, route_completed: 1, NOT_IN_QUEUE: 18 });
    }
    report('a code read 20 times at once, one check-in, one end', rounds * 20);
  });

  it('does not end a visit that a PIN ended while the code was read', async () => {
    const visit = { clinic: 'lab', user: 'both-ways', day: '2034-01-31' };
    await db.call('enter_queue', visit);
    await db.call('call_next_patient', visit);
    await db.call('process_clinic_code', visit);
    const answer = await overtake(
      db,
      { name: 'complete_patient_service', args: visit },
      { name: 'process_clinic_code', args: visit },
    );
    expect(answer).toEqual({ ok: false, code: 'NOT_IN_QUEUE', clinic: 'lab', versions: { lab: 4 } });
  });

  it('meets no deadlock with completions and calls when routes cross', async () => {
    const rounds = 15;
    const faults: string[] = [];
    const outcomes: string[] = [];
    const attempt = (name: string, args: object) =>
      db.call(name, args).then(
        (answer) => outcomes.push(said(answer)),
        (error: { code?: string }) => faults.push(error.code ?? String(error)),
      );
    for (let round = 0; round < rounds; round += 1) {
      const day = `2034-02-${String(round + 1).padStart(2, '0')}`;
      const users = times(12, (i) => `cross-${i}`);
      const stations = (i: number) => (i % 2 === 0 ? ['dental', 'surgery'] : ['surgery', 'dental']);
      for (const [i, user] of users.entries()) {
        await db.call('create_route', {
          route_id: `r-${round}-${i}`,
          user,
          day,
          stations: stations(i).map((id) => ({ id })),
          dynamic: false,
        });
        await db.call('enter_queue', { clinic: stations(i)[0], user, day });
      }
      await Promise.all(
        users.flatMap((user, i) => {
          const clinic = stations(i)[0];
          return [
            attempt('call_next_within_limits', { clinic, day, force: true, expire: true }),
            ...times(3, () => attempt('process_clinic_code', { clinic, user, day })),
            attempt('complete_by_staff', { clinic, user, day }),
          ];
        }),
      );
      // However it went: who is through his first clinic stands in the line of the second, once.
      const lost = await db.value(
        `select count(*)::int from queues q join routes r using (patient_id, service_day)
         where q.service_day = $1 and q.status = 'COMPLETED' and q.clinic_code = r.clinics -> 0 ->> 'clinic'
           and 1 <> (select count(*) from queues n where n.patient_id = q.patient_id
             and n.service_day = q.service_day and n.clinic_code = r.clinics -> 1 ->> 'clinic')`,
        [day],
      );
      expect(lost).toBe(0);
    }
    expect(tally(faults)).toEqual({});
    report('codes, completions and calls on crossing routes at once, 0 deadlocks', outcomes.length);
  });
});

describe('call_next_within_limits', () => {
  const day = '2034-03-01';
  const call = (clinic: string, now: string, options: object = {}) =>
    db.call('call_next_within_limits', { clinic, day, now, ...options });

  it('frees the place of calls that nobody followed, and calls the next one', async () => {
    const users = times(8, (i) => `grace-${i}`);
    for (const user of users) {
      await db.call('enter_queue', { clinic: 'ecg', user, day, now: '2034-03-01T05:00:00Z' });
    }
    for (let i = 0; i < 6; i += 1) {
      expect((await call('ecg', `2034-03-01T06:0${i}:00Z`)).expires_at).toBe(
        `2034-03-01T06:${i < 5 ? '0' : '1'}${(i + 5) % 10}:00.000Z`,
      );
    }
    const full = { ok: false, code: 'CAPACITY_FULL', load: { called: 6, in: 0, total: 6 } };
    // Without the setting nothing expires, and the moment of the end itself is still in time.
    expect(await call('ecg', '2034-03-01T06:30:00Z')).toMatchObject({ ...full, expired: 0 });
    expect(await call('ecg', '2034-03-01T06:05:00Z', { expire: true })).toMatchObject({
      ...full,
      expired: 0,
    });
    expect(await call('ecg', '2034-03-01T06:06:30Z', { expire: true })).toMatchObject({
      ok: true,
      user: 'grace-6',
      expired: 2,
      load: { called: 4, in: 0, total: 4 },
    });
    const gone = await db.rows(
      `select patient_id as "user" from events where event_type = 'NO_SHOW' and clinic_code = 'ecg' order by seq`,
    );
    expect(gone).toEqual([{ user: 'grace-0' }, { user: 'grace-1' }]);
    // Nobody waits: what expired is said all the same.
    await db.call('complete_patient_service', { clinic: 'ecg', user: 'grace-7', day });
    expect(await call('ecg', '2034-03-01T07:00:00Z', { expire: true })).toMatchObject({
      ok: false,
      code: 'NO_PATIENTS_WAITING',
      expired: 5,
      load: { called: 0, in: 0, total: 0 },
    });
  });

  it('keeps the working hours on the clock of the service day', async () => {
    await db.rows(
      `insert into settings (key, value) values ('working_hours_start', '"08:00"'), ('working_hours_end', '"14:00"')`,
    );
    await atOnce(4, (i) => db.call('enter_queue', { clinic: 'eyes', user: `hours-${i}`, day }));
    // Qatar is three hours ahead of UTC.
    expect((await call('eyes', '2034-03-01T04:59:59Z')).code).toBe('OUTSIDE_WORKING_HOURS');
    expect((await call('eyes', '2034-03-01T05:00:00Z')).ok).toBe(true);
    expect((await call('eyes', '2034-03-01T10:59:59Z')).ok).toBe(true);
    expect((await call('eyes', '2034-03-01T11:00:00Z')).code).toBe('OUTSIDE_WORKING_HOURS');
    expect((await call('eyes', '2034-03-01T11:00:00Z', { force: true })).ok).toBe(true);
    await db.rows(`delete from settings where key like 'working_hours%'`);
  });
});
