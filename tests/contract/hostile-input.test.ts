/**
 * Whatever is sent to whichever route: the contract's error with its request id, never a 5xx, and nothing changes.
 * The random part prints its seed; SEED=… runs the same requests again.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ERROR_TABLE, type ErrorCode } from './error-table.ts';
import { type Answer, bytes, expectError, newId, request } from './http.ts';
import { CLINIC_IDS, CLINICS, QueueClient } from './queue-client.ts';
import { isOwnServer, openFreshTarget, repetitions, type Target, TURN_TIMEOUT } from './target.ts';

let target: Target;
let client: QueueClient;
beforeAll(async () => {
  target = await openFreshTarget();
  client = await QueueClient.open(target);
  // Those of the day are made at the first look.
  await client.pins();
}, TURN_TIMEOUT);
afterAll(() => target?.close());

/** Each route that reads something, with a request that would be right but for who or where. */
const WRITES = [
  ['/api/v1/patient/login', { patientId: '1234', gender: 'male' }],
  ['/admin/login', { username: 'admin', password: 'secret' }],
  ['/api/v1/auth/login', { username: 'admin', password: 'secret' }],
  ['/api/v1/queue/enter', { clinic: 'lab', user: 'hostile' }],
  ['/api/v1/queue/call', { clinic: 'lab' }],
  ['/api/v1/queue/done', { clinic: 'lab', user: 'hostile-nobody', pin: '11' }],
  ['/api/v1/clinic/exit', { clinic: 'lab', user: 'hostile-nobody', pin: '11' }],
  ['/api/v1/pin/generate', { clinic: 'lab' }],
  ['/api/v1/route/create', { patientId: 'hostile', examType: 'courses', gender: 'male' }],
  ['/api/v1/path/choose', { patientId: 'hostile', examType: 'courses', gender: 'male' }],
] as const;

const READS = [
  ['/api/v1/queue/status', { clinic: 'lab' }],
  ['/api/v1/queue/position', { clinic: 'lab', user: 'hostile-nobody' }],
  ['/api/v1/pin/status', { clinic: 'lab' }],
  ['/api/v1/route/get', { patientId: 'hostile-nobody' }],
  ['/api/v1/path/choose', { patientId: 'hostile', examType: 'courses', gender: 'male' }],
] as const;

const WITHOUT_FIELDS = ['/health', '/health/live', '/health/ready', '/auth/denied'];

/** Texts that are no id, no clinic, no gender, no exam of table 4.1, and no PIN of two digits. */
const TEXTS: readonly (readonly [string, string])[] = [
  ['10 kB', 'a'.repeat(10_000)],
  ['10 kB of Arabic digits', '٣'.repeat(10_000)],
  ['SQL', "'; drop table queues; --"],
  ['SQL for jsonb', '"}\'::jsonb); delete from queues; --'],
  ['a comment', 'lab/**/or/**/1=1'],
  ['NUL', 'lab\0'],
  ['nothing but NUL', '\0'],
  ['half a character', 'lab\ud83d'],
  ['the other half', '\udc00lab'],
  ['a prototype', 'Object.prototype'],
  ['a path', '../../etc/passwd'],
  ['a template', '{{7*7}}<%= 7*7 %>#{7*7}'],
  ['a script', '<script>alert(1)</script>'],
  ['a turned direction', 'lab\u202e'],
  ['a blank inside', 'la b'],
  ['a newline', 'lab\nx'],
  ['Arabic', 'المختبر'],
  ['an emoji', '🏥'],
  ['a letter that becomes another in lower case', 'lab\u212a'],
];

const OTHER_TYPES: readonly (readonly [string, unknown])[] = [
  ['true', true],
  ['false', false],
  ['an empty list', []],
  ['a list', ['lab']],
  ['a list of lists', [[['lab']]]],
  ['an empty object', {}],
  ['an object', { id: 'lab', toString: 'lab', length: 3 }],
  ['a Mongo operator', { $gt: '' }],
];

/** `path/choose` answers any text, and only suggests. */
const isSuggestion = (path: string) => path === '/api/v1/path/choose';

const ENVELOPE = new Set(
  'success code error message request_id timestamp missing_fields field clinic path retry_after ok'.split(
    ' ',
  ),
);

/** Fails unless this is one of the contract's refusals, with nothing of the inside in it. */
function expectRefused(answer: Answer, what: string): ErrorCode {
  const code = answer.body.code as ErrorCode;
  expect(Object.keys(ERROR_TABLE), `${what}: ${answer.text.slice(0, 300)}`).toContain(code);
  expect(answer.status, what).toBe(ERROR_TABLE[code].status);
  expect(answer.status, what).toBeGreaterThanOrEqual(400);
  expect(answer.status, what).toBeLessThan(500);
  expect(answer.body.success, what).toBe(false);
  expect(answer.body.request_id, what).toBe(answer.headers.get('x-request-id'));
  for (const name of Object.keys(answer.body)) expect(ENVELOPE, what).toContain(name);
  expect(answer.text, what).not.toMatch(/node_modules|sqlstate|postgres|drizzle|syntax error|\bat \w+ \(/i);
  return code;
}

/** All that these routes could change: every line, who waits, is inside and was served, and the PINs. */
async function everything(): Promise<unknown> {
  const { status, body, text } = await client.get('/api/v1/admin/status', { token: client.token });
  expect(status, text).toBe(200);
  expect(Object.keys(Object(body.queues)).sort()).toEqual([...CLINIC_IDS].sort());
  return body.queues;
}

/** As it was after the last attack: nobody else is at this server meanwhile. */
let known: unknown;

async function changesNothing(attack: () => Promise<unknown>): Promise<void> {
  const before = known ?? (await everything());
  await attack();
  known = await everything();
  expect(known).toEqual(before);
  expect(Reflect.get({}, 'polluted')).toBeUndefined();
}

const post = (path: string, json: unknown) => client.post(path, json, { token: client.token });
const postText = (path: string, text: string) =>
  request(target.url, 'POST', path, { raw: bytes(text), token: client.token });

describe.each(WRITES)('POST %s', (path, valid) => {
  const isLogin = path.endsWith('/login') && path !== '/api/v1/patient/login';

  it('refuses every other type for every field', () =>
    changesNothing(async () => {
      for (const field of Object.keys(valid)) {
        for (const [name, value] of OTHER_TYPES) {
          const what = `${field} is ${name}`;
          expect(expectRefused(await post(path, { ...valid, [field]: value }), what), what).toBe(
            'INVALID_FIELD',
          );
        }
      }
    }));

  it('refuses every text that is none of its field’s', () =>
    changesNothing(async () => {
      // A wrong password is a right text, and looking at it is slow on purpose.
      const texts = isLogin ? TEXTS.slice(0, 3) : TEXTS;
      for (const field of Object.keys(valid)) {
        for (const [name, value] of texts) {
          const answer = await post(path, { ...valid, [field]: value });
          if (isSuggestion(path) && field === 'examType' && answer.status === 200) continue;
          expectRefused(answer, `${field} is ${name}`);
        }
      }
    }));

  it('refuses bodies that are no JSON object, and other content types', () =>
    changesNothing(async () => {
      for (const text of [
        '{',
        '[]',
        'null',
        '"x"',
        '1',
        '{"a":1}}',
        "{'clinic':'lab'}",
        '\ufeff[]',
        '{"a":\0}',
      ]) {
        expectError(await postText(path, text), 'MALFORMED_BODY');
      }
      expectError(
        await request(target.url, 'POST', path, {
          raw: bytes(JSON.stringify(valid)),
          headers: { 'Content-Type': 'text/plain' },
          token: client.token,
        }),
        'UNSUPPORTED_MEDIA_TYPE',
      );
      expectError(await postText(path, `{"padding":"${'x'.repeat(64 * 1024)}"}`), 'BODY_TOO_LARGE');
    }));

  it('is not misled by names that every object has, nor overwhelmed by depth', () =>
    changesNothing(async () => {
      const inside = JSON.stringify(valid);
      const depth = '['.repeat(30_000) + ']'.repeat(30_000);
      const deep = `${'{"a":'.repeat(9_000)}1${'}'.repeat(9_000)}`;
      const [first = ''] = Object.keys(valid);
      for (const text of [
        `{"__proto__":${inside}}`,
        `{"constructor":{"prototype":${inside}}}`,
        `{"prototype":${inside}}`,
        `{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}`,
        `{"${first}":${depth}}`,
        deep,
        `{"x":${depth}}`,
      ]) {
        // Rotating all PINs needs no field at all.
        if (path === '/api/v1/pin/generate' && !text.includes(`"${first}":[`)) continue;
        expectRefused(await postText(path, text), text.slice(0, 60));
      }
    }));

  it('refuses other methods', () =>
    changesNothing(async () => {
      for (const method of ['PUT', 'DELETE', 'PATCH', ...(isSuggestion(path) ? [] : ['GET'])]) {
        const answer = await request(target.url, method, path, { token: client.token });
        expect(expectRefused(answer, method)).toBe('METHOD_NOT_ALLOWED');
      }
    }));
});

/** Forms that only a query can have. */
const QUERY_FORMS: readonly (readonly [string, string])[] = [
  ['NUL', '%00'],
  ['half a character', 'lab%ED%A0%80'],
  ['no UTF-8', '%C3%28'],
  ['no percent code', '%zz'],
  ['a percent sign', '%'],
  ['SQL', '%27%20or%201%3D1%20--'],
  ['a wildcard', 'la%25'],
  ['Arabic', '%D8%A7%D9%84'],
  ['a prototype', '__proto__'],
  ['a constructor', 'constructor'],
  ['10 kB', 'a'.repeat(10_000)],
];

describe.each(READS)('GET %s', (path, valid) => {
  it('refuses every text that is none of its parameter’s', () =>
    changesNothing(async () => {
      for (const field of Object.keys(valid)) {
        for (const [name, value] of QUERY_FORMS) {
          const others = new URLSearchParams({ ...valid });
          others.delete(field);
          const answer = await client.get(`${path}?${others}&${field}=${value}`, { token: client.token });
          if (isSuggestion(path) && field !== 'gender' && answer.status === 200) continue;
          expectRefused(answer, `${field} is ${name}`);
        }
      }
    }));

  it('is not misled by parameters that look like objects or lists', () =>
    changesNothing(async () => {
      const [field = ''] = Object.keys(valid);
      for (const query of [
        `${field}[]=lab`,
        `${field}[id]=lab`,
        `__proto__[${field}]=lab`,
        `__proto__=lab`,
      ]) {
        const { status, text } = await client.get(`${path}?${query}`);
        expect(status, text).toBeLessThan(500);
      }
    }));

  it('refuses other methods', () =>
    changesNothing(async () => {
      for (const method of ['PUT', 'DELETE', 'PATCH', ...(isSuggestion(path) ? [] : ['POST'])]) {
        const answer = await request(target.url, method, path, { token: client.token });
        expect(expectRefused(answer, method)).toBe('METHOD_NOT_ALLOWED');
      }
    }));
});

describe('headers', () => {
  const long = 'a'.repeat(7_000);

  it.each([
    ['a long bearer token', { Authorization: `Bearer ${long}.${long}` }],
    ['an odd authorization', { Authorization: 'Bearer' }],
    ['another scheme', { Authorization: `Basic ${long}` }],
    ['a long cookie', { Cookie: `admin_token=${long}` }],
    ['a broken cookie', { Cookie: 'admin_token=%zz; =; ;;admin_token="' }],
    ['a long tag', { 'If-None-Match': Array.from({ length: 600 }, (_, index) => `"${index}"`).join(', ') }],
    ['a broken tag', { 'If-None-Match': '"""W/W/"' }],
    ['a foreign host', { 'X-Forwarded-Host': 'evil.example', 'X-Forwarded-Proto': 'gopher' }],
    ['a broken origin', { Origin: 'http://[', Referer: '%%%' }],
  ])('that are %s change neither the answer’s kind nor anything else', (_name, headers) =>
    changesNothing(async () => {
      for (const path of [...READS.map(([read]) => read), ...WITHOUT_FIELDS]) {
        const plain = await client.get(path);
        const odd = await client.get(path, { headers });
        expect([odd.status, odd.body.code], path).toEqual([plain.status, plain.body.code]);
      }
      for (const path of ['/admin/logout', '/api/v1/queue/call', '/api/v1/pin/generate']) {
        expectError(await client.post(path, { clinic: 'lab' }, { headers }), 'UNAUTHORIZED');
      }
    }),
  );
});

describe('routes without fields', () => {
  it.each(WITHOUT_FIELDS)('ignore whatever stands in the query: %s', async (path) => {
    const plain = await client.get(path);
    for (const query of [`?clinic=${'a'.repeat(10_000)}`, '?__proto__=1', '?%00=%00', '?%zz', "?x='--"]) {
      expect((await client.get(path + query)).status).toBe(plain.status);
    }
  });

  it('refuse a logout without a token, whatever its body', () =>
    changesNothing(async () => {
      for (const json of [{}, { admin: { sub: 'admin', ver: 0 } }, { username: 'admin' }]) {
        expectError(await client.post('/admin/logout', json), 'UNAUTHORIZED');
      }
      expectError(await client.post('/admin/logout', undefined, { raw: bytes('{') }), 'MALFORMED_BODY');
    }));
});

describe('a field that nobody asked for', () => {
  it('is ignored, however deep it is', async () => {
    for (const depth of [10, 1_000, 30_000]) {
      const text = `{"x":${'['.repeat(depth)}${']'.repeat(depth)},"gender":"male"}`;
      expect((await postText('/api/v1/path/choose', text)).status, String(depth)).toBe(200);
    }
  });
});

describe('random requests', () => {
  const REQUESTS = repetitions(1_600);
  const AT_ONCE = 10;
  const seed = Number(process.env.SEED) || Math.trunc(Math.random() * 2 ** 31);

  /** What was put in for a field, and what the contract says of it. */
  interface Sent {
    readonly value: unknown;
    readonly is: 'absent' | 'valid' | 'invalid' | 'unknown';
  }

  type Field = readonly [name: string, value: fc.Arbitrary<Sent>];

  const as =
    (is: Sent['is']) =>
    (value: unknown): Sent => ({ value, is });
  const wild = fc.string({
    unit: fc.oneof(
      { arbitrary: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }), weight: 8 },
      {
        arbitrary: fc.constantFrom('\0', '\ud800', '\udfff', "'", '"', '\\', '\u202e', '٣', ' ', '%'),
        weight: 2,
      },
    ),
    maxLength: 80,
  });
  const absent = fc.constantFrom(undefined, null, '', '  ', '\t\n').map(as('absent'));
  const otherType = fc
    .oneof(
      fc.boolean(),
      fc.array(fc.jsonValue(), { maxLength: 3 }),
      fc.dictionary(fc.string(), fc.jsonValue()),
    )
    .map(as('invalid'));

  /** Texts sorted by a rule of the contract. Blank ones are absent. */
  const judged = (texts: fc.Arbitrary<string>, rule: (trimmed: string) => Sent['is']) =>
    texts.map((value): Sent => ({ value, is: value.trim() === '' ? 'absent' : rule(value.trim()) }));

  const mostly = (good: fc.Arbitrary<Sent>, ...rest: fc.Arbitrary<Sent>[]) =>
    fc.oneof({ arbitrary: good, weight: 12 }, ...rest.map((arbitrary) => ({ arbitrary, weight: 1 })));

  const people = Array.from({ length: 30 }, () => newId('random'));
  const names = new Map(
    Object.entries(CLINICS).flatMap(([id, { aliases }]) => [id, ...aliases].map((name) => [name, id])),
  );

  const user = mostly(
    fc.constantFrom(...people).map(as('valid')),
    fc.nat(2 ** 40).map(as('valid')),
    judged(fc.stringMatching(/^ ?[A-Za-z0-9_-]{1,70} ?$/), (text) =>
      text.length <= 64 ? 'valid' : 'invalid',
    ),
    judged(wild, (text) => (/^[A-Za-z0-9_-]{1,64}$/.test(text) ? 'valid' : 'invalid')),
    absent,
    otherType,
  );
  const clinicName = fc
    .tuple(fc.constantFrom(...names.keys()), fc.boolean(), fc.constantFrom('', ' '))
    .map(([name, upper, pad]) => pad + (upper ? name.toUpperCase() : name));
  const isClinic = (text: string) => /^[\w-]+$/.test(text) && names.has(text.toLowerCase());
  const clinic = mostly(
    clinicName.map(as('valid')),
    judged(wild, (text) => (isClinic(text) ? 'valid' : 'unknown')),
    fc.nat(99).map(as('unknown')),
    absent,
    otherType,
  );
  const pin = mostly(
    fc.oneof(fc.nat(120), fc.nat(99).map(String)).map(as('valid')),
    judged(wild, () => 'valid'),
    absent,
    otherType,
  );
  const gender = mostly(
    fc.constantFrom('male', 'F', ' Female', 'm').map(as('valid')),
    judged(wild, (text) => (/^(male|female|m|f)$/i.test(text) ? 'valid' : 'invalid')),
    absent,
    otherType,
  );
  const digits = fc.stringMatching(/^[0-9٠-٩۰-۹]{1,14}$/);
  const personalNumber = mostly(
    judged(digits, (text) => (text.length >= 2 && text.length <= 12 ? 'valid' : 'invalid')),
    judged(wild, (text) => (/^[0-9٠-٩۰-۹]{2,12}$/.test(text) ? 'valid' : 'invalid')),
    fc.integer({ min: 10, max: 10 ** 12 - 1 }).map(as('valid')),
    absent,
    otherType,
  );
  const examType = mostly(
    fc.constantFrom('recruitment', 'courses', 'طباخين', 'aviation').map(as('valid')),
    judged(wild, () => 'invalid'),
    absent,
    otherType,
  );
  const anyExam = mostly(
    fc.constantFrom('recruitment', 'courses', 'طباخين', 'aviation').map(as('valid')),
    judged(wild, (text) => (text.length <= 64 && !/\0|\p{Surrogate}/u.test(text) ? 'valid' : 'invalid')),
    absent,
    otherType,
  );
  const stationsOf = (id: fc.Arbitrary<string>) =>
    fc.array(
      fc.oneof(
        id,
        fc.record(
          { id, weight: fc.jsonValue(), note: fc.constantFrom(null, 'note', 7) },
          { requiredKeys: ['id'] },
        ),
      ),
      { minLength: 1, maxLength: 6 },
    );
  const idOf = (item: string | { id: string }) =>
    (typeof item === 'string' ? item : item.id).trim().toLowerCase();
  const stations = mostly(
    stationsOf(clinicName).map((list): Sent => {
      const ids = list.map((item) => names.get(idOf(item)));
      return { value: list, is: new Set(ids).size === ids.length ? 'valid' : 'invalid' };
    }),
    fc
      .tuple(stationsOf(clinicName), fc.constantFrom('nowhere', '7', 'ع'))
      .map(([list, odd]): Sent => ({ value: [...list, odd], is: 'unknown' })),
    fc.constantFrom(undefined, null, []).map(as('absent')),
    fc
      .oneof(
        fc.boolean(),
        fc.string({ minLength: 1 }),
        fc.nat(),
        fc.constantFrom<unknown>([null], [[]], [{}], {}, [true]),
      )
      .map(as('invalid')),
  );

  interface Route {
    readonly method: 'GET' | 'POST';
    readonly path: string;
    readonly admin?: true;
    readonly required: readonly Field[];
    readonly optional?: readonly Field[];
    /** What may be answered besides 200 when every field is right. */
    readonly states: readonly ErrorCode[];
  }

  const exit = {
    required: [
      ['clinic', clinic],
      ['user', user],
      ['pin', pin],
    ],
  } as const;
  const exitStates = ['NOT_IN_QUEUE', 'WRONG_PIN', 'PIN_LOCKED'] as const;

  const ROUTES: readonly Route[] = [
    {
      method: 'POST',
      path: '/api/v1/patient/login',
      required: [
        ['patientId', personalNumber],
        ['gender', gender],
      ],
      states: [],
    },
    {
      method: 'POST',
      path: '/api/v1/queue/enter',
      required: [
        ['clinic', clinic],
        ['user', user],
      ],
      states: [],
    },
    { method: 'GET', path: '/api/v1/queue/status', required: [['clinic', clinic]], states: [] },
    {
      method: 'GET',
      path: '/api/v1/queue/position',
      required: [
        ['clinic', clinic],
        ['user', user],
      ],
      states: ['NOT_IN_QUEUE'],
    },
    {
      method: 'POST',
      path: '/api/v1/queue/call',
      admin: true,
      required: [['clinic', clinic]],
      states: ['NO_PATIENTS_WAITING'],
    },
    { method: 'POST', path: '/api/v1/queue/done', ...exit, states: exitStates },
    {
      method: 'POST',
      path: '/api/v1/clinic/exit',
      ...exit,
      states: [...exitStates, 'ROUTE_NOT_FOUND', 'CLINIC_NOT_IN_ROUTE'],
    },
    { method: 'GET', path: '/api/v1/pin/status', required: [], optional: [['clinic', clinic]], states: [] },
    {
      method: 'POST',
      path: '/api/v1/pin/generate',
      admin: true,
      required: [],
      optional: [['clinic', clinic]],
      states: [],
    },
    {
      method: 'POST',
      path: '/api/v1/route/create',
      required: [
        ['patientId', user],
        ['examType', examType],
      ],
      optional: [['gender', gender]],
      states: [],
    },
    {
      method: 'POST',
      path: '/api/v1/route/create',
      required: [
        ['patientId', user],
        ['stations', stations],
      ],
      optional: [['gender', gender]],
      states: [],
    },
    {
      method: 'GET',
      path: '/api/v1/route/get',
      required: [['patientId', user]],
      states: ['ROUTE_NOT_FOUND'],
    },
    {
      method: 'POST',
      path: '/api/v1/path/choose',
      required: [
        ['patientId', user],
        ['examType', anyExam],
      ],
      states: [],
    },
  ];

  interface Shot {
    readonly route: Route;
    readonly sent: Readonly<Record<string, Sent>>;
    readonly token: boolean;
  }

  const shot: fc.Arbitrary<Shot> = fc.constantFrom(...ROUTES).chain((route) =>
    fc.record({
      route: fc.constant(route),
      sent: fc.record(Object.fromEntries([...route.required, ...(route.optional ?? [])])),
      token: fc.integer({ min: 0, max: 9 }).map((n) => n > 0),
    }),
  );

  /** What a query can carry: texts that have a form in UTF-8; nothing else is sent. */
  const asQuery = (value: unknown) =>
    typeof value === 'string' || typeof value === 'number'
      ? String(value).replace(/\p{Surrogate}/gu, '\ufffd')
      : undefined;

  function judge({ route, sent, token }: Shot): { codes: readonly string[]; text: string } {
    const isOf = (name: string) => {
      const { value, is } = sent[name] as Sent;
      return route.method === 'GET' && asQuery(value) === undefined ? 'absent' : is;
    };
    const required = route.required.map(([name]) => isOf(name));
    const all = [...required, ...(route.optional ?? []).map(([name]) => isOf(name))];
    const codes = (() => {
      if (route.admin && !token) return ['UNAUTHORIZED'];
      const missing = required.includes('absent') ? ['MISSING_FIELDS', 'PIN_REQUIRED'] : [];
      const invalid = all.includes('invalid') ? ['INVALID_FIELD'] : [];
      if (missing.length + invalid.length > 0) return [...missing, ...invalid];
      return all.includes('unknown') ? ['UNKNOWN_CLINIC'] : ['OK', ...route.states];
    })();
    return { codes, text: `${route.method} ${route.path} ${JSON.stringify(sent)}` };
  }

  async function fire({ route, sent, token }: Shot): Promise<Answer> {
    const options = token ? { token: client.token } : {};
    const values = Object.entries(sent).map(([name, { value }]) => [name, value] as const);
    if (route.method === 'POST') return client.post(route.path, Object.fromEntries(values), options);
    const query = new URLSearchParams();
    for (const [name, value] of values) {
      const text = asQuery(value);
      if (text !== undefined) query.set(name, text);
    }
    return client.get(`${route.path}?${query}`, options);
  }

  it('answer as the contract says, many times: 200 or a state for right fields, the field’s error for others', async () => {
    console.log(`hostile-input: ${REQUESTS} random requests, SEED=${seed}`);
    const seen = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(fc.array(shot, { minLength: AT_ONCE, maxLength: AT_ONCE }), async (shots) => {
        const answers = await Promise.all(shots.map(fire));
        for (const [index, answer] of answers.entries()) {
          const { codes, text } = judge(shots[index] as Shot);
          const outcome = answer.status === 200 ? 'OK' : expectRefused(answer, text);
          seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
          expect(codes, `${text} was answered ${answer.text.slice(0, 200)}`).toContain(outcome);
        }
      }),
      { seed, numRuns: REQUESTS / AT_ONCE, endOnFailure: true },
    );
    console.log(`hostile-input: ${[...seen].map(([code, count]) => `${code} ${count}`).join(', ')}`);
    // The mix must reach both sides, or the property says nothing.
    for (const outcome of ['OK', 'MISSING_FIELDS', 'INVALID_FIELD', 'UNKNOWN_CLINIC']) {
      expect(seen.get(outcome) ?? 0, outcome).toBeGreaterThan(REQUESTS / 100);
    }
  });

  it('left every line in order: numbers 1 to n, each once', async () => {
    for (const clinic of CLINIC_IDS) {
      const { waiting, in: inside, done, total } = await client.line(clinic);
      const numbers = [...waiting, ...inside, ...done].map(({ ticket }) => ticket).sort((a, b) => a - b);
      expect(new Set(numbers).size).toBe(numbers.length);
      // On a server elsewhere an entry may have been cancelled: its number is nobody's again.
      if (isOwnServer) expect(numbers).toEqual(Array.from({ length: total }, (_, index) => index + 1));
    }
  });
});
