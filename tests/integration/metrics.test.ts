/** /metrics when a part fails, without METRICS_TOKEN, and on a clock: what one server in the open cannot show. */
import { createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp } from '../../src/app.ts';
import { BREAKER_CONFIGS } from '../../src/lib/circuit-breaker.ts';
import { readConfig } from '../../src/lib/config.ts';
import { DomainError } from '../../src/lib/errors.ts';
import { createServices } from '../../src/lib/services.ts';
import { createNodeTarget } from '../../src/targets/node.ts';
import { type LineEntry, writeEntries } from '../support/line-entries.ts';
import { type ReadFamilies, readPrometheusText } from '../support/prometheus-text.ts';
import { openSimulatedService } from '../support/simulated-service.ts';

/** Accepts connections and never answers, as a database that hangs. */
let silent: Server;
let silentPort: number;
const held = new Set<Socket>();
beforeAll(async () => {
  silent = createServer((socket) => held.add(socket));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const address = silent.address();
  silentPort = typeof address === 'object' && address !== null ? address.port : 0;
});
afterAll(async () => {
  for (const socket of held) socket.destroy();
  await new Promise((resolve) => silent.close(resolve));
});

const UNREACHABLE = 1;

/** One instance, and requests to it from an address. */
function isolate(settings: Readonly<Record<string, string | undefined>> = {}, databasePort = UNREACHABLE) {
  const { app, close } = createNodeTarget({
    DATABASE_URL: `postgresql://user:password@127.0.0.1:${databasePort}/none`,
    JWT_SECRET: 'a secret for tests, of thirty-two characters',
    ENVIRONMENT: 'test',
    ...settings,
  });
  return {
    close,
    send: async (path: string, remoteAddress = '127.0.0.1', headers: Record<string, string> = {}) =>
      app.request(path, { headers }, { incoming: { socket: { remoteAddress } } }),
  };
}

const valuesOf = (families: ReadFamilies, name: string) =>
  families.get(name)?.samples.map(({ labels, value }) => [...Object.values(labels), value]);

const read = async (answer: Response): Promise<ReadFamilies> => {
  expect(answer.status).toBe(200);
  return readPrometheusText(await answer.text());
};

describe('without METRICS_TOKEN', () => {
  it.each(['127.0.0.1', '::1', '::ffff:127.0.0.1'])('this machine may read: %s', async (address) => {
    const { send, close } = isolate();
    await read(await send('/metrics', address));
    close();
  });

  it.each(['192.0.2.1', '::ffff:192.0.2.1', '10.0.0.1', '127.0.0.1.example', 'unknown', ''])(
    'nobody else may, whatever the headers say: %j',
    async (address) => {
      const { send, close } = isolate();
      const forged = {
        'X-Forwarded-For': '127.0.0.1',
        'X-Real-Ip': '127.0.0.1',
        Host: 'localhost',
        Authorization: 'Bearer undefined',
      };
      const answer = await send('/metrics', address, forged);
      expect(answer.status).toBe(401);
      expect(await answer.json()).toMatchObject({ code: 'UNAUTHORIZED' });
      close();
    },
  );

  it('with it, even this machine needs it', async () => {
    const { send, close } = isolate({ METRICS_TOKEN: 'a-token-of-the-test' });
    expect((await send('/metrics')).status).toBe(401);
    const headers = { Authorization: 'Bearer a-token-of-the-test' };
    expect((await send('/metrics', '192.0.2.1', headers)).status).toBe(200);
    close();
  });
});

describe('while the database fails', () => {
  it('the gauges of the queues are left out, and the outages are counted until the breaker opens', async () => {
    const { send, close } = isolate();
    for (let count = 0; count < 8; count += 1) {
      expect((await send('/api/v1/queue/status?clinic=lab')).status).toBe(503);
    }
    const families = await read(await send('/metrics'));
    expect(valuesOf(families, 'queue_waiting')).toStrictEqual([]);
    expect(valuesOf(families, 'queue_oldest_wait_seconds')).toStrictEqual([]);
    expect(valuesOf(families, 'database_connection_errors_total')).toStrictEqual([['node', 'isolate', 5]]);
    expect(valuesOf(families, 'circuit_breaker_state')?.slice(0, 3)).toStrictEqual([
      ['database', 'CLOSED', 'node', 0],
      ['database', 'OPEN', 'node', 1],
      ['database', 'HALF_OPEN', 'node', 0],
    ]);
    expect(valuesOf(families, 'circuit_breaker_transitions_total')).toStrictEqual([
      ['database', 'OPEN', 'node', 'isolate', 1],
    ]);
    expect(valuesOf(families, 'http_requests_total')).toStrictEqual([
      ['GET', '/api/v1/queue/status', '503', 'node', 'isolate', 8],
    ]);
    close();
  });

  it('by never answering, the scrape has its answer after a second', async () => {
    const { send, close } = isolate({}, silentPort);
    const start = performance.now();
    const families = await read(await send('/metrics'));
    const took = performance.now() - start;
    expect(valuesOf(families, 'queue_waiting')).toStrictEqual([]);
    expect(took).toBeGreaterThan(900);
    expect(took).toBeLessThan(2_000);
    console.info(`scrape before a silent database: ${took.toFixed(0)} ms`);
    close();
  });

  it('by never answering, its breaker stays open while the scrape itself is the probe', async () => {
    const config = readConfig({
      DATABASE_URL: `postgresql://user:password@127.0.0.1:${silentPort}/none`,
      JWT_SECRET: 'a secret for tests, of thirty-two characters',
      ENVIRONMENT: 'test',
    });
    // Open for a millisecond, so that the scrape is let through.
    const database = { failureThreshold: 1, successThreshold: 2, timeout: 1 };
    const services = createServices('node', config, { breakerConfigs: { ...BREAKER_CONFIGS, database } });
    const app = createApp({ target: 'node', services: () => services, clientIp: () => '127.0.0.1' });
    const outage = () => Promise.reject(new DomainError('DATABASE_UNAVAILABLE'));
    await expect(services.database.breaker.execute(outage)).rejects.toThrow();
    await new Promise((resolve) => setTimeout(resolve, 5));

    const families = await read(await app.request('/metrics', {}, {}));
    expect(services.database.breaker.getState()).toBe('HALF_OPEN');
    expect(valuesOf(families, 'circuit_breaker_state')?.slice(0, 3)).toStrictEqual([
      ['database', 'CLOSED', 'node', 0],
      ['database', 'OPEN', 'node', 1],
      ['database', 'HALF_OPEN', 'node', 0],
    ]);
  });
});

it('the gauges are those of the service day and the active clinics, to the millisecond', async () => {
  const now = Date.parse('2026-03-10T09:30:00.000Z');
  const service = await openSimulatedService({
    at: new Date(now).toISOString(),
    settings: { METRICS_TOKEN: 'a-token-of-the-test', CRON_SECRET: 'a-secret-of-the-test' },
  });
  try {
    const entry: LineEntry = {
      clinic: 'lab',
      user: 'w-1',
      number: 1,
      status: 'WAITING',
      day: '2026-03-10',
      priority: 0,
      entered: now - 90_250,
      called: null,
      started: null,
      completed: null,
    };
    await writeEntries(service.rows, [
      entry,
      { ...entry, user: 'w-2', number: 2, entered: now - 600_000, status: 'CALLED', called: now },
      { ...entry, user: 'w-3', number: 3, entered: now - 30_000, priority: 5 },
      { ...entry, clinic: 'xray', user: 'y-1', day: '2026-03-09', entered: now - 86_400_000 },
      { ...entry, clinic: 'bones', user: 'b-1' },
      { ...entry, clinic: 'ent', user: 'n-1', status: 'COMPLETED', called: now - 9_000, completed: now },
      { ...entry, clinic: 'ent', user: 'n-2', number: 2, status: 'COMPLETED', completed: now },
      { ...entry, clinic: 'ent', user: 'n-3', number: 3, status: 'NO_SHOW', called: now - 9_000 },
      // Written by a database whose clock is ahead.
      { ...entry, clinic: 'eyes', user: 'e-1', entered: now + 5_000 },
    ]);
    await service.rows(`update clinics set is_active = false where code = 'bones'`);
    // An isolate that has read nothing yet: one shows its gauges again for two seconds.
    const scrape = async () => {
      const services = { ...service.services, gaugeMemory: {} };
      const app = createApp({ target: 'node', services: () => services, clientIp: () => '192.0.2.1' });
      return read(
        await app.request('/metrics', { headers: { Authorization: 'Bearer a-token-of-the-test' } }, {}),
      );
    };
    const families = await scrape();
    const perClinic = (name: string) =>
      new Map(families.get(name)?.samples.map(({ labels, value }) => [labels.clinic, value]));
    const [waiting, oldest] = [perClinic('queue_waiting'), perClinic('queue_oldest_wait_seconds')];
    expect(waiting.size).toBe(12);
    expect(waiting.has('bones')).toBe(false);
    const some = (values: Map<string | undefined, number>) =>
      ['lab', 'xray', 'eyes', 'ent'].map((clinic) => values.get(clinic));
    expect(some(waiting)).toStrictEqual([2, 0, 1, 0]);
    expect(some(oldest)).toStrictEqual([90.25, 0, 0, 0]);
    expect(some(perClinic('queue_called_today'))).toStrictEqual([1, 0, 0, 2]);
    expect(some(perClinic('queue_completed_today'))).toStrictEqual([0, 0, 0, 2]);
    expect(valuesOf(families, 'queue_pins_missing')).toStrictEqual([['node', 12]]);
    expect(valuesOf(families, 'tick_last_run_timestamp_seconds')).toStrictEqual([['node', 0]]);

    const headers = { Authorization: 'Bearer a-secret-of-the-test' };
    expect((await service.send('POST', '/api/system/tick', { headers })).status).toBe(200);
    const ticked = await scrape();
    expect(valuesOf(ticked, 'queue_pins_missing')).toStrictEqual([['node', 0]]);
    expect(valuesOf(ticked, 'tick_last_run_timestamp_seconds')).toStrictEqual([['node', now / 1000]]);
    await service.rows('select queue_tick()');
    const byDatabase = valuesOf(await scrape(), 'tick_last_run_timestamp_seconds');
    expect(byDatabase?.[0]?.[1]).toBeCloseTo(Date.now() / 1000, -2);
  } finally {
    await service.stop();
  }
});
