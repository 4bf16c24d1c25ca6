/** The order of the event stream when transactions commit out of order, and what idle streams cost, on a real Postgres. */
import { serve } from '@hono/node-server';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type EmbeddedCloud, startEmbeddedCloud } from '../../local/embedded-cloud.ts';
import { type LocalServer, startLocalServer } from '../../local/local-server.ts';
import { createNodeTarget } from '../../src/targets/node.ts';
import { type Clinic, QueueClient } from '../contract/queue-client.ts';
import { EventSourceClient } from '../support/event-source.ts';
import { type PostgresServer, startPostgresServer } from '../support/postgres-process.ts';
import { seededRandom, testSeed } from '../support/sql-random.ts';
import { until } from '../support/until.ts';

/** A further Node target on the same data, with its own counted way to the database. */
interface FurtherTarget {
  readonly url: string;
  readonly cloud: EmbeddedCloud;
  /** Shuts down as a process does: what is held is answered, then the server stops. */
  close(): Promise<void>;
}

// The horizon of the cursor is the whole server's: other tests' transactions must not move it, nor these theirs.
let postgres: PostgresServer;
let server: LocalServer;
let further: FurtherTarget;
let client: QueueClient;
let database: pg.Pool;
beforeAll(async () => {
  postgres = await startPostgresServer({ durable: false });
  server = await startLocalServer({
    databaseUrl: postgres.adminUrl,
    environment: 'test',
    settings: { RATE_LIMITS: 'off' },
  });
  if (!server.admin) throw new Error('a new server makes an account');
  const { url, admin } = server;
  const close = async () => undefined;
  client = await QueueClient.open({ url, admin, jwtSecret: undefined, longPollSeconds: 0, close });
  await client.pins();
  database = new pg.Pool({ connectionString: postgres.adminUrl, max: 30 });
  further = await startFurtherTarget();
});
afterAll(async () => {
  await further?.close();
  await database?.end();
  await server?.close();
  await postgres?.stop();
});

async function startFurtherTarget(): Promise<FurtherTarget> {
  const cloud = await startEmbeddedCloud({ databaseUrl: postgres.adminUrl });
  const target = createNodeTarget({ ...server.environment, DATABASE_URL: cloud.databaseUrl });
  const { http, port } = await new Promise<{ http: ReturnType<typeof serve>; port: number }>((resolve) => {
    const listening = serve({ fetch: target.app.fetch, hostname: '127.0.0.1', port: 0 }, (address) => {
      resolve({ http: listening, port: address.port });
    });
  });
  return {
    url: `http://127.0.0.1:${port}`,
    cloud,
    async close() {
      target.close();
      await new Promise<void>((resolve) => {
        http.close(() => resolve());
        if ('closeIdleConnections' in http) http.closeIdleConnections();
      });
      await cloud.close();
    },
  };
}

const opened: EventSourceClient[] = [];
const transactions: Transaction[] = [];
afterEach(async () => {
  for (const stream of opened.splice(0)) stream.close();
  for (const transaction of transactions.splice(0)) await transaction.end('rollback');
});

async function open(query: string, lastId?: string, url = server.url): Promise<EventSourceClient> {
  const headers = {
    Authorization: `Bearer ${client.token}`,
    ...(lastId !== undefined && { 'Last-Event-ID': lastId }),
  };
  const stream = await EventSourceClient.open(`${url}/api/v1/events/stream?${query}`, headers);
  opened.push(stream);
  await stream.atLeast(1, 'connected');
  return stream;
}

/** A transaction that stays open until it is told to end. */
class Transaction {
  #connection: pg.PoolClient | undefined;

  static async begin(): Promise<Transaction> {
    const transaction = new Transaction();
    transaction.#connection = await database.connect();
    await transaction.#connection.query('begin');
    transactions.push(transaction);
    return transaction;
  }

  /** Writes one event, with a text by which it is found again. */
  async write(clinic: Clinic, name: string): Promise<void> {
    await this.#connection?.query(
      `insert into events (event_type, clinic_code, data, created_at)
       values ('NO_SHOW', $1, jsonb_build_object('name', $2::text), clock_timestamp())`,
      [clinic, name],
    );
  }

  async end(how: 'commit' | 'rollback'): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    await connection?.query(how);
    connection?.release();
  }
}

const names = (stream: EventSourceClient) =>
  stream.named('NO_SHOW').map(({ data }) => (data.data as { name: string }).name);

async function expectNames(stream: EventSourceClient, expected: readonly string[]): Promise<void> {
  await until(
    'every event has arrived',
    () => names(stream),
    (seen) => seen.length >= expected.length,
  );
  expect(names(stream)).toEqual(expected);
}

describe('events of transactions that commit out of order', () => {
  it('are never skipped: the later one waits for the earlier one, and comes within half a second after it', async () => {
    const user = 'order-patient';
    const [events, patient] = [await open('clinic=lab'), await open(`user=${user}`)];
    const late = await Transaction.begin();
    await late.write('lab', 'late');
    await client.enter('lab', user);
    // The patient is told after a second, the event stream keeps its order.
    const [told] = await patient.atLeast(1, 'queue_update');
    expect(told?.data).toMatchObject({ subtype: 'NEXT_IN_LINE' });
    expect(events.named()).toEqual([]);

    await late.end('commit');
    const committed = performance.now();
    const frames = await events.atLeast(2);
    expect(frames.map(({ event }) => event)).toEqual(['NO_SHOW', 'ENTERED']);
    const delay = Number(frames[1]?.at) - committed;
    console.log(`${delay.toFixed(0)} ms from the commit of the older transaction to the arrival of both`);
    expect(delay).toBeLessThan(500);
  });

  it('come in the order of (xid, seq), whatever the order of writing and committing', async () => {
    const stream = await open('clinic=xray');
    const [first, second, third] = [
      await Transaction.begin(),
      await Transaction.begin(),
      await Transaction.begin(),
    ];
    await first.write('xray', 'first 1');
    await second.write('xray', 'second 1');
    await third.write('xray', 'third 1');
    await first.write('xray', 'first 2');
    await third.end('commit');
    await second.write('xray', 'second 2');
    await second.end('commit');
    await first.end('commit');
    await expectNames(stream, ['first 1', 'first 2', 'second 1', 'second 2', 'third 1']);
  });

  it('come as soon as an older transaction was rolled back, and nothing of that one', async () => {
    const stream = await open('clinic=ecg');
    const [older, newer] = [await Transaction.begin(), await Transaction.begin()];
    await older.write('ecg', 'never');
    await newer.write('ecg', 'committed');
    await newer.end('commit');
    await older.end('rollback');
    await expectNames(stream, ['committed']);
  });

  it('are sent once to a stream that reconnects while they are hidden', async () => {
    const stream = await open('clinic=eyes');
    const before = await Transaction.begin();
    await before.write('eyes', 'before');
    await before.end('commit');
    await expectNames(stream, ['before']);

    const [older, newer] = [await Transaction.begin(), await Transaction.begin()];
    await older.write('eyes', 'older');
    await newer.write('eyes', 'newer');
    await newer.end('commit');
    const back = await open('clinic=eyes', stream.lastId);
    await older.end('commit');
    await expectNames(back, ['older', 'newer']);
    await expectNames(stream, ['before', 'older', 'newer']);
  });

  it('reach 20 streams of two processes once and in order, whatever commits when and who reconnects', async () => {
    const seed = testSeed();
    const random = seededRandom(seed);
    interface Follower {
      url: string;
      stream: EventSourceClient;
      lastId: string | undefined;
      readonly seen: string[];
    }
    const followers: Follower[] = [];
    for (let index = 0; index < 20; index += 1) {
      const url = index % 2 === 0 ? server.url : further.url;
      const stream = await open('clinic=ent', undefined, url);
      followers.push({ url, stream, lastId: undefined, seen: [] });
    }
    const goOn = async (follower: Follower) => {
      const { stream } = follower;
      stream.close();
      follower.seen.push(...names(stream));
      follower.lastId = stream.lastId ?? follower.lastId;
      // It resumes on the other process.
      follower.url = follower.url === server.url ? further.url : server.url;
      follower.stream = await open('clinic=ent', follower.lastId, follower.url);
    };

    // Everybody needs an id to resume from.
    const first = await Transaction.begin();
    await first.write('ent', 'first');
    await first.end('commit');
    for (const { stream } of followers) await expectNames(stream, ['first']);

    const openNow: Transaction[] = [];
    let written = 0;
    for (let step = 0; step < 400; step += 1) {
      const some = openNow[random.below(openNow.length)];
      const choice = random.below(20);
      if (choice < 5 && openNow.length < 8) openNow.push(await Transaction.begin());
      else if (some && choice < 13) {
        written += 1;
        await some.write('ent', `event ${written}`);
      } else if (some && choice < 19) {
        openNow.splice(openNow.indexOf(some), 1);
        await some.end(random.chance(0.1) ? 'rollback' : 'commit');
      } else await goOn(followers[random.below(followers.length)] as Follower);
    }
    for (const transaction of openNow) await transaction.end('commit');

    const { rows } = await database.query<{ name: string }>(
      `select data ->> 'name' as name from events where clinic_code = 'ent' order by xid, seq`,
    );
    const log = rows.map(({ name }) => name);
    console.log(`seed ${seed}: ${written} events written, ${log.length} committed, ${opened.length} streams`);
    for (const { stream, seen } of followers) {
      await until(
        `every event has arrived (seed ${seed})`,
        () => seen.length + names(stream).length,
        (count) => count >= log.length,
      );
      expect([...seen, ...names(stream)], `seed ${seed}`).toEqual(log);
    }
  });
});

describe('a patient', () => {
  it('who was told of a change is not told again after a reconnect, also when an older transaction hid it', async () => {
    const user = 'order-once';
    const stream = await open(`user=${user}`);
    const older = await Transaction.begin();
    await older.write('bones', 'older');
    await client.enter('dental', user);
    await client.call('dental');
    await older.end('commit');
    const frames = await stream.atLeast(1, 'queue_update');
    expect(frames.at(-1)?.data.subtype).toBe('YOUR_TURN');

    const back = await open(`user=${user}`, stream.lastId);
    const witness = await open('clinic=dental');
    await client.enter('dental', 'order-witness');
    await witness.atLeast(1, 'ENTERED');
    expect(back.named()).toEqual([]);
  });

  it('hears of a call by another process within a second', async () => {
    const user = 'order-elsewhere';
    await client.enter('derma', user);
    const stream = await open(`user=${user}`, undefined, further.url);
    await client.callUntil('derma', user);
    const called = performance.now();
    const [frame] = await stream.atLeast(1, 'queue_update');
    expect(frame?.data.subtype).toBe('YOUR_TURN');
    expect(Number(frame?.at) - called).toBeLessThan(1_000);
  });
});

describe('a patient who comes back', () => {
  const CLINIC = 'internal';
  let days = 0;
  const call = async (name: string, args: object): Promise<Record<string, unknown>> => {
    const { rows } = await database.query(`select ${name}($1::jsonb) as answer`, [JSON.stringify(args)]);
    return rows[0]?.answer;
  };

  /** What happens in a line of five at whose head one was called; the patient is the second who waits. */
  interface Line {
    readonly day: string;
    enter(user: string, priority?: number): Promise<unknown>;
    call(): Promise<unknown>;
    checkIn(user: string): Promise<unknown>;
    leave(user: string): Promise<unknown>;
  }

  function lineOf(day: string): Line {
    const line = { clinic: CLINIC, day };
    return {
      day,
      enter: (user, priority = 0) => call('enter_queue', { ...line, user, priority }),
      call: () => call('call_next_patient', { ...line, by: 'admin' }),
      checkIn: (user) => call('check_in_patient', { ...line, user }),
      leave: (user) => call('complete_patient_service', { ...line, user, day_end: `${day}T21:00:00Z` }),
    };
  }

  const raise = (user: string, { day }: Line) =>
    database.query('select raise_waiting_priority($1, $2, $3, 3, null)', [user, day, CLINIC]);
  const rotate = ({ day }: Line) =>
    call('generate_daily_pins', { day, day_end: `${day}T21:00:00Z`, rotate: true, clinic: CLINIC });

  it.each<[string, boolean, (line: Line) => Promise<unknown>]>([
    ['nothing happened', false, async () => undefined],
    ['the one ahead was called', true, (line) => line.call()],
    ['the one ahead left without a call', true, (line) => line.leave('ahead')],
    ['somebody with a higher priority came', true, (line) => line.enter('urgent', 2)],
    ['the own priority rose', true, (line) => raise('me', line)],
    ['the priority of somebody behind rose', true, (line) => raise('behind', line)],
    ['the patient left', true, (line) => line.leave('me')],
    ['somebody entered behind', false, (line) => line.enter('new')],
    ['somebody behind left without a call', false, (line) => line.leave('behind')],
    ['the one who was called came in', false, (line) => line.checkIn('called')],
    ['the one who was called left', false, (line) => line.leave('called')],
    ['the PINs were replaced', false, rotate],
  ])('is told when the own state is another one: %s', async (_, expected, change) => {
    days += 1;
    const line = lineOf(`2031-05-${String(days).padStart(2, '0')}`);
    for (const user of ['called', 'ahead', 'me', 'behind', 'last']) await line.enter(user);
    await line.call();
    const { cursor } = await call('stream_start', { day: line.day });
    await change(line);
    const start = await call('stream_start', { day: line.day, user: 'me', after: cursor });
    expect(start.states).toMatchObject([{ clinic: CLINIC, newer: expected }]);
    const later = await call('stream_start', { day: line.day, user: 'me', after: start.cursor });
    expect(later.states).toMatchObject([{ newer: false }]);
  });

  it('is told of a check-in and of an entry at the end of the line, and of no move at place 4 or later', async () => {
    const line = lineOf('2031-06-01');
    const { cursor } = await call('stream_start', { day: line.day });
    for (const user of ['a', 'b', 'c', 'd', 'e', 'f']) await line.enter(user);
    const startOf = async (user: string, after: unknown) =>
      (await call('stream_start', { day: line.day, user, after })).states;
    expect(await startOf('f', cursor)).toMatchObject([{ ahead: 5, newer: true }]);
    const { cursor: entered } = await call('stream_start', { day: line.day });
    await line.call();
    expect(await startOf('f', entered)).toMatchObject([{ ahead: 4, newer: false }]);
    expect(await startOf('d', entered)).toMatchObject([{ ahead: 2, newer: true }]);
    const { cursor: called } = await call('stream_start', { day: line.day });
    await line.checkIn('a');
    expect(await startOf('a', called)).toMatchObject([{ status: 'IN_SERVICE', newer: true }]);
    expect(await startOf('b', called)).toMatchObject([{ newer: false }]);
  });
});

describe('200 idle patients', () => {
  it('cost one database read in 400 ms all together, and none once they are gone', async () => {
    const { postgres: endpoint } = further.cloud;
    const streams = await Promise.all(
      Array.from({ length: 200 }, (_, index) => open(`user=order-idle-${index}`, undefined, further.url)),
    );
    const before = endpoint.requestCount();
    await new Promise((resolve) => setTimeout(resolve, 6_000));
    const reads = endpoint.requestCount() - before;
    console.log(`200 idle patient streams: ${reads} database reads in 6 s`);
    for (const stream of streams) expect(stream.ended).toBe(false);
    // A look at the versions every 400 ms, and one at the log every 2 s; one more where the six seconds begin.
    expect(reads).toBeLessThanOrEqual(6_000 / 400 + 6_000 / 2_000 + 1);
    expect(reads).toBeGreaterThan(0);

    for (const stream of streams) stream.close();
    await untilNobodyReads();
  });
});

describe('clients that go away while their stream opens', () => {
  it('leave no reader behind', async () => {
    const random = seededRandom(testSeed());
    await Promise.allSettled(
      Array.from({ length: 100 }, async (_, index) => {
        const query = ['', 'clinic=lab', 'clinic=admin', `user=order-gone-${index}`][index % 4];
        await fetch(`${further.url}/api/v1/events/stream?${query}`, {
          headers: { Authorization: `Bearer ${client.token}`, 'Last-Event-ID': '1-1' },
          signal: AbortSignal.timeout(1 + random.below(60)),
        });
      }),
    );
    await untilNobodyReads();
  });
});

/** No stream of the further target is left: its hub stops with its last listener. */
async function untilNobodyReads(): Promise<void> {
  const { postgres: endpoint } = further.cloud;
  let last = { count: endpoint.requestCount(), at: performance.now() };
  await until(
    'nobody reads for three seconds',
    () => {
      const count = endpoint.requestCount();
      if (count !== last.count) last = { count, at: performance.now() };
      return performance.now() - last.at;
    },
    (calm) => calm > 3_000,
  );
}

describe('a process that shuts down', () => {
  it('ends every stream at once, and they go on elsewhere where they stopped', async () => {
    const doomed = await startFurtherTarget();
    const streams = await Promise.all([
      open('', undefined, doomed.url),
      open('clinic=vitals', undefined, doomed.url),
      open('clinic=admin', undefined, doomed.url),
      open('user=order-shutdown', undefined, doomed.url),
    ]);
    const [, clinic] = streams;
    await client.enter('vitals', 'order-shutdown');
    await clinic?.atLeast(1, 'ENTERED');
    const began = performance.now();
    const closed = doomed.close();
    for (const stream of streams) await stream.end();
    expect(performance.now() - began).toBeLessThan(1_000);
    await closed;

    await client.call('vitals');
    const back = await open('clinic=vitals', clinic?.lastId);
    expect((await back.atLeast(1)).map(({ event }) => event)).toEqual(['CALLED']);
  });
});
