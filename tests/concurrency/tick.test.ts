/** Ticks of several targets and of pg_cron at once: every effect once, nobody's error anybody else's, no deadlock. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runTick, schedulerContext } from '../../src/lib/tick.ts';
import { type LineEntry, writeEntries } from '../support/line-entries.ts';
import { openSimulatedService, type SimulatedService } from '../support/simulated-service.ts';
import { openMigratedDatabase, type SqlDatabase } from '../support/sql-database.ts';
import { atOnce, oneTo, report, times } from '../support/sql-report.ts';

const CLINICS = 13;
const TARGETS = 4;
/** Ticks of each of them at the same moment. */
const AT_ONCE = 4;
const DAY = '2033-05-10';

let db: SqlDatabase;
let targets: SimulatedService[];
beforeAll(async () => {
  db = await openMigratedDatabase(30);
  targets = [];
  for (const _ of oneTo(TARGETS)) {
    targets.push(
      await openSimulatedService({
        at: `${DAY}T06:00:00.000Z`,
        settings: { NO_SHOW_EXPIRY: 'on' },
        databaseUrl: db.url,
      }),
    );
  }
});
afterAll(async () => {
  for (const target of targets ?? []) await target.stop();
  await db?.remove();
});

/** Every target ticks this often at the same moment. */
async function tickEverywhere(iso: string, timesEach: number) {
  for (const target of targets) target.setTime(iso);
  const ticks = await atOnce(TARGETS * timesEach, (i) => {
    const target = targets[i % TARGETS];
    if (!target) throw new Error('no target');
    return runTick(schedulerContext(target.services));
  });
  return ticks.map(({ results }) => results);
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const codes = async () =>
  (await db.rows<{ code: string }>('select code from clinics order by code')).map((c) => c.code);

async function fill(day: string, people: number): Promise<void> {
  const clinics = await codes();
  await Promise.all(
    clinics.flatMap((clinic) =>
      times(people, (i) =>
        db.call('enter_queue', { clinic, user: `${clinic}-${day}-${i}`, day, now: `${day}T05:00:00Z` }),
      ),
    ),
  );
}

describe('ticks at once', () => {
  it('make one automatic call for each clinic and interval, and one set of PINs', async () => {
    await fill(DAY, 6);
    await db.rows('update clinics set auto_call = true, call_interval = 60');
    for (const [minute, expected] of [
      ['00', CLINICS],
      ['01', CLINICS],
      ['02', CLINICS],
    ] as const) {
      const ticks = await tickEverywhere(`${DAY}T06:${minute}:00.000Z`, AT_ONCE);
      expect(ticks.flatMap(({ errors }) => errors)).toEqual([]);
      expect(sum(ticks.map(({ calledPatients }) => calledPatients))).toBe(expected);
      expect(sum(ticks.map(({ jobs }) => jobs.pins_created))).toBe(minute === '00' ? CLINICS : 0);
    }
    expect(
      await db.rows(
        `select count(*)::int as calls, count(distinct patient_id)::int as patients,
           count(*) filter (where data ->> 'by' = 'auto')::int as automatic from events where event_type = 'CALLED'`,
      ),
    ).toEqual([{ calls: 3 * CLINICS, patients: 3 * CLINICS, automatic: 3 * CLINICS }]);
    report(
      `${TARGETS} targets, ${AT_ONCE} ticks each, three minutes: one call a clinic and minute, 13 PINs`,
      3 * AT_ONCE * TARGETS,
    );
  });

  it('end each call that ran out once', async () => {
    await db.rows('update clinics set auto_call = false');
    const ticks = await tickEverywhere(`${DAY}T06:30:00.000Z`, AT_ONCE);
    expect(ticks.flatMap(({ errors }) => errors)).toEqual([]);
    expect(sum(ticks.map(({ expiredNoShows }) => expiredNoShows))).toBe(3 * CLINICS);
    expect(await db.value(`select count(*)::int from events where event_type = 'NO_SHOW'`)).toBe(3 * CLINICS);
    report('39 calls ran out, each ended by one of many ticks', AT_ONCE * TARGETS);
  });

  it('close the past day once, with one event for each entry and one report, while people come in', async () => {
    const today = '2033-05-11';
    const open = await db.value<number>(
      `select count(*)::int from queues where status = 'WAITING' and service_day = $1`,
      [DAY],
    );
    expect(open).toBe(3 * CLINICS);
    const [ticks] = await Promise.all([
      tickEverywhere(`${today}T06:00:00.000Z`, AT_ONCE),
      atOnce(100, (i) =>
        db.call('enter_queue', { clinic: 'lab', user: `early-${i}`, day: today, now: `${today}T06:00:00Z` }),
      ),
    ]);
    expect(ticks.flatMap(({ errors }) => errors)).toEqual([]);
    expect(sum(ticks.map(({ jobs }) => jobs.entries_closed))).toBe(open);
    // Whoever looked before the last line was closed stored nothing of that day: a later tick does.
    const [last] = await tickEverywhere(`${today}T06:01:00.000Z`, 1);
    expect(last?.errors).toEqual([]);
    expect(
      await db.rows(
        `select count(*)::int as events, count(distinct (clinic_code, patient_id))::int as entries
         from events where event_type = 'CANCELLED'`,
      ),
    ).toEqual([{ events: open, entries: open }]);
    const [stored, ...others] = await db.rows<{ waiting: number; cancelled: number; no_show: number }>(
      `select (data -> 'counts' -> 'waiting')::int as waiting,
         (select sum((value -> 'cancelled')::int) from jsonb_each(data -> 'clinics'))::int as cancelled,
         (select sum((value -> 'no_show')::int) from jsonb_each(data -> 'clinics'))::int as no_show
       from reports where report_type = 'daily' and report_date = $1`,
      [DAY],
    );
    expect(others).toEqual([]);
    expect(stored).toEqual({ waiting: 0, cancelled: open, no_show: 3 * CLINICS });
    expect(
      await db.value('select max(last_number) from queue_counters where service_day = $1', [today]),
    ).toBe(100);
    report(
      `${open} entries of the past day closed once, 100 people of the new day entered meanwhile`,
      (AT_ONCE + 1) * TARGETS + 100,
    );
  });

  it('never call anybody twice nor lose anybody, while staff call and people enter and leave', async () => {
    const day = '2033-05-12';
    await fill(day, 20);
    await db.rows('update clinics set auto_call = true, call_interval = 30');
    await db.rows(
      `insert into settings (key, value) values ('max_capacity_per_clinic', '100'), ('grace_minutes', '120')`,
    );
    const clinics = await codes();
    const minutes = ['00', '01', '02', '03', '04'];
    let operations = 0;
    for (const minute of minutes) {
      const now = `${day}T06:${minute}:00.000Z`;
      const [ticks, calls, exits] = await Promise.all([
        tickEverywhere(now, AT_ONCE),
        Promise.all(clinics.map((clinic) => db.call('call_next_patient', { clinic, day, by: 'admin', now }))),
        Promise.all(
          clinics.map((clinic, i) =>
            db.call('complete_patient_service', {
              clinic,
              day,
              user: `${clinic}-${day}-${Number(minute) * 2 + (i % 2)}`,
              now,
            }),
          ),
        ),
      ]);
      expect(ticks.flatMap(({ errors }) => errors)).toEqual([]);
      expect(calls.every(({ ok }) => ok)).toBe(true);
      expect(exits.every(({ ok }) => ok)).toBe(true);
      operations += ticks.length + calls.length + exits.length;
    }
    const [counts] = await db.rows<{ entries: number; called_twice: number; without_event: number }>(
      `select count(*)::int as entries, count(*) filter (where call_count > 1)::int as called_twice,
         count(*) filter (where called_at is not null and 1 <> (
           select count(*) from events e where e.event_type = 'CALLED' and e.patient_id = q.patient_id))::int as without_event
       from queues q where service_day = $1`,
      [day],
    );
    expect(counts).toEqual({ entries: 20 * CLINICS, called_twice: 0, without_event: 0 });
    report('ticks, calls by hand and exits at once: every call once, with its event', operations);
  });
});

describe('queue_tick(), the form for pg_cron', () => {
  const yesterday = () => db.value<string>(`select ((service_day_at(now())).day - 1)::text`);
  const today = () => db.value<string>(`select (service_day_at(now())).day::text`);

  it('does in SQL alone what the tick does, and together with ticks of targets does it once', async () => {
    const [past, day] = [await yesterday(), await today()];
    const now = new Date().toISOString();
    await db.rows('update clinics set auto_call = true, call_interval = 14400');
    await writeEntries(
      (query, params) => db.rows(query, [...params]),
      (await codes()).flatMap((clinic) => [
        entryOf(clinic, past, 'WAITING'),
        entryOf(clinic, day, 'WAITING'),
      ]),
    );
    const [ticks, sqlTicks] = await Promise.all([
      tickEverywhere(now, 2),
      atOnce(8, () =>
        db.value<{ done: Record<string, { closed?: number }>; errors: string[] }>('select queue_tick()'),
      ),
    ]);
    expect(ticks.flatMap(({ errors }) => errors)).toEqual([]);
    expect(sqlTicks.flatMap(({ errors }) => errors)).toEqual([]);
    const closedInSql = sum(
      sqlTicks.flatMap(({ done }) => Object.values(done).map(({ closed }) => closed ?? 0)),
    );
    expect(closedInSql + sum(ticks.map(({ jobs }) => jobs.entries_closed))).toBe(CLINICS);
    expect(
      await db.rows(
        'select status, count(*)::int as entries from queues where service_day in ($1, $2) group by 1 order by 1',
        [past, day],
      ),
    ).toEqual([
      { status: 'CALLED', entries: CLINICS },
      { status: 'CANCELLED', entries: CLINICS },
    ]);
    expect(await db.value('select count(*)::int from pins where is_active and service_day = $1', [day])).toBe(
      CLINICS,
    );
    report('8 ticks of SQL and 8 of targets at once: each line closed and called once', 16);
  });

  it('ends calls that ran out only when it is told to', async () => {
    const day = await today();
    await db.rows(
      `update queues set called_at = now() - interval '3 hours', entered_at = now() - interval '4 hours'
      where status = 'CALLED' and service_day = $1`,
      [day],
    );
    await db.rows('update clinics set auto_call = false');
    const inLine = () =>
      db.value(`select count(*)::int from queues where status = 'CALLED' and service_day = $1`, [day]);
    await db.rows('select queue_tick()');
    expect(await inLine()).toBe(CLINICS);
    await db.rows('select queue_tick(true)');
    expect(await inLine()).toBe(0);
  });

  it('lists an error of one clinic and goes on', async () => {
    const day = await today();
    await db.rows('update clinics set auto_call = true, call_interval = 30');
    await db.rows('update queue_counters set last_called_at = null where service_day = $1', [day]);
    for (const clinic of ['ecg', 'lab']) await db.call('enter_queue', { clinic, user: 'next', day });
    await db.rows(`create function refuse() returns trigger language plpgsql as
      $$ begin raise exception 'internal text' using errcode = 'P0009'; end $$`);
    await db.rows(`create trigger refuse before update of status on queues
      for each row when (new.clinic_code = 'ecg') execute function refuse()`);
    const answer = await db.value<{ done: Record<string, object>; errors: string[] }>('select queue_tick()');
    expect(answer.errors).toEqual(['ecg: P0009']);
    expect(answer.done.lab).toMatchObject({ call: { success: true } });
  });
});

describe('settings', () => {
  it('saved by many at once are all of one of them, without a deadlock', async () => {
    const ver = await db.value('select token_version from admins');
    const admin = { sub: 'tester', ver };
    const answers = await atOnce(60, (i) => {
      const all = { grace_minutes: i + 1, admission_cadence_minutes: i + 1, max_capacity_per_clinic: i + 1 };
      const entries = Object.entries(all);
      return db.call('save_settings', {
        admin,
        settings: Object.fromEntries(i % 2 ? entries : entries.reverse()),
      });
    });
    expect(answers.every(({ ok }) => ok)).toBe(true);
    const [kept] = await db.rows<{ value: Record<string, number> }>('select current_settings() as value');
    const { grace_minutes, admission_cadence_minutes, max_capacity_per_clinic } = kept?.value ?? {};
    expect([admission_cadence_minutes, max_capacity_per_clinic]).toEqual([grace_minutes, grace_minutes]);
    report('60 savers of the same three settings, the values of one of them stand', 60);
  });
});

function entryOf(clinic: string, day: string, status: LineEntry['status']): LineEntry {
  return {
    clinic,
    user: `${clinic}-${day}`,
    number: 1,
    day,
    status,
    priority: 0,
    entered: Date.parse(`${day}T00:00:00Z`) - 6 * 3_600_000,
    called: null,
    started: null,
    completed: null,
  };
}
