/** The URLs of Supabase itself: every function by its name, and the limits of that home that the contract writes down. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FUNCTION_NAMES } from '../../supabase-adapter/functions.ts';
import { ownServer, type Target, TURN_TIMEOUT } from '../contract/target.ts';

const PREFIX = '/functions/v1';

/** Section 7 of the contract: the function, one of its paths, and the method that it takes. */
const FUNCTIONS: readonly (readonly [name: string, path: string, method: 'GET' | 'POST'])[] = [
  ['health', '/health', 'GET'],
  ['metrics', '/metrics', 'GET'],
  ['admin', '/admin/login', 'POST'],
  ['config', '/config/clinic-pins', 'GET'],
  ['admin-login', '/admin/login', 'POST'],
  ['admin-status', '/api/v1/admin/status', 'GET'],
  ['admin-set-call-interval', '/api/v1/admin/set-call-interval', 'POST'],
  ['patient-login', '/api/v1/patient/login', 'POST'],
  ['queue-enter', '/api/v1/queue/enter', 'POST'],
  ['queue-status', '/api/v1/queue/status', 'GET'],
  ['queue-position', '/api/v1/queue/position', 'GET'],
  ['queue-call', '/api/v1/queue/call', 'POST'],
  ['queue-done', '/api/v1/queue/done', 'POST'],
  ['pin-status', '/api/v1/pin/status', 'GET'],
  ['pin-generate', '/api/v1/pin/generate', 'POST'],
  ['route-create', '/api/v1/route/create', 'POST'],
  ['route-get', '/api/v1/route/get', 'GET'],
  ['path-choose', '/api/v1/path/choose', 'GET'],
  ['clinic-exit', '/api/v1/clinic/exit', 'POST'],
  ['stats-dashboard', '/api/v1/stats/dashboard', 'GET'],
  ['stats-queues', '/api/v1/stats/queues', 'GET'],
  ['events-stream', '/api/v1/events/stream', 'GET'],
  ['reports-daily', '/api/v1/reports/daily', 'GET'],
  ['reports-weekly', '/api/v1/reports/weekly', 'GET'],
  ['reports-monthly', '/api/v1/reports/monthly', 'GET'],
  ['reports-annual', '/api/v1/reports/annual', 'GET'],
  ['notify-status', '/api/v1/notify/status', 'GET'],
];

/** Those whose paths begin with their own name: the path in the function is the path of the API. */
const OWN_PATHS = new Set(['health', 'metrics', 'admin', 'config']);

let target: Target;
beforeAll(async () => {
  target = await ownServer('supabase', { RATE_LIMITS: 'off' });
}, TURN_TIMEOUT);
afterAll(() => target?.close());

const inFunction = (name: string, path: string) => PREFIX + (OWN_PATHS.has(name) ? path : `/${name}`);

async function ask(method: string, path: string): Promise<{ status: number; code: unknown; path: unknown }> {
  const stop = new AbortController();
  const headers = { 'Content-Type': 'application/json' };
  const init = { method, signal: stop.signal, ...(method === 'POST' && { headers, body: '{}' }) };
  const answer = await fetch(target.url + path, init);
  const isStream = answer.headers.get('content-type')?.startsWith('text/event-stream');
  const text = isStream ? '' : await answer.text();
  stop.abort();
  const body = text.startsWith('{') ? JSON.parse(text) : {};
  return { status: answer.status, code: body.code, path: body.path };
}

describe('at /functions/v1', () => {
  it('are the functions of the contract, and api', () => {
    const named = [...FUNCTIONS.map(([name]) => name), 'api'];
    expect([...FUNCTION_NAMES].sort()).toEqual(named.sort());
  });

  it.each(FUNCTIONS)('%s answers as %s', async (name, path, method) => {
    const wanted = await ask(method, path);
    expect(wanted.status).not.toBe(404);
    expect(await ask(method, inFunction(name, path))).toEqual(wanted);
    expect(await ask(method, `${inFunction(name, path)}/`)).toEqual(wanted);
    const wrong = method === 'GET' ? 'DELETE' : 'GET';
    expect((await ask(wrong, inFunction(name, path))).status).toBe(405);
  });

  it.each(FUNCTIONS)('%s has nothing below it', async (name, path, method) => {
    const deeper = await ask(method, `${inFunction(name, path)}/deeper`);
    expect([deeper.status, deeper.code]).toEqual([404, 'NOT_FOUND']);
  });

  it('api answers every path of the API under its own URL, and a JSON 404 for others', async () => {
    expect((await ask('GET', `${PREFIX}/api/v1/queue/status?clinic=lab`)).status).toBe(200);
    expect((await ask('GET', `${PREFIX}/api/health`)).status).toBe(200);
    expect(await ask('GET', `${PREFIX}/api/nothing`)).toEqual({
      status: 404,
      code: 'NOT_FOUND',
      path: '/api/nothing',
    });
  });

  it.each(['/health/live', '/health/ready'])('health has %s', async (path) => {
    expect((await ask('GET', PREFIX + path)).status).toBe(200);
  });

  it('there is no HEAD', async () => {
    expect((await ask('HEAD', `${PREFIX}/health`)).status).toBe(405);
  });

  it.each(['/docs', '/openapi.json', '/auth/denied'])('%s is not published', async (path) => {
    expect((await ask('GET', PREFIX + path)).status).toBe(404);
    expect((await ask('GET', `${PREFIX}/api${path}`)).status).toBe(404);
  });
});
