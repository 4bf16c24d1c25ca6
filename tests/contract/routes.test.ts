/** Sections 2.7 and 4 of the contract: a patient's route, and the suggestion that is none. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, expectError, expectInvalid, expectMissing, ISO, newId, SECRET_ID } from './http.ts';
import { CLINICS, type Clinic, QueueClient, type Route } from './queue-client.ts';
import { openTarget, type Target, TURN_TIMEOUT } from './target.ts';

let target: Target;
let client: QueueClient;
beforeAll(async () => {
  target = await openTarget();
  client = await QueueClient.open(target);
}, TURN_TIMEOUT);
afterAll(() => target?.close());

const CREATE = '/api/v1/route/create';
const GET = '/api/v1/route/get';
const CHOOSE = '/api/v1/path/choose';

const create = (json: unknown): Promise<Answer> => client.post(CREATE, json);

const GENERAL = 'lab xray vitals eyes internal surgery ent psychiatry dental derma';

/** Table 4.1. */
const EXAMS = [
  ['recruitment', 'تجنيد', GENERAL],
  ['promotion', 'ترفيع', GENERAL],
  ['transfer', 'نقل', GENERAL],
  ['referral', 'تحويل', GENERAL],
  ['contract', 'تجديد التعاقد', GENERAL],
  ['courses', 'دورات', 'lab eyes surgery internal'],
  ['aviation', 'طيران سنوي', 'lab eyes internal ent ecg audio'],
  ['cooks', 'طباخين', 'lab internal ent surgery'],
] as const;

const FLOOR_ORDER = ['M', 'G', '2', '3'];
const floorText = (code: string) => (code === 'M' ? 'الميزانين' : `الطابق ${code}`);

/** A station that nobody said more about than its clinic. */
function station(clinic: Clinic, rest: object) {
  const { arabic, floorCode, code } = CLINICS[clinic];
  return {
    id: code === '-' ? clinic : code.toLowerCase(),
    clinic,
    name: arabic,
    nameAr: arabic,
    floor: floorText(floorCode),
    floorCode,
    code,
    weight: 0,
    status: 'locked',
    entryTime: null,
    exitTime: null,
    ...rest,
  };
}

/** The exam's stations in the order of a route made now: by who waits, then by floor, then as in the table. */
async function orderedNow(base: readonly Clinic[]): Promise<{ clinic: Clinic; weight: number }[]> {
  const lines = await Promise.all(base.map((clinic) => client.line(clinic)));
  return base
    .map((clinic, index) => ({ clinic, index, weight: lines[index]?.total_waiting ?? 0 }))
    .sort((a, b) => {
      const floor = (clinic: Clinic) => FLOOR_ORDER.indexOf(CLINICS[clinic].floorCode);
      return a.weight - b.weight || floor(a.clinic) - floor(b.clinic) || a.index - b.index;
    })
    .map(({ clinic, weight }) => ({ clinic, weight }));
}

describe('POST /api/v1/route/create without stations', () => {
  beforeAll(async () => {
    for (const [clinic, patients] of [
      ['lab', 3],
      ['eyes', 1],
      ['internal', 2],
    ] as const) {
      for (let count = 0; count < patients; count += 1) await client.enter(clinic, newId('crowd'));
    }
  });

  it.each(EXAMS)(
    'orders the stations of %s by who waits, under either name of the exam',
    async (key, arabic, text) => {
      const base = text.split(' ') as Clinic[];
      for (const examType of [key, arabic]) {
        const patientId = newId('exam');
        const expected = await orderedNow(base);
        const { status, body } = await create({ patientId, examType, gender: 'F' });
        expect(status).toBe(200);
        const clinics = expected.map(({ clinic }) => clinic);
        expect(body).toStrictEqual({
          success: true,
          route: {
            routeId: SECRET_ID,
            patientId,
            examType: key,
            gender: 'female',
            stations: expected.map(({ clinic, weight }, index) =>
              station(clinic, { weight, status: index === 0 ? 'ready' : 'locked' }),
            ),
            clinics,
            current: clinics[0],
            completed: [],
            currentStep: 0,
            status: 'active',
            dynamic: true,
            weights: Object.fromEntries(expected.map(({ clinic, weight }) => [clinic, weight])),
            createdAt: ISO,
          },
          routeId: (body.route as Route).routeId,
          clinics,
          sticky: false,
          message: 'Dynamic route created successfully',
        });
      }
    },
  );

  it('takes an empty list for none, the exam under each of its names, and male for an absent gender', async () => {
    for (const [name, empty] of [
      ['examType', { stations: [] }],
      ['exam', { clinics: [] }],
      ['queueType', { stations: [], clinics: null }],
    ] as const) {
      const { body } = await create({ patientId: newId('named'), [name]: 'courses', ...empty });
      expect(body.route).toMatchObject({ examType: 'courses', gender: 'male', dynamic: true });
      expect(body.clinics).toHaveLength(4);
    }
  });

  it.each([
    'nothing we know',
    'Courses',
    'constructor',
    '__proto__',
    'دورة',
    'x'.repeat(65),
    { a: 1 },
    ['courses'],
    true,
  ])('refuses the exam %j', async (examType) => {
    expectInvalid(await create({ patientId: newId('exam'), examType }), 'examType');
  });

  it('needs a patient and, without stations, an exam', async () => {
    expectMissing(await create({}), 'patientId', 'examType');
    expectMissing(await create({ examType: 'courses' }), 'patientId');
    for (const json of [{}, { examType: ' ' }, { stations: [], clinics: [] }, { stations: null }]) {
      expectMissing(await create({ patientId: newId('none'), ...json }), 'examType');
    }
  });

  it.each(['a b', 'é', 'x'.repeat(65), {}, true, ['x']])('refuses the patient %j', async (patientId) => {
    expectInvalid(await create({ patientId, examType: 'courses' }), 'user');
  });

  it.each(['x', 'ذكر', 1, {}, true, ['male']])('refuses the gender %j', async (gender) => {
    expectInvalid(await create({ patientId: newId('gender'), examType: 'courses', gender }), 'gender');
  });
});

describe('POST /api/v1/route/create with stations', () => {
  it('keeps their order and what was said of them, fills what was not, and drops what is no part of one', async () => {
    const patientId = newId('sent');
    const { status, body } = await create({
      patientId,
      examType: 'any text at all',
      stations: [
        {
          id: 'bio',
          name: 'Vitals',
          nameAr: 'قياسات',
          floor: 'ground',
          floorCode: 'G',
          code: 'B',
          weight: 7,
          note: 'fasting',
          roomNumber: 'A-12',
          secret: 'dropped',
          status: 'completed',
          clinic: 'lab',
          entryTime: '2020-01-01T00:00:00.000Z',
        },
        { id: 'XR', weight: [] },
        { id: 'ortho', roomNumber: 12, note: null, name: 'س'.repeat(200) },
      ],
    });
    expect(status).toBe(200);
    expect(body).toStrictEqual({
      success: true,
      route: {
        routeId: SECRET_ID,
        patientId,
        examType: 'any text at all',
        gender: 'male',
        stations: [
          {
            id: 'bio',
            clinic: 'vitals',
            name: 'Vitals',
            nameAr: 'قياسات',
            floor: 'ground',
            floorCode: 'G',
            code: 'B',
            weight: 7,
            note: 'fasting',
            roomNumber: 'A-12',
            status: 'ready',
            entryTime: null,
            exitTime: null,
          },
          station('xray', { id: 'XR' }),
          station('bones', { id: 'ortho', roomNumber: '12', name: 'س'.repeat(200) }),
        ],
        clinics: ['vitals', 'xray', 'bones'],
        current: 'vitals',
        completed: [],
        currentStep: 0,
        status: 'active',
        dynamic: false,
        weights: { vitals: 7, xray: 0, bones: 0 },
        createdAt: ISO,
      },
      routeId: (body.route as Route).routeId,
      clinics: ['vitals', 'xray', 'bones'],
      sticky: false,
      message: 'Dynamic route created successfully',
    });
  });

  it('takes texts as stations and as clinics, without an exam', async () => {
    for (const name of ['stations', 'clinics']) {
      const patientId = newId('texts');
      const { body } = await create({ patientId, [name]: ['psy', 'Dental', 'clinic1'] });
      expect(body.route).toMatchObject({
        examType: null,
        dynamic: false,
        stations: [
          station('psychiatry', { id: 'psy', status: 'ready' }),
          station('dental', { id: 'Dental' }),
          station('lab', { id: 'clinic1' }),
        ],
      });
    }
    const both = await create({ patientId: newId('both'), stations: ['eyes'], clinics: ['ent'] });
    expect(both.body.clinics).toEqual(['eyes']);
    const mixed = await create({ patientId: newId('mixed'), stations: ['eyes', { id: 'ent' }] });
    expect(mixed.body.clinics).toEqual(['eyes', 'ent']);
  });

  it.each([
    ['a text', '7', 0],
    ['a list', [], 0],
    ['an object', { valueOf: 3 }, 0],
    ['true', true, 0],
    ['null', null, 0],
    ['absent', undefined, 0],
    ['3', 3, 3],
    ['below nothing', -4, 0],
    ['more than Postgres can count', 3_000_000_000, 2_147_483_647],
    ['a number beyond all bounds', 1e300, 2_147_483_647],
  ])('answers an int for a weight that is %s', async (_name, weight, expected) => {
    const { status, body } = await create({ patientId: newId('weight'), stations: [{ id: 'lab', weight }] });
    expect(status).toBe(200);
    const { stations, weights } = body.route as Route & { weights: unknown };
    expect(stations[0]?.weight).toBe(expected);
    expect(weights).toEqual({ lab: expected });
  });

  it('takes as many as there are clinics, and no more than twenty', async () => {
    const all = await create({ patientId: newId('all'), stations: Object.keys(CLINICS) });
    expect(all.body.clinics).toEqual(Object.keys(CLINICS));
    for (const name of ['stations', 'clinics']) {
      const tooMany = await create({
        patientId: newId('many'),
        [name]: Array.from({ length: 21 }, () => 'lab'),
      });
      expectInvalid(tooMany, name);
    }
  });

  it('refuses a clinic twice, under whichever names', async () => {
    for (const stations of [
      ['lab', 'lab'],
      ['lab', 'xray', 'clinic1'],
      [{ id: 'BIO' }, { id: 'vitals' }],
    ]) {
      expectInvalid(await create({ patientId: newId('twice'), stations }), 'stations');
    }
  });

  it.each(['nowhere', '#', '1', 1, 'المختبر', '', 'lab lab', '__proto__'])(
    'knows no clinic %j',
    async (id) => {
      for (const stations of [
        ['lab', { id }],
        [id, 'lab'],
      ]) {
        expectError(await create({ patientId: newId('unknown'), stations }), 'UNKNOWN_CLINIC');
      }
    },
  );

  it.each([
    ['a text', 'lab'],
    ['an object', { 0: 'lab' }],
    ['a number', 7],
    ['true', true],
    ['a list with null', [null]],
    ['a list of lists', [['lab']]],
    ['a list with true', [true]],
    ['a station without id', [{ name: 'lab' }]],
    ['a station whose id is no text', [{ id: {} }]],
    ['a name that is no text', [{ id: 'lab', name: {} }]],
    ['a name that is too long', [{ id: 'lab', name: 'x'.repeat(201) }]],
    ['a note with NUL', [{ id: 'lab', note: 'a\0b' }]],
    ['a room with half a character', [{ id: 'lab', roomNumber: '\ud83d' }]],
  ])('refuses stations that are %s', async (_name, stations) => {
    expectInvalid(await create({ patientId: newId('bad'), stations }), 'stations');
  });

  it('made none of those refused', async () => {
    const patientId = newId('refused');
    for (const stations of [['lab', 'nowhere'], ['lab', 'lab'], [null]]) {
      expect((await create({ patientId, stations })).body.success).toBe(false);
    }
    expectError(await client.get(`${GET}?patientId=${patientId}`), 'ROUTE_NOT_FOUND');
  });
});

describe('a route of today', () => {
  it('stays as it is, whatever is asked for later, also when it is finished', async () => {
    const patientId = newId('sticky');
    const first = await create({ patientId, examType: 'courses', gender: 'female', stations: ['derma'] });
    const others = [
      { examType: 'aviation' },
      { stations: ['lab', 'xray'], gender: 'male' },
      { clinics: ['derma'] },
    ];
    for (const other of others) {
      const again = await create({ patientId, ...other });
      expect(again.status).toBe(200);
      expect(again.body).toStrictEqual({
        ...first.body,
        sticky: true,
        message: 'Route already exists and remains unchanged',
      });
    }
    await client.enter('derma', patientId);
    expect((await client.done('derma', patientId, await client.pin('derma'))).status).toBe(200);
    const finished = await create({ patientId, examType: 'cooks' });
    expect(finished.body).toMatchObject({
      sticky: true,
      routeId: first.body.routeId,
      route: { status: 'completed', current: null, currentStep: 1, completed: ['derma'] },
    });
  });

  it('is one also when it is asked for many times at once', async () => {
    const patientId = newId('racing');
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => create({ patientId, examType: 'cooks' })),
    );
    expect(new Set(answers.map(({ body }) => body.routeId)).size).toBe(1);
    expect(answers.filter(({ body }) => body.sticky === false)).toHaveLength(1);
  });

  it('is found by its patient under each name, and by its own id', async () => {
    const patientId = newId('found');
    const { body } = await create({ patientId, stations: ['lab', 'eyes'] });
    for (const query of [
      ...['user', 'patientId', 'patient_id', 'visitId', 'personalId'].map((name) => `${name}=${patientId}`),
      `routeId=${body.routeId}`,
      `routeId=${body.routeId}&patientId=`,
    ]) {
      const found = await client.get(`${GET}?${query}`);
      expect(found.status, query).toBe(200);
      expect(found.body).toStrictEqual({ success: true, route: body.route });
    }
  });

  it('is not there for whoever has none, and one asks for somebody', async () => {
    expectError(await client.get(`${GET}?patientId=${newId('nobody')}`), 'ROUTE_NOT_FOUND');
    expectError(await client.get(`${GET}?routeId=${newId('nothing')}`), 'ROUTE_NOT_FOUND');
    for (const query of ['', '?patientId=', '?routeId=%20', '?other=1']) {
      expectError(await client.get(GET + query), 'MISSING_FIELDS', {
        error: 'patientId parameter required',
        missing_fields: ['patientId'],
      });
    }
    expectInvalid(await client.get(`${GET}?patientId=a%20b`), 'user');
    expectInvalid(await client.get(`${GET}?routeId=a%20b`), 'routeId');
  });
});

describe('path/choose', () => {
  const FULL = 'lab xray vitals ecg audio eyes internal ent surgery dental psychiatry derma bones';

  /** Table 4.2. */
  const SUGGESTIONS = [
    ['recruitment', 'vitals lab xray ecg audio eyes internal ent surgery dental psychiatry derma bones'],
    ['transfer', 'vitals lab xray internal ent surgery'],
    ['promotion', 'vitals lab xray ecg eyes internal'],
    ['aviation', 'vitals lab xray ecg audio eyes internal'],
    ['courses', 'vitals lab xray'],
    ['cooks', 'vitals lab xray derma'],
    ['conversion', 'vitals lab xray internal'],
    ['contract_renewal', 'vitals lab xray internal'],
    ['any other text', 'vitals lab xray internal'],
    ['دورات', 'vitals lab xray internal'],
    ['__proto__', 'vitals lab xray internal'],
    ['constructor', 'vitals lab xray internal'],
  ] as const;

  const GENDERS = [
    [{ gender: 'male' }, 'male', FULL],
    [{ gender: 'M' }, 'male', FULL],
    [{ path: 'male' }, 'male', FULL],
    [{ gender: 'female' }, 'female', FULL.replace(' surgery', '').replace(' bones', '')],
    [{ path: 'Female' }, 'female', FULL.replace(' surgery', '').replace(' bones', '')],
    [{ gender: 'f', path: 'male' }, 'female', FULL.replace(' surgery', '').replace(' bones', '')],
  ] as const;

  const METHODS = ['GET', 'POST'] as const;

  /** The same question in either form. */
  function choose(method: 'GET' | 'POST', fields: Readonly<Record<string, string>>): Promise<Answer> {
    return method === 'GET'
      ? client.get(`${CHOOSE}?${new URLSearchParams(fields)}`)
      : client.post(CHOOSE, fields);
  }

  it.each(SUGGESTIONS)('suggests for the exam %s: %s', async (examType, text) => {
    const patientId = newId('choose');
    const route = text.split(' ');
    for (const method of METHODS) {
      for (const [sent, gender] of [
        [{}, 'male'],
        [{ gender: 'F' }, 'female'],
      ] as const) {
        const { status, body } = await choose(method, { patientId, examType, ...sent });
        expect(status).toBe(200);
        expect(body).toStrictEqual({
          success: true,
          sticky: true,
          route,
          path: route,
          patientId,
          examType,
          gender,
          created_at: ISO,
        });
      }
    }
  });

  it.each(GENDERS)('suggests without an exam for %j: %s', async (sent, gender, text) => {
    const route = text.split(' ');
    for (const method of METHODS) {
      for (const patient of [{}, { patientId: newId('choose') }]) {
        const { status, body } = await choose(method, { ...patient, ...sent });
        expect(status).toBe(200);
        expect(body).toStrictEqual({ success: true, sticky: false, route, path: route, gender });
      }
    }
  });

  it('suggests nothing to a GET that asks for nothing: the page shows a placeholder for each element', async () => {
    const { status, body } = await client.get(CHOOSE);
    expect(status).toBe(200);
    expect(body).toStrictEqual({ success: true, sticky: false, route: [], path: [] });
  });

  it('says what is missing for anything else', async () => {
    for (const method of METHODS) {
      expectMissing(await choose(method, { patientId: newId('x') }), 'examType');
      expectMissing(await choose(method, { examType: 'courses' }), 'patientId');
      expectMissing(await choose(method, { examType: 'courses', gender: 'male' }), 'patientId');
      expectMissing(await choose(method, { path: 'neither' }), 'patientId', 'examType');
    }
    expectMissing(await client.post(CHOOSE, {}), 'patientId', 'examType');
    expectMissing(await client.post(CHOOSE, undefined), 'patientId', 'examType');
  });

  it('refuses what breaks the rule of a field', async () => {
    for (const method of METHODS) {
      expectInvalid(await choose(method, { patientId: 'a b', examType: 'courses' }), 'user');
      expectInvalid(await choose(method, { patientId: 'x', examType: 'y'.repeat(65) }), 'examType');
      expectInvalid(await choose(method, { gender: 'neither' }), 'gender');
    }
  });

  it('makes no route and does not look at one', async () => {
    const patientId = newId('only');
    await choose('POST', { patientId, examType: 'courses' });
    expectError(await client.get(`${GET}?patientId=${patientId}`), 'ROUTE_NOT_FOUND');
    await create({ patientId, stations: ['bones'] });
    const { body } = await choose('GET', { patientId, examType: 'courses' });
    expect(body.route).toEqual(['vitals', 'lab', 'xray']);
  });
});
