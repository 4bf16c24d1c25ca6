/** A held `queue/position` when something else happens than its own change: another process, the day's end, a shutdown. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Answer, type Application, type Instance, openApplication } from './application.ts';

const HOLD_SECONDS = 5;
const PROMPT = 1_000;

/** What is written past the application is seen once what the cache holds is too old. */
const PAST_THE_CACHE = 2_000 + 2 * PROMPT;

let app: Application;
let user: string;
let people = 0;
beforeAll(async () => {
  app = await openApplication({ LONG_POLL_SECONDS: String(HOLD_SECONDS) });
});
afterAll(() => app?.stop());
beforeEach(() => {
  people += 1;
  user = `held-${people}`;
});

/** Somebody who waits in the clinic and is held by this instance, already for a moment. */
async function holdIn(clinic: string, at: Instance, signal?: AbortSignal): Promise<Promise<Answer>[]> {
  await at.send('POST', '/api/v1/queue/enter', { json: { clinic, user } });
  const path = `/api/v1/queue/position?clinic=${clinic}&user=${user}`;
  const { headers } = await at.send('GET', path);
  const pending = at.send('GET', path, {
    headers: { 'If-None-Match': headers.get('etag') ?? '' },
    ...(signal && { signal }),
  });
  const pause = new Promise<'held'>((wake) => setTimeout(() => wake('held'), 300));
  expect(await Promise.race([pending, pause])).toBe('held');
  return [pending];
}

async function timed(pending: Promise<Answer> | undefined): Promise<Answer & { took: number }> {
  const start = performance.now();
  if (!pending) throw new Error('nobody is held');
  const answer = await pending;
  return { ...answer, took: performance.now() - start };
}

describe('whoever is held', () => {
  it('hears within a second what another process wrote', async () => {
    const [pending] = await holdIn('lab', app);
    const other = app.instance();
    const called = await other.send('POST', '/api/v1/queue/call', {
      json: { clinic: 'lab' },
      token: await app.login(),
    });
    expect(called.status).toBe(200);
    const { status, body, took } = await timed(pending);
    expect([status, body.status]).toEqual([200, 'CALLED']);
    expect(took).toBeLessThan(PROMPT);
    other.close();
  });

  it('gets a 404 when the entry goes away, also when a job of the database took it', async () => {
    const [pending] = await holdIn('xray', app);
    await app.sql(`update queues set status = 'CANCELLED' where patient_id = $1`, [user]);
    await app.sql(`update queue_counters set version = version + 1 where clinic_code = 'xray'`);
    const { status, body, headers, took } = await timed(pending);
    expect([status, body.code]).toEqual([404, 'NOT_IN_QUEUE']);
    expect(headers.get('cache-control')).toBe('private, no-store');
    expect(headers.has('etag')).toBe(false);
    expect(took).toBeLessThan(PAST_THE_CACHE);
  });

  it('gets a 304 at once when the server shuts down', async () => {
    const server = app.instance();
    const [pending] = await holdIn('eyes', server);
    server.close();
    const { status, headers, took } = await timed(pending);
    expect(status).toBe(304);
    expect(headers.get('etag')).toContain('.NEXT.1.0"');
    expect(took).toBeLessThan(PROMPT);
  });

  it('is let go at once when the client is gone, and no longer looked for', async () => {
    const controller = new AbortController();
    const [pending] = await holdIn('ent', app, controller.signal);
    controller.abort();
    const { status, took } = await timed(pending);
    expect(status).toBe(304);
    expect(took).toBeLessThan(PROMPT);
    const { postgres } = app.cloud;
    // Longer than one interval between two looks: whichever was under way is over then.
    await new Promise((wake) => setTimeout(wake, 600));
    const before = postgres.requestCount();
    await new Promise((wake) => setTimeout(wake, 600));
    expect(postgres.requestCount()).toBe(before);
  });

  it('is told by the honest Server-Timing how long was worked, not how long was waited', async () => {
    const quick = app.instance({ LONG_POLL_SECONDS: '1' });
    const [pending] = await holdIn('dental', quick);
    const { status, headers } = await timed(pending);
    quick.close();
    expect(status).toBe(304);
    const parts = /db;dur=([\d.]+), redis;dur=([\d.]+)/.exec(headers.get('server-timing') ?? '');
    const spent = Number(parts?.[1]) + Number(parts?.[2]);
    expect(spent).toBeGreaterThan(0);
    expect(spent).toBeLessThan(700);
  });

  it('of an instance that may not hold is answered at once', async () => {
    const never = app.instance({ LONG_POLL_SECONDS: '0' });
    await never.send('POST', '/api/v1/queue/enter', { json: { clinic: 'derma', user } });
    const path = `/api/v1/queue/position?clinic=derma&user=${user}`;
    const { headers } = await never.send('GET', path);
    const again = await timed(
      never.send('GET', path, { headers: { 'If-None-Match': headers.get('etag') ?? '' } }),
    );
    expect(again.status).toBe(304);
    expect(again.took).toBeLessThan(PROMPT);
  });
});
