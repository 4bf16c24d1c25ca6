/** PINs: one set a day whoever makes it, and tries that are counted and limited under any number of guesses at once. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, openMigratedDatabase, type SqlDatabase } from '../support/sql-database.ts';
import { atOnce, report, tally, times } from '../support/sql-report.ts';

let db: SqlDatabase;
beforeAll(async () => {
  db = await openMigratedDatabase();
});
afterAll(() => db.remove());

const WRONG = 'no';
const dayEnd = (day: string) => `${day}T21:00:00Z`;
const outcomes = (answers: readonly Answer[]) => tally(answers.map((answer) => answer.code ?? 'DONE'));
const inForce = (day: string, clinic: string) =>
  db.value<string>('select pin from pins where service_day = $1 and clinic_code = $2 and is_active', [
    day,
    clinic,
  ]);

interface Try {
  readonly clinic: string;
  readonly day: string;
  readonly user: string;
  readonly pin: string;
  readonly ip?: string;
  /** Seconds after ten o'clock of the day. */
  readonly at?: number;
}

const leave = ({ clinic, day, user, pin, ip, at = 0 }: Try) =>
  db.call('complete_patient_service', {
    clinic,
    day,
    user,
    pin,
    day_end: dayEnd(day),
    now: new Date(Date.parse(`${day}T10:00:00Z`) + at * 1000).toISOString(),
    ...(ip === undefined ? {} : { ip_hash: ip }),
  });

async function enterAndCall(clinic: string, day: string, users: readonly string[]): Promise<void> {
  for (const user of users) await db.call('enter_queue', { clinic, user, day });
  await atOnce(users.length, () => db.call('call_next_patient', { clinic, day }));
}

describe('PINs of the day', () => {
  it('are one set of different PINs when two generators and 20 first readers come at once', async () => {
    const rounds = 10;
    for (let round = 0; round < rounds; round += 1) {
      const day = `2032-01-${String(1 + round).padStart(2, '0')}`;
      const args = { day, day_end: dayEnd(day) };
      const answers = await Promise.all([
        ...times(2, () => db.call('generate_daily_pins', args)),
        ...times(20, () => db.call('get_current_pins', args)),
      ]);

      expect(
        answers.every((answer) => answer.ok && answer.complete === true && answer.total_issued === 13),
      ).toBe(true);
      const [made] = await db.rows(
        `select count(*)::int as pins, count(distinct pin)::int as values, count(distinct clinic_code)::int as clinics,
           bool_and(pin::int between 10 and 99 and expires_at = $2) as valid
         from pins where service_day = $1`,
        [day, dayEnd(day)],
      );
      expect(made).toEqual({ pins: 13, values: 13, clinics: 13, valid: true });
    }
    report('2 generators and 20 first readers at once leave one set, on ten days', rounds * 22);
  });

  it('stay different from each other, and from the one before, when many rotate at once', async () => {
    const day = '2032-02-01';
    const clinics = await db.rows<{ code: string }>('select code from clinics order by code');
    const rotate = (clinic?: string) =>
      db.call('generate_daily_pins', { day, day_end: dayEnd(day), rotate: true, ...(clinic && { clinic }) });
    await Promise.all([...clinics.map(({ code }) => rotate(code)), ...times(7, () => rotate())]);

    const history = await db.rows<{ clinic_code: string; pin: string; is_active: boolean }>(
      'select clinic_code, pin, is_active from pins where service_day = $1 order by clinic_code, generated_at, id',
      [day],
    );
    const active = history.filter((pin) => pin.is_active);
    expect(active).toHaveLength(13);
    expect(new Set(active.map(({ pin }) => pin)).size).toBe(13);
    const repeats = history.filter(
      (pin, i) => pin.clinic_code === history[i - 1]?.clinic_code && pin.pin === history[i - 1]?.pin,
    );
    expect(repeats).toEqual([]);
    // The first of the 20 found no PINs: it made the set, and replaced nothing.
    const rotations = await db.value(`select count(*)::int from events where event_type = 'PIN_ROTATED'`);
    expect(history).toHaveLength(13 + Number(rotations));
    expect(
      await db.value(`select count(*)::int from events where event_type = 'PIN_ROTATED' and data <> '{}'`),
    ).toBe(0);
    report('20 rotations at once, every PIN unique in force and new to its clinic', 20);
  });

  it('are wrong from the moment of their rotation, and right until it', async () => {
    const [clinic, day] = ['lab', '2032-02-02'];
    const users = times(40, (i) => `rotated-${i}`);
    await db.call('get_current_pins', { day, day_end: dayEnd(day) });
    await enterAndCall(clinic, day, [...users, 'afterwards']);
    const old = await inForce(day, clinic);
    const withOld = (user: string) => leave({ clinic, day, user, pin: old });
    const [before, rotation, after] = await Promise.all([
      Promise.all(users.slice(0, 20).map(withOld)),
      db.call('generate_daily_pins', { day, day_end: dayEnd(day), rotate: true, clinic }),
      Promise.all(users.slice(20).map(withOld)),
    ]);

    const answers = [...before, ...after];
    const rotated = (rotation.versions as Record<string, number>)[clinic] ?? 0;
    const done = answers.filter((answer) => answer.ok);
    expect(done.every((answer) => answer.version < rotated)).toBe(true);
    expect(outcomes(answers)).toEqual(
      // Any split is right, as long as nobody leaves with the old PIN later than somebody was refused it.
      {
        ...(done.length > 0 && { DONE: done.length }),
        ...(done.length < 40 && { WRONG_PIN: 40 - done.length }),
      },
    );
    expect((await withOld('afterwards')).code).toBe('WRONG_PIN');
    const current = await inForce(day, clinic);
    expect((await leave({ clinic, day, user: 'afterwards', pin: current })).ok).toBe(true);
    report(`a rotation raced with done, ${done.length} before it, ${40 - done.length} after it`, 43);
  });
});

describe('tries of a PIN', () => {
  it('looks at five wrong ones a minute under 50 guesses at once, and counts them though the answer is an error', async () => {
    const [clinic, day, user] = ['xray', '2032-03-01', 'guesser'];
    await enterAndCall(clinic, day, [user]);
    const answers = await atOnce(50, () => leave({ clinic, day, user, pin: WRONG }));
    expect(outcomes(answers)).toEqual({ WRONG_PIN: 5, PIN_LOCKED: 45 });
    expect(
      await db.rows('select failures, day_failures from pin_attempts where patient_id = $1', [user]),
    ).toEqual([{ failures: 5, day_failures: 5 }]);

    const right = await inForce(day, clinic);
    expect((await leave({ clinic, day, user, pin: right, at: 59 })).code).toBe('PIN_LOCKED');
    expect((await leave({ clinic, day, user, pin: right, at: 60 })).ok).toBe(true);
    report('50 guesses at once, 5 looked at, the right PIN refused until the window ends', 52);
  });

  it('are cleared by the right PIN', async () => {
    const [clinic, day, user] = ['ecg', '2032-03-02', 'forgetful'];
    await enterAndCall(clinic, day, [user]);
    expect(outcomes(await atOnce(4, () => leave({ clinic, day, user, pin: WRONG })))).toEqual({
      WRONG_PIN: 4,
    });
    expect((await leave({ clinic, day, user, pin: await inForce(day, clinic) })).ok).toBe(true);
    expect(await db.value('select failures from pin_attempts where patient_id = $1', [user])).toBe(0);
    // A finished visit may be asked for again, and has five tries again.
    const again = await atOnce(10, () => leave({ clinic, day, user, pin: WRONG }));
    expect(outcomes(again)).toEqual({ WRONG_PIN: 5, PIN_LOCKED: 5 });
    report('four wrong, one right, then five wrong again before the lock', 15);
  });

  it('of one address are 15 a minute for patients who wait, and stop nobody who was called', async () => {
    const [clinic, day, ip] = ['audio', '2032-03-03', 'one-address'];
    const called = ['called-1', 'called-2'];
    const waiting = times(40, (i) => `invented-${i}`);
    await enterAndCall(clinic, day, called);
    for (const user of waiting) await db.call('enter_queue', { clinic, user, day });

    const answers = await Promise.all(waiting.map((user) => leave({ clinic, day, user, pin: WRONG, ip })));
    expect(outcomes(answers)).toEqual({ WRONG_PIN: 15, PIN_LOCKED: 25 });
    const right = await inForce(day, clinic);
    const [first, second] = called as [string, string];
    expect((await leave({ clinic, day, user: first, pin: WRONG, ip })).code).toBe('WRONG_PIN');
    expect((await leave({ clinic, day, user: second, pin: right, ip })).ok).toBe(true);
    // The right PIN of one patient does not open the address for the others.
    const still = String(waiting[39]);
    expect((await leave({ clinic, day, user: still, pin: right, ip })).code).toBe('PIN_LOCKED');
    expect((await leave({ clinic, day, user: still, pin: right, ip: 'another' })).ok).toBe(true);
    report('40 invented patients of one address, 15 looked at, called patients go on', 44);
  });

  it('end for the day after 15 wrong ones, when only staff can finish the visit', async () => {
    const [clinic, day, user] = ['eyes', '2032-03-04', 'stubborn'];
    await enterAndCall(clinic, day, [user]);
    for (const minute of [0, 1, 2]) {
      const answers = await atOnce(10, () => leave({ clinic, day, user, pin: WRONG, at: minute * 60 }));
      expect(outcomes(answers)).toEqual({ WRONG_PIN: 5, PIN_LOCKED: 5 });
    }
    const right = await inForce(day, clinic);
    const locked = await leave({ clinic, day, user, pin: right, at: 3600 });
    expect(locked.code).toBe('PIN_LOCKED');
    // An hour after the first try, ten before the end of the service day: the lock lasts until then.
    expect(locked.retry_after).toBe(10 * 3600);
    expect((await db.call('complete_patient_service', { clinic, day, user, only_called: true })).ok).toBe(
      true,
    );
    report('15 wrong PINs in three minutes lock the patient for the day', 32);
  });

  it('are neither looked at nor counted without an entry in that clinic', async () => {
    const [clinic, day] = ['ent', '2032-03-05'];
    const answers = await atOnce(30, (i) =>
      leave({ clinic, day, user: `stranger-${i}`, pin: WRONG, ip: 'strangers' }),
    );
    expect(outcomes(answers)).toEqual({ NOT_IN_QUEUE: 30 });
    expect(await db.value('select count(*)::int from pin_attempts where service_day = $1', [day])).toBe(0);
    report('strangers cannot try a PIN', 30);
  });
});
