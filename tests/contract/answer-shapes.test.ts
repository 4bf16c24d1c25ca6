/**
 * Every JSON success of the contract has exactly the shape that /openapi.json describes, for an admin and for nobody;
 * and at the end a table of every row of the contract's index with its result.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FAMILIES, SHAPES } from '../../src/lib/api-description.ts';
import { openApiDocument } from '../../src/lib/openapi.ts';
import { schemaOf } from '../../src/lib/shape-notation.ts';
import { mismatches, type Schemas } from './answer-shape.ts';
import { askAnyRoute } from './any-route.ts';
import { machineCallers } from './callers.ts';
import { type Answer, expectError, newId, request } from './http.ts';
import { type IndexRow, WHOLE_INDEX } from './index-of-endpoints.ts';
import { QueueClient } from './queue-client.ts';
import { withSettings } from './staff-settings.ts';
import { openTarget, type Target, TURN_TIMEOUT } from './target.ts';

let target: Target;
let staff: QueueClient;
beforeAll(async () => {
  target = await openTarget();
  staff = await QueueClient.open(target);
}, TURN_TIMEOUT);
afterAll(() => target?.close());

const SCHEMAS = openApiDocument().components.schemas as Schemas;
const DESCRIBED = FAMILIES.flatMap(({ endpoints }) => endpoints);
/** By `METHOD /path`: what whoever may call it got. */
const results = new Map<string, string>();

/** Asks, and fails the test unless the answer is the described success. */
async function ask(
  method: string,
  url: string,
  { json, admin = true }: { json?: object; admin?: boolean } = {},
) {
  const path = url.split('?', 1)[0];
  const endpoint = DESCRIBED.find((one) => one.method === method && one.path === path);
  const answer: Answer = await request(target.url, method, url, {
    ...(json && { json }),
    token: admin ? staff.token : undefined,
  });
  expect(answer.status, `${url}: ${answer.text}`).toBe(endpoint?.status ?? 200);
  const schema = schemaOf(endpoint?.answer ?? '', SHAPES);
  expect(mismatches(schema, answer.body, SCHEMAS), `${method} ${url}`).toStrictEqual([]);
  results.set(`${method} ${path}`, `${answer.status}, shape as described`);
  return answer.body;
}

/** The same as an admin and as nobody. */
async function askBoth(url: string): Promise<void> {
  await ask('GET', url);
  await ask('GET', url, { admin: false });
}

describe('the comparison', () => {
  const compare = (notation: string, value: unknown) =>
    mismatches(schemaOf(notation, SHAPES), value, SCHEMAS);

  it.each([
    ['{a: int, b?: str|null}', { a: 0, b: null }],
    ['[ENTRY]', []],
    ['{[CLINIC]: bool}', { lab: true }],
    ['ISO', '2025-10-29T12:00:00.000Z'],
    ['USER|"**"', '**'],
    ['PLACE', -1],
  ])('accepts %s', (notation, value) => {
    expect(compare(notation, value)).toStrictEqual([]);
  });

  it.each([
    ['{a: int}', {}],
    ['{a: int}', { a: 1, b: 1 }],
    ['{a: int}', { a: -1 }],
    ['{a: int}', { a: 1.5 }],
    ['{a: int}', { a: null }],
    ['{a: int}', []],
    ['[ENTRY]', [{ number: 1 }]],
    ['{[CLINIC]: bool}', { lab: 1 }],
    ['ISO', '2025-10-29T12:00:00Z'],
    ['DAY', '29.10.2025'],
    ['USER', '**'],
    ['"a"|"b"', 'c'],
    ['str', 1],
  ])('refuses for %s: %j', (notation, value) => {
    expect(compare(notation, value)).toHaveLength(notation === '[ENTRY]' ? 4 : 1);
  });
});

describe('a success has the shape that is described', () => {
  it('of the service', async () => {
    for (const path of [
      '/health',
      '/api/health',
      '/api/v1/health',
      '/api/v1/health/status',
      '/api/v1/status',
    ]) {
      await ask('GET', path);
    }
    await ask('GET', '/health/live');
    await ask('GET', '/health/ready');
    await ask('GET', '/openapi.json');
  });

  it('of a patient and a route', async () => {
    const login = await ask('POST', '/api/v1/patient/login', {
      json: { patientId: '123456', gender: 'male' },
    });
    const user = String((login.data as { id: string }).id);
    await ask('POST', '/api/v1/route/create', {
      json: { patientId: user, stations: [{ id: 'xr', note: 'n', roomNumber: '1' }, 'ent'] },
    });
    await ask('POST', '/api/v1/route/create', { json: { patientId: user, examType: 'cooks' } });
    await ask('GET', `/api/v1/route/get?patientId=${user}`);
    await ask('GET', '/api/v1/path/choose');
    await ask('GET', `/api/v1/path/choose?patientId=${user}&examType=aviation`);
    await ask('POST', '/api/v1/path/choose', { json: { gender: 'F' } });
    const other = newId('shape');
    await ask('POST', '/api/patient/enqueue', {
      json: { patientId: other, examType: 'courses', gender: 'female', priority: 2 },
    });
    await ask('GET', `/api/patient/enqueue?patientId=${other}`);
  });

  it('of a line, with people in each state', async () => {
    const [done, inside, waiting] = [newId('done'), newId('called'), newId('waiting')] as const;
    await staff.drain('surgery');
    for (const user of [done, inside]) {
      await ask('POST', '/api/v1/queue/enter', { json: { clinic: 'sur', user, isAutoEntry: true } });
    }
    await ask('POST', '/api/v1/queue', { json: { clinic: 'surgery', user: waiting } });
    await staff.route(done, ['surgery', 'bones']);
    for (const user of [done, inside]) {
      const called = await ask('POST', '/api/v1/queue/call', { json: { clinic: 'surgery' } });
      expect(called.user).toBe(user);
    }
    const pin = await staff.pin('surgery');
    await ask('POST', '/api/v1/queue/done', { json: { clinic: 'surgery', user: done, pin } });
    await ask('POST', '/api/v1/clinic/exit', { json: { clinic: 'surgery', user: done, pin } });
    for (const user of [done, inside, waiting]) {
      await ask('GET', `/api/v1/queue/position?clinic=surgery&user=${user}`);
      await ask('GET', `/api/v1/notify/status?clinic=surgery&user=${user}`);
      await ask('GET', `/api/patient/enqueue?patientId=${user}`);
    }
    await askBoth('/api/v1/queue/status?clinic=surgery');
    await askBoth('/api/v1/queue');
    await askBoth('/api/queue/status');
    await askBoth('/api/queue/status?clinicId=surgery');
    await askBoth('/api/queue/status?clinicId=surgery&detailed=true');
    await askBoth('/api/v1/admin/status');
    await askBoth('/api/v1/stats/dashboard');
    await askBoth('/api/v1/stats/queues');
  });

  it('of what staff do with a patient', async () => {
    const user = newId('staff');
    await staff.drain('ecg');
    await staff.route(user, ['ecg', 'audio']);
    await staff.enter('ecg', user);
    await withSettings(staff, { max_capacity_per_clinic: 100 }, async () => {
      await ask('POST', '/api/queue/call-next', { json: { clinicId: 'ecg', force: true } });
    });
    const code = { patientId: user, action: 'process_code', clinicCode: 'ECG' };
    await ask('POST', '/api/queue/complete', { json: code });
    await ask('POST', '/api/queue/complete', { json: code });
    await ask('POST', '/api/queue/complete', { json: { patientId: user, clinicId: 'ecg' } });
  });

  it('of PINs', async () => {
    await askBoth('/api/v1/pin/status');
    await askBoth('/config/clinic-pins');
    await ask('POST', '/api/v1/pin/generate', { json: {} });
    await ask('POST', '/api/v1/pin/generate', { json: { clinic: 'derma' } });
  });

  it('of administration', async () => {
    await ask('POST', '/api/v1/auth/login', { json: target.admin });
    for (const type of ['all', 'system', 'theme']) await askBoth(`/api/admin/settings?type=${type}`);
    await ask('POST', '/api/admin/settings', { json: { settings: { graceMinutes: 5 } } });
    await ask('PUT', '/api/admin/settings', { json: { key: 'grace_minutes', value: 5 } });
    await ask('POST', '/api/v1/admin/set-call-interval', { json: { clinic: 'bones', interval_minutes: 5 } });
    await ask('GET', '/api/system/tick');
    await ask('POST', '/api/v1/admin/set-call-interval', { json: { clinic: 'bones', interval: 0 } });
    await ask('POST', '/api/system/tick', { json: {} });
  });

  it('of reports', async () => {
    for (const type of ['daily', 'weekly', 'monthly', 'annual']) await ask('GET', `/api/v1/reports/${type}`);
    await ask('GET', '/api/v1/reports/daily?date=2024-02-29');
    await askBoth('/api/v1/reports/history');
  });

  it('of sessions and the page’s recovery', async () => {
    const { token } = await ask('POST', '/api/session/create', { json: { patientId: newId('qr') } });
    await ask('POST', '/api/session/validate', { json: { token } });
    await ask('POST', '/api/session/device', { json: { token, device: 'Android' } });
    await ask('GET', '/api/session/stats');
    await ask('POST', '/api/v1/events/recovery', { json: { retries: 4 } });
  });

  it('of the page’s login, and of the logout', async () => {
    await ask('POST', '/admin/login', { json: target.admin });
    await ask('POST', '/admin/logout', { json: {} });
  });

  it('of every endpoint that answers JSON', () => {
    const described = DESCRIBED.filter(({ answer }) => answer).map(({ method, path }) => `${method} ${path}`);
    expect([...results.keys()].toSorted()).toStrictEqual(described.toSorted());
  });
});

describe('the coverage', () => {
  const open = async (method: string, path: string, headers = {}) =>
    askAnyRoute(target.url, method, path, { headers, ...(method !== 'GET' && { raw: '{}' }) });

  it('of what answers something else than JSON, or nothing but an error', async () => {
    const other = async (method: string, path: string, headers = {}) => {
      const answer = await open(method, path, headers);
      const type = answer.headers.get('content-type')?.split(';', 1)[0];
      results.set(`${method} ${path}`, `${answer.status}, ${answer.body.code ?? type}`);
      return answer;
    };
    expect((await other('GET', '/docs')).headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect((await other('GET', '/api/v1/events/stream')).status).toBe(200);
    expectError(await other('GET', '/auth/denied'), 'INVALID_CREDENTIALS');
    const monitor = machineCallers(target).find(({ is }) => is === 'metrics');
    const metrics = await other('GET', '/metrics', monitor?.headers);
    if (monitor) expect(metrics.status).toBe(200);
    for (const method of ['GET', 'POST', 'PUT', 'DELETE']) {
      expectError(await open(method, '/api/v1/no/such/path'), 'NOT_FOUND', { path: '/api/v1/no/such/path' });
    }
    results.set('* /api/v1/*', '404, NOT_FOUND');
  });

  it('of the whole index: nobody gets into what is not public, and no row is missing', async () => {
    const lines: string[] = [];
    for (const row of WHOLE_INDEX) {
      const result = results.get(`${row.method} ${row.path}`);
      expect(result, `${row.method} ${row.path} was asked`).toBeDefined();
      lines.push(tableLine(row, await asNobody(row), result ?? ''));
    }
    console.info(`${WHOLE_INDEX.length} endpoints\n${lines.join('\n')}`);
  });

  async function asNobody({ method, path, auth }: IndexRow): Promise<string> {
    if (path.endsWith('*') || (auth === 'metrics' && target.metricsToken === undefined)) return '';
    const { status, body } = await open(method, path);
    if (auth === 'public') expect(body.code, path).not.toBe('UNAUTHORIZED');
    else expect([status, body.code], path).toStrictEqual([401, 'UNAUTHORIZED']);
    return auth === 'public' ? 'open' : '401';
  }

  const tableLine = ({ id, method, path, auth }: IndexRow, nobody: string, result: string) =>
    [
      String(id).padStart(3),
      method.padEnd(5),
      path.padEnd(36),
      auth.padEnd(8),
      `nobody: ${nobody.padEnd(5)}`,
      result,
    ].join(' ');
});
