/** Section 2.5 of the contract, the older families: `/api/v1/queue`, and `/api/queue/*` as staff use it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { atOnce, report, tally } from '../support/sql-report.ts';
import { ANY_INT, type Answer, expectError, expectInvalid, type Fields, ISO, newId } from './http.ts';
import { CLINIC_IDS, CLINICS, type Clinic, QueueClient } from './queue-client.ts';
import { withSettings } from './staff-settings.ts';
import { openTarget, type Target, TURN_TIMEOUT } from './target.ts';

let target: Target;
let client: QueueClient;
beforeAll(async () => {
  target = await openTarget();
  client = await QueueClient.open(target);
}, TURN_TIMEOUT);
afterAll(() => target?.close());

const staff = (path: string, json: unknown): Promise<Answer> =>
  client.post(path, json, { token: client.token });
const callNext = (json: unknown) => staff('/api/queue/call-next', json);
const complete = (json: unknown) => staff('/api/queue/complete', json);
const snapshot = (query: string, token?: string) => client.get(`/api/queue/status${query}`, { token });

const numberOf = (clinic: Clinic) => String(CLINIC_IDS.indexOf(clinic) + 1);
const floorOf = (clinic: Clinic) =>
  CLINICS[clinic].floorCode === 'M' ? 'الميزانين' : `الطابق ${CLINICS[clinic].floorCode}`;
const nextClinic = (stepOrder: number, clinic: Clinic, queueNumber: number | null) => ({
  stepOrder,
  clinicId: clinic,
  clinicName: CLINICS[clinic].arabic,
  floor: floorOf(clinic),
  queueNumber: queueNumber === null ? null : ANY_INT,
});

/** Ends every visit that is called or begun, so that capacity is free. */
async function emptied(clinic: Clinic): Promise<void> {
  await client.drain(clinic);
  for (const { visitId } of (await client.line(clinic)).in) {
    expect((await client.done(clinic, visitId, await client.pin(clinic))).status).toBe(200);
  }
}

describe('POST /api/v1/queue', () => {
  it('enters like queue/enter and says whether the entry is new', async () => {
    const user = newId('older');
    const body = {
      ok: true,
      success: true,
      clinic: 'xray',
      user,
      number: ANY_INT,
      status: 'WAITING',
      entry_status: 'ENTERED',
      display_number: ANY_INT,
      position: ANY_INT,
      ahead: ANY_INT,
      total_waiting: ANY_INT,
      entry_time: ISO,
      message: 'Entered queue',
      created: true,
    };
    const first = await client.post('/api/v1/queue', { clinicId: 'XR', visitId: user, isAutoEntry: true });
    expect(first.status).toBe(201);
    expect(first.body).toStrictEqual(body);
    const second = await client.post('/api/v1/queue', { clinic: 'xray', user });
    expect(second.status).toBe(201);
    expect(second.body).toStrictEqual({
      ...body,
      number: first.body.number,
      entry_status: 'ALREADY_IN_QUEUE',
      message: 'Already in queue',
      created: false,
    });
  });

  it('fails like queue/enter, with ok:false', async () => {
    const enter = (json: unknown) => client.post('/api/v1/queue', json);
    expectError(await enter({}), 'MISSING_FIELDS', {
      ok: false,
      error: 'Missing required fields: clinic, user',
      missing_fields: ['clinic', 'user'],
    });
    expectError(await enter({ clinic: 'lab', user: 'a b' }), 'INVALID_FIELD', {
      ok: false,
      error: 'Invalid value for user',
      field: 'user',
    });
    expectError(await enter({ clinic: '3', user: 'x' }), 'UNKNOWN_CLINIC', { ok: false });
  });
});

describe('GET /api/v1/queue', () => {
  it('answers the rows of stats/queues', async () => {
    const { status, body } = await client.get('/api/v1/queue');
    expect(status).toBe(200);
    expect(Object.keys(body).sort()).toEqual(['ok', 'queue', 'success']);
    expect(body).toMatchObject({ ok: true, success: true });
    const rows = body.queue as Fields[];
    expect(rows.map(({ id }) => id)).toEqual(CLINIC_IDS);
    const { queues } = (await client.get('/api/v1/stats/queues')).body;
    expect(rows).toStrictEqual(queues);
  });
});

describe('the number of a clinic', () => {
  it.each(CLINIC_IDS)('is a name of %s for /api/queue/*', async (clinic) => {
    const { status, body } = await snapshot(`?clinicId=${numberOf(clinic)}`);
    expect(status).toBe(200);
    expect(body.clinicId).toBe(clinic);
  });

  it.each(['0', '14', '-1', '1.0', '99999999999'])('is not %s', async (number) => {
    expectError(await snapshot(`?clinicId=${number}`), 'UNKNOWN_CLINIC');
    expectError(await callNext({ clinicId: number }), 'UNKNOWN_CLINIC');
    expectError(await complete({ clinicId: number, patientId: 'x' }), 'UNKNOWN_CLINIC');
    expectError(
      await complete({ clinicCode: number, patientId: 'x', action: 'process_code' }),
      'UNKNOWN_CLINIC',
    );
  });

  it('means nothing elsewhere', async () => {
    const user = newId('number');
    expectError(await client.post('/api/v1/queue/enter', { clinic: '3', user }), 'UNKNOWN_CLINIC');
    expectError(await client.get('/api/v1/queue/status?clinic=3'), 'UNKNOWN_CLINIC');
    expectError(await staff('/api/v1/queue/call', { clinic: 3 }), 'UNKNOWN_CLINIC');
    expectError(await client.done('3', user, '10'), 'UNKNOWN_CLINIC');
  });
});

describe('GET /api/queue/status', () => {
  it('shows all clinics in their order', async () => {
    await client.enter('derma', newId('older'));
    const { status, body } = await snapshot('');
    expect(status).toBe(200);
    const ratio = expect.toSatisfy((value) => typeof value === 'number' && value >= 0);
    expect(body).toStrictEqual({
      success: true,
      type: 'all_clinics',
      data: CLINIC_IDS.map((clinicId) => ({
        clinicId,
        name: CLINICS[clinicId].arabic,
        capacity: ANY_INT,
        status: 'open',
        currentCalled: ANY_INT,
        currentIn: ANY_INT,
        currentTotal: ANY_INT,
        distributedToday: ANY_INT,
        totalServedToday: ANY_INT,
        loadRatio: ratio,
        efficiencyScore: ratio,
        lastUpdated: ISO,
      })),
      timestamp: ISO,
    });
  });

  it('counts who was sent, is inside and was served', async () => {
    const clinic = 'surgery';
    const row = async () =>
      ((await snapshot('')).body.data as Fields[]).find(({ clinicId }) => clinicId === clinic) as Record<
        string,
        number
      >;
    const before = await row();
    const users = [newId('older'), newId('older')] as const;
    for (const user of users) await client.enter(clinic, user);
    await client.callUntil(clinic, users[1]);
    const called = await row();
    expect(called.distributedToday).toBe((before.distributedToday ?? 0) + 2);
    expect(called.currentCalled).toBeGreaterThanOrEqual(2);
    expect(called.currentTotal).toBe((called.currentCalled ?? 0) + (called.currentIn ?? 0));
    expect(called.loadRatio).toBeCloseTo((called.currentTotal ?? 0) / (called.capacity ?? 1), 6);
    await client.done(clinic, users[0], await client.pin(clinic));
    const served = await row();
    expect(served.totalServedToday).toBe((before.totalServedToday ?? 0) + 1);
    expect(served.efficiencyScore).toBeCloseTo(
      (served.totalServedToday ?? 0) / (served.distributedToday ?? 1),
      6,
    );
  });

  it('shows one clinic, its people to an admin only', async () => {
    const clinic = 'dental';
    await emptied(clinic);
    const users = [newId('one'), newId('two'), newId('three')] as const;
    const numbers: number[] = [];
    for (const user of users) numbers.push((await client.enter(clinic, user)).number);
    expect((await callNext({ clinicId: clinic })).status).toBe(200);
    expect((await callNext({ clinicId: clinic })).status).toBe(200);
    await complete({ patientId: users[0], clinicCode: 'DNT', action: 'process_code' });

    const counts = { waiting: 1, called: 1, in: 1, done: ANY_INT, no_show: ANY_INT };
    const plain = await snapshot('?clinicId=dnt');
    expect(plain.status).toBe(200);
    expect(plain.body).toStrictEqual({
      success: true,
      type: 'snapshot',
      clinicId: clinic,
      data: counts,
      timestamp: ISO,
    });

    for (const token of [undefined, 'x.y.z']) {
      const masked = await snapshot('?clinicId=dental&detailed=true', token);
      expect(masked.body).toStrictEqual({
        success: true,
        type: 'detailed',
        clinicId: clinic,
        data: { ...counts, patients: [], lastUpdated: ISO },
        timestamp: ISO,
      });
      for (const user of users) expect(masked.text).not.toContain(user);
    }

    const shown = (await snapshot('?clinicId=10&detailed=true', client.token)).body.data as {
      patients: Fields[];
    };
    const person = (index: number, status: string, times: Fields) => ({
      number: numbers[index],
      patient_id: users[index],
      status,
      called_at: null,
      expires_at: null,
      started_at: null,
      finished_at: null,
      priority: 0,
      created_at: ISO,
      ...times,
    });
    expect(shown.patients.slice(-3)).toStrictEqual([
      person(0, 'in', { called_at: ISO, started_at: ISO }),
      person(1, 'called', { called_at: ISO, expires_at: ISO }),
      person(2, 'waiting', {}),
    ]);

    await complete({ patientId: users[0], clinicId: clinic });
    const later = (await snapshot('?clinicId=dental&detailed=1', client.token)).body.data as typeof shown;
    expect(later.patients.slice(-3)[0]).toStrictEqual(
      person(0, 'done', { called_at: ISO, started_at: ISO, finished_at: ISO }),
    );
  });

  it('shows no more people without `detailed`, or with another value of it', async () => {
    for (const query of [
      '?clinicId=dental',
      '?clinicId=dental&detailed=false',
      '?clinicId=dental&detailed=x',
    ]) {
      expect((await snapshot(query, client.token)).body.type).toBe('snapshot');
    }
    expect((await snapshot('?detailed=true', client.token)).body.type).toBe('all_clinics');
  });

  it('does not know other clinics', async () => {
    expectError(await snapshot('?clinicId=nowhere'), 'UNKNOWN_CLINIC');
  });
});

describe('POST /api/queue/call-next', () => {
  it('calls the head of the line with the end of the call', async () => {
    const clinic = 'bones';
    await emptied(clinic);
    const user = newId('next');
    const { number } = await client.enter(clinic, user);
    const { status, body } = await callNext({ clinicId: numberOf(clinic) });
    expect(status).toBe(200);
    expect(body).toStrictEqual({
      success: true,
      clinicId: clinic,
      expiredNoShows: 0,
      callResult: {
        success: true,
        patient: {
          id: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
          patientId: user,
          number,
          calledAt: ISO,
          expiresAt: ISO,
        },
        currentLoad: { called: 1, in: 0, total: 1 },
      },
      timestamp: ISO,
    });
    const { patient } = body.callResult as { patient: { calledAt: string; expiresAt: string } };
    expect(Date.parse(patient.expiresAt) - Date.parse(patient.calledAt)).toBe(5 * 60_000);
    expect((await client.get(`/api/v1/queue/position?clinic=${clinic}&user=${user}`)).body.status).toBe(
      'CALLED',
    );
  });

  it('says with the load that nobody waits', async () => {
    const clinic = 'psychiatry';
    await emptied(clinic);
    const user = newId('inside');
    await client.enter(clinic, user);
    await callNext({ clinicId: 'psychology' });
    await complete({ patientId: user, clinicCode: 'psy', action: 'process_code' });
    expectError(await callNext({ clinicId: 'PSY' }), 'NO_PATIENTS_WAITING', {
      clinic,
      expiredNoShows: 0,
      callResult: { success: false, reason: 'no_waiting', currentLoad: { called: 0, in: 1, total: 1 } },
    });
  });

  it('stops at the capacity, also with force, while queue/call does not', async () => {
    const clinic = 'derma';
    await withSettings(client, { max_capacity_per_clinic: 2 }, async () => {
      await emptied(clinic);
      for (let i = 0; i < 4; i += 1) await client.enter(clinic, newId('full'));
      expect((await callNext({ clinicId: clinic })).status).toBe(200);
      expect((await callNext({ clinicId: clinic })).status).toBe(200);
      for (const force of [undefined, true]) {
        expectError(await callNext({ clinicId: clinic, force }), 'CAPACITY_FULL', {
          message: expect.any(String),
          clinic,
          expiredNoShows: 0,
          callResult: {
            success: false,
            reason: 'capacity_full',
            currentLoad: { called: 2, in: 0, total: 2 },
          },
        });
      }
      expect((await client.call(clinic)).status).toBe(200);
    });
    await emptied(clinic);
  });

  it('never goes beyond the capacity when 20 call at once', async () => {
    const clinic = 'surgery';
    await emptied(clinic);
    await atOnce(10, () => client.enter(clinic, newId('crowd')));
    const answers = await atOnce(20, () => callNext({ clinicId: clinic }));
    expect(tally(answers.map(({ body }) => String(body.code)))).toEqual({ undefined: 6, CAPACITY_FULL: 14 });
    expect(new Set(answers.map(({ body }) => JSON.stringify((body.callResult as Fields).patient))).size).toBe(
      7,
    );
    report('six called of a capacity of six, nobody twice', 20);
    await emptied(clinic);
  });

  it('calls nobody outside the working hours, but with force', async () => {
    const clinic = 'ent';
    await emptied(clinic);
    const user = newId('late');
    await client.enter(clinic, user);
    // Nothing lies between a time and the same time.
    await withSettings(client, { working_hours_start: '12:00', working_hours_end: '12:00' }, async () => {
      for (const force of [undefined, false, 'no']) {
        expectError(await callNext({ clinicId: clinic, force }), 'OUTSIDE_WORKING_HOURS', {
          message: expect.any(String),
          clinic,
        });
      }
      expect((await client.line(clinic)).waiting).toHaveLength(1);
      expect((await callNext({ clinicId: clinic, force: true })).status).toBe(200);
    });
  });

  it('is for an admin only, and says what is missing', async () => {
    for (const json of [{ clinicId: 'lab' }, {}]) {
      expectError(await client.post('/api/queue/call-next', json), 'UNAUTHORIZED');
      expectError(await client.post('/api/queue/call-next', json, { token: 'x.y.z' }), 'UNAUTHORIZED');
    }
    for (const json of [{}, { clinicId: ' ' }]) {
      expectError(await callNext(json), 'MISSING_FIELDS', {
        error: 'Clinic ID is required',
        missing_fields: ['clinicId'],
      });
    }
    expectError(await callNext({ clinicId: 'nowhere' }), 'UNKNOWN_CLINIC');
  });
});

describe('POST /api/queue/complete', () => {
  const completed = (user: string, clinic: Clinic, next: Fields | null) => ({
    success: true,
    patientId: user,
    clinicId: clinic,
    completed: next === null,
    nextClinic: next,
    message: expect.any(String),
    timestamp: ISO,
  });

  it('ends a visit without a PIN and enters the next station', async () => {
    const user = newId('walk');
    await client.route(user, ['xray', 'ecg', 'eyes']);
    await client.enter('xray', user);
    await client.callUntil('xray', user);
    const once = await complete({ patientId: user, clinicId: 'XR' });
    expect(once.status).toBe(200);
    expect(once.body).toStrictEqual(completed(user, 'xray', nextClinic(2, 'ecg', 1)));
    const place = await client.get(`/api/v1/queue/position?clinic=ecg&user=${user}`);
    expect(place.body.number).toBe((once.body.nextClinic as Fields).queueNumber);

    const again = await complete({ patientId: user, clinicId: '2' });
    expect({ ...again.body, timestamp: '' }).toStrictEqual({ ...once.body, timestamp: '' });
    await client.callUntil('ecg', user);
    await complete({ patientId: user, clinicId: 'ecg', action: 'complete' });
    await client.callUntil('eyes', user);
    const last = await complete({ visitId: user, stationId: 'eye' });
    expect(last.body).toStrictEqual(completed(user, 'eyes', null));
    const { route } = (await client.get(`/api/v1/route/get?patientId=${user}`)).body;
    expect(route).toMatchObject({ status: 'completed', completed: ['xray', 'ecg', 'eyes'] });
  });

  it('is at an end for a patient without a route', async () => {
    const user = newId('alone');
    await client.enter('bones', user);
    await client.callUntil('bones', user);
    expect((await complete({ patientId: user, clinicId: 'bones' })).body).toStrictEqual(
      completed(user, 'bones', null),
    );
  });

  it('enters nothing when automatic routing is off', async () => {
    await withSettings(client, { enable_auto_routing: false }, async () => {
      const user = newId('manual');
      await client.route(user, ['audio', 'vitals']);
      await client.enter('audio', user);
      await client.callUntil('audio', user);
      const { body } = await complete({ patientId: user, clinicId: 'aud' });
      expect(body).toStrictEqual(completed(user, 'audio', nextClinic(2, 'vitals', null)));
      expectError(await client.get(`/api/v1/queue/position?clinic=vitals&user=${user}`), 'NOT_IN_QUEUE', {
        clinic: 'vitals',
      });
    });
  });

  it('lets a called patient in with the first code and out with the second', async () => {
    const user = newId('code');
    await client.route(user, ['internal', 'vitals']);
    const { number } = await client.enter('internal', user);
    const code = (clinicCode: string) => complete({ patientId: user, clinicCode, action: 'process_code' });
    const processed = (
      action: string,
      sent: string,
      clinic: Clinic,
      queueNumber: number,
      next: Fields | null,
    ) => ({
      success: true,
      action,
      patientId: user,
      clinicCode: sent,
      clinicId: clinic,
      result: {
        success: true,
        action,
        clinic: { id: clinic, name: CLINICS[clinic].arabic },
        queueNumber,
        nextClinic: next,
        message: expect.any(String),
      },
      timestamp: ISO,
    });

    expectError(await code('INT'), 'NOT_CALLED', { clinic: 'internal' });
    await client.callUntil('internal', user);
    const checkedIn = await code('INT');
    expect(checkedIn.status).toBe(200);
    expect(checkedIn.body).toStrictEqual(processed('checked_in', 'INT', 'internal', number, null));
    expect((await client.get(`/api/v1/queue/position?clinic=int&user=${user}`)).body.status).toBe(
      'IN_SERVICE',
    );

    const routed = await code('internal');
    expect(routed.body).toStrictEqual(
      processed('routed_to_next', 'internal', 'internal', number, nextClinic(2, 'vitals', 1)),
    );
    expectError(await code('Int'), 'NOT_IN_QUEUE', { clinic: 'internal' });

    const second = Number(((routed.body.result as Fields).nextClinic as Fields).queueNumber);
    await client.callUntil('vitals', user);
    expect((await code('BIO')).body).toStrictEqual(processed('checked_in', 'BIO', 'vitals', second, null));
    expect((await code('3')).body).toStrictEqual(processed('route_completed', '3', 'vitals', second, null));
  });

  it('reads a code 10 times at once as in, out and eight times gone', async () => {
    const user = newId('scan');
    await client.enter('bones', user);
    await client.callUntil('bones', user);
    const answers = await atOnce(10, () =>
      complete({ patientId: user, clinicCode: 'bones', action: 'process_code' }),
    );
    expect(tally(answers.map(({ body }) => String(body.code ?? body.action)))).toEqual({
      checked_in: 1,
      route_completed: 1,
      NOT_IN_QUEUE: 8,
    });
  });

  it('does not end a visit before the call, or one that is not there', async () => {
    const user = newId('early');
    await client.enter('eyes', user);
    expectError(await complete({ patientId: user, clinicId: 'eyes' }), 'NOT_CALLED', { clinic: 'eyes' });
    expectError(await complete({ patientId: user, clinicId: 'ecg' }), 'NOT_IN_QUEUE', { clinic: 'ecg' });
    expectError(
      await complete({ patientId: user, clinicCode: 'ECG', action: 'process_code' }),
      'NOT_IN_QUEUE',
      { clinic: 'ecg' },
    );
  });

  it('is for an admin only', async () => {
    for (const json of [{ patientId: 'x', clinicId: 'lab' }, {}]) {
      expectError(await client.post('/api/queue/complete', json), 'UNAUTHORIZED');
      expectError(await client.post('/api/queue/complete', json, { token: 'x.y.z' }), 'UNAUTHORIZED');
    }
  });

  it.each([
    [{}, ['patientId', 'clinicId']],
    [{ action: 'complete', patientId: 'x' }, ['clinicId']],
    [{ clinicId: 'lab' }, ['patientId']],
    [{ action: 'process_code' }, ['patientId', 'clinicCode']],
    [{ action: 'process_code', patientId: 'x', clinicId: 'lab' }, ['clinicCode']],
    [{ patientId: 'x', clinicCode: 'LAB' }, ['clinicId']],
  ])('says what is missing: %j', async (json, names) => {
    expectError(await complete(json), 'MISSING_FIELDS', {
      error: `Missing required fields: ${names.join(', ')}`,
      missing_fields: names,
    });
  });

  it('refuses another action and what is no id', async () => {
    const request = { patientId: 'x', clinicId: 'lab' };
    for (const action of ['cancel', 'Complete', {}]) {
      expectInvalid(await complete({ ...request, action }), 'action');
    }
    expectInvalid(await complete({ ...request, patientId: 'a b' }), 'user');
  });
});
