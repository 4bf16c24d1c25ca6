/** Section 2.3 of the contract: the tick, as an admin may run it. What it does each minute is tested on a clock of its own. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ANY_INT, expectCommonHeaders, expectError, ISO, newId } from './http.ts';
import { CLINIC_IDS, CLINICS, QueueClient } from './queue-client.ts';
import { openFreshTarget, type Target, TURN_TIMEOUT } from './target.ts';

const PATH = '/api/system/tick';

let target: Target;
let client: QueueClient;
beforeAll(async () => {
  target = await openFreshTarget();
  client = await QueueClient.open(target);
}, TURN_TIMEOUT);
afterAll(() => target?.close());

describe('the tick', () => {
  it.each(['GET', 'POST'])('answers exactly the fields of the contract: %s', async (method) => {
    const options = { token: client.token };
    const { status, body } = await (method === 'GET'
      ? client.get(PATH, options)
      : client.post(PATH, {}, options));
    expect(status).toBe(200);
    expect(body).toStrictEqual({
      success: true,
      message: `Tick done: ${CLINIC_IDS.length} clinics`,
      executionTime: ANY_INT,
      timestamp: ISO,
      results: {
        workingHours: true,
        processedClinics: CLINIC_IDS.length,
        expiredNoShows: ANY_INT,
        calledPatients: ANY_INT,
        errors: [],
        cleanedNotifications: ANY_INT,
        clinicResults: CLINIC_IDS.map((id) => ({
          clinicId: id,
          clinicName: CLINICS[id].arabic,
          expiredCount: ANY_INT,
          callResult: null,
          error: null,
        })),
        jobs: {
          pins_created: ANY_INT,
          entries_closed: ANY_INT,
          reports_written: ANY_INT,
          rows_purged: ANY_INT,
        },
      },
    });
  });

  it('calls once for each interval in a clinic with automatic calling, however often it is run', async () => {
    const token = client.token;
    await client.drain('ecg');
    const users = [newId('auto'), newId('auto')];
    for (const user of users) await client.enter('ecg', user);
    await client.post('/api/v1/admin/set-call-interval', { clinic: 'ecg', interval: 14_400 }, { token });
    const ticks = await Promise.all(Array.from({ length: 6 }, () => client.post(PATH, {}, { token })));
    const called = ticks.map(({ body }) => (body.results as { calledPatients: number }).calledPatients);
    // Draining the line may have called somebody just now: then nobody is due for four hours.
    const { list } = await client.line('ecg');
    const isCalled = list.filter(({ user, status }) => users.includes(user) && status === 'CALLED').length;
    expect(called.reduce((sum, count) => sum + count, 0)).toBe(isCalled);
    expect(isCalled).toBeLessThanOrEqual(1);
    await client.post('/api/v1/admin/set-call-interval', { clinic: 'ecg', interval: 0 }, { token });
  });

  it('is refused to everybody else, whatever the method', async () => {
    for (const headers of [{}, { Authorization: 'Bearer bad' }, { Cookie: 'admin_token=bad' }]) {
      expectError(await client.get(PATH, { headers }), 'UNAUTHORIZED');
      expectError(await client.post(PATH, {}, { headers }), 'UNAUTHORIZED');
    }
  });

  it('HEAD answers an admin and runs nothing', async () => {
    const user = newId('head');
    await client.drain('audio');
    await client.enter('audio', user);
    await client.post(
      '/api/v1/admin/set-call-interval',
      { clinic: 'audio', interval: 30 },
      { token: client.token },
    );
    const response = await fetch(target.url + PATH, {
      method: 'HEAD',
      headers: { Authorization: `Bearer ${client.token}` },
    });
    // Supabase takes no HEAD.
    expect([200, 405]).toContain(response.status);
    if (response.status === 200) expectCommonHeaders(response.headers);
    expect((await client.line('audio')).list.find((entry) => entry.user === user)?.status).toBe('WAITING');
    await client.post(
      '/api/v1/admin/set-call-interval',
      { clinic: 'audio', interval: 0 },
      { token: client.token },
    );
  });

  it('HEAD refuses an admin who has logged out, as GET does', async () => {
    const leaving = await client.post('/admin/login', target.admin);
    const token = String(leaving.body.token);
    await client.post('/admin/logout', {}, { token });
    const headers = { Authorization: `Bearer ${token}` };
    expect([401, 405]).toContain((await fetch(target.url + PATH, { method: 'HEAD', headers })).status);
    expectError(await client.get(PATH, { headers }), 'UNAUTHORIZED');
    client = await QueueClient.open(target);
  });
});
