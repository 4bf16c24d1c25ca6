/** Leaving a clinic: finished once with one event, and the route moves on with it, whatever happens at the same time. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, openMigratedDatabase, type SqlDatabase } from '../support/sql-database.ts';
import { atOnce, report, tally, times } from '../support/sql-report.ts';
import { until } from '../support/until.ts';

let db: SqlDatabase;
beforeAll(async () => {
  db = await openMigratedDatabase();
});
afterAll(() => db.remove());

const events = (type: string, patient: string) =>
  db.value('select count(*)::int from events where event_type = $1 and patient_id = $2', [type, patient]);

/** What stays equal when a finished visit is asked for again. */
const withoutRepeat = ({ repeated: _, ...answer }: Answer) => answer;

function routeOf(user: string, day: string, stations: readonly string[]): Promise<Answer> {
  return db.call('create_route', {
    route_id: `route-${user}`,
    user,
    day,
    stations: stations.map((id) => ({ id })),
    dynamic: false,
  });
}

describe('leaving a clinic', () => {
  it('finishes a visit once when done comes 50 times at once, and says the same each time', async () => {
    const [clinic, day, user] = ['lab', '2031-04-01', 'done-many'];
    await db.call('enter_queue', { clinic, user, day });
    const done = () => db.call('complete_patient_service', { clinic, user, day });
    const answers = await atOnce(50, done);
    const later = await done();

    expect(tally(answers.map((answer) => String(answer.repeated)))).toEqual({ false: 1, true: 49 });
    const [first] = answers;
    for (const answer of [...answers, later]) {
      expect(withoutRepeat(answer)).toEqual(withoutRepeat(first as Answer));
    }
    expect(await events('COMPLETED', user)).toBe(1);
    report('done repeated and raced, one COMPLETED event, the same answer', 51);
  });

  it('opens the next station once when done is repeated', async () => {
    const [day, user] = ['2031-04-02', 'walker'];
    await routeOf(user, day, ['xray', 'ecg', 'eyes']);
    await db.call('enter_queue', { clinic: 'xray', user, day });
    const answers = await atOnce(20, () =>
      db.call('complete_patient_service', { clinic: 'xray', user, day, auto_route: true }),
    );

    expect(new Set(answers.map((answer) => answer.next_clinic))).toEqual(new Set(['ecg']));
    const { route } = (await db.call('get_route', { user, day })) as unknown as {
      route: { stations: { clinic: string; status: string; entryTime: string | null }[] };
    };
    expect(route.stations.map(({ clinic, status }) => [clinic, status])).toEqual([
      ['xray', 'completed'],
      ['ecg', 'ready'],
      ['eyes', 'locked'],
    ]);
    expect(route.stations[1]?.entryTime).not.toBeNull();
    expect(await events('ENTERED', user)).toBe(2);
    report('done with automatic routing repeated, the next line entered once', 21);
  });

  it('gives one route to 30 creators at once', async () => {
    const [day, user] = ['2031-04-03', 'routed'];
    const answers = await atOnce(30, (i) =>
      db.call('create_route', {
        route_id: `try-${i}`,
        user,
        day,
        stations: [{ id: i % 2 === 0 ? 'lab' : 'xr' }, { id: 'bio' }],
        dynamic: i % 3 === 0,
      }),
    );
    expect(tally(answers.map((answer) => String(answer.sticky)))).toEqual({ false: 1, true: 29 });
    expect(new Set(answers.map((answer) => JSON.stringify(answer.route))).size).toBe(1);
    report('create_route at once, one route, everybody gets it', 30);
  });

  it('meets no deadlock when routes cross, lines are entered and the first reader makes the PINs', async () => {
    const rounds = 25;
    const walkers = 12;
    const faults: string[] = [];
    const attempt = (name: string, args: object) =>
      db.call(name, args).catch((error: { code?: string }) => {
        faults.push(error.code ?? String(error));
        return undefined;
      });

    let operations = 0;
    for (let round = 0; round < rounds; round += 1) {
      // A new day each time: its counters do not exist yet, and are made while others already hold some of them.
      const day = `2031-05-${String(1 + round).padStart(2, '0')}`;
      const dayEnd = `2031-06-${String(1 + round).padStart(2, '0')}T00:00:00Z`;
      const users = times(walkers, (i) => `cross-${round}-${i}`);
      const from = (i: number) => (i % 2 === 0 ? 'dental' : 'surgery');
      await Promise.all(
        users.map((user, i) =>
          routeOf(user, day, i % 2 === 0 ? ['dental', 'surgery'] : ['surgery', 'dental']),
        ),
      );
      await Promise.all(
        // Half the rounds begin with one clinic's counter only: the other is inserted in the race.
        users.map(
          (user, i) =>
            (round % 2 === 0 || i % 2 === 0) && db.call('enter_queue', { clinic: from(i), user, day }),
        ),
      );
      const work = [
        ...users.map((user, i) => [
          'complete_patient_service',
          { clinic: from(i), user, day, auto_route: true },
        ]),
        ...times(walkers, (i) => ['enter_queue', { clinic: from(i), user: `new-${round}-${i}`, day }]),
        ...times(6, (i) => ['call_next_patient', { clinic: from(i), day }]),
        ...times(4, () => ['get_current_pins', { day, day_end: dayEnd }]),
        ['generate_daily_pins', { day, day_end: dayEnd, rotate: true }],
        ...users.map((user, i) => [
          'complete_patient_service',
          { clinic: from(i), user, day, day_end: dayEnd, pin: 'no', auto_route: true },
        ]),
      ] as [string, object][];
      operations += work.length + 3 * walkers;
      await Promise.all(work.map(([name, args]) => attempt(name, args)));
    }

    expect(tally(faults)).toEqual({});
    report(
      'completion with automatic routing raced in both directions, 0 deadlocks, 0 lock timeouts',
      operations,
    );
  });

  it('keeps one lock order when the PINs of the day are made between the two locks of a completion', async () => {
    const day = '2031-07-01';
    await db.call('enter_queue', { clinic: 'dental', user: 'ordered', day });
    const completion = await db.pool.connect();
    try {
      // The two steps of a completion that routes from dental to surgery, whose counter does not exist yet.
      await completion.query('begin');
      await completion.query(`select lock_queue_counter('dental', $1)`, [day]);
      const firstReader = db.call('get_current_pins', { day, day_end: '2031-07-01T21:00:00Z' });
      await until(
        'the first reader waits for the counter',
        () =>
          db.value(
            `select count(*)::int from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
          ),
        (waiting) => waiting === 1,
      );
      await completion.query(`select lock_queue_counter('surgery', $1)`, [day]);
      await completion.query('commit');
      expect((await firstReader).ok).toBe(true);
    } finally {
      completion.release();
    }
    report('PINs made between the two locks of a completion, no deadlock', 3);
  });
});
