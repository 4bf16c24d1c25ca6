/** The types that flow to clients: this file compiles only while `hc<AppType>` knows the routes and their fields. */
import { hc } from 'hono/client';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { type AppType, createApp } from '../../src/app.ts';
import { BREAKER_CONFIGS, CircuitBreaker } from '../../src/lib/circuit-breaker.ts';
import { readConfig } from '../../src/lib/config.ts';
import type { Database } from '../../src/lib/database.ts';
import { createServices } from '../../src/lib/services.ts';

const calls: { name: string; args: object }[] = [];

/** What the SQL functions would return. */
const ANSWERS: Readonly<Record<string, object>> = {
  service_state: { ok: true, timezone: 'Asia/Qatar', service_day_start: '00:00', schema_version: '0' },
  enter_queue: {
    ok: true,
    clinic: 'lab',
    user: 'typed',
    number: 7,
    status: 'WAITING',
    entry_status: 'ENTERED',
    display_number: 3,
    position: 3,
    ahead: 2,
    total_waiting: 3,
    entry_time: '2025-10-29T12:00:00.000Z',
    version: 1,
  },
};

const database: Database = {
  breaker: new CircuitBreaker(BREAKER_CONFIGS.database),
  async call(name, args) {
    calls.push({ name, args });
    return ANSWERS[name];
  },
};

const config = readConfig({
  DATABASE_URL: 'postgresql://u:p@127.0.0.1:1/none',
  JWT_SECRET: 'a secret for tests, of thirty-two characters',
});
const services = createServices('node', config, { database });
const app = createApp({ target: 'node', services: () => services, clientIp: () => '127.0.0.1' });
const client = hc<AppType>('http://api.example', {
  fetch: (input: RequestInfo | URL, init?: RequestInit) => app.request(input, init, {}),
});

describe('a typed client', () => {
  it('enters a queue with the fields of the contract, and reads the answer by its types', async () => {
    const response = await client.api.v1.queue.enter.$post({ json: { clinic: 'lab', user: 'typed' } });
    if (!response.ok) throw new Error(await response.text());
    const body = await response.json();
    expectTypeOf(body.number).toEqualTypeOf<number>();
    expectTypeOf(body.entry_status).toEqualTypeOf<'ENTERED' | 'ALREADY_IN_QUEUE'>();
    expect(body).toMatchObject({ success: true, number: 7, message: 'Entered queue' });
    expect(calls.at(-1)).toMatchObject({ name: 'enter_queue', args: { clinic: 'lab', user: 'typed' } });
  });

  it('asks for a suggestion by query', async () => {
    const response = await client.api.v1.path.choose.$get({ query: { gender: 'female' } });
    if (!response.ok) throw new Error(await response.text());
    const body = await response.json();
    expectTypeOf(body.route).toExtend<readonly string[]>();
    expect(body).toMatchObject({ success: true, gender: 'female' });
    expect(body.route).not.toContain('surgery');
  });

  it('knows the health of the service', async () => {
    const response = await client.health.live.$get();
    const body = await response.json();
    expectTypeOf(body.status).toEqualTypeOf<'alive'>();
    expect(body.status).toBe('alive');
  });

  it('does not compile with a field or a path that there is not', () => {
    // @ts-expect-error a patient is required
    void (() => client.api.v1.queue.enter.$post({ json: { clinic: 'lab' } }));
    // @ts-expect-error there is no such path
    void (() => client.api.v1.queue.leave.$post());
    expectTypeOf(client.api.v1.queue.enter).not.toHaveProperty('$get');
  });
});
