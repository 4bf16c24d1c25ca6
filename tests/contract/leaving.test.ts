/** Sections 2.5 and 2.6 of the contract: leaving a clinic with its PIN, and the PINs. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ANY_INT, type Answer, DAY, expectError, expectInvalid, expectMissing, ISO, newId } from './http.ts';
import { CLINIC_IDS, type Pins, QueueClient, type Route } from './queue-client.ts';
import { isOwnServer, openFreshTarget, type Target, TURN_TIMEOUT } from './target.ts';

// Wrong PINs count per address and clinic, also those of other files on the same server, and fifteen a minute lock out
// all who wait there: so whoever types wrong ones here was called, except where that limit is what is tested.

let target: Target;
let client: QueueClient;
beforeAll(async () => {
  target = await openFreshTarget();
  client = await QueueClient.open(target);
}, TURN_TIMEOUT);
afterAll(() => target?.close());

const DONE = '/api/v1/queue/done';
const EXIT = '/api/v1/clinic/exit';
const PINS = '/api/v1/pin/status';
const GENERATE = '/api/v1/pin/generate';

const isTwoDigits = expect.stringMatching(/^[1-9][0-9]$/);

/** A patient who waits in the clinic. */
async function waiting(clinic: string): Promise<string> {
  const user = newId('leaves');
  await client.enter(clinic, user);
  return user;
}

/** A patient who was called into the clinic. */
async function called(clinic: string): Promise<string> {
  const user = await waiting(clinic);
  await client.callUntil(clinic, user);
  return user;
}

function expectLocked(answer: Answer, clinic: string, limit: number, longest: number): void {
  const retryAfter = Number(answer.body.retry_after);
  expectError(answer, 'PIN_LOCKED', { clinic, retry_after: ANY_INT });
  expect(retryAfter).toBeGreaterThan(0);
  expect(retryAfter).toBeLessThanOrEqual(longest);
  expect(answer.headers.get('retry-after')).toBe(String(retryAfter));
  expect(answer.headers.get('x-ratelimit-limit')).toBe(String(limit));
  expect(answer.headers.get('x-ratelimit-remaining')).toBe('0');
  const reset = Number(answer.headers.get('x-ratelimit-reset'));
  const stamp = Date.parse(String(answer.body.timestamp)) / 1000;
  expect(Math.abs(reset - stamp - retryAfter)).toBeLessThan(5);
}

/** Wrong PINs of people who wait, a new one for each, until the address is locked. Gives how many it took. */
async function lockAddress(clinic: string, wrong: string): Promise<number> {
  for (let tries = 0; tries <= 15; tries += 1) {
    const { status } = await client.done(clinic, await waiting(clinic), wrong);
    if (status === 429) return tries;
    expect(status).toBe(403);
  }
  throw new Error('sixteen wrong PINs from one address were looked at');
}

async function expectWrong(clinic: string, user: string, pin: string, times = 1): Promise<void> {
  for (let count = 0; count < times; count += 1) {
    const answer = await client.done(clinic, user, pin);
    expectError(answer, 'WRONG_PIN', { clinic });
    expect(answer.headers.get('x-ratelimit-limit')).toBe('5');
    expect(Number(answer.headers.get('x-ratelimit-remaining'))).toBeLessThanOrEqual(4);
    expect(Number(answer.headers.get('x-ratelimit-reset'))).toBeGreaterThan(Date.now() / 1000 - 60);
  }
}

describe('POST /api/v1/queue/done', () => {
  it('lets the patient out with the clinic’s PIN, also one who was never called', async () => {
    const user = await waiting('lab');
    const before = await client.line('lab');
    const entered = await client.enter('lab', user);
    const { status, body } = await client.done('clinic1', user, await client.pin('lab'));
    expect(status).toBe(200);
    expect(body).toStrictEqual({
      success: true,
      clinic: 'lab',
      user,
      number: entered.number,
      status: 'DONE',
      entry_time: entered.entry_time,
      exit_time: ISO,
      duration_minutes: 0,
      remaining_in_queue: before.total_waiting - 1,
      next_clinic: null,
      route_completed: false,
      message: 'Patient service completed',
    });
    const after = await client.line('lab');
    expect(after.completed).toBe(before.completed + 1);
    expect(after.done.at(-1)).toMatchObject({ ticket: entered.number, visitId: user });
  });

  it('lets a called patient out as well', async () => {
    const user = await waiting('lab');
    await client.callUntil('lab', user);
    expect((await client.done('lab', user, await client.pin('lab'))).status).toBe(200);
  });

  it('answers the same again when it is repeated, and does nothing twice', async () => {
    const user = await waiting('xray');
    await client.enter('xray', newId('stays'));
    const pin = await client.pin('xray');
    const first = await client.done('xray', user, pin);
    const line = await client.line('xray');
    for (let repeat = 0; repeat < 3; repeat += 1) {
      const again = await client.done('xray', user, pin);
      expect(again.status).toBe(200);
      expect(again.body).toStrictEqual(first.body);
    }
    expect(await client.line('xray')).toEqual(line);
    const racing = await waiting('xray');
    const answers = await Promise.all(Array.from({ length: 5 }, () => client.done('xray', racing, pin)));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
  });

  it.each([
    ['blanks around it', (pin: string) => `  ${pin}\t`],
    [
      'Arabic-Indic digits',
      (pin: string) => pin.replace(/\d/g, (d) => String.fromCharCode(0x660 + Number(d))),
    ],
    [
      'Extended Arabic-Indic digits',
      (pin: string) => pin.replace(/\d/g, (d) => String.fromCharCode(0x6f0 + Number(d))),
    ],
    ['a JSON number', (pin: string) => Number(pin)],
  ])('takes the PIN with or as %s', async (_name, typed) => {
    const user = await waiting('vitals');
    const pin = typed(await client.pin('vitals'));
    const { status, text } = await client.post(DONE, { clinic: 'vitals', user, pin });
    expect(status, text).toBe(200);
  });

  it('takes the PIN as ticket, and pin before ticket', async () => {
    const pin = await client.pin('vitals');
    const one = await waiting('vitals');
    expect((await client.post(DONE, { clinic: 'vitals', user: one, ticket: pin })).status).toBe(200);
    const other = await waiting('vitals');
    const both = { clinicId: 'bio', visitId: other, pin, ticket: 'not looked at' };
    expect((await client.post(DONE, both)).body).toMatchObject({ clinic: 'vitals', user: other });
    const blank = await waiting('vitals');
    expect((await client.post(DONE, { clinic: 'vitals', user: blank, pin: ' ', ticket: pin })).status).toBe(
      200,
    );
  });

  it('says which fields are missing, and has its own words when it is only the PIN', async () => {
    const user = await waiting('ecg');
    expectMissing(await client.post(DONE, {}), 'clinic', 'user', 'pin');
    expectMissing(await client.post(DONE, { pin: '11' }), 'clinic', 'user');
    expectMissing(await client.post(DONE, { clinic: 'ecg' }), 'user', 'pin');
    expectMissing(await client.post(DONE, { user, pin: '11' }), 'clinic');
    for (const pin of [undefined, null, '', '   ']) {
      expectError(await client.post(DONE, { clinic: 'ecg', user, pin }), 'PIN_REQUIRED', {
        missing_fields: ['pin'],
      });
    }
    expectError(await client.post(DONE, { clinic: 'nowhere', user: newId('x') }), 'PIN_REQUIRED', {
      missing_fields: ['pin'],
    });
  });

  it('checks fields, then the clinic, then the entry, and only then the PIN', async () => {
    const right = await client.pin('ecg');
    expectInvalid(await client.done('nowhere', 'a b', right), 'user');
    expectError(await client.done('nowhere', newId('x'), right), 'UNKNOWN_CLINIC');
    for (const pin of [right, await client.wrongPin()]) {
      expectError(await client.done('ecg', newId('absent'), pin), 'NOT_IN_QUEUE', { clinic: 'ecg' });
    }
  });

  it('refuses what is not this clinic’s PIN, in the same words whatever it is, and keeps the patient in line', async () => {
    const { pins } = await client.pins();
    const right = String(pins.audio?.pin);
    const user = await called('audio');
    const line = await client.line('audio');
    const others = [String(pins.lab?.pin), await client.wrongPin(), '5', 'abc'];
    for (const pin of others) await expectWrong('audio', user, pin);
    expect(await client.line('audio')).toEqual(line);

    const second = await called('audio');
    for (const pin of [`${right}0`, `0${right}`, right.split('').join(' '), `${right}.0`, `+${right}`]) {
      await expectWrong('audio', second, pin);
    }
    expect((await client.done('audio', user, right)).status).toBe(200);
  });

  it('locks the patient after five wrong ones for the rest of a minute, even with the right one', async () => {
    const [right, wrong] = [await client.pin('eyes'), await client.wrongPin()];
    const [user, other] = [await called('eyes'), await called('eyes')];
    await expectWrong('eyes', user, wrong, 5);
    for (const pin of [wrong, right, 'abc'])
      expectLocked(await client.done('eyes', user, pin), 'eyes', 5, 60);
    expectLocked(await client.post(EXIT, await withRoute(user, 'eyes', right)), 'eyes', 5, 60);
    expect((await client.line('eyes')).in.map(({ visitId }) => visitId)).toContain(user);
    // The lock is this patient's in this clinic: nobody else's, and not elsewhere.
    expect((await client.done('eyes', other, right)).status).toBe(200);
    await client.enter('internal', user);
    expect((await client.done('internal', user, await client.pin('internal'))).status).toBe(200);
  });

  it('forgets the wrong ones once a right one came', async () => {
    const [right, wrong] = [await client.pin('ent'), await client.wrongPin()];
    const user = await called('ent');
    await expectWrong('ent', user, wrong, 4);
    expect((await client.done('ent', user, right)).status).toBe(200);
    await expectWrong('ent', user, wrong, 4);
    expect((await client.done('ent', user, right)).status).toBe(200);
  });

  it('locks the patient for the day after fifteen wrong ones in all', async () => {
    const [right, wrong] = [await client.pin('surgery'), await client.wrongPin()];
    const user = await called('surgery');
    for (const times of [4, 4, 4]) {
      await expectWrong('surgery', user, wrong, times);
      expect((await client.done('surgery', user, right)).status).toBe(200);
    }
    await expectWrong('surgery', user, wrong, 3);
    expectLocked(await client.done('surgery', user, right), 'surgery', 15, 25 * 3600);
  });

  it('after fifteen wrong ones from one address refuses who waits there, and nobody who was called', async () => {
    const [right, wrong] = [await client.pin('dental'), await client.wrongPin()];
    await client.drain('dental');
    const inside = await called('dental');
    const tries = await lockAddress('dental', wrong);
    if (isOwnServer) expect(tries).toBe(15);
    const bystander = await waiting('dental');
    expectLocked(await client.done('dental', bystander, right), 'dental', 15, 60);
    expect((await client.done('dental', inside, right)).status).toBe(200);
    // Being called frees the bystander too, and the right PIN of one does not free the address for others.
    await client.drain('dental');
    expect((await client.done('dental', bystander, right)).status).toBe(200);
    expectLocked(await client.done('dental', await waiting('dental'), right), 'dental', 15, 60);
  });
});

/** A route with this clinic for the patient, and what clinic/exit takes. */
async function withRoute(user: string, clinic: string, pin: string) {
  await client.route(user, [clinic, 'bones']);
  return { clinic, user, pin };
}

describe('leaving with a route', () => {
  it('completes the station, unlocks the next, and says which one that is', async () => {
    const user = newId('walks');
    const stations = ['psychiatry', 'derma', 'bones'] as const;
    const created = await client.route(user, stations);
    const { pins } = await client.pins();
    for (const [index, clinic] of stations.entries()) {
      const { entry_time } = await client.enter(clinic, user);
      const entered = await routeOf(user);
      expect(entered.stations[index]).toMatchObject({
        entryTime: entry_time,
        exitTime: null,
        status: 'ready',
      });

      const { body } = await client.done(clinic, user, pins[clinic]?.pin);
      const next = stations[index + 1] ?? null;
      expect(body).toMatchObject({ next_clinic: next, route_completed: next === null });
      const route = await routeOf(user);
      expect(route).toMatchObject({
        routeId: created.routeId,
        current: next,
        completed: stations.slice(0, index + 1),
        currentStep: index + 1,
        status: next === null ? 'completed' : 'active',
      });
      expect(route.stations.map(({ status }) => status)).toEqual(
        stations.map((_, at) => (at <= index ? 'completed' : at === index + 1 ? 'ready' : 'locked')),
      );
      expect(route.stations[index]).toMatchObject({ entryTime: entry_time, exitTime: body.exit_time });
    }
  });

  it('may happen out of order: the first unfinished station is the next', async () => {
    const user = newId('jumps');
    await client.route(user, ['psychiatry', 'derma', 'bones']);
    await client.enter('derma', user);
    const { body } = await client.done('derma', user, await client.pin('derma'));
    expect(body).toMatchObject({ next_clinic: 'psychiatry', route_completed: false });
    const route = await routeOf(user);
    expect(route.stations.map(({ status }) => status)).toEqual(['ready', 'completed', 'locked']);
    expect(route).toMatchObject({ completed: ['derma'], current: 'psychiatry', currentStep: 0 });
  });

  it('of a clinic that is not in it leaves the route alone', async () => {
    const user = newId('aside');
    await client.route(user, ['derma']);
    const before = await routeOf(user);
    await client.enter('psychiatry', user);
    const { body } = await client.done('psychiatry', user, await client.pin('psychiatry'));
    expect(body).toMatchObject({ next_clinic: 'derma', route_completed: false });
    expect(await routeOf(user)).toEqual(before);
  });

  async function routeOf(user: string): Promise<Route> {
    const { status, body } = await client.get(`/api/v1/route/get?patientId=${user}`);
    expect(status).toBe(200);
    return body.route as Route;
  }
});

describe('POST /api/v1/clinic/exit', () => {
  it('does what queue/done does, and answers the route', async () => {
    const user = newId('exits');
    const created = await client.route(user, ['derma', 'psychiatry']);
    const { entry_time } = await client.enter('derma', user);
    const pin = await client.pin('derma');
    const { status, body } = await client.post(EXIT, {
      stationId: 'DER',
      personalId: user,
      ticket: ` ${pin} `,
    });
    expect(status).toBe(200);
    expect(body).toStrictEqual({
      success: true,
      message: 'Clinic exit successful',
      route: {
        ...created,
        current: 'psychiatry',
        completed: ['derma'],
        currentStep: 1,
        stations: [
          { ...created.stations[0], status: 'completed', entryTime: entry_time, exitTime: ISO },
          { ...created.stations[1], status: 'ready' },
        ],
      },
    });
    const again = await client.post(EXIT, { clinic: 'derma', user, pin });
    expect(again.body).toStrictEqual(body);
    expect((await client.line('derma')).done.at(-1)).toMatchObject({ visitId: user });
  });

  it('needs a route of today that contains the clinic, before it looks at the PIN', async () => {
    const [user, wrong] = [await waiting('derma'), await client.wrongPin()];
    // More often than wrong PINs would be allowed: none of these is a try.
    for (let count = 0; count < 6; count += 1) {
      expectError(await client.post(EXIT, { clinic: 'derma', user, pin: wrong }), 'ROUTE_NOT_FOUND');
    }
    await client.route(user, ['bones']);
    for (let count = 0; count < 6; count += 1) {
      expectError(await client.post(EXIT, { clinic: 'derma', user, pin: wrong }), 'CLINIC_NOT_IN_ROUTE', {
        clinic: 'derma',
      });
    }
    expect((await client.done('derma', user, await client.pin('derma'))).status).toBe(200);
  });

  it('fails as queue/done does, in the same order', async () => {
    const user = newId('fails');
    const right = await client.pin('derma');
    expectMissing(await client.post(EXIT, {}), 'clinic', 'user', 'pin');
    expectError(await client.post(EXIT, { clinic: 'derma', user }), 'PIN_REQUIRED', {
      missing_fields: ['pin'],
    });
    expectInvalid(await client.post(EXIT, { clinic: 'derma', user: 'ü', pin: right }), 'user');
    expectError(await client.post(EXIT, { clinic: 'nowhere', user, pin: right }), 'UNKNOWN_CLINIC');
    expectError(await client.post(EXIT, { clinic: 'derma', user, pin: right }), 'NOT_IN_QUEUE', {
      clinic: 'derma',
    });
    await client.enter('derma', user);
    await client.callUntil('derma', user);
    await client.route(user, ['derma']);
    const wrong = await client.wrongPin();
    expectError(await client.post(EXIT, { clinic: 'derma', user, pin: wrong }), 'WRONG_PIN', {
      clinic: 'derma',
    });
    expect((await client.post(EXIT, { clinic: 'derma', user, pin: right })).status).toBe(200);
  });

  it('counts its wrong PINs together with those of queue/done', async () => {
    const [user, wrong] = [await called('bones'), await client.wrongPin()];
    await client.route(user, ['bones']);
    await expectWrong('bones', user, wrong, 3);
    for (let count = 0; count < 2; count += 1) {
      expectError(await client.post(EXIT, { clinic: 'bones', user, pin: wrong }), 'WRONG_PIN', {
        clinic: 'bones',
      });
    }
    expectLocked(await client.post(EXIT, { clinic: 'bones', user, pin: wrong }), 'bones', 5, 60);
    expectLocked(await client.done('bones', user, await client.pin('bones')), 'bones', 5, 60);
  });
});

describe('GET /api/v1/pin/status', () => {
  const pinsBody = (pin: unknown, rest: object) => ({
    success: true,
    date: DAY,
    dateKey: DAY,
    reset_time: expect.stringMatching(/^\d{2}:\d{2}$/),
    timezone: isOwnServer ? 'Asia/Qatar' : expect.any(String),
    generated_at: ISO,
    pins: Object.fromEntries(
      CLINIC_IDS.map((clinic) => [clinic, { pin, clinic, active: true, generatedAt: ISO }]),
    ),
    totalIssued: ANY_INT,
    ...rest,
  });

  it('shows an admin one PIN of two digits per clinic, all different', async () => {
    const { status, body } = await client.get(PINS, { token: client.token });
    expect(status).toBe(200);
    const { pins, allPins } = body as unknown as Pins;
    const values = CLINIC_IDS.map((clinic) => pins[clinic]?.pin);
    expect(body).toStrictEqual(pinsBody(isTwoDigits, { currentPin: pins.lab?.pin, allPins: values }));
    expect(Object.keys(pins)).toEqual(CLINIC_IDS);
    expect(new Set(allPins).size).toBe(CLINIC_IDS.length);
    expect(body.date).toBe(body.dateKey);
    const newest = Object.values(pins)
      .map(({ generatedAt }) => generatedAt)
      .sort()
      .at(-1);
    expect(body.generated_at).toBe(newest);
  });

  it('shows everybody else the same without a single value, whatever they claim', async () => {
    const { allPins } = await client.pins();
    for (const options of [{}, { token: 'bad' }, { headers: { Cookie: 'admin_token=bad' } }]) {
      const { status, body, text } = await client.get(PINS, options);
      expect(status).toBe(200);
      expect(body).toStrictEqual(pinsBody('**', { currentPin: null, allPins: [] }));
      for (const pin of allPins) expect(text).not.toContain(`"${pin}"`);
    }
  });

  it('selects currentPin by the clinic asked for, under any of its names', async () => {
    const { pins } = await client.pins();
    for (const [query, clinic] of [
      ['?clinic=xr', 'xray'],
      ['?clinicId=ORTHO', 'bones'],
      ['?clinic=', 'lab'],
    ] as const) {
      const { body } = await client.get(PINS + query, { token: client.token });
      expect(body.currentPin).toBe(pins[clinic]?.pin);
    }
    expectError(await client.get(`${PINS}?clinic=nowhere`), 'UNKNOWN_CLINIC');
  });

  it('makes nothing new when it is asked again, also by many at once', async () => {
    const before = await client.pins();
    const answers = await Promise.all(Array.from({ length: 8 }, () => client.pins()));
    for (const answer of answers) expect(answer).toEqual(before);
  });
});

describe('POST /api/v1/pin/generate', () => {
  const generate = (json: unknown) => client.post(GENERATE, json, { token: client.token });

  it('replaces the PIN of one clinic: the old one is wrong at once, the others stay', async () => {
    const before = await client.pins();
    const old = String(before.pins.internal?.pin);
    const user = await called('internal');
    const { status, body } = await generate({ clinic: 'INT', force: true });
    expect(status).toBe(200);
    const after = await client.get(`${PINS}?clinic=internal`, { token: client.token });
    const { pins } = after.body as unknown as Pins;
    const { pin, generatedAt } = pins.internal ?? {};
    expect(body).toStrictEqual({
      ...after.body,
      message: 'PINs generated successfully',
      clinic: 'internal',
      pin,
      generatedAt,
    });
    expect(pin).not.toBe(old);
    expect(before.allPins).not.toContain(pin);
    expect({ ...pins, internal: before.pins.internal }).toEqual(before.pins);
    expect(after.body.totalIssued).toBe(before.totalIssued + 1);
    expect(after.body.generated_at).toBe(generatedAt);
    await expectWrong('internal', user, old);
    expect((await client.done('internal', user, String(pin))).status).toBe(200);
  });

  it('replaces all PINs by different ones, none of them in force before', async () => {
    const before = await client.pins();
    const { status, body } = await generate({});
    expect(status).toBe(200);
    const after = await client.get(PINS, { token: client.token });
    expect(body).toStrictEqual({ ...after.body, message: 'PINs generated successfully' });
    const { allPins, totalIssued } = after.body as unknown as Pins;
    expect(new Set([...allPins, ...before.allPins]).size).toBe(2 * CLINIC_IDS.length);
    expect(totalIssued).toBe(before.totalIssued + CLINIC_IDS.length);
    for (const pin of allPins) expect(pin).toEqual(isTwoDigits);
  });

  it('of several at once leaves one set, all different', async () => {
    const answers = await Promise.all([
      generate({}),
      generate({ clinic: 'lab' }),
      generate({}),
      generate({ clinic: 'lab' }),
    ]);
    for (const { status } of answers) expect(status).toBe(200);
    const { allPins } = await client.pins();
    expect(new Set(allPins).size).toBe(CLINIC_IDS.length);
  });

  it('is for admins only, and knows its clinics', async () => {
    const before = await client.pins();
    for (const json of [{}, { clinic: 'lab' }, { clinic: 'nowhere' }]) {
      expectError(await client.post(GENERATE, json), 'UNAUTHORIZED');
    }
    expectError(await generate({ clinic: 'nowhere' }), 'UNKNOWN_CLINIC');
    expectInvalid(await generate({ clinic: ['lab'] }), 'clinic');
    expect(await client.pins()).toEqual(before);
  });
});
