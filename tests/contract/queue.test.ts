/** Section 2.5 of the contract: entering a line, seeing it, calling from it. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ANY_INT, DAY, expectError, expectInvalid, expectMissing, ISO, newId } from './http.ts';
import { CLINIC_IDS, CLINICS, QueueClient } from './queue-client.ts';
import { openTarget, type Target, TURN_TIMEOUT } from './target.ts';

let target: Target;
let client: QueueClient;
beforeAll(async () => {
  target = await openTarget();
  client = await QueueClient.open(target);
}, TURN_TIMEOUT);
afterAll(() => target?.close());

const ENTER = '/api/v1/queue/enter';
const STATUS = '/api/v1/queue/status';

describe('POST /api/v1/queue/enter', () => {
  it('gives a new patient the next number and the place behind everybody who waits', async () => {
    const before = await client.line('lab');
    const user = newId('new');
    const { status, body } = await client.post(ENTER, { clinic: 'lab', user, isAutoEntry: false });
    expect(status).toBe(200);
    const place = before.total_waiting + 1;
    expect(body).toStrictEqual({
      success: true,
      clinic: 'lab',
      user,
      number: before.total + 1,
      status: 'WAITING',
      entry_status: 'ENTERED',
      display_number: place,
      position: place,
      ahead: place - 1,
      total_waiting: place,
      entry_time: ISO,
      message: 'Entered queue',
    });
    expect(Math.abs(Date.parse(String(body.entry_time)) - Date.now())).toBeLessThan(600_000);
  });

  it('answers a patient who enters again with the entry there is, and adds nothing', async () => {
    const user = newId('again');
    const first = await client.post(ENTER, { clinic: 'xray', user });
    await client.enter('xray', newId('behind'));
    const before = await client.line('xray');
    for (let repeat = 0; repeat < 3; repeat += 1) {
      const again = await client.post(ENTER, { clinic: 'xray', user });
      expect(again.status).toBe(200);
      expect(again.body).toStrictEqual({
        ...first.body,
        entry_status: 'ALREADY_IN_QUEUE',
        message: 'Already in queue',
        total_waiting: before.total_waiting,
      });
    }
    expect(await client.line('xray')).toEqual(before);
    expect((await client.enter('xray', newId('next'))).number).toBe(before.total + 1);
  });

  it('of ten at once by the same patient gives one number and burns none', async () => {
    const user = newId('impatient');
    const before = await client.line('ecg');
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => client.post(ENTER, { clinic: 'ecg', user })),
    );
    expect(new Set(answers.map(({ body }) => body.number))).toEqual(new Set([before.total + 1]));
    expect(answers.filter(({ body }) => body.entry_status === 'ENTERED')).toHaveLength(1);
    expect((await client.enter('ecg', newId('next'))).number).toBe(before.total + 2);
  });

  it('of twenty at once by different patients gives numbers without a gap', async () => {
    const before = await client.line('audio');
    const users = Array.from({ length: 20 }, () => newId('crowd'));
    const entries = await Promise.all(users.map((user) => client.enter('audio', user)));
    const numbers = entries.map(({ number }) => number).sort((a, b) => a - b);
    expect(numbers).toEqual(users.map((_, index) => before.total + index + 1));
  });

  it('shows a called and a finished patient as such, with the number of the entry', async () => {
    const user = newId('moves');
    const entered = await client.enter('eyes', user);
    await client.callUntil('eyes', user);
    const called = await client.post(ENTER, { clinic: 'eyes', user });
    expect(called.body).toStrictEqual({
      success: true,
      clinic: 'eyes',
      user,
      number: entered.number,
      status: 'CALLED',
      entry_status: 'ALREADY_IN_QUEUE',
      display_number: 0,
      position: 0,
      ahead: 0,
      total_waiting: ANY_INT,
      entry_time: entered.entry_time,
      message: 'Already in queue',
    });
    await client.done('eyes', user, await client.pin('eyes'));
    const done = await client.post(ENTER, { clinic: 'eyes', user });
    expect(done.body).toStrictEqual({ ...called.body, status: 'DONE', display_number: -1, position: -1 });
  });

  it('takes every name of a clinic in any case, and answers its id', async () => {
    for (const [id, { aliases }] of Object.entries(CLINICS)) {
      for (const name of [
        id,
        id.toUpperCase(),
        ...aliases,
        ...aliases.map((alias) => ` ${alias.toUpperCase()} `),
      ]) {
        const answer = await client.post(ENTER, { clinic: name, user: newId('named') });
        expect(answer.status, name).toBe(200);
        expect(answer.body.clinic).toBe(id);
      }
    }
  });

  it.each([
    ['clinic', 'user'],
    ['clinicId', 'patientId'],
    ['clinic_id', 'patient_id'],
    ['stationId', 'visitId'],
    ['clinic', 'personalId'],
  ])('takes the clinic as %s and the patient as %s', async (clinicName, userName) => {
    const user = newId('alias');
    const { body } = await client.post(ENTER, { [clinicName]: 'int', [userName]: user });
    expect(body).toMatchObject({ clinic: 'internal', user });
  });

  it('takes the leftmost name when several are sent, and one that holds nothing for absent', async () => {
    const user = newId('left');
    const sent = { stationId: 'dental', clinic_id: 'ent', clinicId: 'surgery', clinic: 'derma' };
    const people = { personalId: 'e', visitId: 'd', patient_id: 'c', patientId: 'b', user };
    expect((await client.post(ENTER, { ...sent, ...people })).body).toMatchObject({ clinic: 'derma', user });
    expect(
      (await client.post(ENTER, { ...sent, ...people, clinic: ' ', user: null, patientId: user })).body,
    ).toMatchObject({ clinic: 'surgery', user });
  });

  it('takes a JSON number for its text', async () => {
    const user = Date.now();
    const { body } = await client.post(ENTER, { clinic: 'derma', user });
    expect(body).toMatchObject({ user: String(user) });
  });

  it.each(['A', '_-_', 'x'.repeat(64), '1761730000000-abc123xyz', ' trimmed-id '])(
    'takes the id %j',
    async (user) => {
      const { status, body } = await client.post(ENTER, { clinic: 'bones', user });
      expect(status).toBe(200);
      expect(body.user).toBe(user.trim());
    },
  );

  it.each([true, 'yes', 1, null, {}])('changes nothing by isAutoEntry: %j', async (isAutoEntry) => {
    const { status, body } = await client.post(ENTER, { clinic: 'bones', user: newId('auto'), isAutoEntry });
    expect(status).toBe(200);
    expect(body.status).toBe('WAITING');
  });

  it('says what is missing', async () => {
    expectMissing(await client.post(ENTER, {}), 'clinic', 'user');
    expectMissing(await client.post(ENTER, { clinic: 'lab' }), 'user');
    expectMissing(await client.post(ENTER, { user: 'x' }), 'clinic');
    expectMissing(await client.post(ENTER, { clinic: '', user: ' \t ' }), 'clinic', 'user');
    expectMissing(await client.post(ENTER, { clinic: null, user: null }), 'clinic', 'user');
  });

  it.each(['a b', 'a.b', 'é', '٣', 'x'.repeat(65), 'a/b', 'a\n b', "a'--", { a: 1 }, true, ['x'], 1.5])(
    'refuses the id %j',
    async (user) => {
      expectInvalid(await client.post(ENTER, { clinic: 'lab', user }), 'user');
    },
  );

  it.each([
    'nowhere',
    '#',
    '1',
    '13',
    'clinic2',
    'المختبر',
    'lab lab',
    'l'.repeat(100),
    '**',
    'la',
    'labx',
    '%',
  ])('knows no clinic %j', async (clinic) => {
    expectError(await client.post(ENTER, { clinic, user: newId('x') }), 'UNKNOWN_CLINIC');
  });

  it('looks at the patient’s id before it looks for the clinic', async () => {
    expectInvalid(await client.post(ENTER, { clinic: 'nowhere', user: 'a b' }), 'user');
  });
});

describe('GET /api/v1/queue/status', () => {
  it('shows who waits, who is in and who is done, each in its order, to an admin with ids', async () => {
    const [first, second, third, fourth] = [newId('a'), newId('b'), newId('c'), newId('d')] as const;
    await client.drain('surgery');
    const before = await client.line('surgery');
    const numbers: number[] = [];
    for (const user of [first, second, third, fourth])
      numbers.push((await client.enter('surgery', user)).number);
    const [n1, n2, n3, n4] = numbers as [number, number, number, number];
    await client.callUntil('surgery', second);
    const pin = await client.pin('surgery');
    expect((await client.done('surgery', first, pin)).status).toBe(200);

    const { status, body } = await client.get(`${STATUS}?clinic=sur`, { token: client.token });
    expect(status).toBe(200);
    const times = { entered_at: ISO, called_at: ISO };
    expect(body).toStrictEqual({
      success: true,
      clinic: 'surgery',
      list: [
        ...before.list,
        { number: n2, user: second, status: 'CALLED', ...times },
        { number: n3, user: third, status: 'WAITING', entered_at: ISO, called_at: null },
        { number: n4, user: fourth, status: 'WAITING', entered_at: ISO, called_at: null },
      ],
      current: n2,
      current_display: n2,
      current_serving: { number: n2, user: second },
      total_waiting: 2,
      in_service: before.in_service + 1,
      completed: before.completed + 1,
      total: before.total + 4,
      waiting: [
        { ticket: n3, visitId: third, issuedAt: ISO },
        { ticket: n4, visitId: fourth, issuedAt: ISO },
      ],
      in: [...before.in, { ticket: n2, visitId: second, calledAt: ISO }],
      done: [...before.done, { ticket: n1, visitId: first, doneAt: ISO }],
      stats: {
        totalWaiting: 2,
        totalIn: before.in_service + 1,
        totalDone: before.completed + 1,
        totalToday: before.total + 4,
      },
      dateKey: DAY,
    });
  });

  it('shows everybody else the same line without a single id', async () => {
    const user = newId('hidden');
    await client.enter('dental', user);
    await client.enter('dental', newId('hidden'));
    await client.callUntil('dental', user);
    const admin = await client.get(`${STATUS}?clinic=dental`, { token: client.token });
    const ids = /"(user|visitId)":"[^"]*"/g;
    for (const options of [{}, { token: 'bad' }]) {
      const masked = await client.get(`${STATUS}?clinic=dental`, options);
      expect(masked.status).toBe(200);
      expect(masked.text).toBe(admin.text.replaceAll(ids, '"$1":"**"'));
      expect(masked.text).not.toContain('hidden-');
    }
  });

  it('is made of arrays and numbers also for an empty line, under the name that the page’s monitor uses', async () => {
    const { body } = await client.get(`${STATUS}?clinic=clinic1`);
    expect(body.clinic).toBe('lab');
    for (const name of ['list', 'waiting', 'in', 'done']) expect(body[name], name).toBeInstanceOf(Array);
    for (const name of ['total_waiting', 'in_service', 'completed', 'total', 'current_display']) {
      expect(body[name], name).toEqual(ANY_INT);
    }
  });

  it.each(CLINIC_IDS)('reaches the same line by every name: %s', async (id) => {
    for (const name of [id, ...CLINICS[id].aliases]) {
      for (const parameter of ['clinic', 'clinicId', 'clinic_id', 'stationId']) {
        const { status, body } = await client.get(`${STATUS}?${parameter}=${name.toUpperCase()}`);
        expect(status).toBe(200);
        expect(body.clinic).toBe(id);
      }
    }
  });

  it('answers the first value when a parameter is repeated', async () => {
    expect((await client.get(`${STATUS}?clinic=ent&clinic=lab`)).body.clinic).toBe('ent');
  });

  it('needs a clinic that there is', async () => {
    for (const query of ['', '?clinic=', '?clinic=%20', '?Clinic=lab', '?other=lab']) {
      expectError(await client.get(STATUS + query), 'MISSING_FIELDS', {
        error: 'Missing clinic parameter',
        missing_fields: ['clinic'],
      });
    }
    for (const clinic of [
      'nowhere',
      '1',
      '%00',
      '%zz',
      '%D8%A7',
      'lab%00',
      "lab'--",
      '__proto__',
      'constructor',
    ]) {
      expectError(await client.get(`${STATUS}?clinic=${clinic}`), 'UNKNOWN_CLINIC');
    }
  });
});

describe('POST /api/v1/queue/call', () => {
  beforeEach(() => client.drain('psychiatry'));

  it('calls whoever waits longest, and says so in full', async () => {
    const users = [newId('one'), newId('two')] as const;
    const entered = await client.enter('psychiatry', users[0]);
    await client.enter('psychiatry', users[1]);
    const { status, body } = await client.call('psy');
    expect(status).toBe(200);
    const called = { number: entered.number, user: users[0], status: 'CALLED' };
    expect(body).toStrictEqual({
      success: true,
      clinic: 'psychiatry',
      number: entered.number,
      user: users[0],
      waiting: 1,
      called,
      next_patient: { ...called, entered_at: entered.entry_time, called_at: ISO },
    });
  });

  it('calls in the order of the numbers, and leaves those called before as they are', async () => {
    const users = Array.from({ length: 4 }, () => newId('order'));
    for (const user of users) await client.enter('psychiatry', user);
    const before = await client.line('psychiatry');
    const called: unknown[] = [];
    for (const _ of users) called.push((await client.call('psychiatry')).body.user);
    expect(called).toEqual(users);
    const after = await client.line('psychiatry');
    expect(after.in_service).toBe(before.in_service + users.length);
    expect(after.total_waiting).toBe(0);
  });

  it('never gives one patient to two callers', async () => {
    const users = Array.from({ length: 8 }, () => newId('race'));
    for (const user of users) await client.enter('psychiatry', user);
    const answers = await Promise.all(Array.from({ length: 10 }, () => client.call('psychiatry')));
    const called = answers.filter(({ status }) => status === 200).map(({ body }) => body.user);
    expect(called.sort()).toEqual([...users].sort());
    for (const refused of answers.filter(({ status }) => status !== 200)) {
      expect(refused.body.code).toBe('NO_PATIENTS_WAITING');
    }
  });

  it('says when nobody waits', async () => {
    expectError(await client.call('psychiatry'), 'NO_PATIENTS_WAITING', { clinic: 'psychiatry' });
  });

  it('is for admins only, and looks at who is calling first', async () => {
    const user = newId('waits');
    await client.enter('psychiatry', user);
    const before = await client.line('psychiatry');
    for (const json of [{ clinic: 'psychiatry' }, {}, { clinic: 'nowhere' }]) {
      expectError(await client.post('/api/v1/queue/call', json), 'UNAUTHORIZED');
      expectError(await client.post('/api/v1/queue/call', json, { token: 'bad' }), 'UNAUTHORIZED');
    }
    expect(await client.line('psychiatry')).toEqual(before);
  });

  it('needs a clinic that there is', async () => {
    const call = (json: unknown) => client.post('/api/v1/queue/call', json, { token: client.token });
    expectMissing(await call({}), 'clinic');
    expectMissing(await call({ clinic: '  ' }), 'clinic');
    expectError(await call({ clinic: 'nowhere' }), 'UNKNOWN_CLINIC');
  });

  it('takes the clinic under each of its names', async () => {
    for (const name of ['clinic', 'clinicId', 'clinic_id', 'stationId']) {
      const user = newId('named');
      await client.enter('psychiatry', user);
      const { body } = await client.post('/api/v1/queue/call', { [name]: 'PSY' }, { token: client.token });
      expect(body).toMatchObject({ clinic: 'psychiatry', user });
    }
  });
});
