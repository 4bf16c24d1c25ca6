/** Random requests for every route of the API's description: right in all fields, or wrong in one respect. */
import fc from 'fast-check';
import type { Endpoint } from '../../src/lib/api-description/endpoint.ts';
import { FAMILIES } from '../../src/lib/api-description.ts';
import * as field from './random-fields.ts';

type Values = Readonly<Record<string, unknown>>;

export interface RandomCase {
  readonly endpoint: Endpoint;
  readonly method: string;
  readonly path: string;
  readonly values: Values;
  /** Sent instead of the values. */
  readonly raw?: string;
  readonly contentType?: string;
  /** False: nobody asks, where only some are admitted. */
  readonly admitted: boolean;
  /** What is wrong, for the message of a failure. */
  readonly wrong?: string;
}

/** One way of asking a route. */
interface Form {
  readonly required?: Readonly<Record<string, field.Field>>;
  readonly optional?: Readonly<Record<string, field.Field>>;
  /** True where another form is right without what this one requires. */
  readonly isRightWithout?: true;
}

/** What the requests can be about. */
export interface World {
  readonly seed: number;
  /** QR tokens and PINs that are right. */
  readonly tokens: readonly string[];
  readonly pins: readonly string[];
}

const NOWHERE: World = { seed: 0, tokens: [], pins: [] };

/** Also one of these, where there are any. */
const orOneOf = (one: field.Field, values: readonly string[]): field.Field => ({
  ...one,
  good: values.length === 0 ? one.good : fc.oneof(one.good, fc.constantFrom(...values)),
});

function formsOf({ seed, tokens, pins }: World): Readonly<Record<string, readonly Form[]>> {
  const { clinic, gender } = field;
  const user = field.user(seed);
  const entry = { clinic, user };
  const token = orOneOf(field.token, tokens);
  const exit: Form = { required: { ...entry, pin: orOneOf(field.pin, pins) } };
  const login: Form = { required: { username: field.username, password: field.password } };
  const suggestion: readonly Form[] = [
    { required: { patientId: user, examType: field.examText } },
    { required: { patientId: user, examType: field.examText, gender }, isRightWithout: true },
    { required: { gender }, optional: { patientId: user }, isRightWithout: true },
    { required: { path: { good: gender.good } }, isRightWithout: true },
  ];
  const report = (period: Form['optional']): Form => ({
    optional: { ...period, format: field.reportFormat },
  });
  const settingsOf = Object.entries(field.SETTINGS).map(([key, value]) => ({ key, value }));
  const settings: field.Field = {
    good: fc.record(Object.fromEntries(settingsOf.map(({ key, value }) => [key, value.good])), {
      requiredKeys: [],
    }),
    badInBody: fc.oneof(
      fc.constantFrom<unknown>('x', 7, true, ['grace_minutes'], { nothing: 1 }, { timezone: 'UTC' }),
      ...settingsOf.map(({ key, value }) => (value.bad ?? fc.constant([])).map((bad) => ({ [key]: bad }))),
    ),
  };
  return {
    'POST /admin/login': [login],
    'POST /api/v1/auth/login': [login],
    'POST /api/v1/patient/login': [{ required: { patientId: field.personalNumber, gender } }],
    'POST /api/v1/route/create': [
      { required: { patientId: user, examType: field.examType }, optional: { gender } },
      { required: { patientId: user, stations: field.stations }, optional: { gender } },
      {
        required: { patientId: user, stations: field.stations, examType: field.examText },
        isRightWithout: true,
      },
      { required: { patientId: user, clinics: field.stations }, optional: { gender } },
    ],
    'GET /api/v1/route/get': [{ required: { patientId: user } }, { required: { routeId: field.routeId } }],
    'GET /api/v1/path/choose': suggestion,
    'POST /api/v1/path/choose': suggestion,
    'POST /api/patient/enqueue': [
      {
        required: { patientId: user, examType: field.examType, gender },
        optional: { priority: field.priority, emergencyCode: field.emergencyCode },
      },
    ],
    'GET /api/patient/enqueue': [{ required: { patientId: user } }],
    'POST /api/v1/queue/enter': [{ required: entry, optional: { isAutoEntry: field.flag } }],
    'POST /api/v1/queue': [{ required: entry, optional: { isAutoEntry: field.flag } }],
    'GET /api/v1/queue/position': [{ required: entry }],
    'GET /api/v1/queue/status': [{ required: { clinic } }],
    'POST /api/v1/queue/call': [{ required: { clinic } }],
    'POST /api/v1/queue/done': [exit],
    'POST /api/v1/clinic/exit': [exit],
    'GET /api/v1/events/stream': [{ optional: { ...entry, lastEventId: field.cursor } }],
    'GET /api/v1/notify/status': [
      { required: entry, optional: { limit: field.noticeLimit } },
      { required: { clinic, pin: field.queueNumber }, optional: { limit: field.noticeLimit } },
    ],
    'POST /api/v1/events/recovery': [
      { optional: { source: field.ignored, retries: field.ignored, timestamp: field.ignored } },
    ],
    'POST /api/session/create': [{ required: { patientId: user } }],
    'POST /api/session/validate': [{ required: { token } }],
    'POST /api/session/device': [{ required: { token, device: field.device } }],
    'GET /api/v1/pin/status': [{ optional: { clinic } }],
    'POST /api/v1/pin/generate': [{ optional: { clinic, force: field.flag } }],
    'GET /api/queue/status': [{ optional: { clinicId: field.clinicOrNumber, detailed: field.flag } }],
    'POST /api/queue/call-next': [
      { required: { clinicId: field.clinicOrNumber }, optional: { force: field.flag } },
    ],
    'POST /api/queue/complete': [
      { required: { patientId: user, clinicId: field.clinicOrNumber } },
      {
        required: {
          patientId: user,
          action: { good: fc.constant('process_code') },
          clinicCode: field.clinicOrNumber,
        },
      },
    ],
    'POST /api/v1/admin/set-call-interval': [
      { required: { clinic, interval_minutes: field.minutes } },
      { required: { clinic, interval: field.seconds } },
      { required: { clinic, interval_seconds: field.seconds } },
    ],
    'GET /api/admin/settings': [{ optional: { type: field.oneOf('all', 'system', 'theme') } }],
    'POST /api/admin/settings': [
      { required: { settings }, optional: { type: field.oneOf('system', 'theme') } },
    ],
    'PUT /api/admin/settings': settingsOf.map(({ key, value }) => ({
      required: {
        key: { good: fc.constant(key), bad: fc.constantFrom('timezone', 'x', 'workinghours') },
        value: {
          good: value.good,
          ...(value.bad && { badInBody: value.bad }),
          anyType: true,
        },
      },
    })),
    'GET /api/v1/reports/daily': [report({ date: field.pastDate })],
    'GET /api/v1/reports/weekly': [report({ week: field.pastDate })],
    'GET /api/v1/reports/monthly': [
      {
        required: { year: field.pastYear },
        optional: { month: field.month, format: field.reportFormat },
        isRightWithout: true,
      },
    ],
    'GET /api/v1/reports/annual': [report({ year: field.pastYear })],
  };
}

/** A password is slow to look at on purpose; a logout would end the session that all the others need. */
const RARE = new Set(['POST /admin/login', 'POST /api/v1/auth/login']);
const NEVER_ADMITTED = new Set(['POST /admin/logout']);

const nameOf = ({ method, path }: Endpoint) => `${method} ${path}`;

export const ENDPOINTS: readonly Endpoint[] = FAMILIES.flatMap(({ endpoints }) => endpoints);

/** Routes that take something must have their fields here: a new one without them is an error. */
export function routesWithoutForms(): string[] {
  const forms = formsOf(NOWHERE);
  return ENDPOINTS.filter((endpoint) => endpoint.input !== undefined && !forms[nameOf(endpoint)]).map(nameOf);
}

const someOf = (fields: Readonly<Record<string, field.Field>> = {}, requiredKeys?: []) =>
  fc.record(
    Object.fromEntries(Object.entries(fields).map(([name, { good }]) => [name, good])),
    requiredKeys && { requiredKeys },
  );

const good = ({ required, optional }: Form): fc.Arbitrary<Values> =>
  fc.tuple(someOf(required), someOf(optional, [])).map(([first, second]) => ({ ...second, ...first }));

/** What takes fields can go wrong in more ways. */
const weightOf = (endpoint: Endpoint) => (RARE.has(nameOf(endpoint)) ? 2 : endpoint.input ? 12 : 4);

const perRoute = (
  endpoints: readonly Endpoint[],
  make: (endpoint: Endpoint) => fc.Arbitrary<RandomCase>,
): fc.Arbitrary<RandomCase> =>
  fc.oneof(
    ...endpoints.map((endpoint) => ({
      weight: weightOf(endpoint),
      arbitrary: make(endpoint),
    })),
  );

/** Every field is right; now and then somebody asks who is not admitted. */
export function validCases(
  world: World,
  endpoints: readonly Endpoint[] = ENDPOINTS,
): fc.Arbitrary<RandomCase> {
  const forms = formsOf(world);
  return perRoute(endpoints, (endpoint) => {
    const { method, path } = endpoint;
    const admitted = NEVER_ADMITTED.has(nameOf(endpoint))
      ? fc.constant(false)
      : fc.integer({ min: 0, max: 9 }).map((n) => n > 0);
    const values = fc.oneof(...(forms[nameOf(endpoint)] ?? [{}]).map(good));
    return fc.record({ values, admitted }).map((rest) => ({ endpoint, method, path, ...rest }));
  });
}

/** One thing is wrong: a field, what is missing, the body, its type, the method or the path. */
export function invalidCases(
  world: World,
  endpoints: readonly Endpoint[] = ENDPOINTS,
): fc.Arbitrary<RandomCase> {
  const forms = formsOf(world);
  return perRoute(endpoints, (endpoint) => {
    const byField = (forms[nameOf(endpoint)] ?? []).flatMap((form) => wrongFields(endpoint, form));
    const byShape = fc.oneof(...Object.values(wrongShapes(endpoint)));
    return byField.length === 0
      ? byShape
      : fc.oneof({ weight: 4, arbitrary: fc.oneof(...byField) }, { weight: 1, arbitrary: byShape });
  });
}

/** One request for each way in which its shape can be wrong, whatever the field: chance alone would miss one in few. */
export function eachWrongShape(): fc.Arbitrary<RandomCase[]> {
  const kinds = [...new Set(ENDPOINTS.flatMap((endpoint) => Object.keys(wrongShapes(endpoint))))];
  return fc.tuple(
    ...kinds.map((kind) => fc.oneof(...ENDPOINTS.flatMap((endpoint) => wrongShapes(endpoint)[kind] ?? []))),
  );
}

function wrongShapes(endpoint: Endpoint): Readonly<Record<string, fc.Arbitrary<RandomCase>>> {
  const { method, path } = endpoint;
  const base = { endpoint, method, path, admitted: true, values: {} };
  return {
    method: fc
      .constantFrom('DELETE', 'PATCH')
      .map((other) => ({ ...base, method: other, wrong: 'the method' })),
    path: fc
      .constantFrom('/x', '/..%2f', '/%00', '//')
      .map((more) => ({ ...base, path: path + more, wrong: 'the path' })),
    ...(method === 'GET' ? {} : wrongBodies(base)),
  };
}

function wrongFields(endpoint: Endpoint, form: Form): fc.Arbitrary<RandomCase>[] {
  const { method, path } = endpoint;
  const isQuery = method === 'GET';
  const spoilt = (name: string, value: fc.Arbitrary<unknown>, wrong: string) =>
    fc.tuple(good(form), value).map(
      ([values, bad]): RandomCase => ({
        endpoint,
        method,
        path,
        admitted: true,
        values: { ...values, [name]: bad },
        wrong: `${name} ${wrong}`,
      }),
    );
  const absent = form.isRightWithout
    ? []
    : Object.keys(form.required ?? {}).map((name) =>
        spoilt(name, isQuery ? field.blank : fc.oneof(field.blank, fc.constant(undefined)), 'is missing'),
      );
  const broken = Object.entries({ ...form.required, ...form.optional }).flatMap(([name, one]) => [
    ...(one.bad ? [spoilt(name, one.bad, 'is wrong')] : []),
    ...(one.badInBody && !isQuery ? [spoilt(name, one.badInBody, 'is wrong')] : []),
    ...(one.anyType || isQuery ? [] : [spoilt(name, typeOtherThan(name), 'is of another type')]),
  ]);
  return [...absent, ...broken];
}

/** An object of settings is the right type for settings, and lists of stations are judged by their own rule. */
const typeOtherThan = (name: string) =>
  name === 'settings' || name === 'stations' || name === 'clinics' ? fc.boolean() : field.otherType;

function wrongBodies(base: RandomCase): Readonly<Record<string, fc.Arbitrary<RandomCase>>> {
  return {
    body: fc
      .oneof(
        fc.constantFrom('{', '[]', 'null', '"x"', '7', '{"a":1}}', "{'a':1}", '\ufeff'),
        fc.array(fc.jsonValue()).map((list) => JSON.stringify(list)),
        fc.string({ minLength: 1 }).filter((text) => !text.trimStart().startsWith('{')),
      )
      .map((raw) => ({ ...base, raw, wrong: 'the body' })),
    type: fc
      .constantFrom('text/plain', 'application/xml', 'application/octet-stream', 'x')
      .map((contentType) => ({ ...base, raw: '{}', contentType, wrong: 'the content type' })),
    size: fc.constant({ ...base, raw: `{"a":"${'x'.repeat(66_000)}"}`, wrong: 'the size' }),
  };
}
