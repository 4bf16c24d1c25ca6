/** Reports agree with the entries, to the field; finished ones are stored once and say the same ever after. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { csvCell } from '../../src/lib/report-csv.ts';
import { CLINICS, parseCsv, randomDay, randomDays } from '../support/report-entries.ts';
import {
  daysFrom,
  type Entry,
  type ModelWorld,
  modelAnnual,
  modelDaily,
  modelMonthly,
  modelWeekly,
} from '../support/report-model.ts';
import { openReportWorld, type ReportWorld } from '../support/report-world.ts';
import { seededRandom, testSeed } from '../support/sql-random.ts';
import { atOnce, report as printed } from '../support/sql-report.ts';

const ISO = expect.stringMatching(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/);
const QATAR = 'Asia/Qatar';

/** What the tick does until nothing is left; the reports it wrote. */
async function storeAll(world: ReportWorld, day: string, timezone = QATAR): Promise<number> {
  let all = 0;
  for (;;) {
    const { written } = await world.db.call('store_finished_reports', { day, timezone });
    if (written === 0) return all;
    all += Number(written);
  }
}

describe('the numbers', () => {
  let world: ReportWorld;
  beforeAll(async () => {
    world = await openReportWorld();
  });
  afterAll(() => world.close());

  const visit = (
    clinic: string,
    patient: string,
    status: Entry['status'],
    times: Partial<Entry> = {},
  ): Entry => ({
    clinic,
    patient,
    day: '2025-10-29',
    status,
    entered: '2025-10-29T06:00:00Z',
    ...times,
  });

  it('of a day worked out by hand are those of the daily report, and no other field is in it', async () => {
    await world.insert([
      // Waits 10, 20, 30 minutes; served in 5 (from check-in), 7 and 9 minutes (from the call).
      visit('lab', 'a', 'COMPLETED', {
        called: '2025-10-29T06:10:00Z',
        started: '2025-10-29T06:12:00Z',
        completed: '2025-10-29T06:17:00Z',
      }),
      visit('lab', 'b', 'COMPLETED', { called: '2025-10-29T06:20:00Z', completed: '2025-10-29T06:27:00Z' }),
      visit('lab', 'c', 'COMPLETED', { called: '2025-10-29T06:30:00Z', completed: '2025-10-29T06:39:00Z' }),
      // Never called: waited 60 minutes until done, and has no service time.
      visit('xray', 'a', 'COMPLETED', {
        entered: '2025-10-29T07:00:00Z',
        completed: '2025-10-29T08:00:00Z',
      }),
      // Neither called nor done: no wait.
      visit('xray', 'd', 'CANCELLED', { entered: '2025-10-29T07:30:00Z' }),
      visit('ecg', 'd', 'NO_SHOW', { entered: '2025-10-29T08:00:00Z', called: '2025-10-29T08:02:30Z' }),
      visit('ecg', 'b', 'WAITING', { entered: '2025-10-29T08:10:00Z' }),
    ]);
    world.setTime('2025-10-29T12:00:00Z');
    const nobody = {
      total: 0,
      served: 0,
      waiting: 0,
      cancelled: 0,
      no_show: 0,
      avg_wait_time: 0,
      median_wait_time: 0,
      p90_wait_time: 0,
      avg_service_time: 0,
      median_service_time: 0,
      p90_service_time: 0,
    };
    expect((await world.get('/api/v1/reports/daily')).body).toStrictEqual({
      success: true,
      report: {
        date: '2025-10-29',
        type: 'daily',
        generated_at: '2025-10-29T12:00:00.000Z',
        final: false,
        clinics: {
          ...Object.fromEntries(CLINICS.map((clinic) => [clinic, nobody])),
          lab: {
            ...nobody,
            total: 3,
            served: 3,
            avg_wait_time: 20,
            median_wait_time: 20,
            p90_wait_time: 30,
            avg_service_time: 7,
            median_service_time: 7,
            p90_service_time: 9,
          },
          xray: {
            ...nobody,
            total: 2,
            served: 1,
            cancelled: 1,
            avg_wait_time: 60,
            median_wait_time: 60,
            p90_wait_time: 60,
          },
          ecg: {
            ...nobody,
            total: 2,
            waiting: 1,
            no_show: 1,
            // Two and a half minutes: halves are rounded up.
            avg_wait_time: 3,
            median_wait_time: 3,
            p90_wait_time: 3,
          },
        },
        summary: {
          total_patients: 4,
          total_served: 4,
          total_waiting: 1,
          // (10 + 20 + 30 + 60 + 2.5) / 5, not the mean of the clinics' means.
          avg_wait_time: 25,
          median_wait_time: 20,
          p90_wait_time: 60,
          median_service_time: 7,
          p90_service_time: 9,
          // 09:00 in Qatar.
          busiest_hour: 9,
        },
        total_patients: 4,
        totals: { visits: 7, clinics: 3 },
      },
    });
  });

  it('of a clinic that was closed since then stay in the past', async () => {
    await world.insert([{ ...visit('derma', 'z', 'CANCELLED'), day: '2025-09-01' }]);
    await world.db.rows(`update clinics set is_active = false where code in ('derma', 'bones')`);
    try {
      const { clinics, totals } = await world.report('/api/v1/reports/daily?date=2025-09-01');
      expect(Object.keys(clinics as object).sort()).toEqual(
        CLINICS.filter((code) => code !== 'bones').sort(),
      );
      expect(totals).toEqual({ visits: 1, clinics: 1 });
    } finally {
      await world.db.rows('update clinics set is_active = true');
    }
  });
});

describe('random histories', () => {
  const seed = testSeed();
  const TODAY = '2025-03-19';
  const NOW = '2025-03-19T18:00:00Z';
  let world: ReportWorld;
  let model: ModelWorld;
  beforeAll(async () => {
    console.info(`reports of random histories: seed ${seed}`);
    const random = seededRandom(seed);
    const past = randomDays(random, '2024-12-20', 89);
    const running = randomDay(random, TODAY, `${TODAY}T04:00:00Z`, true);
    world = await openReportWorld();
    await world.insert([...past, ...running]);
    world.setTime(NOW);
    model = { entries: [...past, ...running], clinics: CLINICS, today: TODAY, timezone: QATAR, madeAt: ISO };
  });
  afterAll(() => world.close());

  async function expectAllAsTheRowsSay(): Promise<number> {
    const days = [...daysFrom('2024-12-28', 7), ...daysFrom('2025-03-13', 7)];
    for (const day of days) {
      expect(await world.report(`/api/v1/reports/daily?date=${day}`), day).toStrictEqual(
        modelDaily(model, day),
      );
    }
    const weeks: [string, string][] = [
      ['2024-12-30', '2025-W01'],
      ['2025-02-24', '2025-W09'],
      // Seven days from any day, named by the week of the first.
      ['2025-02-26', '2025-W09'],
      ['2025-03-17', '2025-W12'],
    ];
    for (const [first, name] of weeks) {
      expect(await world.report(`/api/v1/reports/weekly?week=${first}`), first).toStrictEqual(
        modelWeekly(model, first, name),
      );
    }
    for (const month of ['2024-12', '2025-02', '2025-03']) {
      const [year, number] = month.split('-').map(Number);
      expect(await world.report(`/api/v1/reports/monthly?year=${year}&month=${number}`), month).toStrictEqual(
        modelMonthly(model, month),
      );
    }
    for (const year of [2024, 2025]) {
      expect(await world.report(`/api/v1/reports/annual?year=${year}`), `${year}`).toStrictEqual(
        modelAnnual(model, year),
      );
    }
    return days.length + weeks.length + 5;
  }

  it('days, weeks, months and years say what the entries say, computed and stored alike', async () => {
    const computed = await expectAllAsTheRowsSay();
    expect(await world.db.value('select count(*)::int from reports')).toBe(0);
    const firstDay = model.entries.map(({ day }) => day).sort()[0] ?? '';
    const storedDays = daysFrom(firstDay, 100).filter((day) => day < TODAY).length;
    const written = await storeAll(world, TODAY);
    const perType = await world.db.rows(
      'select report_type as type, count(*)::int as n from reports group by 1 order by 1',
    );
    expect(perType).toEqual([
      { type: 'annual', n: 1 },
      { type: 'daily', n: storedDays },
      { type: 'monthly', n: 3 },
      { type: 'weekly', n: expect.toSatisfy((n) => n === 12 || n === 13) },
    ]);
    const afterwards = await expectAllAsTheRowsSay();
    // Days stored and days not, in turns: each is counted once.
    await world.db.rows(
      `delete from reports where report_type <> 'daily' or extract(day from report_date)::int % 3 = 0`,
    );
    expect(await world.report('/api/v1/reports/annual?year=2025')).toStrictEqual(modelAnnual(model, 2025));
    await storeAll(world, TODAY);
    // Only what is stored can say this: the entries of a stored day are gone, the report stays.
    await world.db.rows(`delete from queues where service_day = '2025-02-26'`);
    expect(await world.report('/api/v1/reports/daily?date=2025-02-26')).toStrictEqual(
      modelDaily(model, '2025-02-26'),
    );
    printed('reports equal to the entries', computed + afterwards + written, seed);
  });

  it('the sums of the days are those of their week and month, those of the months are the year, and all are the rows', async () => {
    type Sums = { summary: { total_patients: number; total_served: number }; totals: { visits: number } };
    const sums = (reports: readonly Sums[]) =>
      reports.reduce(
        (sum, { summary, totals }) => ({
          total_patients: sum.total_patients + summary.total_patients,
          total_served: sum.total_served + summary.total_served,
          visits: sum.visits + totals.visits,
        }),
        { total_patients: 0, total_served: 0, visits: 0 },
      );
    const week = (await world.report('/api/v1/reports/weekly?week=2025-03-10')) as unknown as Sums & {
      daily_reports: Sums[];
    };
    expect(sums(week.daily_reports)).toEqual(sums([week]));
    const months = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        world.report(`/api/v1/reports/monthly?year=2024&month=${index + 1}`),
      ),
    );
    const year = (await world.report('/api/v1/reports/annual?year=2024')) as unknown as Sums;
    expect(sums(months as unknown as Sums[])).toEqual(sums([year]));
    for (const month of months as unknown as (Sums & { daily_reports: Sums[] })[]) {
      expect(sums(month.daily_reports)).toEqual(sums([month]));
    }
    const rows = await world.db.rows<{ visits: number; served: number }>(
      `select count(*)::int as visits, (count(*) filter (where status = 'COMPLETED'))::int as served
       from queues where service_day between '2024-01-01' and '2024-12-31'`,
    );
    expect(rows).toEqual([{ visits: year.totals.visits, served: year.summary.total_served }]);
  });
});

describe('periods', () => {
  // 01:30 of Monday 2027-01-04 in Qatar, still Sunday in UTC.
  const NOW = '2027-01-03T22:30:00Z';
  let world: ReportWorld;
  beforeAll(async () => {
    world = await openReportWorld();
    world.setTime(NOW);
  });
  afterAll(() => world.close());

  it.each([
    ['daily', { date: '2027-01-04' }],
    ['weekly', { week: '2027-W01' }],
    ['monthly', { month: '2027-01' }],
    ['annual', { year: 2027 }],
    // ISO weeks belong to the year of their Thursday.
    ['weekly?week=2026-12-28', { week: '2026-W53' }],
    ['weekly?week=2027-01-03', { week: '2026-W53' }],
    ['weekly?week=2024-12-30', { week: '2025-W01' }],
    ['monthly?year=2026', { month: '2026-01' }],
    ['monthly?year=2024&month=02', { month: '2024-02' }],
    ['annual?year=2000', { year: 2000 }],
    ['daily?date=2024-02-29', { date: '2024-02-29' }],
  ])('%s is the period that was asked for', async (query, key) => {
    const found = await world.report(`/api/v1/reports/${query}`);
    expect(found).toMatchObject(key);
    expect(found).toMatchObject({ total_patients: 0, totals: { visits: 0, clinics: 0 } });
  });

  it.each([
    ['daily?date=2027-01-05', 'date'],
    ['weekly?week=2027-01-05', 'week'],
    ['monthly?month=2', 'month'],
    ['monthly?year=2028', 'year'],
    ['annual?year=2028', 'year'],
    ['daily?date=2025-02-29', 'date'],
    ['daily?date=29-10-2025', 'date'],
    ['daily?date=0000-01-01', 'date'],
    ['daily?date=1999-12-31', 'date'],
    ['daily?date=2025-10-29T00:00', 'date'],
    ['weekly?week=2025-W43', 'week'],
    ['monthly?month=0', 'month'],
    ['monthly?month=13', 'month'],
    ['monthly?month=1.5', 'month'],
    ['annual?year=1999', 'year'],
    ['annual?year=2101', 'year'],
    ['annual?year=x', 'year'],
    ['daily?format=pdf', 'format'],
  ])('%s is refused', async (query, field) => {
    const { status, body } = await world.get(`/api/v1/reports/${query}`);
    expect(status).toBe(400);
    expect(body).toMatchObject({ success: false, code: 'INVALID_FIELD', field });
  });

  it.each([
    ['weekly?week=2026-12-28', '2027-01-03'],
    ['monthly?year=2026&month=2', '2026-02-28'],
    ['annual?year=2026', '2026-12-31'],
    ['daily?date=2026-12-31', '2026-12-31'],
  ])('%s is final when its last day %s is over, not before', async (query, lastDay) => {
    const midnight = Date.parse(`${lastDay}T21:00:00Z`);
    try {
      world.setTime(new Date(midnight - 1).toISOString());
      expect(await world.report(`/api/v1/reports/${query}`)).toMatchObject({ final: false });
      world.setTime(new Date(midnight).toISOString());
      expect(await world.report(`/api/v1/reports/${query}`)).toMatchObject({ final: true });
    } finally {
      world.setTime(NOW);
    }
  });

  it('days of the period that are still to come are zero reports', async () => {
    const week = await world.report('/api/v1/reports/weekly');
    const days = week.daily_reports as { date: string; final: boolean }[];
    expect(days.map(({ date, final }) => [date, final])).toEqual(
      daysFrom('2027-01-04', 7).map((day) => [day, false]),
    );
    const year = await world.report('/api/v1/reports/annual');
    expect((year.monthly_reports as object[]).length).toBe(12);
  });
});

describe('a zone with summer time and a service day that starts at 05:00', () => {
  const timezone = 'Europe/Berlin';
  let world: ReportWorld;
  beforeAll(async () => {
    world = await openReportWorld({ timezone, serviceDayStart: '05:00' });
  });
  afterAll(() => world.close());

  it('has hours of its own clock on both sides of the change, and days that change at 05:00', async () => {
    const random = seededRandom(7);
    // Clocks go forward on 2025-03-30 at 01:00 UTC, and back on 2025-10-26 at 01:00 UTC.
    const days = [...daysFrom('2025-03-28', 5), ...daysFrom('2025-10-24', 5)];
    const entries = days.flatMap((day) => randomDay(random, day, `${day}T03:30:00Z`));
    const early = (day: string, entered: string, patient: string): Entry => ({
      clinic: 'lab',
      patient,
      day,
      status: 'CANCELLED',
      entered,
    });
    // Between midnight and 05:00 still yesterday's service day; on 26 October the hour 2 comes twice.
    const nights = [
      early('2025-03-29', '2025-03-30T00:59:00Z', 'n1'),
      early('2025-03-29', '2025-03-30T01:01:00Z', 'n2'),
      ...['00:10', '00:20', '01:10', '01:20', '01:30', '01:40', '01:45', '01:50', '01:55', '01:59'].map(
        (time, index) => early('2025-10-25', `2025-10-26T${time}:00Z`, `o${index}`),
      ),
    ];
    await world.insert([...entries, ...nights]);
    world.setTime('2025-12-01T12:00:00Z');
    const model: ModelWorld = {
      entries: [...entries, ...nights],
      clinics: CLINICS,
      today: '2025-12-01',
      timezone,
      madeAt: ISO,
    };
    for (const day of days) {
      expect(await world.report(`/api/v1/reports/daily?date=${day}`), day).toStrictEqual(
        modelDaily(model, day),
      );
    }
    expect(await world.report('/api/v1/reports/annual?year=2025')).toStrictEqual(modelAnnual(model, 2025));
    await storeAll(world, '2025-12-01', timezone);
    expect(await world.report('/api/v1/reports/annual?year=2025')).toStrictEqual(modelAnnual(model, 2025));

    // 04:59 on 2 December in Berlin is still the first.
    world.setTime('2025-12-02T03:59:00Z');
    expect(await world.report('/api/v1/reports/daily')).toMatchObject({ date: '2025-12-01', final: false });
    world.setTime('2025-12-02T04:00:00Z');
    expect(await world.report('/api/v1/reports/daily')).toMatchObject({ date: '2025-12-02', final: false });
    expect(await world.report('/api/v1/reports/daily?date=2025-12-01')).toMatchObject({ final: true });
  });
});

describe('stored reports', () => {
  let world: ReportWorld;
  beforeAll(async () => {
    world = await openReportWorld();
    const random = seededRandom(11);
    await world.insert([
      ...randomDays(random, '2025-06-01', 60),
      {
        clinic: 'lab',
        patient: 'first',
        day: '2025-06-01',
        status: 'CANCELLED',
        entered: '2025-06-01T06:00:00Z',
      },
    ]);
  });
  afterAll(() => world.close());
  const stored = () =>
    world.db.rows('select report_type as type, report_date::text as date, data from reports order by 1, 2');

  it('are written by the tick alone, and a period that is not over or has an open entry is not', async () => {
    await world.insert([
      {
        clinic: 'ecg',
        patient: 'late',
        day: '2025-07-30',
        status: 'WAITING',
        entered: '2025-07-30T15:00:00Z',
      },
    ]);
    world.setTime('2025-08-05T09:00:00Z');
    await world.report('/api/v1/reports/annual');
    await world.report('/api/v1/reports/monthly?month=6');
    expect(await stored()).toEqual([]);
    await storeAll(world, '2025-08-05');
    const rows = await stored();
    const dates = (type: string) => rows.filter((row) => row.type === type).map(({ date }) => date);
    expect(dates('daily')).toEqual(daysFrom('2025-06-01', 65).filter((day) => day !== '2025-07-30'));
    expect(dates('weekly')).toEqual(daysFrom('2025-05-26', 63).filter((_, index) => index % 7 === 0));
    expect(dates('monthly')).toEqual(['2025-06-01']);
    expect(dates('annual')).toEqual([]);
  });

  it('come with the tick that closes the day, with every longer period that waited for it', async () => {
    const before = await stored();
    await world.db.rows(`update queues set status = 'CANCELLED' where status = 'WAITING'`);
    expect(await storeAll(world, '2025-08-05')).toBe(3);
    const key = ({ type, date }: Record<string, unknown>) => `${type} ${date}`;
    const known = new Set(before.map(key));
    expect((await stored()).map(key).filter((name) => !known.has(name))).toEqual([
      'daily 2025-07-30',
      'monthly 2025-07-01',
      'weekly 2025-07-28',
    ]);
  });

  it('of days before a clinic was added show it with zeros, as every report shows every clinic', async () => {
    await world.db.rows(`insert into clinics (code, name, display_order) values ('new', 'New', 14)`);
    try {
      const { clinics } = await world.report('/api/v1/reports/daily?date=2025-07-30');
      // In the order of the clinics, the newest last.
      expect(Object.keys(clinics as object)).toEqual([...CLINICS, 'new']);
      expect(clinics).toMatchObject({
        new: { total: 0, p90_wait_time: 0 },
        ecg: { cancelled: expect.any(Number) },
      });
    } finally {
      await world.db.rows(`delete from clinics where code = 'new'`);
    }
  });

  it('are written once, however many runners there are, at most 31 by one call', async () => {
    await world.db.rows('delete from reports');
    const all: number[] = [];
    for (let round = 0; round < 4; round += 1) {
      const answers = await atOnce(8, () =>
        world.db.call('store_finished_reports', { day: '2025-08-01', timezone: QATAR }),
      );
      all.push(...answers.map(({ written }) => Number(written)));
    }
    expect(Math.max(...all)).toBe(31);
    expect(all.reduce((sum, written) => sum + written, 0)).toBe((await stored()).length);
    expect((await stored()).length).toBe(61 + 9 + 2);
    expect(await storeAll(world, '2025-08-01')).toBe(0);
    printed('runners that store reports at once, each written once', all.length);
  });

  it('say when they were stored', async () => {
    await world.db.rows('delete from reports');
    await world.db.call('store_finished_reports', {
      day: '2025-08-01',
      timezone: QATAR,
      now: '2025-08-01T00:01:00Z',
    });
    world.setTime('2025-08-05T09:00:00Z');
    expect(await world.report('/api/v1/reports/daily?date=2025-07-30')).toMatchObject({
      generated_at: '2025-08-01T00:01:00.000Z',
    });
  });

  it('of an adopted database are kept, but never taken for ours', async () => {
    await world.db.rows(
      `insert into reports (report_type, report_date, data) values ('daily', '2025-05-31', '{"total_patients": 40}')`,
    );
    expect(await world.report('/api/v1/reports/daily?date=2025-05-31')).toMatchObject({
      type: 'daily',
      total_patients: 0,
    });
    await storeAll(world, '2025-08-01');
    expect(await world.db.value(`select data::text from reports where report_date = '2025-05-31'`)).toBe(
      '{"total_patients": 40}',
    );
  });

  it('are listed for an admin, the 30 newest, and for nobody else', async () => {
    await storeAll(world, '2025-08-01');
    const { body } = await world.get('/api/v1/reports/history?adminCode=1234&format=csv');
    const { reports } = body as { reports: { name: string; size: string; date: string }[] };
    expect(reports).toHaveLength(30);
    expect(reports[0]).toStrictEqual({
      name: 'daily-2025-07-31',
      size: expect.stringMatching(/^\d+\.\d KB$/),
      date: '2025-07-31',
    });
    expect(reports.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['monthly-2025-07', 'weekly-2025-07-21']),
    );
    const stale = await world.adminToken();
    await world.db.rows('update admins set token_version = token_version + 1');
    for (const token of [null, 'nonsense', stale]) {
      const answer = await world.get('/api/v1/reports/history', token);
      expect(answer.status).toBe(200);
      expect(answer.body).toStrictEqual({ success: true, reports: [] });
    }
  });
});

describe('who may read', () => {
  it('the four are for an admin whose token is current, unless REPORTS_PUBLIC is on', async () => {
    const closed = await openReportWorld();
    const open = await openReportWorld({ settings: { REPORTS_PUBLIC: 'on' } });
    try {
      for (const path of ['daily', 'weekly', 'monthly', 'annual', 'daily?format=csv']) {
        const stale = await closed.adminToken();
        await closed.db.rows('update admins set token_version = token_version + 1');
        for (const token of [null, 'nonsense', stale]) {
          const { status, body } = await closed.get(`/api/v1/reports/${path}`, token);
          expect(status).toBe(401);
          expect(body).toMatchObject({ code: 'UNAUTHORIZED' });
        }
        expect((await closed.get(`/api/v1/reports/${path}`)).status).toBe(200);
        for (const token of [null, 'nonsense']) {
          expect((await open.get(`/api/v1/reports/${path}`, token)).status).toBe(200);
        }
      }
      expect((await open.get('/api/v1/reports/history', null)).body).toStrictEqual({
        success: true,
        reports: [],
      });
    } finally {
      await closed.close();
      await open.close();
    }
  });
});

describe('files for spreadsheets', () => {
  let world: ReportWorld;
  beforeAll(async () => {
    world = await openReportWorld();
    await world.insert(randomDays(seededRandom(5), '2025-10-01', 31));
    world.setTime('2025-11-05T09:00:00Z');
  });
  afterAll(() => world.close());

  it.each([
    ['daily?date=2025-10-29', 'daily-2025-10-29.csv', 13 + 2],
    ['weekly?week=2025-10-20', 'weekly-2025-10-20.csv', 7 * 13 + 2],
    ['monthly?year=2025&month=10', 'monthly-2025-10.csv', 31 * 13 + 2],
    ['annual?year=2025', 'annual-2025.csv', 12 + 2],
  ])('%s is the file %s', async (query, name, lines) => {
    const { status, headers, text } = await world.get(`/api/v1/reports/${query}&format=csv`);
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('text/csv; charset=utf-8');
    expect(headers.get('content-disposition')).toBe(`attachment; filename="${name}"`);
    expect(text.startsWith('\uFEFF')).toBe(true);
    expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    const rows = parseCsv(text.slice(1));
    expect(rows).toHaveLength(lines);
    expect(new Set(rows.map((row) => row.length)).size).toBe(1);
  });

  it('hold the numbers of the report under the Arabic names, in the order of the clinics', async () => {
    const report = (await world.report('/api/v1/reports/weekly?week=2025-10-20')) as unknown as {
      daily_reports: { date: string; clinics: Record<string, Record<string, number>> }[];
      totals: { visits: number };
    };
    const { text } = await world.get('/api/v1/reports/weekly?week=2025-10-20&format=csv');
    const [header = [], ...rows] = parseCsv(text.slice(1));
    const records = rows.map((row) =>
      Object.fromEntries(header.map((column, index) => [column, row[index]])),
    );
    const total = records.pop();
    const names = new Map(
      (await world.db.rows<{ code: string; name_ar: string }>('select code, name_ar from clinics')).map(
        ({ code, name_ar }) => [code, name_ar],
      ),
    );
    expect(
      records.map(({ date, clinic, clinic_name, ...figures }) => [date, clinic, clinic_name, figures]),
    ).toEqual(
      report.daily_reports.flatMap(({ date, clinics }) =>
        CLINICS.map((clinic) => [
          date,
          clinic,
          names.get(clinic),
          Object.fromEntries(
            Object.entries(clinics[clinic] ?? {}).map(([key, value]) => [key, String(value)]),
          ),
        ]),
      ),
    );
    expect(total).toMatchObject({ date: '2025-W43', clinic: 'all', total: String(report.totals.visits) });
    expect(records.reduce((sum, record) => sum + Number(record.total), 0)).toBe(report.totals.visits);
  });

  it('quote what must be quoted, and let no text become a formula', async () => {
    expect(csvCell('a,b')).toBe('"a,b"');
    expect(csvCell('the "new" lab')).toBe('"the ""new"" lab"');
    expect(csvCell('two\r\nlines')).toBe('"two\r\nlines"');
    for (const start of ['=', '+', '-', '@', '\t', '\r', ' =', '＝']) {
      expect(csvCell(`${start}1+1`).replace(/^"/, '')).toMatch(/^'/);
    }
    expect(csvCell(-5)).toBe('-5');
    expect(csvCell(null)).toBe('');
    const evil = '=HYPERLINK("http://x.invalid","المختبر")';
    await world.db.rows(`update clinics set name_ar = $1 where code = 'lab'`, [evil]);
    const { text } = await world.get('/api/v1/reports/daily?date=2025-10-29&format=csv');
    expect(parseCsv(text.slice(1))[1]?.[2]).toBe(`'${evil}`);
  });
});
