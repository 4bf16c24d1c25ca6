/** What an idempotency key costs, how long it lives by the clock, and what of a request stays in the database. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Database } from '../../src/lib/database.ts';
import { openSimulatedService, type SimulatedService } from '../support/simulated-service.ts';
import { type Application, openApplication } from './application.ts';

describe('on a clock that a test moves', () => {
  let service: SimulatedService;
  let token: string;
  beforeAll(async () => {
    service = await openSimulatedService({ at: '2033-06-01T09:00:00.000Z' });
    token = await service.login();
  });
  afterEach(() => vi.restoreAllMocks());
  afterAll(() => service?.stop());

  const send = (key: string, path: string, json: object, method = 'POST') =>
    service.send(method, path, { json, token, headers: { 'Idempotency-Key': key } });
  const at = async (iso: string) => {
    service.setTime(iso);
    token = await service.login();
  };

  it('a key lives for 24 hours, into the next service day, and is free from then on', async () => {
    await at('2033-06-01T09:00:00.000Z');
    const json = { clinic: 'lab', user: 'by-the-clock' };
    const first = await send('k', '/api/v1/queue/enter', json);
    expect(first.body).toMatchObject({ entry_status: 'ENTERED', entry_time: '2033-06-01T09:00:00.000Z' });
    await at('2033-06-02T08:59:59.999Z');
    expect(await send('k', '/api/v1/queue/enter', json)).toEqual(first);
    // Nothing has purged it.
    await at('2033-06-02T09:00:00.000Z');
    const next = await send('k', '/api/v1/queue/enter', json);
    expect(next.body).toMatchObject({ entry_status: 'ENTERED', entry_time: '2033-06-02T09:00:00.000Z' });
    expect(await send('k', '/api/v1/queue/enter', json)).toEqual(next);
    // Also with another body it was free, and the new answer is the kept one.
    const other = { ...json, more: 1 };
    expect((await send('k', '/api/v1/queue/enter', other)).body.code).toBe('IDEMPOTENCY_MISMATCH');
    await at('2033-06-03T09:00:00.000Z');
    expect((await send('k', '/api/v1/queue/enter', other)).body.entry_status).toBe('ENTERED');
  });

  it('what the clock adds to an answer is that of the first request, also on another day', async () => {
    await at('2033-06-05T20:59:00.000Z');
    const writes = [
      ['/api/v1/pin/generate', { clinic: 'ent' }],
      ['/api/admin/settings', { settings: { grace_minutes: 7 } }],
      ['/api/patient/enqueue', { patientId: 'midnight', examType: 'courses', gender: 'male' }],
      ['/api/queue/complete', { patientId: 'midnight', clinicId: 'derma' }],
      ['/api/v1/queue/enter', { clinic: 'nowhere', user: 'midnight' }],
      ['/api/queue/call-next', { clinicId: 'ecg', force: true }],
      ['/api/system/tick', {}],
    ] as const;
    const first = await Promise.all(writes.map(([path, json]) => send('m', path, json)));
    expect(first.map(({ status }) => status)).toEqual([200, 200, 200, 404, 404, 404, 200]);
    await at('2033-06-05T21:01:00.000Z');
    for (const [i, [path, json]] of writes.entries()) {
      const again = await send('m', path, json);
      expect(JSON.stringify(again), path).toBe(JSON.stringify(first[i]));
    }
  });

  it('a repetition makes its line newer on the day of the first request, never on its own', async () => {
    await at('2033-06-07T20:59:00.000Z');
    const json = { clinic: 'eyes', user: 'floors' };
    const changed = vi.spyOn(service.services.waiting().wakeUps, 'changed');
    await send('floor', '/api/v1/queue/enter', json);
    await at('2033-06-07T21:01:00.000Z');
    await send('floor', '/api/v1/queue/enter', json);
    expect(changed.mock.calls).toEqual([
      [{ day: '2033-06-07', clinic: 'eyes', version: 1 }],
      [{ day: '2033-06-07', clinic: 'eyes', version: 1 }],
    ]);
  });

  it('a tick that is sent again calls nobody', async () => {
    await at('2033-06-09T09:00:00.000Z');
    await send('interval', '/api/v1/admin/set-call-interval', { clinic: 'audio', interval_minutes: 1 });
    for (const user of ['one', 'two', 'three']) {
      await send(`enter ${user}`, '/api/v1/queue/enter', { clinic: 'audio', user });
    }
    const called = async () => {
      const [row] = await service.rows(
        `select count(*)::int as n from queues where clinic_code = 'audio' and status = 'CALLED'`,
      );
      return Number(row?.n);
    };
    await at('2033-06-09T09:05:00.000Z');
    const first = await send('tick', '/api/system/tick', {});
    const before = await called();
    expect(before).toBe(1);
    await at('2033-06-09T09:10:00.000Z');
    expect(await send('tick', '/api/system/tick', {})).toEqual(first);
    expect(await called()).toBe(before);
    expect((await send('tick', '/api/system/tick', { a: 1 })).body.code).toBe('IDEMPOTENCY_MISMATCH');
    expect(await called()).toBe(before);
  });

  it('a kept tick is shown to a current admin only: not with a token that was logged out', async () => {
    await at('2033-06-10T09:00:00.000Z');
    const recovery = '/api/v1/events/recovery';
    const first = await send('kept tick', '/api/system/tick', {});
    const noted = await send('noted', recovery, {});
    expect([first.status, noted.status]).toEqual([200, 200]);
    expect(await send('kept tick', '/api/system/tick', {})).toEqual(first);
    expect((await service.send('POST', '/admin/logout', { token })).status).toBe(200);
    const refused = await send('kept tick', '/api/system/tick', {});
    expect([refused.status, refused.body.code]).toEqual([401, 'UNAUTHORIZED']);
    // Work that needs no admin is repeated to anybody whose key it is.
    expect(await send('noted', recovery, {})).toEqual(noted);
    token = await service.login();
    expect(await send('kept tick', '/api/system/tick', {})).toEqual(first);
  });

  it('of a code that staff set nothing stays but where it belongs, and the repetition shows it as it was sent', async () => {
    await at('2033-06-11T09:00:00.000Z');
    const json = { key: 'emergency_pin', value: '97531864' };
    const first = await send('secret-key', '/api/admin/settings', json, 'PUT');
    expect(first.body).toMatchObject({ success: true, value: '97531864' });
    expect(await send('secret-key', '/api/admin/settings', json, 'PUT')).toEqual(first);
    const rows = JSON.stringify(await service.rows('select * from idempotency_keys'));
    for (const secret of ['97531864', 'secret-key', 'tester', '192.0.2.1'])
      expect(rows).not.toContain(secret);
  });

  it('a row says what was answered', async () => {
    await at('2033-06-12T09:00:00.000Z');
    await service.rows('delete from idempotency_keys');
    await send('r1', '/api/v1/queue/enter', { clinic: 'lab', user: 'row' });
    await send('r2', '/api/v1/queue/enter', { clinic: 'nowhere', user: 'row' });
    await send('r3', '/api/v1/queue/enter', { user: 'row' });
    expect(await service.rows('select status from idempotency_keys order by status')).toEqual([
      { status: '200' },
      { status: '404' },
    ]);
  });

  it('a key covers no function that is not listed for it', async () => {
    const database: Database = service.services.database;
    const identity = { scope: 's', key: 'k', request_hash: 'h', kept: {}, at: '', request_id: '' };
    for (const name of ['save_admin', 'purge_old_rows', 'with_idempotency', 'pg_sleep', 'no_such']) {
      const call = database.call('with_idempotency', {
        ...identity,
        function: name,
        arguments: {},
      });
      await expect(call).rejects.toMatchObject({ sqlState: '22023' });
    }
  });
});

describe('a round trip', () => {
  let app: Application;
  beforeAll(async () => {
    app = await openApplication();
    await app.login();
  });
  afterAll(() => app?.stop());

  const send = (key: string, json: object) =>
    app.send('POST', '/api/v1/queue/enter', { json, headers: { 'Idempotency-Key': key } });
  async function counted(key: string, json: object) {
    const { postgres } = app.cloud;
    const before = { requests: postgres.requestCount(), queries: postgres.queryCount() };
    const { status } = await send(key, json);
    return [status, postgres.requestCount() - before.requests, postgres.queryCount() - before.queries];
  }

  it('is all that a key costs: with the write in it, for its repetition, and for a look behind wrong fields', async () => {
    const json = { clinic: 'lab', user: 'trips' };
    expect(await counted('k', json)).toEqual([200, 1, 1]);
    expect(await counted('k', json)).toEqual([200, 1, 1]);
    expect(await counted('k', { user: 'trips' })).toEqual([422, 1, 1]);
    expect(await counted('free', { user: 'trips' })).toEqual([400, 1, 1]);
    expect(await counted('', { user: 'trips' })).toEqual([400, 0, 0]);
  });

  it('that fails leaves the key free', async () => {
    const gone = app.instance({ DATABASE_URL: 'postgres://nobody:none@127.0.0.1:1/none' });
    const json = { clinic: 'lab', user: 'unlucky' };
    const headers = { 'Idempotency-Key': 'k' };
    const failed = await gone.send('POST', '/api/v1/queue/enter', { json, headers });
    gone.close();
    expect(failed.status).toBe(503);
    const { status, body, headers: answered } = await send('k', json);
    expect([status, body.entry_status, answered.get('idempotency-replayed')]).toEqual([200, 'ENTERED', null]);
  });

  it('in which the database refuses a statement leaves no row', async () => {
    await app.sql(`alter table events add constraint no_more check (event_type <> 'ENTERED') not valid`);
    const json = { clinic: 'lab', user: 'refused' };
    expect((await send('k', json)).status).toBe(500);
    await app.sql('alter table events drop constraint no_more');
    const { status, body, headers } = await send('k', json);
    expect([status, body.entry_status, headers.get('idempotency-replayed')]).toEqual([200, 'ENTERED', null]);
  });
});
