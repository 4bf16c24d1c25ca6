/** Section 2.4 of the contract, `/api/patient/enqueue`: route and first entry in one call, and how far a patient got. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { atOnce, report, tally } from '../support/sql-report.ts';
import {
  ANY_INT,
  type Answer,
  expectError,
  expectInvalid,
  type Fields,
  ISO,
  newId,
  type RequestOptions,
} from './http.ts';
import { CLINICS, type Clinic, QueueClient, type Route } from './queue-client.ts';
import { withSettings } from './staff-settings.ts';
import { openTarget, type Target, TURN_TIMEOUT } from './target.ts';

let target: Target;
let client: QueueClient;
beforeAll(async () => {
  target = await openTarget();
  client = await QueueClient.open(target);
}, TURN_TIMEOUT);
afterAll(() => target?.close());

const enqueue = (json: unknown, options?: RequestOptions): Promise<Answer> =>
  client.post('/api/patient/enqueue', json, options);
const asAdmin = (): RequestOptions => ({ token: client.token });
const progress = (user: string): Promise<Answer> => client.get(`/api/patient/enqueue?patientId=${user}`);

interface First {
  readonly id: Clinic;
  readonly queueNumber: number;
}

const firstClinic = ({ body, text }: Answer): First => {
  const result = body.result as { firstClinic: First } | undefined;
  if (!result) throw new Error(text);
  return result.firstClinic;
};

async function routeOf(user: string): Promise<Route & Fields> {
  const { body, text } = await client.get(`/api/v1/route/get?patientId=${user}`);
  if (body.success !== true) throw new Error(text);
  return body.route as Route & Fields;
}

const floorOf = (clinic: Clinic) =>
  CLINICS[clinic].floorCode === 'M' ? 'الميزانين' : `الطابق ${CLINICS[clinic].floorCode}`;
const labelOf = (clinic: Clinic) => ({
  clinicId: clinic,
  clinicName: CLINICS[clinic].arabic,
  floor: floorOf(clinic),
});

describe('POST /api/patient/enqueue', () => {
  it('makes the route and enters its first station', async () => {
    const user = newId('enqueue');
    const answer = await enqueue({ patientId: user, examType: 'cooks', gender: 'M' });
    expect(answer.status, answer.text).toBe(200);
    expect(answer.body).toStrictEqual({
      success: true,
      patientId: user,
      examType: 'cooks',
      gender: 'male',
      priority: 0,
      emergency: false,
      result: {
        success: true,
        patientId: user,
        firstClinic: { id: expect.any(String), queueNumber: ANY_INT },
        message: expect.any(String),
      },
      timestamp: ISO,
    });

    const { id, queueNumber } = firstClinic(answer);
    const route = await routeOf(user);
    expect(route).toMatchObject({ examType: 'cooks', gender: 'male', dynamic: true, current: id });
    expect([...route.clinics].sort()).toEqual(['ent', 'internal', 'lab', 'surgery']);
    expect(route.stations[0]).toMatchObject({ clinic: id, status: 'ready', entryTime: ISO });
    expect((await client.line(id)).waiting).toContainEqual({
      ticket: queueNumber,
      visitId: user,
      issuedAt: ISO,
    });
  });

  it.each([
    ['تجنيد', 'recruitment', 10],
    ['ترفيع', 'promotion', 10],
    ['نقل', 'transfer', 10],
    ['تحويل', 'referral', 10],
    ['تجديد التعاقد', 'contract', 10],
    ['دورات', 'courses', 4],
    ['طيران سنوي', 'aviation', 6],
    ['طباخين', 'cooks', 4],
  ])('takes the type of examination %s for %s', async (arabic, examType, stations) => {
    for (const sent of [arabic, examType]) {
      const user = newId('exam');
      const { body, text } = await enqueue({ visitId: user, queueType: sent, gender: 'female' });
      expect(body, text).toMatchObject({ success: true, patientId: user, examType, gender: 'female' });
      expect(await routeOf(user)).toMatchObject({ examType, gender: 'female' });
      expect((await routeOf(user)).clinics).toHaveLength(stations);
    }
  });

  it('keeps the route there is and enters its first station', async () => {
    const user = newId('enqueue');
    const { routeId } = await client.route(user, ['dental', 'ecg']);
    const answer = await enqueue({ patientId: user, examType: 'cooks', gender: 'male' });
    expect(firstClinic(answer).id).toBe('dental');
    expect(await routeOf(user)).toMatchObject({ routeId, clinics: ['dental', 'ecg'] });
  });

  it('refuses a patient with an entry today, and leaves no route behind', async () => {
    const user = newId('enqueue');
    await client.enter('bones', user);
    const again = await enqueue({ patientId: user, examType: 'cooks', gender: 'male' });
    expectError(again, 'ALREADY_EXISTS', { message: expect.any(String) });
    expectError(await client.get(`/api/v1/route/get?patientId=${user}`), 'ROUTE_NOT_FOUND');
  });

  it('refuses a patient whose visit is over as well', async () => {
    const user = newId('enqueue');
    await client.enter('bones', user);
    await client.done('bones', user, await client.pin('bones'));
    const again = await enqueue({ patientId: user, examType: 'cooks', gender: 'male' });
    expectError(again, 'ALREADY_EXISTS', { message: expect.any(String) });
  });

  it('takes one of 20 who enqueue the same patient at once', async () => {
    const user = newId('enqueue');
    const answers = await atOnce(20, () => enqueue({ patientId: user, examType: 'courses', gender: 'male' }));
    expect(tally(answers.map(({ body }) => String(body.code)))).toEqual({ undefined: 1, ALREADY_EXISTS: 19 });
    report('one patient enqueued at once, one entry', 20);
  });

  it('lets an admin give a priority, and nobody else', async () => {
    const clinic = 'ecg';
    await client.drain(clinic);
    const users = [newId('plain'), newId('wishful'), newId('urgent')] as const;
    for (const user of users) await client.route(user, [clinic]);
    const [plain, wishful, urgent] = users;
    const body = (patientId: string) => ({ patientId, examType: 'cooks', gender: 'male' });
    expect((await enqueue(body(plain))).body.priority).toBe(0);
    expect((await enqueue({ ...body(wishful), priority: 3 }, { token: 'x.y.z' })).body.priority).toBe(0);
    expect((await enqueue({ ...body(urgent), priority: '2' }, asAdmin())).body).toMatchObject({
      priority: 2,
      emergency: false,
    });
    expect((await client.line(clinic)).waiting.map(({ visitId }) => visitId)).toEqual([
      urgent,
      plain,
      wishful,
    ]);
  });

  it('knows no emergency code while none is set', async () => {
    for (const emergencyCode of ['123456', 'null', '0', 123456]) {
      const user = newId('enqueue');
      expectError(
        await enqueue({ patientId: user, examType: 'cooks', gender: 'male', emergencyCode }, asAdmin()),
        'INVALID_EMERGENCY_CODE',
        { message: expect.any(String) },
      );
      expectError(await progress(user), 'NOT_IN_QUEUE', { status: { exists: false } });
    }
  });

  it('puts an emergency before everybody, also one who waits already', async () => {
    await withSettings(client, { emergency_pin: '246810' }, async () => {
      const clinic = 'audio';
      await client.drain(clinic);
      const users = [newId('first'), newId('second'), newId('third')] as const;
      const [first, second, third] = users;
      for (const user of users) await client.route(user, [clinic, 'xray']);
      const body = (patientId: string) => ({ patientId, examType: 'cooks', gender: 'male' });
      const order = async () => (await client.line(clinic)).waiting.map(({ visitId }) => visitId);

      await enqueue(body(first));
      await enqueue(body(second));
      const entered = await enqueue({ ...body(third), emergencyCode: ' 246810 ' });
      expect(entered.body).toMatchObject({ priority: 3, emergency: true });
      expect(await order()).toEqual([third, first, second]);

      const raised = await enqueue({ ...body(second), emergencyCode: '٢٤٦٨١٠' });
      expect(raised.body).toStrictEqual({
        success: true,
        patientId: second,
        examType: 'cooks',
        gender: 'male',
        priority: 3,
        emergency: true,
        result: {
          success: true,
          patientId: second,
          firstClinic: { id: clinic, queueNumber: ANY_INT },
          message: expect.any(String),
        },
        timestamp: ISO,
      });
      // Of equal priority the lower number comes first, and a repetition changes nothing.
      expect((await enqueue({ ...body(second), emergencyCode: '246810' })).status).toBe(200);
      expect(await order()).toEqual([second, third, first]);
      expect((await client.get(`/api/v1/queue/position?clinic=${clinic}&user=${second}`)).body.ahead).toBe(0);

      for (const emergencyCode of ['246811', '24681', '0246810', '', 'x'].filter((code) => code !== '')) {
        expectError(await enqueue({ ...body(first), emergencyCode }), 'INVALID_EMERGENCY_CODE', {
          message: expect.any(String),
        });
      }
      expectError(await enqueue({ ...body(first), emergencyCode: ' ' }), 'ALREADY_EXISTS', {
        message: expect.any(String),
      });
    });
  });

  it('answers an emergency whose visits are over with the last one', async () => {
    await withSettings(client, { emergency_pin: '135790' }, async () => {
      const user = newId('over');
      const { number } = await client.enter('bones', user);
      await client.done('bones', user, await client.pin('bones'));
      const answer = await enqueue({
        patientId: user,
        examType: 'cooks',
        gender: 'male',
        emergencyCode: '135790',
      });
      expect(firstClinic(answer)).toEqual({ id: 'bones', queueNumber: number });
    });
  });

  it.each([
    [{}, ['patientId', 'examType', 'gender']],
    [{ patientId: 'x', examType: ' ' }, ['examType', 'gender']],
    [{ patientId: 'x', examType: 'cooks' }, ['gender']],
    [{ examType: 'cooks', gender: 'male' }, ['patientId']],
  ])('says what is missing: %j', async (json, names) => {
    expectError(await enqueue(json), 'MISSING_FIELDS', {
      error: 'Patient ID, exam type, and gender are required',
      missing_fields: names,
    });
  });

  it.each([
    ['user', { patientId: 'a b' }],
    ['examType', { examType: 'conversion' }],
    ['examType', { examType: 'COOKS' }],
    ['examType', { examType: 'constructor' }],
    ['examType', { examType: {} }],
    ['gender', { gender: 'x' }],
    ['priority', { priority: 4 }],
    ['priority', { priority: -1 }],
    ['priority', { priority: 1.5 }],
    ['priority', { priority: 'high' }],
    ['emergencyCode', { emergencyCode: {} }],
  ])('refuses a bad %s: %j', async (field, part) => {
    expectInvalid(
      await enqueue({ patientId: newId('bad'), examType: 'cooks', gender: 'male', ...part }),
      field,
    );
  });
});

describe('GET /api/patient/enqueue', () => {
  it('follows a patient from station to station', async () => {
    const user = newId('progress');
    await client.route(user, ['dental', 'derma']);
    const steps = [
      { stepOrder: 1, ...labelOf('dental'), status: 'ready', startedAt: null, completedAt: null },
      { stepOrder: 2, ...labelOf('derma'), status: 'locked', startedAt: null, completedAt: null },
    ] as Fields[];
    const state = async () => {
      const { status, body, text } = await progress(user);
      expect(status, text).toBe(200);
      expect(body).toStrictEqual({
        success: true,
        patientId: user,
        status: {
          exists: true,
          examType: null,
          gender: 'male',
          progress: ANY_INT,
          completedSteps: ANY_INT,
          totalSteps: 2,
          isComplete: expect.any(Boolean),
          currentQueue: expect.toSatisfy((queue) => queue === null || typeof queue === 'object'),
          allSteps: steps,
          notifications: expect.any(Array),
          lastUpdated: ISO,
        },
        timestamp: ISO,
      });
      return body.status as Fields;
    };

    expect(await state()).toMatchObject({
      progress: 0,
      completedSteps: 0,
      isComplete: false,
      currentQueue: null,
    });

    const { number, ahead } = await client.enter('dental', user);
    steps[0] = { ...steps[0], startedAt: ISO };
    const waiting = {
      ...labelOf('dental'),
      number,
      status: 'WAITING',
      positionInQueue: ahead,
      calledAt: null,
      expiresAt: null,
      startedAt: null,
    };
    expect((await state()).currentQueue).toStrictEqual(waiting);

    await client.callUntil('dental', user);
    const called = (await state()).currentQueue as Fields;
    expect(called).toStrictEqual({
      ...waiting,
      status: 'CALLED',
      positionInQueue: 0,
      calledAt: ISO,
      expiresAt: ISO,
    });
    expect(Date.parse(String(called.expiresAt)) - Date.parse(String(called.calledAt))).toBe(5 * 60_000);

    expect((await client.done('dental', user, await client.pin('dental'))).status).toBe(200);
    steps[0] = { ...steps[0], status: 'completed', completedAt: ISO };
    steps[1] = { ...steps[1], status: 'ready' };
    const half = await state();
    expect(half).toMatchObject({ progress: 50, completedSteps: 1, isComplete: false, currentQueue: null });
    const told = half.notifications as Fields[];
    expect(told.map(({ type }) => type)).toEqual(['COMPLETED', 'CALLED', 'ENTERED']);
    expect(told[1]).toStrictEqual({
      type: 'CALLED',
      clinic: 'dental',
      number,
      position: null,
      message: '🔔 حان دورك الآن! توجه إلى العيادة',
      messageEn: '🔔 Your turn now! Go to the clinic',
      timestamp: ISO,
    });

    await client.enter('derma', user);
    await client.callUntil('derma', user);
    await client.done('derma', user, await client.pin('derma'));
    steps[1] = { ...steps[1], status: 'completed', startedAt: ISO, completedAt: ISO };
    const whole = await state();
    expect(whole).toMatchObject({ progress: 100, completedSteps: 2, isComplete: true, currentQueue: null });
    expect(whole.notifications).toHaveLength(5);
  });

  it('knows a patient who only entered, without a route', async () => {
    const user = newId('progress');
    const { number } = await client.enter('bones', user);
    const { body } = await progress(user);
    expect(body.status).toMatchObject({
      exists: true,
      examType: null,
      gender: null,
      progress: 0,
      completedSteps: 0,
      totalSteps: 0,
      isComplete: false,
      allSteps: [],
      currentQueue: { ...labelOf('bones'), number },
    });
  });

  it('shows the entry that concerns the patient most when there are two', async () => {
    const user = newId('progress');
    await client.enter('lab', user);
    await client.enter('ecg', user);
    expect((await progress(user)).body.status).toMatchObject({ currentQueue: { clinicId: 'ecg' } });
    await client.callUntil('lab', user);
    expect((await progress(user)).body.status).toMatchObject({ currentQueue: { clinicId: 'lab' } });
  });

  it('says that it does not know a patient', async () => {
    expectError(await progress(newId('nobody')), 'NOT_IN_QUEUE', { status: { exists: false } });
  });

  it.each(['', '?patientId=', '?patientId=%20'])('says that the patient is missing: "%s"', async (query) => {
    expectError(await client.get(`/api/patient/enqueue${query}`), 'MISSING_FIELDS', {
      error: 'Patient ID is required',
      missing_fields: ['patientId'],
    });
  });

  it('refuses what is no id', async () => {
    expectInvalid(await progress('a%20b'), 'user');
  });
});
