/** What many isolates of a target count together: exact whoever is asked, whatever happens to Redis or to an isolate. */
import { spawnSync } from 'node:child_process';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type EmbeddedCloud, startEmbeddedCloud } from '../../local/embedded-cloud.ts';
import { createApp } from '../../src/app.ts';
import { readConfig } from '../../src/lib/config.ts';
import { createServices, type Services } from '../../src/lib/services.ts';
import { createMigratedDatabase, type TestDatabase } from '../support/postgres-server.ts';
import { type ReadFamilies, readPrometheusText, seriesKey } from '../support/prometheus-text.ts';
import { hasRedisServer, type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { startServerProcess } from '../support/server-process.ts';
import { type TcpProxy, tcpProxyTo } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { volume } from '../support/volume.ts';

const METRICS_TOKEN = 'a-token-of-the-test';
const AUTHORIZATION = { Authorization: `Bearer ${METRICS_TOKEN}` };

let database: TestDatabase;
let redisServer: RedisServer | undefined;
let cloud: EmbeddedCloud;
let wayToRedis: TcpProxy;
const used: Services[] = [];
beforeAll(async () => {
  database = await createMigratedDatabase();
  redisServer = hasRedisServer() ? await startRedisServer() : undefined;
  cloud = await startEmbeddedCloud({
    databaseUrl: database.url,
    ...(redisServer && { redisUrl: redisServer.url }),
  });
  wayToRedis = await tcpProxyTo(Number(new URL(cloud.redisUrl).port));
}, 120_000);
afterEach(async () => {
  await wayToRedis.restore();
  // Whoever has nothing left to say sends nothing into the next test.
  for (const { database, sharedCounts } of used.splice(0)) {
    database.breaker.reset();
    await sharedCounts?.send();
  }
  await redis('FLUSHALL');
});
afterAll(async () => {
  await wayToRedis?.close();
  await cloud?.close();
  await redisServer?.stop();
  await database?.drop();
});

async function redis(...command: string[]): Promise<unknown> {
  const answer = await fetch(cloud.redisUrl, {
    method: 'POST',
    headers: { Authorization: `Bearer ${cloud.redisToken}` },
    body: JSON.stringify(command),
  });
  return ((await answer.json()) as { result: unknown }).result;
}

interface IsolateOptions {
  readonly now?: () => Date;
  readonly settings?: Readonly<Record<string, string>>;
}

/** One isolate of the target `node`, which reaches Redis through the way that a test can break. */
function isolate({ now, settings = {} }: IsolateOptions = {}) {
  const config = readConfig({
    DATABASE_URL: cloud.databaseUrl,
    UPSTASH_REDIS_REST_URL: `http://127.0.0.1:${wayToRedis.port}`,
    UPSTASH_REDIS_REST_TOKEN: cloud.redisToken,
    JWT_SECRET: 'a secret for tests, of thirty-two characters',
    ENVIRONMENT: 'test',
    RATE_LIMITS: 'off',
    LOG_LEVEL: 'error',
    METRICS_TOKEN,
    ...settings,
  });
  const services = createServices('node', config, now && { clock: { now, simulated: true } });
  used.push(services);
  async function text(): Promise<string> {
    const answer = await app.request('/metrics', { headers: AUTHORIZATION }, {});
    expect(answer.status).toBe(200);
    return answer.text();
  }
  const app = createApp({ target: 'node', services: () => services, clientIp: () => '192.0.2.1' });
  return {
    services,
    async send(count: number, path = '/health/live') {
      for (let sent = 0; sent < count; sent += 1) await (await app.request(path, {}, {})).text();
    },
    text,
    scrape: async () => readPrometheusText(await text()),
  };
}

type Isolate = ReturnType<typeof isolate>;

const samplesOf = (families: ReadFamilies, name: string) => families.get(name)?.samples ?? [];

const gaugeOf = (families: ReadFamilies, name: string) => samplesOf(families, name)[0]?.value;

/** How often a route was answered, of the shared counts or of those of the isolate that was asked. */
function answersOf(families: ReadFamilies, route = '/health/live', scope?: 'isolate'): number {
  return samplesOf(families, 'http_requests_total')
    .filter(({ labels }) => labels.route === route && labels.scope === scope)
    .reduce((sum, { value }) => sum + value, 0);
}

const untilAnswers = (at: Isolate, count: number) =>
  until(`${count} are counted`, at.scrape, (families) => answersOf(families) >= count);

const breakerOf = (families: ReadFamilies, service: string) =>
  samplesOf(families, 'circuit_breaker_state').find(
    ({ labels, value }) => labels.service === service && value === 1,
  )?.labels.state;

/** What Prometheus takes each series to have grown by: a value below the one before it is a restart from 0. */
function increasesOf(scrapes: readonly ReadFamilies[], family: string): Map<string, number> {
  const last = new Map<string, number>();
  const grown = new Map<string, number>();
  for (const sample of scrapes.flatMap((families) => samplesOf(families, family))) {
    const key = seriesKey(sample);
    const before = last.get(key);
    const more = before === undefined ? 0 : sample.value < before ? sample.value : sample.value - before;
    grown.set(key, (grown.get(key) ?? 0) + more);
    last.set(key, sample.value);
  }
  return grown;
}

describe.skipIf(!hasRedisServer())('two processes on one Redis', () => {
  it('count every request once, whichever is asked, and lose nothing when one is killed or replaced', async () => {
    const options = {
      databaseUrl: database.url,
      redisUrl: redisServer?.url ?? '',
      settings: { METRICS_TOKEN, RATE_LIMITS: 'off' },
    };
    const [first, second] = await Promise.all([startServerProcess(options), startServerProcess(options)]);
    const scrape = async ({ url }: { url: string }) =>
      readPrometheusText(await (await fetch(`${url}/metrics`, { headers: AUTHORIZATION })).text());
    const kinds = [
      ['GET /health/live 200', (url: string) => fetch(`${url}/health/live`)],
      ['GET unmatched 404', (url: string) => fetch(`${url}/nowhere/${crypto.randomUUID()}`)],
      [
        'POST /api/v1/queue/enter 415',
        (url: string) => fetch(`${url}/api/v1/queue/enter`, { method: 'POST', body: '{' }),
      ],
      ['GET /api/v1/queue/status 200', (url: string) => fetch(`${url}/api/v1/queue/status?clinic=lab`)],
    ] as const;
    const sent: Record<string, number> = {};
    async function load(urls: readonly string[], total: number): Promise<void> {
      let next = 0;
      await Promise.all(
        Array.from({ length: 16 }, async () => {
          while (next < total) {
            const [name, send] = kinds[next % kinds.length] ?? kinds[0];
            const url = urls[next % urls.length] ?? '';
            next += 1;
            sent[name] = (sent[name] ?? 0) + 1;
            await (await send(url)).text();
          }
        }),
      );
    }
    const counted = (families: ReadFamilies) =>
      Object.fromEntries(
        samplesOf(families, 'http_requests_total')
          .filter(({ labels }) => labels.route !== '/metrics')
          .map(({ labels: { method, route, status }, value }) => [`${method} ${route} ${status}`, value]),
      );
    const total = () => Object.values(sent).reduce((sum, count) => sum + count, 0);
    const sumOf = (counts: Record<string, number>) => Object.values(counts).reduce((sum, n) => sum + n, 0);
    const untilAll = ({ url }: { url: string }) =>
      until(
        `all ${total()} are counted`,
        async () => counted(await scrape({ url })),
        (c) => sumOf(c) >= total(),
      );

    const requests = volume(20_000);
    // Of an odd number of servers' worth, so that every kind goes to both.
    await load([first.url, second.url, first.url, second.url, second.url], requests);
    // Only the second is asked: what the first counted last has to arrive by itself.
    expect(await untilAll(second)).toStrictEqual(sent);
    expect(counted(await scrape(first))).toStrictEqual(sent);

    await first.kill();
    await load([second.url], 40);
    expect(await untilAll(second)).toStrictEqual(sent);
    const third = await startServerProcess(options);
    await load([third.url], 40);
    expect(await untilAll(second)).toStrictEqual(sent);
    expect(await untilAll(third)).toStrictEqual(sent);
    await Promise.all([second.kill(), third.kill()]);
    console.info(`${total()} requests to three processes, ${sumOf(sent)} counted`);
  }, 180_000);
});

describe('Redis', () => {
  it('gone: each isolate shows its own counts under another label, and no series goes back', async () => {
    const [one, other] = [isolate(), isolate()];
    await one.send(30);
    await other.send(20);
    const scrapes = [await untilAnswers(one, 50)];
    expect(gaugeOf(scrapes[0] ?? new Map(), 'metrics_shared')).toBe(1);

    await wayToRedis.down();
    await one.send(3);
    const alone = await one.scrape();
    expect(gaugeOf(alone, 'metrics_shared')).toBe(0);
    expect([answersOf(alone), answersOf(alone, '/health/live', 'isolate')]).toEqual([0, 3]);
    await one.send(4);
    scrapes.push(alone, await one.scrape());
    await other.send(5);

    await wayToRedis.restore();
    scrapes.push(await untilAnswers(other, 62), await one.scrape());
    expect(answersOf(scrapes.at(-1) ?? new Map())).toBe(62);
    expect(gaugeOf(scrapes.at(-1) ?? new Map(), 'metrics_shared')).toBe(1);
    const grown = [...increasesOf(scrapes, 'http_requests_total')].filter(([key]) =>
      key.includes('/health/live'),
    );
    // From 50 to 62 together; from 3 to 7 alone.
    expect(grown.map(([, more]) => more).toSorted((a, b) => a - b)).toEqual([4, 12]);
  }, 30_000);

  it('not answering in time: what it did is not added twice', async () => {
    const one = isolate();
    await one.send(10);
    await untilAnswers(one, 10);
    wayToRedis.mute();
    await one.send(7);
    // It arrives, and nobody hears so: sent again each second, and with a scrape.
    await until(
      'the counts are in Redis',
      () => redis('HGET', 'test:metrics:node', 'http_requests_total GET /health/live 200'),
      (count) => count === '17',
    );
    const muted = await one.scrape();
    expect(gaugeOf(muted, 'metrics_shared')).toBe(0);
    expect(answersOf(muted, '/health/live', 'isolate')).toBe(7);
    await one.send(5);
    await wayToRedis.restore();
    const after = await untilAnswers(one, 22);
    await one.send(1);
    expect([answersOf(after), answersOf(await one.scrape())]).toEqual([22, 23]);
  }, 30_000);

  it('flushed: counting begins anew, with what came since', async () => {
    const [one, other] = [isolate(), isolate()];
    await one.send(25);
    await other.send(25);
    const scrapes = [await untilAnswers(one, 50)];
    await redis('FLUSHALL');
    await one.send(3);
    await other.send(4);
    scrapes.push(await untilAnswers(other, 7));
    expect(answersOf(scrapes[1] ?? new Map())).toBe(7);
    const grown = [...increasesOf(scrapes, 'http_requests_total')].filter(([key]) =>
      key.includes('/health/live'),
    );
    expect(grown.map(([, more]) => more)).toEqual([7]);
  }, 30_000);

  it('not configured: an isolate counts alone and says so', async () => {
    const one = isolate({ settings: { UPSTASH_REDIS_REST_URL: '', UPSTASH_REDIS_REST_TOKEN: '' } });
    await one.send(4);
    const families = await one.scrape();
    expect(gaugeOf(families, 'metrics_shared')).toBe(0);
    expect(answersOf(families, '/health/live', 'isolate')).toBe(4);
  });

  it('holds names and numbers of series, and nothing that a caller wrote', async () => {
    const one = isolate();
    await one.send(1, '/api/v1/queue/position?clinic=lab&user=marked-patient');
    await one.send(1, '/marked-path/marked-patient');
    await one.scrape();
    const fields = (await redis('HGETALL', 'test:metrics:node')) as string[];
    expect(fields.length).toBeGreaterThan(6);
    for (const [index, text] of fields.entries()) {
      expect(text).toMatch(index % 2 === 1 ? /^\d+$/ : /^[a-z_]+_(total|seconds)( [\w./+]+)*$/);
      expect(text).not.toContain('marked');
    }
    const keys = (await redis('KEYS', '*')) as string[];
    expect(keys.filter((key) => key.includes(':metrics:')).length).toBe(2);
    for (const key of keys.filter((name) => name.includes(':metrics:'))) {
      expect(key).toMatch(/^test:metrics:node(:[0-9a-f-]{36})?$/);
    }
  });
});

const hasPromtool = spawnSync('promtool', ['--version'], { stdio: 'ignore' }).status === 0;

it.skipIf(!hasPromtool).each(['shared', 'alone'])(
  'Prometheus takes the text, and its linter too: %s',
  async (how) => {
    const one = isolate();
    await one.send(3, '/api/v1/stats/dashboard');
    if (how === 'alone') await wayToRedis.down();
    const input = await one.text();
    expect(input.includes('scope="isolate"')).toBe(how === 'alone');
    const { status, stderr } = spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(status).toBe(0);
  },
);

describe('the breakers', () => {
  const FAILING = '/api/v1/stats/dashboard';

  /** An isolate whose database does not answer, until its breaker is open. */
  async function broken(): Promise<Isolate> {
    const one = isolate({ settings: { DATABASE_URL: 'postgresql://user:password@127.0.0.1:1/none' } });
    await one.send(6, FAILING);
    expect(one.services.database.breaker.getState()).toBe('OPEN');
    return one;
  }

  it('are the worst of all isolates, and closed at once when they close', async () => {
    const [one, other] = [await broken(), isolate()];
    await until('it is heard', other.scrape, (families) => breakerOf(families, 'database') === 'OPEN');
    expect(breakerOf(await other.scrape(), 'redis')).toBe('CLOSED');
    one.services.database.breaker.reset();
    await one.send(1);
    await until('it is heard', other.scrape, (families) => breakerOf(families, 'database') === 'CLOSED');
  });

  it('of an isolate that is gone are forgotten after a minute', async () => {
    let now = Date.now();
    const later = isolate({ now: () => new Date(now) });
    const gone = await broken();
    await gone.services.sharedCounts?.send();
    expect(breakerOf(await later.scrape(), 'database')).toBe('OPEN');
    now += 58_000;
    expect(breakerOf(await later.scrape(), 'database')).toBe('OPEN');
    now += 4_000;
    expect(breakerOf(await later.scrape(), 'database')).toBe('CLOSED');
    expect(Number(await redis('TTL', 'test:metrics:node:breakers'))).toBeLessThanOrEqual(60);
  });
});

describe('the cost', () => {
  it('is at most one Redis pipeline a second, however many requests there are, and none without requests', async () => {
    const one = isolate();
    await one.send(1);
    const [before, start] = [cloud.redis.requestCount(), performance.now()];
    let sent = 0;
    while (performance.now() - start < 3_500) {
      await one.send(50);
      sent += 50;
      // Such answers take microtasks only: a timer gets its turn here.
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    const seconds = (performance.now() - start) / 1000;
    const pipelines = cloud.redis.requestCount() - before;
    expect(pipelines).toBeGreaterThan(1);
    expect(pipelines).toBeLessThanOrEqual(Math.ceil(seconds));
    await until(
      'the last are sent',
      () => one.services.sharedCounts?.unshared.size,
      (size) => size === 0,
    );
    const idle = cloud.redis.requestCount();
    await new Promise((resolve) => setTimeout(resolve, 2_200));
    expect(cloud.redis.requestCount()).toBe(idle);
    console.info(`${sent} requests in ${seconds.toFixed(1)} s: ${pipelines} pipelines`);
  }, 20_000);

  it('of a scrape is one round trip to Redis, and to Postgres one in two seconds', async () => {
    const one = isolate();
    await one.scrape();
    const before = [cloud.redis.requestCount(), cloud.postgres.requestCount()] as const;
    const start = performance.now();
    const scrapes = 100;
    for (let count = 0; count < scrapes; count += 1) await one.scrape();
    const seconds = (performance.now() - start) / 1000;
    const [pipelines, statements] = [
      cloud.redis.requestCount() - before[0],
      cloud.postgres.requestCount() - before[1],
    ];
    expect(pipelines).toBeLessThanOrEqual(scrapes + Math.ceil(seconds));
    expect(statements).toBeLessThanOrEqual(Math.ceil(seconds / 2));
    console.info(
      `${scrapes} scrapes in ${seconds.toFixed(2)} s: ${pipelines} pipelines, ${statements} statements`,
    );
  }, 60_000);
});
