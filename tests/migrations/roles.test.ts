/** Whoever holds a public key of the platform may read the clinics and nothing else, whatever the platform's defaults. */
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrateUrl, openEmptyDatabase, type SqlDatabase } from '../support/sql-database.ts';
import { report } from '../support/sql-report.ts';
import { createPublicRoles, openToPublicRoles, PUBLIC_ROLES } from '../support/sql-roles.ts';

const PERMISSION_DENIED = '42501';

let db: SqlDatabase;
beforeAll(async () => {
  db = await openEmptyDatabase();
  await createPublicRoles(db);
  await openToPublicRoles(db);
  await migrateUrl(db.url);
  // What a later migration adds, without a word about rights.
  await db.rows('create table added_later (id int)');
  await db.rows('create function added_later() returns int language sql return 1');
  await db.rows('create sequence added_later_seq');
});
afterAll(() => db.remove());

/** Not what an extension brought. */
const ours = (catalog: 'pg_class' | 'pg_proc', alias: string) => `not exists (
  select 1 from pg_depend d where d.classid = '${catalog}'::regclass and d.objid = ${alias}.oid and d.deptype = 'e')`;

interface Attempt {
  readonly what: string;
  readonly statement: string;
}

async function everyAttempt(): Promise<Attempt[]> {
  const relations = await db.rows<{ name: string; kind: string; column: string }>(
    `select c.oid::regclass::text as name, c.relkind::text as kind, quote_ident(a.attname) as column
     from pg_class c left join pg_attribute a on a.attrelid = c.oid and a.attnum = 1
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'S') and ${ours('pg_class', 'c')}`,
  );
  const functions = await db.rows<{ name: string; call: string }>(
    `select p.oid::regprocedure::text as name, format('select %s(%s)', p.oid::regproc, (
       select string_agg(format('null::%s', format_type(t, null)), ', ' order by n)
       from unnest(p.proargtypes) with ordinality as args(t, n))) as call
     from pg_proc p where p.pronamespace = 'public'::regnamespace and ${ours('pg_proc', 'p')}`,
  );
  return [
    ...relations.flatMap(({ name, kind, column }) =>
      kind === 'S'
        ? [{ what: `nextval ${name}`, statement: `select nextval('${name}')` }]
        : [
            { what: `select ${name}`, statement: `select * from ${name}` },
            { what: `insert ${name}`, statement: `insert into ${name} default values` },
            { what: `update ${name}`, statement: `update ${name} set ${column} = null` },
            { what: `delete ${name}`, statement: `delete from ${name}` },
            { what: `truncate ${name}`, statement: `truncate ${name} cascade` },
          ],
    ),
    ...functions.map(({ name, call }) => ({ what: `execute ${name}`, statement: call })),
  ];
}

/** The SQLSTATE of a statement run as a role, `allowed` when it passes; its effect is undone. */
async function tryAs(client: pg.PoolClient, role: string, statement: string): Promise<string> {
  await client.query('begin');
  try {
    await client.query(`set local role ${role}`);
    await client.query(statement);
    return 'allowed';
  } catch (error) {
    return String((error as { code?: string }).code);
  } finally {
    await client.query('rollback');
  }
}

describe.each(PUBLIC_ROLES)('the role %s', (role) => {
  it('may select the clinics, and is denied everything else that there is', async () => {
    const attempts = await everyAttempt();
    expect(attempts.length).toBeGreaterThan(100);
    const client = await db.pool.connect();
    const outcomes: [string, string][] = [];
    try {
      for (const { what, statement } of attempts) outcomes.push([what, await tryAs(client, role, statement)]);
    } finally {
      client.release();
    }
    expect(outcomes.filter(([, outcome]) => outcome !== PERMISSION_DENIED)).toEqual([
      ['select clinics', 'allowed'],
    ]);
    report(
      `tables, sequences and functions tried as ${role}, only select on clinics passes`,
      attempts.length,
    );
  });

  it('has no way around by building something of its own', async () => {
    const client = await db.pool.connect();
    try {
      for (const statement of [
        'create table public.own (id int)',
        'create schema own',
        'alter table clinics disable row level security',
        'create policy open on queues using (true)',
        `copy queues to program 'true'`,
      ]) {
        expect([statement, await tryAs(client, role, statement)]).toEqual([statement, PERMISSION_DENIED]);
      }
    } finally {
      client.release();
    }
  });
});

it('every table of ours has row level security, and only the clinics a policy', async () => {
  const open = await db.rows(
    `select relname from pg_class
     where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relrowsecurity and relname <> 'added_later'`,
  );
  expect(open).toEqual([]);
  expect(await db.rows(`select polrelid::regclass::text as on, polcmd::text as for from pg_policy`)).toEqual([
    { on: 'clinics', for: 'r' },
  ]);
});

it("the plan's forms answer their owner", async () => {
  const answer = (call: string) => db.value<Record<string, unknown>>(`select ${call}`);
  expect(await answer(`get_next_queue_number('lab')`)).toBe(1);
  expect(await answer(`enter_queue('LAB', 'by-hand', true)`)).toMatchObject({
    ok: true,
    clinic: 'lab',
    number: 2,
  });
  expect(await answer(`enter_queue('lab', 'by-hand')`)).toMatchObject({
    entry_status: 'ALREADY_IN_QUEUE',
    number: 2,
  });
  expect(await answer(`call_next_patient('lab')`)).toMatchObject({ ok: true, user: 'by-hand' });
  expect(await answer(`complete_patient_service('lab', 'by-hand')`)).toMatchObject({
    ok: true,
    status: 'DONE',
  });

  const made = await answer('generate_daily_pins()');
  expect(made).toMatchObject({ success: true, generated_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) });
  expect(Object.keys(made.pins as object)).toHaveLength(13);
  expect(await answer('get_current_pins()')).toEqual({ success: true, pins: made.pins });
  expect(
    await db.rows(
      'select distinct service_day = (service_day_at(now())).day as today, expires_at > now() as valid from pins',
    ),
  ).toEqual([{ today: true, valid: true }]);

  await db.rows(`update events set created_at = now() - interval '2 hours' where event_type = 'CALLED'`);
  expect(await answer('delete_old_events()')).toBe(1);
  await expect(answer(`get_next_queue_number('nowhere')`)).rejects.toThrow('Unknown clinic: nowhere');
});

it('a table that somebody opens by mistake still shows nothing', async () => {
  const tables = await db.rows<{ name: string }>(
    `select relname as name from pg_class
     where relnamespace = 'public'::regnamespace and relkind = 'r' and relname not in ('clinics', 'added_later')`,
  );
  const client = await db.pool.connect();
  try {
    await client.query('begin');
    await client.query('grant all on all tables in schema public to anon');
    await client.query('set local role anon');
    for (const { name } of tables) {
      expect([name, (await client.query(`select * from ${name}`)).rowCount]).toEqual([name, 0]);
      expect([name, (await client.query(`delete from ${name}`)).rowCount]).toEqual([name, 0]);
    }
  } finally {
    await client.query('rollback');
    client.release();
  }
  report('reads and deletes of tables opened by mistake, nothing seen', 2 * tables.length);
});
