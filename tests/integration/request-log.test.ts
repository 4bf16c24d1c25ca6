/** What a server writes of its requests, its breakers and its jobs: stable names, allow-listed fields, one line each. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp } from '../../src/app.ts';
import { readConfig } from '../../src/lib/config.ts';
import type { LogFields, LogLevel } from '../../src/lib/log.ts';
import { createServices } from '../../src/lib/services.ts';
import { type TcpProxy, tcpProxyTo } from '../support/tcp-proxy.ts';
import { type Application, openApplication } from './application.ts';

interface Line extends LogFields {
  readonly level: LogLevel;
}

let application: Application;
let proxy: TcpProxy;
const lines: Line[] = [];
let send: (method: string, path: string, json?: object, headers?: HeadersInit) => Promise<Response>;
beforeAll(async () => {
  application = await openApplication();
  const { databaseUrl } = application.cloud;
  proxy = await tcpProxyTo(Number(new URL(databaseUrl).port));
  const throughProxy = new URL(databaseUrl);
  throughProxy.port = String(proxy.port);
  const config = readConfig({ ...application.environment, DATABASE_URL: throughProxy.href });
  const services = createServices('node', config, {
    breakerConfigs: {
      database: { failureThreshold: 2, successThreshold: 1, timeout: 1, monitoringPeriod: 60_000 },
      redis: { failureThreshold: 2, timeout: 1 },
      external: { failureThreshold: 2, timeout: 1 },
    },
    log: (level, fields) => lines.push({ level, ...fields }),
  });
  const app = createApp({ target: 'node', services: () => services, clientIp: () => '192.0.2.7' });
  send = (method, path, json, headers) =>
    Promise.resolve(
      app.request(
        path,
        {
          method,
          headers: { 'Content-Type': 'application/json', ...headers },
          ...(json && { body: JSON.stringify(json) }),
        },
        {},
      ),
    );
});
afterAll(async () => {
  await proxy?.close();
  await application?.stop();
});

/** The lines that these requests cause. */
async function written(work: () => Promise<unknown>): Promise<Line[]> {
  lines.length = 0;
  await work();
  return [...lines];
}

describe('a request', () => {
  it('is one line of its route, its answer and what it waited for', async () => {
    let id: string | null = null;
    const seen = await written(async () => {
      const answer = await send('GET', '/api/v1/queue/status?clinic=lab&user=canary');
      id = answer.headers.get('x-request-id');
    });
    expect(seen).toStrictEqual([
      {
        level: 'info',
        event: 'request',
        request_id: id,
        target: 'node',
        method: 'GET',
        route: '/api/v1/queue/status',
        status: 200,
        duration_ms: expect.any(Number),
        db_ms: expect.any(Number),
        redis_ms: expect.any(Number),
      },
    ]);
    const [{ duration_ms: whole = 0, db_ms: db = 0 } = {}] = seen;
    expect(db).toBeGreaterThan(0);
    expect(whole).toBeGreaterThanOrEqual(db);
  });

  it('that was refused names its code; one that names no route is unmatched, whatever it wrote', async () => {
    const seen = await written(async () => {
      await send('GET', '/api/v1/nowhere/canary?x=canary', undefined, { 'User-Agent': 'canary' });
      await send('POST', '/api/v1/queue/enter', { clinic: 'canary', user: 'canary' });
      await send('CANARY', '/api/v1/queue/enter');
      await send('POST', '/api/v1/queue/call', { clinic: 'lab' });
    });
    expect(seen.map(({ method, route, status, code }) => [method, route, status, code])).toEqual([
      ['GET', 'unmatched', 404, 'NOT_FOUND'],
      ['POST', '/api/v1/queue/enter', 404, 'UNKNOWN_CLINIC'],
      ['other', '/api/v1/queue/enter', 405, 'METHOD_NOT_ALLOWED'],
      ['POST', '/api/v1/queue/call', 401, 'UNAUTHORIZED'],
    ]);
    expect(JSON.stringify(seen)).not.toMatch(/canary/i);
  });

  it('of the page is logged with the status that the page does not see', async () => {
    const seen = await written(async () => {
      const answer = await send(
        'POST',
        '/api/v1/queue/enter',
        { clinic: 'lab' },
        { Origin: 'http://localhost' },
      );
      expect(answer.status).toBe(200);
    });
    expect(seen).toMatchObject([{ status: 400, code: 'MISSING_FIELDS' }]);
  });
});

describe('a job', () => {
  it('is one line with its name and how many of its steps failed', async () => {
    const token = await application.login();
    const seen = await written(() =>
      send('POST', '/api/system/tick', {}, { Authorization: `Bearer ${token}` }),
    );
    expect(seen.filter(({ event }) => event === 'job_done')).toMatchObject([
      { level: 'info', job: 'tick', failed: 0, target: 'node', duration_ms: expect.any(Number) },
    ]);
  });
});

describe('a breaker', () => {
  it('writes one line for each change of its state, and none between them', async () => {
    const path = '/api/v1/queue/enter';
    const json = { clinic: 'lab', user: 'breaker' };
    await proxy.down();
    const down = await written(async () => {
      for (let count = 0; count < 2; count += 1) expect((await send('POST', path, json)).status).toBe(503);
    });
    expect(down.filter(({ event }) => event === 'breaker_changed')).toStrictEqual([
      {
        level: 'warn',
        event: 'breaker_changed',
        target: 'node',
        service: 'database',
        from: 'CLOSED',
        to: 'OPEN',
      },
    ]);
    await proxy.restore();
    const up = await written(async () => {
      expect((await send('POST', path, json)).status).toBe(200);
      expect((await send('POST', path, json)).status).toBe(200);
    });
    expect(up.filter(({ event }) => event === 'breaker_changed').map(({ from, to }) => [from, to])).toEqual([
      ['OPEN', 'HALF_OPEN'],
      ['HALF_OPEN', 'CLOSED'],
    ]);
  });
});
