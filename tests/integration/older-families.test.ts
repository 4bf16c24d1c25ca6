/** QR sessions, notices and the older families: what depends on settings and on time, and what each request costs. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Application, openApplication, type SendOptions } from './application.ts';

let app: Application;
let token: string;
beforeAll(async () => {
  app = await openApplication({ NO_SHOW_EXPIRY: 'on', QR_TOKEN_MINUTES: '15' });
  token = await app.login();
});
afterAll(() => app?.stop());

const post = (path: string, json: unknown) => app.send('POST', path, { json, token });
const get = (path: string) => app.send('GET', path, { token });

describe('the life of a QR token', () => {
  const create = async (patientId: string) => {
    const { body } = await post('/api/session/create', { patientId });
    return body as { token: string; expires_at: string };
  };

  it('is as long as QR_TOKEN_MINUTES says', async () => {
    const before = Date.now();
    const { expires_at } = await create('fresh');
    expect(Date.parse(expires_at) - before).toBeGreaterThanOrEqual(15 * 60_000);
    expect(Date.parse(expires_at) - Date.now()).toBeLessThanOrEqual(15 * 60_000);
  });

  it('ends with SESSION_EXPIRED, 403, and is counted as expired', async () => {
    const session = await create('slow');
    await app.sql(`update qr_sessions set expires_at = now() where token = $1`, [session.token]);
    const { status, body } = await post('/api/session/validate', { token: session.token });
    expect(status).toBe(403);
    expect(body).toMatchObject({
      ok: false,
      success: false,
      code: 'SESSION_EXPIRED',
      error: 'SESSION_EXPIRED',
      message: 'SESSION_EXPIRED',
    });
    expect((await get('/api/session/stats')).body.stats).toMatchObject({ expired: 1, used: 0 });
    const device = await post('/api/session/device', { token: session.token, device: 'Android' });
    expect(device.body).toEqual({ ok: true, success: true });
  });

  it.each(['0', '1441', '1.5', 'an hour'])('refuses the setting %s', async (QR_TOKEN_MINUTES) => {
    const { status, body } = await app.instance({ QR_TOKEN_MINUTES }).send('GET', '/api/v1/queue');
    expect(status).toBe(500);
    expect(body).toMatchObject({ ok: false, code: 'BAD_ENVIRONMENT' });
    expect(body.message).toContain('QR_TOKEN_MINUTES');
  });
});

describe('a call that nobody follows', () => {
  const late = () =>
    app.sql(`update queues set called_at = called_at - interval '10 minutes' where status = 'CALLED'`);
  const enter = (user: string) => post('/api/v1/queue/enter', { clinic: 'derma', user });
  const callNext = () => post('/api/queue/call-next', { clinicId: '12' });

  it('expires at the next call of its clinic, is counted, and told to the patient', async () => {
    await enter('absent');
    await enter('present');
    await callNext();
    await late();
    expect((await callNext()).body).toMatchObject({
      expiredNoShows: 1,
      callResult: { patient: { patientId: 'present' }, currentLoad: { called: 1, in: 0, total: 1 } },
    });
    const { data } = (await get('/api/queue/status?clinicId=derma&detailed=true')).body as {
      data: { no_show: number; patients: Record<string, unknown>[] };
    };
    expect(data.no_show).toBe(1);
    expect(data.patients[0]).toMatchObject({ patient_id: 'absent', status: 'no_show', expires_at: null });

    const { body } = await get('/api/v1/notify/status?clinic=derma&user=absent');
    expect((body.notifications as object[])[0]).toMatchObject({
      type: 'NO_SHOW',
      number: 1,
      position: null,
      message: 'لم تحضر بعد استدعائك',
      messageEn: 'You did not come when called',
    });
  });

  it('is counted in the answer also when nobody else waits', async () => {
    await late();
    const { status, body } = await callNext();
    expect(status).toBe(404);
    expect(body).toMatchObject({
      code: 'NO_PATIENTS_WAITING',
      clinic: 'derma',
      expiredNoShows: 1,
      callResult: { success: false, reason: 'no_waiting', currentLoad: { called: 0, in: 0, total: 0 } },
    });
  });

  it('leaves a patient known, with no active entry', async () => {
    const { body } = await get('/api/patient/enqueue?patientId=absent');
    expect(body.status).toMatchObject({ exists: true, currentQueue: null });
  });

  it('stays where it is while NO_SHOW_EXPIRY is off', async () => {
    const other = app.instance({ NO_SHOW_EXPIRY: 'off' });
    for (const user of ['patient', 'behind']) await post('/api/v1/queue/enter', { clinic: 'ent', user });
    const json = { clinicId: 'ent' };
    await other.send('POST', '/api/queue/call-next', { json, token });
    await late();
    const { body } = await other.send('POST', '/api/queue/call-next', { json, token });
    expect(body).toMatchObject({ expiredNoShows: 0, callResult: { currentLoad: { called: 2 } } });
  });
});

describe('a request', () => {
  const trips = async (method: 'GET' | 'POST', path: string, options: SendOptions = {}) => {
    const { postgres } = app.cloud;
    const before = postgres.queryCount();
    const { status, body } = await app.send(method, path, { token, ...options });
    expect(status, JSON.stringify(body)).toBeLessThan(300);
    return postgres.queryCount() - before;
  };

  it('costs one round trip to the database, whatever it does', async () => {
    const { body } = await post('/api/session/create', { patientId: 'tripper' });
    const session = { token: body.token };
    const tripper = { patientId: 'tripper' };
    const enqueued = { ...tripper, examType: 'cooks', gender: 'male', priority: 3 };
    const code = { ...tripper, clinicCode: 'LAB', action: 'process_code' };
    const requests = [
      ['POST', '/api/session/create', tripper],
      ['POST', '/api/session/device', { ...session, device: 'iOS' }],
      ['POST', '/api/session/validate', session],
      ['GET', '/api/session/stats'],
      ['POST', '/api/patient/enqueue', enqueued],
      ['GET', '/api/patient/enqueue?patientId=tripper'],
      ['POST', '/api/v1/queue', { clinic: 'lab', user: 'tripper-2' }],
      ['GET', '/api/v1/queue'],
      ['POST', '/api/queue/call-next', { clinicId: 'lab' }],
      ['POST', '/api/queue/complete', code],
      ['POST', '/api/queue/complete', code],
      ['POST', '/api/queue/complete', { ...tripper, clinicId: 'lab' }],
      ['GET', '/api/queue/status'],
      ['GET', '/api/queue/status?clinicId=1&detailed=true'],
      ['GET', '/api/v1/notify/status?clinic=lab&pin=1'],
    ] as const;
    const costs: Record<string, number> = {};
    for (const [method, path, json] of requests) {
      costs[`${method} ${path}`] = await trips(method, path, json === undefined ? {} : { json });
    }
    expect(costs).toEqual(Object.fromEntries(requests.map(([method, path]) => [`${method} ${path}`, 1])));
  });

  it('costs none when the page only says that it reloads', async () => {
    expect(await trips('POST', '/api/v1/events/recovery', { json: { source: 'sse', retries: 4 } })).toBe(0);
  });
});
