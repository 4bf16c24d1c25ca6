/**
 * One suite for the Postgres endpoint over both databases it can stand before, through the official client: what holds
 * here on PGlite and on a real server is what the application may rely on.
 */
import { NeonDbError, neon, neonConfig } from '@neondatabase/serverless';
import { sql as fragment } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/neon-http';
import { bigint, integer, jsonb, pgTable, text, timestamp } from 'drizzle-orm/pg-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPgDriver } from '../../local/pg-driver.ts';
import { openPgliteDriver } from '../../local/pglite-driver.ts';
import { type PostgresEndpoint, startPostgresEndpoint } from '../../local/postgres-endpoint.ts';
import { newToken } from '../../local/secret.ts';
import type { SqlDriver } from '../../local/sql-driver.ts';
import { createTestDatabase } from '../support/postgres-server.ts';

neonConfig.fetchEndpoint = (host, port) => `http://${host}:${port}/sql`;

interface Backend {
  readonly driver: SqlDriver;
  readonly remove: () => Promise<void>;
}

const backends: { name: string; open: () => Promise<Backend> }[] = [
  {
    name: 'PGlite',
    open: async () => ({ driver: await openPgliteDriver(), remove: async () => undefined }),
  },
  {
    name: 'a real Postgres',
    open: async () => {
      const database = await createTestDatabase();
      return { driver: openPgDriver({ connectionString: database.url }), remove: () => database.drop() };
    },
  },
];

const visit = pgTable('visit', {
  id: integer('id').primaryKey(),
  patient: text('patient').notNull(),
  details: jsonb('details'),
  serial: bigint('serial', { mode: 'bigint' }),
  at: timestamp('at', { withTimezone: true }),
});

const SCHEMA = [
  'CREATE EXTENSION IF NOT EXISTS pgcrypto',
  'CREATE EXTENSION IF NOT EXISTS "uuid-ossp"',
  `CREATE TABLE visit (
     id integer PRIMARY KEY,
     patient text NOT NULL CONSTRAINT visit_patient_named CHECK (patient <> ''),
     details jsonb, serial bigint, at timestamptz
   )`,
  'CREATE TABLE note (id integer, visit integer REFERENCES visit DEFERRABLE INITIALLY DEFERRED)',
  `CREATE FUNCTION enter(request jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
   BEGIN
     IF request->>'patient' = 'refused' THEN
       RAISE EXCEPTION 'refused' USING ERRCODE = 'MM001', DETAIL = 'by the rule', HINT = 'ask again';
     END IF;
     INSERT INTO visit (id, patient) VALUES ((request->>'id')::int, request->>'patient');
     RETURN jsonb_build_object('number', (SELECT count(*) FROM visit), 'patient', request->'patient');
   END $$`,
];

describe.each(backends)('the Postgres endpoint before $name', ({ open }) => {
  const token = newToken();
  let backend: Backend;
  let endpoint: PostgresEndpoint;

  beforeAll(async () => {
    backend = await open();
    for (const query of SCHEMA) await backend.driver.query({ query, params: [] });
    endpoint = await startPostgresEndpoint({ driver: backend.driver, token });
  });

  afterAll(async () => {
    await endpoint?.close();
    await backend?.driver.close();
    await backend?.remove();
  });

  const client = () => neon(endpoint.databaseUrl);
  const emptied = async () => {
    const sql = client();
    await sql`TRUNCATE visit, note`;
    return sql;
  };
  const post = (body: string, headers: Record<string, string> = {}) =>
    fetch(endpoint.url, {
      method: 'POST',
      body,
      headers: { 'Neon-Connection-String': endpoint.databaseUrl, ...headers },
    });

  describe('values', () => {
    it.each<[string, string, unknown, unknown]>([
      ['null', 'text', null, null],
      ['an int', 'int', 42, 42],
      ['a text with quotes and backslashes', 'text', `'a' "b" \\c $1; --`, `'a' "b" \\c $1; --`],
      ['an empty text', 'text', '', ''],
      ['true', 'boolean', true, true],
      ['false', 'boolean', false, false],
      [
        'an object as jsonb',
        'jsonb',
        { a: [1, null, 'x'], b: { c: true } },
        { a: [1, null, 'x'], b: { c: true } },
      ],
      ['an array of ints', 'int[]', [1, 2, 3], [1, 2, 3]],
      ['an array of texts', 'text[]', ['a,b', '"q"', '{}', 'ع'], ['a,b', '"q"', '{}', 'ع']],
      ['an array with null', 'text[]', ['a', null], ['a', null]],
      ['bytes', 'bytea', Buffer.from([0, 1, 254, 255]), Buffer.from([0, 1, 254, 255])],
      ['an int8 beyond 2^53, as text', 'int8', '9007199254740993', '9007199254740993'],
      ['a numeric, as text', 'numeric', '12345678901234567890.123456789', '12345678901234567890.123456789'],
      ['a double', 'float8', 0.1, 0.1],
      ['a uuid', 'uuid', '5b1e7c0e-8d3f-4c1a-9b5a-1f2e3d4c5b6a', '5b1e7c0e-8d3f-4c1a-9b5a-1f2e3d4c5b6a'],
      ['Arabic', 'text', 'اللجنة الطبية العسكرية ١٢٣', 'اللجنة الطبية العسكرية ١٢٣'],
      ['characters beyond the basic plane', 'text', '🩺𝕏', '🩺𝕏'],
    ])('%s arrives and returns unchanged', async (_name, type, given, expected) => {
      const [row] = await client().query(`SELECT $1::${type} AS value`, [given]);
      expect(row?.value).toEqual(expected);
    });

    it('a moment arrives to the microsecond and returns as the same moment', async () => {
      const at = new Date('2026-03-01T10:20:30.456Z');
      const [row] = await client()`SELECT ${at}::timestamptz AS at, ${at}::timestamptz::text AS text`;
      // drizzle() switches the client's date parser off for the whole process, so both forms are right here.
      expect(new Date(row?.at)).toEqual(at);
      expect(row?.text).toBe('2026-03-01 10:20:30.456+00');
    });

    it('a transaction id is text, exact at any size', async () => {
      const [row] =
        await client()`SELECT pg_current_xact_id() AS xid, '18446744073709551615'::xid8 AS largest`;
      expect(row?.xid).toMatch(/^\d+$/);
      expect(row?.largest).toBe('18446744073709551615');
    });

    it('a value of several megabytes goes both ways', async () => {
      const large = 'م'.repeat(2_000_000);
      const [row] = await client()`SELECT ${large}::text AS value, length(${large}::text) AS length`;
      expect(row?.length).toBe(large.length);
      expect(row?.value === large).toBe(true);
    });

    it('many rows arrive complete and in order', async () => {
      const rows = await client()`SELECT n FROM generate_series(1, 20000) AS n ORDER BY n`;
      expect(rows).toHaveLength(20_000);
      expect(rows.every((row, index) => row.n === index + 1)).toBe(true);
    });

    it('more parameters than a byte can count are kept apart', async () => {
      const values = Array.from({ length: 1000 }, (_, index) => index);
      const places = values.map((_, index) => `$${index + 1}::int`).join(', ');
      const [row] = await client().query(`SELECT ARRAY[${places}] AS list`, values);
      expect(row?.list).toEqual(values);
    });
  });

  describe('shapes of an answer', () => {
    it('rows are objects unless asked otherwise', async () => {
      expect(await client()`SELECT 1 AS a, 'x' AS b`).toEqual([{ a: 1, b: 'x' }]);
    });

    it('array mode gives rows as arrays, so that columns of one name both arrive', async () => {
      const sql = neon(endpoint.databaseUrl, { arrayMode: true });
      expect(await sql`SELECT 1 AS a, 2 AS a`).toEqual([[1, 2]]);
    });

    it('full results name the command, the count and the types', async () => {
      const sql = neon(endpoint.databaseUrl, { fullResults: true });
      const selected = await sql`SELECT 1 AS a, now() AS b WHERE false`;
      expect(selected).toMatchObject({ command: 'SELECT', rowCount: 0, rows: [] });
      expect(selected.fields.map(({ name, dataTypeID }) => [name, dataTypeID])).toEqual([
        ['a', 23],
        ['b', 1184],
      ]);
      await emptied();
      expect(await sql`INSERT INTO visit VALUES (1, 'a'), (2, 'b')`).toMatchObject({
        command: 'INSERT',
        rowCount: 2,
      });
      expect(await sql`UPDATE visit SET patient = 'c'`).toMatchObject({ command: 'UPDATE', rowCount: 2 });
      expect(await sql`DELETE FROM visit RETURNING id`).toMatchObject({ command: 'DELETE', rowCount: 2 });
      expect(await sql`CREATE TABLE IF NOT EXISTS visit ()`).toMatchObject({
        command: 'CREATE',
        rowCount: null,
      });
    });

    it('an empty statement is an empty result', async () => {
      expect(await client().query('')).toEqual([]);
    });

    it('without raw text, values are JSON where JSON can say them', async () => {
      const query = `SELECT 1 AS i, 9007199254740993 AS big, true AS t, 1.5::float8 AS f, 'NaN'::float8 AS nan,
        '{"a":1}'::jsonb AS j, ARRAY[1, NULL] AS ints, ARRAY[['a"b', 'c\\d'], ['', 'NULL']] AS texts, NULL AS n,
        '[0:1]={5,6}'::int[] AS bounded, '{}'::text[] AS empty`;
      const answer = await post(JSON.stringify({ query, params: [] }));
      expect(await answer.json()).toMatchObject({
        rows: [
          {
            i: 1,
            big: '9007199254740993',
            t: true,
            f: 1.5,
            nan: 'NaN',
            j: { a: 1 },
            ints: [1, null],
            texts: [
              ['a"b', 'c\\d'],
              ['', 'NULL'],
            ],
            n: null,
            bounded: [5, 6],
            empty: [],
          },
        ],
      });
    });

    it('a raw answer carries Postgres text, and a statement may choose its own row shape', async () => {
      const queries = [
        { query: 'SELECT true AS t, ARRAY[1,2] AS a', params: [], arrayMode: true },
        { query: 'SELECT true AS t', params: [], arrayMode: false },
      ];
      const answer = await post(JSON.stringify({ queries }), {
        'Neon-Raw-Text-Output': 'true',
        'Neon-Array-Mode': 'true',
      });
      expect(await answer.json()).toMatchObject({
        results: [{ rows: [['t', '{1,2}']] }, { rows: [{ t: 't' }] }],
      });
    });
  });

  describe('batches', () => {
    it('commit together', async () => {
      const sql = await emptied();
      const results = await sql.transaction([
        sql`INSERT INTO visit VALUES (1, 'a')`,
        sql`INSERT INTO visit VALUES (2, 'b')`,
        sql`SELECT count(*)::int AS n FROM visit`,
      ]);
      expect(results[2]).toEqual([{ n: 2 }]);
      expect(await sql`SELECT count(*)::int AS n FROM visit`).toEqual([{ n: 2 }]);
    });

    it('leave nothing behind when one statement fails', async () => {
      const sql = await emptied();
      await expect(
        sql.transaction([sql`INSERT INTO visit VALUES (1, 'a')`, sql`INSERT INTO visit VALUES (1, 'again')`]),
      ).rejects.toMatchObject({ code: '23505' });
      expect(await sql`SELECT * FROM visit`).toEqual([]);
    });

    it('report a constraint that is only checked at commit', async () => {
      const sql = await emptied();
      await expect(sql.transaction([sql`INSERT INTO note VALUES (1, 404)`])).rejects.toMatchObject({
        code: '23503',
        constraint: 'note_visit_fkey',
        table: 'note',
      });
      expect(await sql`SELECT * FROM note`).toEqual([]);
    });

    it.each([
      ['ReadUncommitted', 'read uncommitted'],
      ['ReadCommitted', 'read committed'],
      ['RepeatableRead', 'repeatable read'],
      ['Serializable', 'serializable'],
    ] as const)('run at the isolation level %s when asked to', async (isolationLevel, expected) => {
      const sql = client();
      const [rows] = await sql.transaction([sql`SHOW transaction_isolation`], { isolationLevel });
      expect(rows).toEqual([{ transaction_isolation: expected }]);
    });

    it('honour read-only and deferrable', async () => {
      const sql = await emptied();
      await expect(
        sql.transaction([sql`INSERT INTO visit VALUES (1, 'a')`], { readOnly: true }),
      ).rejects.toMatchObject({ code: '25006' });
      const [rows] = await sql.transaction([sql`SHOW transaction_deferrable`], {
        isolationLevel: 'Serializable',
        readOnly: true,
        deferrable: true,
      });
      expect(rows).toEqual([{ transaction_deferrable: 'on' }]);
    });

    it('an empty batch is an empty list', async () => {
      expect(await client().transaction([])).toEqual([]);
    });
  });

  describe('errors', () => {
    const failure = async (query: Promise<unknown>): Promise<NeonDbError> => {
      const cause = await query.then(
        () => undefined,
        (error: unknown) => error,
      );
      if (!(cause instanceof NeonDbError)) throw new Error('the query did not fail as it should', { cause });
      return cause;
    };

    it('name the violated constraint with its table, schema and detail', async () => {
      const sql = await emptied();
      await sql`INSERT INTO visit VALUES (1, 'a')`;
      expect(await failure(sql`INSERT INTO visit VALUES (1, 'b')`)).toMatchObject({
        severity: 'ERROR',
        code: '23505',
        schema: 'public',
        table: 'visit',
        constraint: 'visit_pkey',
        detail: 'Key (id)=(1) already exists.',
        message: 'duplicate key value violates unique constraint "visit_pkey"',
      });
      expect(await failure(sql`INSERT INTO visit VALUES (2, '')`)).toMatchObject({
        code: '23514',
        constraint: 'visit_patient_named',
      });
      expect(await failure(sql`INSERT INTO visit VALUES (2, NULL)`)).toMatchObject({
        code: '23502',
        column: 'patient',
      });
    });

    it('point at the place of a syntax error', async () => {
      expect(await failure(client().query('SELECT 1 FORM visit'))).toMatchObject({
        code: '42601',
        position: '15',
      });
    });

    it('pass on what a function raises: code, detail, hint and where', async () => {
      const raised = await failure(client()`SELECT enter(${{ patient: 'refused' }}::jsonb)`);
      expect(raised).toMatchObject({
        code: 'MM001',
        message: 'refused',
        detail: 'by the rule',
        hint: 'ask again',
      });
      expect(raised.where).toContain('PL/pgSQL function enter(jsonb)');
    });

    it('refuse two statements in one text, as Neon does', async () => {
      expect(await failure(client().query('SELECT 1; SELECT 2'))).toMatchObject({ code: '42601' });
    });

    it('refuse a wrong number of parameters without harm to the next query', async () => {
      const sql = client();
      expect(await failure(sql.query('SELECT $1::int', []))).toMatchObject({ code: '08P01' });
      expect(await failure(sql.query('SELECT $1::int', ['x']))).toMatchObject({ code: '22P02' });
      expect(await sql`SELECT 1 AS ok`).toEqual([{ ok: 1 }]);
    });
  });

  describe('sessions', () => {
    it('nothing one request sets is seen by the next', async () => {
      const sql = await emptied();
      await sql.query('SET search_path = nowhere');
      await sql.query('BEGIN');
      await sql`INSERT INTO visit VALUES (1, 'a')`;
      await sql.query('ROLLBACK');
      for (let request = 0; request < 20; request += 1) {
        expect(await sql`SELECT count(*)::int AS n FROM visit`).toEqual([{ n: 1 }]);
      }
    });

    it('a role set for one batch ends with it', async () => {
      const sql = client();
      const [, inside] = await sql.transaction([
        sql`SET LOCAL ROLE pg_monitor`,
        sql`SELECT current_user AS who`,
      ]);
      expect(inside).toEqual([{ who: 'pg_monitor' }]);
      expect(await sql`SELECT current_user AS who`).toEqual([{ who: 'postgres' }]);
    });
  });

  describe('functions and extensions', () => {
    it('a plpgsql function takes and returns jsonb', async () => {
      const sql = await emptied();
      const [row] = await sql`SELECT enter(${{ id: 7, patient: 'سالم' }}::jsonb) AS answer`;
      expect(row?.answer).toEqual({ number: 1, patient: 'سالم' });
    });

    it('pgcrypto and uuid-ossp are there', async () => {
      const [row] = await client()`
        SELECT crypt('secret', hash) = hash AS fits, uuid_generate_v4()::text AS id
        FROM (SELECT crypt('secret', gen_salt('bf', 4)) AS hash) AS made`;
      expect(row).toEqual({ fits: true, id: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    });
  });

  describe('drizzle over neon-http', () => {
    const database = () => drizzle(neon(endpoint.databaseUrl), { schema: { visit } });

    it('writes and reads typed rows', async () => {
      await emptied();
      const row = {
        id: 1,
        patient: 'ليلى',
        details: { clinics: ['lab', 'eyes'] },
        serial: 9007199254740993n,
        at: new Date('2026-03-01T00:00:00Z'),
      };
      await database().insert(visit).values(row);
      expect(await database().select().from(visit)).toEqual([row]);
      expect(await database().query.visit.findFirst()).toEqual(row);
    });

    it('a batch is one transaction', async () => {
      await emptied();
      const db = database();
      const insert = () => db.insert(visit).values({ id: 1, patient: 'a' });
      await expect(db.batch([insert(), insert()])).rejects.toMatchObject({ code: '23505' });
      expect(await db.$count(visit)).toBe(0);
    });

    it('execute gives back what a function returned', async () => {
      await emptied();
      const { rows } = await database().execute(
        fragment`SELECT enter(${JSON.stringify({ id: 1, patient: 'a' })}::jsonb) AS answer`,
      );
      expect(rows).toEqual([{ answer: { number: 1, patient: 'a' } }]);
    });

    it('an error keeps its SQLSTATE below the cause', async () => {
      await emptied();
      await expect(database().insert(visit).values({ id: 1, patient: '' })).rejects.toMatchObject({
        cause: { code: '23514' },
      });
    });
  });

  describe('many at once', () => {
    it('50 parallel queries each get their own answer', async () => {
      const sql = client();
      const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => sql`SELECT ${n}::int AS n`));
      expect(answers).toEqual(Array.from({ length: 50 }, (_, n) => [{ n }]));
    });

    it('50 parallel batches keep their statements together', async () => {
      const sql = await emptied();
      await sql`INSERT INTO visit (id, patient, serial) VALUES (1, 'counter', 0)`;
      await Promise.all(
        Array.from({ length: 50 }, () =>
          sql.transaction([
            sql`UPDATE visit SET serial = serial + 1 WHERE id = 1`,
            sql`INSERT INTO visit (id, patient) SELECT 100 + serial, 'n' FROM visit WHERE id = 1`,
          ]),
        ),
      );
      const [row] = await sql`SELECT count(*)::int AS n, max(id) AS last FROM visit WHERE id > 100`;
      expect(row).toEqual({ n: 50, last: 150 });
    });

    it('requests and statements are counted', async () => {
      const sql = client();
      const before = [endpoint.requestCount(), endpoint.queryCount()] as const;
      await sql`SELECT 1`;
      await sql.transaction([sql`SELECT 1`, sql`SELECT 2`]);
      expect(endpoint.requestCount() - before[0]).toBe(2);
      expect(endpoint.queryCount() - before[1]).toBe(3);
    });
  });

  describe('the door', () => {
    const select = JSON.stringify({ query: 'SELECT 1 AS secret_answer', params: [] });

    it.each([
      ['a wrong token', (url: string) => url.replace(token, 'wrong')],
      ['no password', (url: string) => url.replace(`:${token}`, '')],
      ['no connection string', () => ''],
      ['a connection string that is none', () => 'nonsense'],
    ])('%s gets 401 and learns nothing', async (_name, change) => {
      const changed = change(endpoint.databaseUrl);
      const answer = await post(select, { 'Neon-Connection-String': changed });
      const body = await answer.text();
      expect(answer.status).toBe(401);
      expect(body).not.toContain(token);
      expect(body).not.toContain('wrong');
      expect(body).not.toContain('secret_answer');
    });

    it('the official client rejects with the status when the token is wrong', async () => {
      const sql = neon(endpoint.databaseUrl.replace(token, 'wrong'));
      await expect(sql`SELECT 1`).rejects.toThrow('HTTP status 401');
    });

    it.each([
      ['broken JSON', '{"query": '],
      ['a list', '[]'],
      ['null', 'null'],
      ['no query', '{"params": []}'],
      ['a query that is no text', '{"query": 1}'],
      ['params that are no list', '{"query": "SELECT 1", "params": {}}'],
      ['queries that are no list', '{"queries": {}}'],
      ['a list with something else in it', '{"queries": [1]}'],
    ])('%s is a 400 with a message', async (_name, body) => {
      const answer = await post(body);
      expect(answer.status).toBe(400);
      expect(await answer.json()).toEqual({ message: expect.stringContaining('malformed request') });
    });

    it('an unknown isolation level is a 400, not a default', async () => {
      const answer = await post('{"queries": []}', {
        'Neon-Batch-Isolation-Level': 'Chaos; DROP TABLE visit',
      });
      expect(answer.status).toBe(400);
    });

    it('a body beyond 16 MiB is refused', async () => {
      const answer = await post('x'.repeat(16 * 1024 * 1024 + 1));
      expect(answer.status).toBe(413);
    });

    it('other paths and methods are refused', async () => {
      expect((await fetch(new URL('/other', endpoint.url), { method: 'POST' })).status).toBe(404);
      expect((await fetch(endpoint.url)).status).toBe(405);
    });

    it('only this machine can knock', () => {
      expect(new URL(endpoint.url).hostname).toBe('127.0.0.1');
    });
  });
});

describe('the Postgres endpoint before a server that is not there', () => {
  it('answers 503 without naming the server', async () => {
    const driver = openPgDriver({ connectionString: 'postgres://nobody:hidden@127.0.0.1:1/none' });
    const endpoint = await startPostgresEndpoint({ driver, token: newToken() });
    const failing = neon(endpoint.databaseUrl)`SELECT 1`;
    await expect(failing).rejects.toThrow('HTTP status 503');
    await expect(failing).rejects.not.toThrow(/hidden|nobody/);
    await endpoint.close();
    await driver.close();
  });
});
