/** A database with the migration plan's schema is taken over with every row; any other one is refused untouched. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { migrateUrl, openEmptyDatabase, type SqlDatabase } from '../support/sql-database.ts';
import { contents, schemaInventory } from '../support/sql-inventory.ts';
import { fillPlan, installPlan, zoneAtNoon } from '../support/sql-plan.ts';
import { report } from '../support/sql-report.ts';
import { createPublicRoles, openToPublicRoles, PUBLIC_ROLES } from '../support/sql-roles.ts';

const now = new Date();
const timezone = zoneAtNoon(now);
const adopt = (db: SqlDatabase) => migrateUrl(db.url, { timezone });

const opened: SqlDatabase[] = [];
const removeOpened = async (): Promise<void> => {
  for (const database of opened.splice(0)) await database.remove();
};

async function emptyDatabase(): Promise<SqlDatabase> {
  const database = await openEmptyDatabase();
  opened.push(database);
  return database;
}

async function planDatabase(): Promise<SqlDatabase> {
  const database = await emptyDatabase();
  await installPlan(database);
  return database;
}

const snapshot = async (db: SqlDatabase) => [await schemaInventory(db.rows), await contents(db.rows)];

const TODAY = 'service_day = (service_day_at(now())).day';

describe('adopting a database of the plan', () => {
  let db: SqlDatabase;
  beforeAll(async () => {
    db = await planDatabase();
    await fillPlan(db, now);
    await adopt(db);
  });
  afterAll(removeOpened);

  it('keeps every row of the plan, and copies all of the kinds that live on', async () => {
    const kept = Object.entries(await contents(db.rows))
      .filter(([name]) => name.startsWith('mmc_previous.') && !name.endsWith('.clinic_names'))
      .map(([name, rows]) => [name.replace('mmc_previous.', ''), rows.length] as const);
    expect(Object.fromEntries(kept)).toEqual({
      admins: 1,
      clinics: 8,
      events: 1,
      patients: 2,
      pins: 7,
      queues: 20,
      rate_limits: 1,
      reports: 1,
      routes: 8,
      settings: 4,
    });

    // One entry names no clinic and can be nobody's; every other row is in its new table, under its own id.
    for (const [table, left] of [
      ['queues', `clinic_code is null`],
      ['routes', 'false'],
      ['patients', 'false'],
    ]) {
      expect(
        await db.rows(
          `select id from mmc_previous.${table} where not (${left}) except select id from ${table}`,
        ),
      ).toEqual([]);
      expect(await db.rows(`select id from ${table} except select id from mmc_previous.${table}`)).toEqual(
        [],
      );
    }
    expect(await db.value('select count(*)::int from admins')).toBe(0);
    expect(await db.value('select count(*)::int from events')).toBe(0);
    expect(await db.value('select count(*)::int from rate_limits')).toBe(0);
    const rows = kept.reduce((sum, [, count]) => sum + count, 0);
    report('rows of the plan kept, entries, routes and people copied under their ids', rows);
  });

  it('makes one clinic of both vocabularies, and keeps what staff wrote', async () => {
    const clinics = await db.rows<{ code: string }>(
      `select code, name, name_ar, call_interval, is_active, display_order, aliases from clinics
       where code in ('lab', 'xray', 'vitals', 'derma') or display_order > 13 order by display_order`,
    );
    expect(clinics).toMatchObject([
      { code: 'lab', name: 'Main laboratory', name_ar: 'المختبر', call_interval: 120, is_active: true },
      { code: 'xray', name: 'Radiology', name_ar: 'الأشعة', call_interval: 60, is_active: true },
      { code: 'vitals', name: 'Vital Signs', name_ar: 'القياسات', call_interval: 300, is_active: true },
      { code: 'derma', name: 'Dermatology', call_interval: 300, is_active: false },
      { code: 'nutrition', name: 'nutrition', name_ar: 'تغذية', is_active: true, display_order: 14 },
      { code: 'physio-room', name: 'Physiotherapy', aliases: ['physio room'], display_order: 15 },
    ]);
    expect(await db.value('select count(*)::int from clinics')).toBe(15);
  });

  it('repairs the line: one number each, the first holder keeps it, one open entry a patient, no open yesterday', async () => {
    const line = await db.rows<{ clinic: string; patient: string; number: number; status: string }>(
      `select clinic_code as clinic, patient_id as patient, queue_number as number, status from queues
       where ${TODAY} order by 1, 3`,
    );
    const of = (clinic: string) =>
      line
        .filter((entry) => entry.clinic === clinic)
        .map(({ patient, number, status }) => [patient, number, status]);
    expect(of('lab')).toEqual([
      ['session-1', 1, 'COMPLETED'],
      ['lab-b', 2, 'CALLED'],
      ['lab-d', 3, 'WAITING'],
      ['lab-f', 4, 'COMPLETED'],
      ['lab-c', 5, 'WAITING'],
      ['lab-gone', 6, 'CANCELLED'],
      ['lab-e', 7, 'WAITING'],
      ['lab-f', 8, 'CANCELLED'],
    ]);
    expect(of('xray')).toEqual([
      ['xray-a', 1, 'WAITING'],
      ['xray-a', 2, 'CANCELLED'],
      ['xray-b', 3, 'WAITING'],
    ]);
    expect(of('vitals')).toEqual([
      ['bio-c', 1, 'COMPLETED'],
      ['bio-a', 2, 'CALLED'],
      ['bio-b', 3, 'IN_PROGRESS'],
    ]);
    expect(
      await db.rows(`select patient_id, status from queues where not (${TODAY}) order by queue_number`),
    ).toEqual([
      { patient_id: 'eyes-stale', status: 'CANCELLED' },
      { patient_id: 'eyes-called', status: 'CANCELLED' },
      { patient_id: 'eyes-done', status: 'COMPLETED' },
    ]);
    expect(
      await db.rows(`select clinic_code, last_number from queue_counters where ${TODAY} order by 1`),
    ).toEqual([
      { clinic_code: 'lab', last_number: 8 },
      { clinic_code: 'nutrition', last_number: 1 },
      { clinic_code: 'physio-room', last_number: 7 },
      { clinic_code: 'vitals', last_number: 3 },
      { clinic_code: 'xray', last_number: 3 },
    ]);
  });

  it("keeps today's PINs that staff have on paper, to the end of the day", async () => {
    expect(
      await db.rows(
        `select clinic_code, pin, expires_at = (service_day_at(now())).day_end as to_the_end from pins order by 1`,
      ),
    ).toEqual([
      { clinic_code: 'lab', pin: '42', to_the_end: true },
      { clinic_code: 'nutrition', pin: '55', to_the_end: true },
    ]);
  });

  it('rebuilds the routes with their progress', async () => {
    const routes = await db.rows<{ route_id: string }>(
      `select route_id, gender, status, current_clinic as at, completed_clinics as done,
         (select coalesce(jsonb_agg(jsonb_build_array(s -> 'id', s -> 'clinic', s -> 'status')), '[]')
          from jsonb_array_elements(clinics) as s) as stations
       from routes order by route_id`,
    );
    const route = (id: string) => routes.find(({ route_id }) => route_id === id);
    expect(route('route-names')).toMatchObject({
      gender: 'male',
      status: 'active',
      at: 'xray',
      done: ['lab'],
      stations: [
        ['lab', 'lab', 'completed'],
        ['xr', 'xray', 'ready'],
        ['bio', 'vitals', 'locked'],
      ],
    });
    expect(route('route-older')).toMatchObject({ status: 'cancelled' });
    expect(route('route-objects')).toMatchObject({
      gender: 'female',
      status: 'active',
      at: 'eyes',
      done: ['lab', 'xray'],
      stations: [
        ['eye', 'eyes', 'ready'],
        ['lab', 'lab', 'completed'],
        ['xr', 'xray', 'completed'],
      ],
    });
    expect(route('route-text')).toMatchObject({ status: 'active', at: 'eyes', done: [] });
    expect(route('route-finished')).toMatchObject({ status: 'completed', at: null, done: ['lab', 'eyes'] });
    expect(route('route-cancelled')).toMatchObject({ status: 'cancelled' });
    // Nothing to walk is left of these, so their patients may get a new route.
    expect(route('route-unknown')).toMatchObject({ status: 'cancelled', stations: [] });
    expect(route('route-broken')).toMatchObject({ status: 'cancelled', stations: [] });
  });

  it('keeps settings and reports, and the service day of the configuration', async () => {
    expect(
      await db.rows(
        `select key, value from settings
         where key in ('grace_minutes', 'service_day_start', 'theme', 'timezone') order by key`,
      ),
    ).toEqual([
      { key: 'grace_minutes', value: 7 },
      { key: 'service_day_start', value: '00:00' },
      { key: 'theme', value: 'dark' },
      { key: 'timezone', value: timezone },
    ]);
    expect(await db.rows(`select report_type, data from reports`)).toEqual([
      { report_type: 'daily', data: { total_patients: 40 } },
    ]);
  });

  it('changes nothing when it runs again', async () => {
    const before = await snapshot(db);
    expect(await adopt(db)).toEqual([]);
    expect(await snapshot(db)).toEqual(before);
  });

  it('goes on from there: numbers, calls, PINs and routes of the adopted day', async () => {
    const day = await db.value<string>('select (service_day_at(now())).day::text');
    const dayEnd = await db.value<string>('select (service_day_at(now())).day_end::text');

    expect(await db.call('enter_queue', { clinic: 'LAB', user: 'newcomer', day })).toMatchObject({
      number: 9,
    });
    expect(await db.call('enter_queue', { clinic: 'XR', user: 'xray-a', day })).toMatchObject({
      number: 1,
      entry_status: 'ALREADY_IN_QUEUE',
    });
    expect(await db.call('enter_queue', { clinic: 'Physio Room', user: 'walk-in', day })).toMatchObject({
      clinic: 'physio-room',
      number: 8,
    });
    expect(await db.call('enter_queue', { clinic: 'eyes', user: 'eyes-stale', day })).toMatchObject({
      number: 1,
    });
    expect(await db.call('call_next_patient', { clinic: 'lab', day })).toMatchObject({
      ok: true,
      user: 'lab-d',
    });
    expect(
      await db.call('complete_patient_service', {
        clinic: 'lab',
        user: 'lab-b',
        day,
        day_end: dayEnd,
        pin: '42',
      }),
    ).toMatchObject({ ok: true, number: 2 });
    expect(await db.call('get_current_pins', { day, day_end: dayEnd })).toMatchObject({ complete: true });
    await db.call('enter_queue', { clinic: 'xr', user: 'session-1', day });
    expect(
      await db.call('complete_patient_service', { clinic: 'xr', user: 'session-1', day, auto_route: true }),
    ).toMatchObject({ ok: true, next_clinic: 'vitals', next_entry: { number: 4 } });
    const route = { route_id: 'new', user: 'lost-1', day, stations: [{ id: 'lab' }], dynamic: false };
    expect(await db.call('create_route', route)).toMatchObject({ ok: true, sticky: false });
    expect(await db.call('save_admin', { username: 'director', secret: 'digest' })).toMatchObject({
      created: true,
    });
  });
});

describe('adopting other databases of the plan', () => {
  afterEach(removeOpened);

  it('adopts an empty database of the plan, and leaves the empty schema behind', async () => {
    const db = await planDatabase();
    await adopt(db);
    expect(await db.value('select count(*)::int from clinics')).toBe(13);
    expect(await db.value('select count(*)::int from mmc_previous.queues')).toBe(0);
    await db.rows('drop schema mmc_previous cascade');
    expect(await adopt(db)).toEqual([]);
  });

  it('closes what the plan left open to the public roles', async () => {
    const db = await planDatabase();
    await createPublicRoles(db);
    await openToPublicRoles(db);
    await fillPlan(db, now);
    await adopt(db);
    const open = await db.rows(
      `
      select role, c.oid::regclass::text as name
      from unnest($1::text[]) as role, pg_class c
      where c.relnamespace = 'mmc_previous'::regnamespace and c.relkind in ('r', 'S', 'v')
        and (has_schema_privilege(role, c.relnamespace, 'usage') or has_table_privilege(role, c.oid, 'select, insert, update, delete, truncate'))
      union all
      select role, p.oid::regprocedure::text
      from unnest($1::text[]) as role, pg_proc p
      where p.pronamespace = 'mmc_previous'::regnamespace and has_function_privilege(role, p.oid, 'execute')`,
      [PUBLIC_ROLES],
    );
    expect(open).toEqual([]);
  });

  it('copies 100,000 entries and 5,000 routes', async () => {
    const db = await planDatabase();
    await fillPlan(db, now);
    await db.rows(`
      insert into queues (clinic_code, patient_id, queue_number, status, entered_at)
      select (array['LAB', 'xray', 'XR', 'BIO', 'eyes', 'DER', 'nutrition'])[1 + n % 7], 'many-' || n / 7, 1 + n % 300,
        'COMPLETED', now() - (n / 300) * interval '6 hours'
      from generate_series(1, 100000) as n`);
    await db.rows(`
      insert into routes (route_id, patient_id, clinics, created_at)
      select 'many-' || n, 'many-' || n, '["LAB", "XR", "BIO", "eyes", "nutrition", "DER", "ENT", "dnt"]',
        now() - (n / 40) * interval '6 hours'
      from generate_series(1, 5000) as n`);
    const start = performance.now();
    await adopt(db);
    const seconds = (performance.now() - start) / 1000;

    expect(await db.value('select count(*)::int from queues')).toBe(100_000 + 19);
    expect(await db.value('select count(*)::int from routes')).toBe(5_000 + 8);
    // Three seconds alone. Neon ends a request after fifteen; a copy that loops over rows takes minutes.
    expect(seconds).toBeLessThan(30);
    report(`rows of a used database copied in ${seconds.toFixed(1)} s`, 105_027);
  });
});

describe('refusing a database that is neither empty nor of the plan', () => {
  afterEach(removeOpened);

  const refusals: [string, string, RegExp][] = [
    [
      'a table of somebody else',
      'create table invoices (id int)',
      /public\.invoices is not a table of the plan/,
    ],
    [
      'a view of somebody else',
      'create view busy as select 1 as n',
      /public\.busy is not a table of the plan/,
    ],
    [
      'a table of the plan that is missing',
      'drop table rate_limits',
      /public\.rate_limits of the plan is missing/,
    ],
    [
      'a missing column',
      'alter table pins drop expires_at',
      /public\.pins has no column expires_at of type timestamptz/,
    ],
    [
      'a column of another type',
      'alter table queues alter queue_number type text',
      /public\.queues has no column queue_number of type int4/,
    ],
    ['a place that is taken', 'create schema mmc_previous', /the schema mmc_previous already exists/],
    [
      'a table of ours without our journal',
      'create table queue_counters (id int)',
      /public\.queue_counters is not a table/,
    ],
  ];

  it.each(refusals)('names %s, and leaves everything as it was', async (_, change, message) => {
    const db = await planDatabase();
    await fillPlan(db, now);
    await db.rows(change);
    const before = await snapshot(db);
    await expect(adopt(db)).rejects.toMatchObject({ code: '55000', message: expect.stringMatching(message) });
    expect(await snapshot(db)).toEqual(before);
  });

  it('names a lone table, and a lone function of the same name as ours', async () => {
    for (const [statement, message] of [
      ['create table queues (id int)', /public\.admins of the plan is missing/],
      [
        'create function enter_queue(text) returns int language sql return 1',
        /a function enter_queue\(text\)/,
      ],
    ] as const) {
      const db = await emptyDatabase();
      await db.rows(statement);
      const before = await snapshot(db);
      await expect(adopt(db)).rejects.toMatchObject({
        code: '55000',
        message: expect.stringMatching(message),
      });
      expect(await snapshot(db)).toEqual(before);
    }
    report('databases of somebody else refused untouched', refusals.length + 2);
  });

  it('passes over what belongs to an extension', async () => {
    const db = await emptyDatabase();
    await db.rows('create extension pg_stat_statements');
    expect(await adopt(db)).toContain('0000_adopt_previous_schema');
    expect(await db.value('select count(*)::int from clinics')).toBe(13);
  });
});
