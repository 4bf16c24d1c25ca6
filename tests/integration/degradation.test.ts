/**
 * What each failing part may cost, row by row of the design: time limits at the client and shorter ones at the server,
 * one retry, and streams that outlive the database. Chaos under load is in tests/chaos.
 */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type EmbeddedCloud, startEmbeddedCloud } from '../../local/embedded-cloud.ts';
import { createApp } from '../../src/app.ts';
import { BREAKER_CONFIGS } from '../../src/lib/circuit-breaker.ts';
import { readConfig } from '../../src/lib/config.ts';
import { createServices, type Services } from '../../src/lib/services.ts';
import { SQL_FUNCTIONS } from '../../src/lib/sql-functions.ts';
import { migrateUrl, openEmptyDatabase, type SqlDatabase } from '../support/sql-database.ts';
import { type TcpProxy, tcpProxyTo } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { type Application, openApplication } from './application.ts';

let application: Application;
let database: TcpProxy;
let redis: TcpProxy;
beforeAll(async () => {
  application = await openApplication();
  database = await tcpProxyTo(Number(new URL(application.cloud.databaseUrl).port));
  redis = await tcpProxyTo(Number(new URL(application.cloud.redisUrl).port));
});
afterEach(async () => {
  await database.restore();
  await redis.restore();
});
afterAll(async () => {
  await database?.close();
  await redis?.close();
  await application?.stop();
});

/** A new isolate behind the proxies, with limits, and a breaker of the database that soon tries again. */
function isolate(settings: Readonly<Record<string, string>> = {}) {
  const { databaseUrl, redisUrl } = application.cloud;
  const config = readConfig({
    ...application.environment,
    RATE_LIMITS: '{}',
    DATABASE_URL: through(databaseUrl, database),
    UPSTASH_REDIS_REST_URL: through(redisUrl, redis),
    ...settings,
  });
  const services: Services = createServices('node', config, {
    log: () => {},
    breakerConfigs: {
      ...BREAKER_CONFIGS,
      database: { ...BREAKER_CONFIGS.database, timeout: 200 },
    },
  });
  const app = createApp({ target: 'node', services: () => services, clientIp: () => '192.0.2.30' });
  const send = async (method: string, path: string, json?: object) => {
    const start = performance.now();
    const answer = await app.request(
      path,
      {
        method,
        headers: { 'Content-Type': 'application/json' },
        ...(json && { body: JSON.stringify(json) }),
      },
      {},
    );
    return { answer, took: performance.now() - start };
  };
  return { app, services, send };
}

function through(url: string, { port }: TcpProxy): string {
  const changed = new URL(url);
  changed.port = String(port);
  return changed.href;
}

const ENTER = '/api/v1/queue/enter';
const enter = (user: string) => ({ clinic: 'lab', user });

describe('Redis that takes every request and answers none', () => {
  it('costs 300 ms three times, then nothing, and is no error at all', async () => {
    const { send, services } = isolate();
    expect((await send('POST', ENTER, enter('patient-0'))).answer.status).toBe(200);
    redis.swallow();
    const times: number[] = [];
    while (services.redis?.breaker.getState() === 'CLOSED') {
      const { answer, took } = await send('POST', ENTER, enter(`patient-${times.length}`));
      expect(answer.status).toBe(200);
      times.push(took);
    }
    expect(times.length).toBeLessThanOrEqual(3);
    // Each waits for Redis at most twice, for its limit and for the floor of its line.
    for (const took of times) expect(took).toBeLessThan(2 * 300 + 1_000);
    const after = [];
    for (let index = 0; index < 11; index += 1) {
      const { answer, took } = await send('POST', ENTER, enter('patient-0'));
      expect(answer.status).toBe(200);
      after.push(took);
    }
    expect(after.sort((a, b) => a - b)[5]).toBeLessThan(300);
  });
});

describe('a database that takes every request and answers none', () => {
  it('is given up after five seconds, with a 503 that says when to come back', async () => {
    const { send } = isolate();
    expect((await send('POST', ENTER, enter('given-up'))).answer.status).toBe(200);
    database.swallow();
    const { answer, took } = await send('POST', ENTER, enter('given-up'));
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('5');
    expect(took).toBeGreaterThan(4_900);
    expect(took).toBeLessThan(8_000);
  });
});

describe('a stream', () => {
  it('stays open while the database is down, and goes on with what happens afterwards', async () => {
    const { app, services, send } = isolate();
    // A connection that the test before cut may still be taken for a living one.
    const answer = await until(
      'the stream is there',
      () => app.request('/api/v1/events/stream?clinic=lab', {}, {}),
      ({ status }) => status === 200,
    );
    const reader = answer.body?.getReader();
    if (!reader) throw new Error('a stream has a body');
    const decoder = new TextDecoder();
    let seen = '';
    let ended = false;
    const reading = (async () => {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        seen += decoder.decode(value, { stream: true });
      }
      ended = true;
    })();
    await until(
      'the stream began',
      () => seen,
      (text) => text !== '',
    );
    await database.down();
    await until(
      'the breaker opened',
      async () => {
        await send('POST', ENTER, enter('meanwhile'));
        return services.database.breaker.getState();
      },
      (state) => state === 'OPEN',
    );
    expect(ended).toBe(false);
    await database.restore();
    const before = seen.length;
    await until(
      'the database is back',
      async () => (await send('POST', ENTER, enter('afterwards'))).answer.status,
      (status) => status === 200,
    );
    await until(
      'the stream went on',
      () => seen.slice(before),
      (text) => text.includes('data:'),
    );
    expect(ended).toBe(false);
    services.streams.endAll();
    await reading;
  });
});

describe('at the server', () => {
  let db: SqlDatabase;
  let cloud: EmbeddedCloud;
  beforeAll(async () => {
    db = await openEmptyDatabase();
    await migrateUrl(db.url);
    cloud = await startEmbeddedCloud({ databaseUrl: db.url });
  });
  afterAll(async () => {
    await cloud?.close();
    await db?.remove();
  });

  it('a statement ends before its client gives it up, so that it does not commit later', async () => {
    const client = new pg.Client({ connectionString: db.url });
    await client.connect();
    try {
      const { rows } = await client.query("select current_setting('statement_timeout') as value");
      expect(rows).toEqual([{ value: '4s' }]);
    } finally {
      await client.end();
    }
  });

  it('every function that writes waits two seconds for a lock, and no longer', async () => {
    const writing = Object.entries(SQL_FUNCTIONS)
      .filter(([, touches]) => touches !== 'read')
      .map(([name]) => name);
    const without = await db.rows(
      `select p.proname from pg_proc p where p.proname = any($1) and p.pronamespace = 'public'::regnamespace
         and pg_get_function_identity_arguments(p.oid) = 'p_args jsonb'
         and not coalesce(p.proconfig, '{}') @> '{lock_timeout=2s}'`,
      [writing],
    );
    expect(without).toEqual([]);
  });

  it('a line that stays locked is tried once more, then refused for a second; nothing was done', async () => {
    const { send, services } = isolate({ DATABASE_URL: cloud.databaseUrl });
    expect((await send('POST', ENTER, enter('first'))).answer.status).toBe(200);
    const holder = await db.pool.connect();
    await holder.query('begin');
    await holder.query("select 1 from queue_counters where clinic_code = 'lab' for update");
    const { answer, took } = await send('POST', ENTER, enter('second'));
    await holder.query('rollback');
    holder.release();
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
    expect(took).toBeGreaterThan(3_900);
    expect(await db.value<string>('select count(*) as value from queues')).toBe('1');
    // The database answered: its breaker has nothing to count.
    expect(services.database.breaker.getState()).toBe('CLOSED');
    expect((await send('POST', ENTER, enter('second'))).answer.status).toBe(200);
  });

  it('a write that Postgres ends to break a deadlock is done once, by its second try', async () => {
    const { send, services } = isolate({ DATABASE_URL: cloud.databaseUrl });
    expect((await send('POST', ENTER, enter('before'))).answer.status).toBe(200);
    const deadlocks = () =>
      db.value<number>('select deadlocks::int from pg_stat_database where datname = current_database()');

    /** Enters while another session holds what the request needs, and wants what the request has. */
    async function enterInto(user: string): Promise<number> {
      const holder = await db.pool.connect();
      try {
        await holder.query('begin');
        // Whoever waits so long looks for deadlocks, and is the one who is ended: not this session.
        await holder.query("set local deadlock_timeout = '1min'");
        // The same patient, uncommitted: the request has the line's lock when it comes to wait for this one.
        await holder.query(
          `insert into queues (clinic_code, patient_id, service_day, queue_number)
            select clinic_code, $1, service_day, 900 from queues where patient_id = 'before'`,
          [user],
        );
        const entering = send('POST', ENTER, enter(user));
        await until(
          'the request waits',
          () =>
            db.value<number>(`select count(*)::int from pg_stat_activity
              where datname = current_database() and wait_event_type = 'Lock'`),
          (waiting) => waiting === 1,
        );
        await holder.query("select 1 from queue_counters where clinic_code = 'lab' for update");
        await holder.query('rollback');
        return (await entering).answer.status;
      } finally {
        await holder.query('rollback');
        holder.release();
      }
    }

    // The request looks for a deadlock once, a second after it began to wait: a machine that halts this session until
    // then makes none, and the request waits its two seconds for the lock. So again, with somebody else.
    const before = await deadlocks();
    for (let happened = false; !happened; ) {
      const user = `twice-${randomUUID()}`;
      const status = await enterInto(user);
      happened = await until('Postgres counted it', deadlocks, (count) => count > before, 3_000).then(
        () => true,
        () => false,
      );
      if (!happened) continue;
      expect(status).toBe(200);
      expect(await db.value('select count(*)::int from queues where patient_id = $1', [user])).toBe(1);
      expect(await db.value('select count(*)::int from events where patient_id = $1', [user])).toBe(1);
    }
    expect(services.database.breaker.getState()).toBe('CLOSED');
  });
});
