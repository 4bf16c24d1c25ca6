/** Section 2.1 of the contract, `/metrics`: what the target counted, exactly, and who may read it. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ReadFamilies, readPrometheusText, seriesKey } from '../support/prometheus-text.ts';
import { until } from '../support/until.ts';
import { volume } from '../support/volume.ts';
import { bytes, expectCommonHeaders, expectError, newId, type RequestOptions, request } from './http.ts';
import { CLINIC_IDS, QueueClient } from './queue-client.ts';
import {
  isOwnServer,
  openFreshTarget,
  PAGE_ORIGIN,
  repetitions,
  type Target,
  TURN_TIMEOUT,
} from './target.ts';

let target: Target;
let client: QueueClient;
beforeAll(async () => {
  target = await openFreshTarget();
  client = await QueueClient.open(target);
}, TURN_TIMEOUT);
afterAll(() => target?.close());

const knowsToken = isOwnServer || Boolean(process.env.METRICS_TOKEN);

/** The labels of each family beside `target`, as the contract lists them. */
const FAMILIES: Readonly<Record<string, readonly [type: string, ...labels: string[]]>> = {
  http_requests_total: ['counter', 'method', 'route', 'status'],
  http_request_duration_seconds: ['histogram', 'method', 'route'],
  circuit_breaker_state: ['gauge', 'service', 'state'],
  circuit_breaker_transitions_total: ['counter', 'service', 'state'],
  database_connection_errors_total: ['counter'],
  cache_requests_total: ['counter', 'result'],
  rate_limit_rejections_total: ['counter', 'policy'],
  queue_waiting: ['gauge', 'clinic'],
  queue_oldest_wait_seconds: ['gauge', 'clinic'],
  queue_called_today: ['gauge', 'clinic'],
  queue_completed_today: ['gauge', 'clinic'],
  queue_pins_missing: ['gauge'],
  tick_last_run_timestamp_seconds: ['gauge'],
  dependency_request_duration_seconds: ['histogram', 'service'],
  metrics_shared: ['gauge'],
  build_info: ['gauge', 'version', 'commit', 'schema_version'],
};

async function scrape(): Promise<ReadFamilies> {
  const answer = await fetch(`${target.url}/metrics`, {
    headers: { Authorization: `Bearer ${target.metricsToken}` },
  });
  const text = await answer.text();
  expect(answer.status, text).toBe(200);
  expectCommonHeaders(answer.headers);
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  return readPrometheusText(text);
}

const samplesOf = (families: ReadFamilies, family: string) => families.get(family)?.samples ?? [];

/** The value of each series of a family, by its labels without `target`. */
function valuesOf(families: ReadFamilies, name: string): Map<string, number> {
  return new Map(
    [...families.values()].flatMap(({ samples }) =>
      samples
        .filter((sample) => sample.name === name)
        .map(({ labels: { target: _target, ...own }, value }) => [Object.values(own).join(' '), value]),
    ),
  );
}

/** What was added to each series of `name` between two scrapes; series that stand still are left out. */
function increases(before: ReadFamilies, after: ReadFamilies, name: string): Record<string, number> {
  const old = valuesOf(before, name);
  const changes = [...valuesOf(after, name)].map(
    ([series, value]) => [series, value - (old.get(series) ?? 0)] as const,
  );
  return Object.fromEntries(changes.filter(([, change]) => change !== 0));
}

/** The answer to this scrape itself is in the next one. */
const SCRAPE = { 'GET /metrics 200': 1 };

const send = (method: string, path: string, options?: RequestOptions) =>
  request(target.url, method, path, options);

describe.skipIf(!knowsToken)('GET /metrics', () => {
  it('has every family of the contract, with exactly its labels and the target', async () => {
    await send('GET', '/health/live');
    const families = await scrape();
    expect([...families.keys()].toSorted()).toStrictEqual(Object.keys(FAMILIES).toSorted());
    for (const [name, [type, ...labels]] of Object.entries(FAMILIES)) {
      const family = families.get(name);
      expect(family?.type, name).toBe(type);
      for (const sample of family?.samples ?? []) {
        const bound = sample.name.endsWith('_bucket') ? ['le'] : [];
        expect(Object.keys(sample.labels).toSorted()).toStrictEqual(
          [...labels, ...bound, 'target'].toSorted(),
        );
        expect(['cloudflare', 'supabase', 'vercel', 'node']).toContain(sample.labels.target);
      }
    }
    expect(samplesOf(families, 'database_connection_errors_total')).toHaveLength(1);
    expect(samplesOf(families, 'http_requests_total').length).toBeGreaterThan(0);
    expect(samplesOf(families, 'metrics_shared').map(({ value }) => value)).toStrictEqual([1]);
    expect(samplesOf(families, 'build_info').map(({ value }) => value)).toStrictEqual([1]);
  });

  it('shows each breaker in exactly one of the three states', async () => {
    const families = await scrape();
    for (const service of ['database', 'redis', 'external']) {
      const states = samplesOf(families, 'circuit_breaker_state').filter(
        ({ labels }) => labels.service === service,
      );
      expect(states.map(({ labels, value }) => [labels.state, value])).toStrictEqual([
        ['CLOSED', 1],
        ['OPEN', 0],
        ['HALF_OPEN', 0],
      ]);
    }
    expect(samplesOf(families, 'circuit_breaker_state')).toHaveLength(9);
  });

  it('shows how many wait in every clinic, and how long the first has', async () => {
    // An isolate shows its gauges again for two seconds.
    const untilWaiting = (count: number) =>
      until(
        `${count} wait`,
        scrape,
        (families) => valuesOf(families, 'queue_waiting').get('derma') === count,
      );
    await client.drain('derma');
    const empty = await untilWaiting(0);
    expect([...valuesOf(empty, 'queue_waiting').keys()]).toStrictEqual(CLINIC_IDS);
    expect(valuesOf(empty, 'queue_oldest_wait_seconds').get('derma')).toBe(0);
    for (const user of [newId('gauge'), newId('gauge')]) await client.enter('derma', user);
    const two = await untilWaiting(2);
    const oldest = valuesOf(two, 'queue_oldest_wait_seconds').get('derma');
    expect(oldest).toBeGreaterThan(0);
    expect(oldest).toBeLessThan(60);
    await client.call('derma');
    const one = await untilWaiting(1);
    expect(valuesOf(one, 'queue_called_today').get('derma')).toBe(
      (valuesOf(two, 'queue_called_today').get('derma') ?? 0) + 1,
    );
  });

  it('is refused without the token, whoever asks', async () => {
    const wrong = [undefined, 'wrong', `${target.metricsToken}x`, client.token];
    for (const token of wrong) expectError(await send('GET', '/metrics', { token }), 'UNAUTHORIZED');
    const inQuery = await send('GET', `/metrics?token=${target.metricsToken}`);
    expectError(inQuery, 'UNAUTHORIZED');
  });
});

// A deployed target counts what others send meanwhile.
describe.skipIf(!isOwnServer)('the counters', () => {
  it('equal the number of requests sent, by method, route and status', async () => {
    const person = newId('counted');
    const before = await scrape();
    const batch = [
      ...Array.from({ length: 40 }, () => send('GET', '/health/live')),
      ...Array.from({ length: 7 }, () => send('GET', '/health/live/')),
      ...Array.from({ length: 5 }, () => send('HEAD', '/health/live')),
      ...Array.from({ length: 3 }, () => send('OPTIONS', '/health/live')),
      ...Array.from({ length: 4 }, () => send('DELETE', '/health/live')),
      ...Array.from({ length: 6 }, () => send('POST', '/api/v1/queue/enter', { raw: bytes('{') })),
      ...Array.from({ length: 8 }, () =>
        send('POST', '/api/v1/queue/enter', { json: { clinic: 'ent', user: person } }),
      ),
      ...Array.from({ length: 9 }, () => send('GET', '/api/v1/queue/position?clinic=nowhere&user=x')),
      ...Array.from({ length: 2 }, () => send('POST', '/api/v1/queue/call', { json: { clinic: 'ent' } })),
      ...Array.from({ length: 10 }, () => send('GET', `/nowhere/${newId('path')}`)),
      ...Array.from({ length: 11 }, () => send('OPTIONS', '/api/nowhere')),
    ];
    await Promise.all(batch);
    const after = await scrape();
    const requests = increases(before, after, 'http_requests_total');
    expect(requests).toStrictEqual({
      ...SCRAPE,
      'GET /health/live 200': 47,
      'HEAD /health/live 200': 5,
      'OPTIONS /health/live 204': 3,
      'other /health/live 405': 4,
      'POST /api/v1/queue/enter 400': 6,
      'POST /api/v1/queue/enter 200': 8,
      'GET /api/v1/queue/position 404': 9,
      'POST /api/v1/queue/call 401': 2,
      'GET unmatched 404': 10,
      'OPTIONS unmatched 204': 11,
    });
    const counted = Object.values(requests).reduce((sum, count) => sum + count, 0);
    expect(counted).toBe(batch.length + 1);

    const durations: Record<string, number> = {};
    for (const [series, count] of Object.entries(requests)) {
      const key = series.slice(0, series.lastIndexOf(' '));
      durations[key] = (durations[key] ?? 0) + count;
    }
    expect(increases(before, after, 'http_request_duration_seconds_count')).toStrictEqual(durations);
    console.info(`${batch.length} requests, ${counted - 1} counted`);
  });

  it('reach Redis by themselves when requests stop, whatever ends with an answer on this runtime', async () => {
    const { UPSTASH_REDIS_REST_URL: url = '', UPSTASH_REDIS_REST_TOKEN: token } = target.environment ?? {};
    const [build] = samplesOf(await scrape(), 'build_info');
    const answers = async () => {
      const series = 'http_requests_total GET /health/live 200';
      const answer = await fetch(url, {
        method: 'POST',
        headers: { Authorization: `Bearer ${token}` },
        body: JSON.stringify(['HGET', `test:metrics:${build?.labels.target}`, series]),
      });
      return Number(((await answer.json()) as { result: string | null }).result);
    };
    const before = await answers();
    const sent = 23;
    for (let count = 0; count < sent; count += 1) await send('GET', '/health/live');
    await until('all are there', answers, (count) => count >= before + sent);
    expect(await answers()).toBe(before + sent);
  });

  it('have the status before it was rewritten for the page', async () => {
    const before = await scrape();
    const headers = { Origin: PAGE_ORIGIN };
    const rewritten = [
      await send('POST', '/api/v1/queue/done', {
        headers,
        json: { clinic: 'ent', user: newId('x'), pin: '1' },
      }),
      await send('POST', '/api/v1/queue/call', { headers, json: { clinic: 'ent' } }),
      await send('GET', `/api/v1/route/get?patientId=${newId('x')}`, { headers }),
    ];
    expect(rewritten.map(({ status }) => status)).toStrictEqual([200, 200, 200]);
    const login = await send('POST', '/admin/login', { headers, json: { username: 'x', password: 'y' } });
    expect(login.status).toBe(303);
    expect(increases(before, await scrape(), 'http_requests_total')).toStrictEqual({
      ...SCRAPE,
      'POST /api/v1/queue/done 404': 1,
      'POST /api/v1/queue/call 401': 1,
      'GET /api/v1/route/get 404': 1,
      'POST /admin/login 401': 1,
    });
  });

  it('of refusals count a locked PIN, not a wrong one', async () => {
    const user = newId('locked');
    await client.enter('dental', user);
    const before = await scrape();
    const tries = [];
    for (let count = 0; count < 7; count += 1) {
      tries.push(await send('POST', '/api/v1/queue/done', { json: { clinic: 'dental', user, pin: 'abc' } }));
    }
    expect(tries.map(({ body }) => body.code)).toStrictEqual([
      ...Array.from({ length: 5 }, () => 'WRONG_PIN'),
      'PIN_LOCKED',
      'PIN_LOCKED',
    ]);
    expect(increases(before, await scrape(), 'rate_limit_rejections_total')).toStrictEqual({ pin: 2 });
  });

  it('of durations have no time for which a request was held, nor the life of a stream', async () => {
    const user = newId('held');
    await client.enter('audio', user);
    const path = `/api/v1/queue/position?clinic=audio&user=${user}`;
    const { headers } = await send('GET', path);
    const before = await scrape();
    const start = performance.now();
    const streaming = new AbortController();
    const stream = await fetch(`${target.url}/api/v1/events/stream?clinic=audio`, {
      signal: streaming.signal,
    });
    const held = await send('GET', path, { headers: { 'If-None-Match': headers.get('etag') ?? '' } });
    expect(held.status).toBe(304);
    const took = (performance.now() - start) / 1000;
    expect(took).toBeGreaterThan(target.longPollSeconds * 0.9);
    streaming.abort();
    await stream.text().catch(() => '');
    const after = await scrape();
    expect(increases(before, after, 'http_requests_total')).toStrictEqual({
      ...SCRAPE,
      'GET /api/v1/queue/position 304': 1,
      'GET /api/v1/events/stream 200': 1,
    });
    const sums = increases(before, after, 'http_request_duration_seconds_sum');
    for (const route of ['GET /api/v1/queue/position', 'GET /api/v1/events/stream']) {
      expect(sums[route], route).toBeGreaterThan(0);
      expect(sums[route], route).toBeLessThan(target.longPollSeconds * 0.5);
    }
    console.info(`held ${took.toFixed(2)} s, counted ${sums['GET /api/v1/queue/position']?.toFixed(4)} s`);
  });

  it('have no series for paths and ids: random requests add none beyond the route table', async () => {
    const random = () => randomBytes(9).toString('base64url');
    const kinds = [
      () => send('GET', `/${random()}/${random()}?${random()}=${random()}`),
      () => send('GET', `/api/v1/queue/position/${random()}`),
      () => send('GET', `/api/v1/queue/position?clinic=lab&user=${random()}`),
      () => send('GET', `/api/v1/queue/status?clinic=${random()}`),
      () => send('POST', '/api/v1/queue/done', { json: { clinic: random(), user: random(), pin: random() } }),
      () => send('PATCH', `/${random()}`),
      () => send('DELETE', '/health/live', { headers: { 'X-Request-Id': random() } }),
      () => send('POST', `/constructor/${random()}`, { headers: { Origin: `https://${random()}.example` } }),
    ];
    for (const kind of kinds) await kind();
    await scrape();
    const before = await scrape();
    let sent = 0;
    const count = repetitions(volume(10_000));
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        for (; sent < count; ) {
          const kind = kinds[sent % kinds.length];
          sent += 1;
          await kind?.();
        }
      }),
    );
    const after = await scrape();
    const names = (families: ReadFamilies) =>
      [...families.values()].flatMap(({ samples }) => samples.map(seriesKey)).toSorted();
    expect(names(after)).toStrictEqual(names(before));
    const added = Object.values(increases(before, after, 'http_requests_total'));
    expect(added.reduce((sum, count) => sum + count, 0)).toBe(count + 1);
    const routes = new Set(samplesOf(after, 'http_requests_total').map(({ labels }) => labels.route));
    const { body } = await send('GET', '/openapi.json');
    const table = new Set([...Object.keys(body.paths as object), 'unmatched']);
    expect([...routes].filter((route) => !table.has(String(route)))).toStrictEqual([]);
    console.info(`${sent} requests, ${names(after).length} series before and after`);
  }, 180_000);
});
