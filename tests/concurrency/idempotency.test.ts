/** Idempotency keys on a real Postgres and several servers: one effect and one answer, whoever dies in between. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type LocalServer, startLocalServer } from '../../local/local-server.ts';
import { createApp } from '../../src/app.ts';
import { readConfig } from '../../src/lib/config.ts';
import type { Database } from '../../src/lib/database.ts';
import { DomainError } from '../../src/lib/errors.ts';
import { createServices } from '../../src/lib/services.ts';
import { openMigratedDatabase, type SqlDatabase } from '../support/sql-database.ts';
import { seededRandom, testSeed } from '../support/sql-random.ts';
import { atOnce, report, tally, times } from '../support/sql-report.ts';
import { type TcpProxy, tcpProxyTo } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { soak, volume } from '../support/volume.ts';

const JWT_SECRET = 'a secret for tests, of thirty-two characters';
const ADMIN_PASSWORD = 'a password for tests';
/** Of a test whose volume is that of the soak, in milliseconds. */
const TIMEOUT = soak ? 10 * 60_000 : 60_000;
const START = fileURLToPath(new URL('../../local/start.ts', import.meta.url));

let db: SqlDatabase;
let servers: LocalServer[];
let token: string;
beforeAll(async () => {
  db = await openMigratedDatabase(10);
  servers = [];
  for (let i = 0; i < 2; i += 1) {
    servers.push(
      await startLocalServer({
        databaseUrl: db.url,
        environment: 'test',
        settings: { JWT_SECRET, ADMIN_PASSWORD, RATE_LIMITS: 'off' },
      }),
    );
  }
  const credentials = { username: 'admin', password: ADMIN_PASSWORD };
  const { text } = await post('login', '/api/v1/auth/login', credentials);
  token = JSON.parse(text).token;
});
afterAll(async () => {
  for (const server of servers ?? []) await server.close();
  await db?.remove();
});

interface Answer {
  readonly status: number;
  readonly replayed: boolean;
  readonly text: string;
  readonly retryAfter: string | null;
}

const server = (index: number) => servers[index % servers.length]?.url ?? '';

async function answerOf(response: Response): Promise<Answer> {
  const { status, headers } = response;
  const replayed = headers.get('idempotency-replayed') === 'true';
  return { status, replayed, text: await response.text(), retryAfter: headers.get('retry-after') };
}

function written(key: string, body: object, bearer?: string): RequestInit {
  return {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      'Idempotency-Key': key,
      ...(bearer !== undefined && { Authorization: `Bearer ${bearer}` }),
    },
    body: JSON.stringify(body),
  };
}

async function post(
  key: string,
  path: string,
  body: object,
  url = server(0),
  bearer?: string,
): Promise<Answer> {
  return answerOf(await fetch(url + path, written(key, body, bearer)));
}

const enter = (key: string, user: string, url?: string) =>
  post(key, '/api/v1/queue/enter', { clinic: 'lab', user }, url);

const entriesOf = (user: string) =>
  db.value('select count(*)::int from queues where patient_id = $1', [user]);
const eventsOf = (user: string, type: string) =>
  db.value('select count(*)::int from events where patient_id = $1 and event_type = $2', [user, type]);

describe('replays', () => {
  it(
    'one after the other, on two servers, give the first answer and change nothing',
    async () => {
      const user = 'one-by-one';
      const first = await enter('k', user);
      expect(first).toMatchObject({ status: 200, replayed: false });
      const before = await db.rows('select clinic_code, version, last_number from queue_counters');
      const count = volume(1000);
      for (let i = 0; i < count; i += 1) {
        expect(await enter('k', user, server(i))).toEqual({ ...first, replayed: true });
      }
      expect([await entriesOf(user), await eventsOf(user, 'ENTERED')]).toEqual([1, 1]);
      expect(await db.rows('select clinic_code, version, last_number from queue_counters')).toEqual(before);
      report('replays in turn, each the first answer byte for byte', count);
    },
    TIMEOUT,
  );

  it(
    'fifty at once, on two servers: one effect; the others wait a second or get the same answer',
    async () => {
      const rounds = volume(20);
      let refused = 0;
      for (let round = 0; round < rounds; round += 1) {
        const user = `at-once-${round}`;
        const answers = await atOnce(50, (i) => enter('k', user, server(i)));
        const busy = answers.filter(({ status }) => status === 409);
        refused += busy.length;
        for (const answer of busy) {
          expect(JSON.parse(answer.text)).toMatchObject({ code: 'IDEMPOTENCY_IN_PROGRESS', retry_after: 1 });
          expect(answer.retryAfter).toBe('1');
        }
        const done = answers.filter(({ status }) => status === 200);
        expect(tally(done.map(({ replayed }) => String(replayed))).false).toBe(1);
        expect(new Set(done.map(({ text }) => text)).size).toBe(1);
        expect(done.length + busy.length).toBe(50);
        expect([await entriesOf(user), await eventsOf(user, 'ENTERED')]).toEqual([1, 1]);
      }
      report(`requests at once, fifty to a key, ${refused} of them told to wait`, rounds * 50);
    },
    TIMEOUT,
  );
});

describe('a request that is still running', () => {
  it('answers 409 to its repetition, also to one with another body, and is repeated after its commit', async () => {
    const holder = await db.pool.connect();
    try {
      // Holds the line, so that the first request waits inside its transaction.
      await enter('before', 'before');
      await holder.query('begin');
      await holder.query(`select 1 from queue_counters where clinic_code = 'lab' for update`);
      const first = enter('k', 'held', server(0));
      await until(
        'the first request waits for the line',
        () =>
          db.value(`select count(*)::int from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock' and query like '%with_idempotency%'`),
        (waiting) => waiting === 1,
      );
      for (const answer of [
        await enter('k', 'held', server(1)),
        await post('k', '/api/v1/queue/enter', { user: 'held' }, server(1)),
      ]) {
        expect(JSON.parse(answer.text).code).toBe('IDEMPOTENCY_IN_PROGRESS');
        expect(answer).toMatchObject({ status: 409, retryAfter: '1' });
      }
      // Another owner's key of the same text is another key.
      const other = { clinic: 'ent', user: 'running' };
      expect(await post('k', '/api/v1/queue/enter', other, server(1))).toMatchObject({ status: 200 });
      await holder.query('commit');
      const answered = await first;
      expect(answered).toMatchObject({ status: 200, replayed: false });
      expect(await enter('k', 'held', server(1))).toEqual({ ...answered, replayed: true });
    } finally {
      await holder.query('rollback');
      holder.release();
    }
  });
});

describe('an answer that is lost after the commit', () => {
  it(
    'is given to the repetition on another server, whatever was written',
    async () => {
      const seed = testSeed();
      const random = seededRandom(seed);
      const { post: lossy, heard, close } = losingServer();
      const count = volume(1000);
      for (let i = 0; i < count; i += 1) {
        const user = `lost-${i}`;
        const clinic = random.pick(['xray', 'vitals', 'ecg']);
        const [path, body, bearer, type] = random.pick<
          readonly [string, object, string | undefined, string | undefined]
        >([
          ['/api/v1/queue/enter', { clinic, user }, undefined, 'ENTERED'],
          ['/api/v1/queue', { clinic, user }, undefined, 'ENTERED'],
          [
            '/api/patient/enqueue',
            { patientId: user, examType: 'courses', gender: 'male' },
            undefined,
            'ENTERED',
          ],
          ['/api/v1/queue/call', { clinic }, token, 'CALLED'],
          ['/api/queue/call-next', { clinicId: clinic, force: true }, token, 'CALLED'],
          ['/api/v1/route/create', { patientId: user, examType: 'courses' }, undefined, undefined],
        ]);
        expect(await lossy(`lost-${i}`, path, body, bearer)).toMatchObject({ status: 503, replayed: false });
        const committed = heard();
        const state = await stateOfAll();
        const again = await post(`lost-${i}`, path, body, server(i), bearer);
        expect(again.replayed, `${path} seed ${seed}`).toBe(true);
        expect(await post(`lost-${i}`, path, body, server(i + 1), bearer)).toEqual(again);
        expect(await stateOfAll(), `${path} seed ${seed}`).toEqual(state);
        const answer = JSON.parse(again.text);
        if (answer.success && type !== undefined) {
          const number =
            answer.number ?? answer.result?.firstClinic.queueNumber ?? answer.callResult.patient.number;
          expect(number).toBe(committed.number);
        }
        if (type === 'ENTERED') expect(await eventsOf(user, type)).toBe(1);
      }
      close();
      report('answers lost after the commit, each given to the repetition', count, seed);
    },
    TIMEOUT,
  );
});

/** Everything that a second run of a write would change. */
async function stateOfAll() {
  return db.rows(`
    select (select count(*)::int from queues) as entries, (select sum(version)::int from queue_counters) as versions,
      (select count(*)::int from queues where status = 'CALLED') as called,
      (select count(*)::int from routes) as routes, (select count(*)::int from idempotency_keys) as keys,
      (select count(*)::int from events) as events`);
}

/** A server in this process that commits and then never hears what was committed, as one that dies there. */
function losingServer() {
  const environment = servers[0]?.environment ?? {};
  const config = readConfig(environment);
  const real = createServices('node', config);
  const database: Database = real.database;
  let committed: { number?: number } = {};
  const services = {
    ...real,
    database: {
      breaker: database.breaker,
      async call(...call: Parameters<Database['call']>) {
        const answer = await database.call(...call);
        if (call[0] !== 'with_idempotency') return answer;
        committed = (answer as { answer: { number?: number } }).answer;
        throw new DomainError('DATABASE_UNAVAILABLE', { retryAfter: 5 });
      },
    },
  };
  // A server on this machine sees its clients at this address: it is part of a key's scope.
  const app = createApp({ target: 'node', services: () => services, clientIp: () => '127.0.0.1' });
  return {
    post: async (key: string, path: string, body: object, bearer?: string) =>
      answerOf(await app.request(path, written(key, body, bearer))),
    heard: () => committed,
    close: () => services.waiting().wakeUps.close(),
  };
}

describe('a server that is killed between commit and answer', () => {
  let directory: string;
  let proxy: TcpProxy;
  let child: ChildProcess | undefined;
  let pinOfEcg: string;
  beforeAll(async () => {
    const shown = await fetch(`${server(0)}/api/v1/pin/status?clinic=ecg`, {
      headers: { Authorization: `Bearer ${token}` },
    });
    pinOfEcg = ((await shown.json()) as { currentPin: string }).currentPin;
    directory = await mkdtemp(join(tmpdir(), 'mmc-killed-'));
    proxy = await tcpProxyTo(Number(new URL(db.url).port));
  });
  afterEach(() => {
    child?.kill('SIGKILL');
  });
  afterAll(async () => {
    await proxy?.close();
    await rm(directory, { recursive: true, force: true });
  });

  it(
    'leaves one effect, and its answer to the server that is asked next, whatever it was writing',
    async () => {
      // At least one for each of them.
      const kills = Math.max(volume(30), WRITES.length);
      const through = new URL(db.url);
      through.port = String(proxy.port);
      for (let i = 0; i < kills; i += 1) {
        const user = `killed-${i}`;
        const write = WRITES[i % WRITES.length] ?? WRITES[0];
        await write.before(user);
        const [path, body, bearer] = write.request(i, user);
        const send = (url: string) => post(`killed-${i}`, path, body, url, bearer);
        const started = await startProcess(through.href);
        child = started.child;
        // The first request of a server asks the database for its service day.
        expect((await enter('warm-up', `warm-${i}`, started.url)).status).toBe(200);
        proxy.mute();
        const unanswered = send(started.url).then(
          () => 'answered',
          () => 'cut off',
        );
        await until(
          `${path} is committed`,
          () => write.effects(i, user),
          (effects) => effects === 1,
        );
        const gone = once(started.child, 'exit');
        started.child.kill('SIGKILL');
        await gone;
        expect(await unanswered).toBe('cut off');
        await proxy.restore();

        const state = await stateOfAll();
        const again = await send(server(i));
        expect(again, path).toMatchObject({ status: 200, replayed: true });
        expect(JSON.parse(again.text), path).toMatchObject(write.answer(user));
        expect(await send(server(i + 1)), path).toEqual(again);
        expect(await stateOfAll(), path).toEqual(state);
        expect(await write.effects(i, user), path).toBe(1);
      }
      report(
        `servers killed between commit and answer, while writing ${WRITES.length} kinds of things`,
        kills,
      );
    },
    TIMEOUT,
  );

  interface Write {
    /** What there must be for it. */
    before(user: string): Promise<void>;
    request(index: number, user: string): readonly [path: string, body: object, bearer?: string];
    /** How often it is done, past every answer. */
    effects(index: number, user: string): Promise<number>;
    /** What its answer says, however often it is given. */
    answer(user: string): object;
  }

  const routed = async (user: string) => {
    const body = { patientId: user, examType: 'courses', clinics: ['ecg', 'lab'] };
    expect((await post(`route-${user}`, '/api/v1/route/create', body)).status).toBe(200);
    await entered(user);
  };
  const entered = async (user: string) => {
    const clinic = 'ecg';
    expect((await post(`before-${user}`, '/api/v1/queue/enter', { clinic, user })).status).toBe(200);
  };
  const leaving = (path: string, before: Write['before'], answer: Write['answer']): Write => ({
    before,
    request: (_, user) => [path, { clinic: 'ecg', user, pin: pinOfEcg }],
    effects: (_, user) => eventsOf(user, 'COMPLETED'),
    answer,
  });
  const grace = (index: number) => 6 + (index % 20);

  const WRITES: readonly [Write, ...Write[]] = [
    {
      before: async () => undefined,
      request: (_, user) => ['/api/v1/queue/enter', { clinic: 'lab', user }],
      effects: (_, user) => eventsOf(user, 'ENTERED'),
      answer: (user) => ({ entry_status: 'ENTERED', user }),
    },
    leaving('/api/v1/queue/done', entered, (user) => ({ success: true, user })),
    {
      before: async () => undefined,
      request: (index) => ['/api/admin/settings', { settings: { grace_minutes: grace(index) } }, token],
      effects: (index) =>
        db.value(
          `select count(*)::int from settings where key = 'grace_minutes' and value = $1::text::jsonb`,
          [grace(index)],
        ),
      answer: () => ({ success: true }),
    },
    leaving('/api/v1/clinic/exit', routed, () => ({ success: true, route: expect.anything() })),
  ];

  async function startProcess(databaseUrl: string): Promise<{ child: ChildProcess; url: string }> {
    const started = spawn(
      process.execPath,
      ['--import', 'tsx', START, '--port', '0', '--data', join(directory, 'data')],
      {
        env: { PATH: process.env.PATH, DATABASE_URL: databaseUrl, JWT_SECRET },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    for await (const line of createInterface(started.stdout)) {
      const url = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0];
      if (url !== undefined) {
        started.stdout.resume();
        return { child: started, url };
      }
    }
    throw new Error('the server did not start');
  }
});

describe('what is kept', () => {
  it('is a row for each key, without the key, the session or the address in it', async () => {
    const user = 'nobody-reads-me';
    await enter('a key that nobody reads', user);
    const rows = await db.rows<{ key: string; scope: string; request_hash: string }>(
      'select key, scope, request_hash from idempotency_keys',
    );
    expect(rows.length).toBeGreaterThan(0);
    for (const row of rows) {
      expect(Object.values(row)).toEqual(times(3, () => expect.stringMatching(/^[0-9a-f]{32}$/)));
    }
  });
});
