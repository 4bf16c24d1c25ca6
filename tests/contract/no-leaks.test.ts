/**
 * Nobody sees a PIN, a personal number, another patient's session id or any token: not in a body, a header, an error,
 * a stream or a line of the log, whatever they ask. TEST_SEED repeats the choice of parameters.
 */
import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { FAMILIES, SHAPES } from '../../src/lib/api-description.ts';
import { schemaOf } from '../../src/lib/shape-notation.ts';
import { atMost } from '../support/at-most.ts';
import { EventSourceClient } from '../support/event-source.ts';
import { seededRandom, testSeed } from '../support/sql-random.ts';
import { report } from '../support/sql-report.ts';
import { until } from '../support/until.ts';
import { volume } from '../support/volume.ts';
import { askAnyRoute } from './any-route.ts';
import { type Caller, openCallers } from './callers.ts';
import { type Answer, newId, request } from './http.ts';
import { leaksInText, leaksInValue, type Secrets } from './leaks.ts';
import { fillWithPatients, type MarkedPatient } from './marked-patients.ts';
import { CLINIC_IDS, QueueClient } from './queue-client.ts';
import {
  isOwnServer,
  OWN_SETTINGS,
  openFreshTarget,
  repetitions,
  type Target,
  TURN_TIMEOUT,
} from './target.ts';

const STREAM = '/api/v1/events/stream';
const AT_ONCE = 8;
/** Seconds on an idle machine. */
const TIMEOUT = 5 * 60_000;
/** For each route and kind of caller. */
const SAMPLES = repetitions(volume(600));
/** Looking at a password is slow on purpose. */
const SAMPLES_OF_LOGIN = 6;

const seed = testSeed();
const random = seededRandom(seed);

let target: Target;
let staff: QueueClient;
let refused: Caller[];
let patients: MarkedPatient[];
let secrets: Secrets;
let operations = 0;
let leaked = 0;

/** Everything that our own server wrote while these tests ran. */
const written: string[] = [];
const LEVELS = ['debug', 'log', 'info', 'warn', 'error'] as const;
const spies = LEVELS.map((level) =>
  vi.spyOn(console, level).mockImplementation((...parts) => {
    written.push(parts.map(String).join(' '));
  }),
);

beforeAll(async () => {
  // A test's server says nothing but errors by itself: here its lines are what is searched.
  target = await openFreshTarget({ ...OWN_SETTINGS, LOG_LEVEL: 'info' });
  ({ refused } = await openCallers(target));
  staff = await QueueClient.open(target);
  patients = await fillWithPatients(target, staff);
  secrets = { texts: await secretTexts(), pins: new Set((await staff.pins()).allPins) };
}, TURN_TIMEOUT);
afterAll(async () => {
  for (const spy of spies) spy.mockRestore();
  const emptied = { settings: { emergency_pin: null } };
  if (staff) await staff.post('/api/admin/settings', emptied, { token: staff.token });
  await target?.close();
});

const EMERGENCY_CODE = String(randomInt(10 ** 9, 10 ** 10 - 1));

async function secretTexts(): Promise<ReadonlyMap<string, string>> {
  const saved = await staff.post(
    '/api/admin/settings',
    { settings: { emergency_pin: EMERGENCY_CODE } },
    { token: staff.token },
  );
  expect(saved.status, saved.text).toBe(200);
  const { environment = {}, admin } = target;
  const own = [
    'JWT_SECRET',
    'CRON_SECRET',
    'METRICS_TOKEN',
    'DATABASE_URL',
    'UPSTASH_REDIS_REST_URL',
    'UPSTASH_REDIS_REST_TOKEN',
  ];
  return new Map([
    ...patients.flatMap(({ secrets: theirs }) => [...theirs]),
    [staff.token, 'an admin’s token'],
    [admin.password, 'the password'],
    [EMERGENCY_CODE, 'the emergency code'],
    ...own.flatMap((name) => (environment[name] === undefined ? [] : [[environment[name], name] as const])),
  ]);
}

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly values: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
  /** What the caller knows besides what he sends. */
  readonly known?: readonly string[];
}

async function ask({ method, path, values, headers }: Asked): Promise<Answer> {
  operations += 1;
  const isRead = method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
  return askAnyRoute(target.url, method, path, {
    headers,
    ...(isRead
      ? { query: new URLSearchParams(values as Record<string, string>) }
      : { raw: JSON.stringify(values) }),
  });
}

/** Fails when there is one. */
function expectNone(leaks: readonly string[], what: string): void {
  leaked += leaks.length;
  expect(leaks, what).toEqual([]);
}

function leaksOf(answer: Answer, { values, headers, known = [] }: Asked): string[] {
  const sent = [...Object.values(values).map(String), ...Object.values(headers), ...known];
  const headerText = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join('\n');
  return [
    ...leaksInText(answer.text, secrets, sent),
    ...leaksInText(headerText, secrets, sent),
    ...leaksInValue(answer.body, secrets, sent),
  ];
}

async function expectNoLeak(asked: Asked): Promise<Answer> {
  const answer = await ask(asked);
  const what = `${asked.method} ${asked.path} ${JSON.stringify(asked.values)} ${JSON.stringify(asked.headers)}`;
  expectNone(leaksOf(answer, asked), `${what}: ${answer.text.slice(0, 300)}`);
  expect(answer.status, what).toBeLessThan(500);
  return answer;
}

const DESCRIBED = FAMILIES.flatMap(({ endpoints }) => endpoints);
const STRANGER = newId('stranger');

/** What somebody who knows no patient may try for a field, by its name. */
function guesses(name: string): readonly unknown[] {
  const [first, second] = patients;
  switch (name) {
    case 'clinic':
    case 'clinicId':
    case 'clinicCode':
      return [...CLINIC_IDS, 'XR', 'clinic1', 'admin', '1', '13', '*', '%', '**', 'all'];
    case 'user':
    case 'patientId':
    case 'routeId':
      return [
        ...[STRANGER, '**', '*', '%', '_', '__proto__', 'null', 'undefined', 'admin', '0', '1', '2', '-', ''],
        ...[first, second].flatMap((patient) =>
          patient ? [patient.personalNumber, patient.user.slice(0, 12), patient.user.toUpperCase()] : [],
        ),
      ];
    case 'pin':
      return ['1', '2', '3', '00', '**', '', '999'];
    case 'token':
      return ['', '*', '%', 'null', STRANGER, 'a'.repeat(43)];
    case 'type':
      return ['all', 'system', 'theme', 'emergency'];
    case 'key':
      return ['emergency_pin', 'emergencyPin', 'timezone'];
    case 'settings':
      return [{ emergency_pin: '123456' }, {}];
    case 'detailed':
    case 'force':
      return ['true', '1', 'false'];
    case 'limit':
      return ['1', '50', '51'];
    case 'lastEventId':
      return ['0-0', '1-1', '999999999999-1', 'x'];
    case 'date':
    case 'week':
      return [new Date().toISOString().slice(0, 10), '2025-10-29'];
    case 'format':
      return ['csv', 'json'];
    case 'examType':
      return ['recruitment', 'courses', 'anything'];
    case 'gender':
      return ['male', 'F'];
    case 'action':
      return ['complete', 'process_code'];
    default:
      return ['1', 'true', 'admin', '*'];
  }
}

const pickOf = <T>(values: readonly T[]): T | undefined => values[random.below(values.length)];

function guessed(input: string | undefined): Record<string, unknown> {
  const { properties = {} } = input === undefined ? {} : schemaOf(input, SHAPES);
  const chosen = Object.keys(properties).filter(() => random.chance(0.8));
  return Object.fromEntries([
    ...chosen.map((name) => [name, pickOf(guesses(name))] as const),
    // The page sends this one, and it proves nothing.
    ...(random.chance(0.1) ? [['adminCode', 'BOMUSSA14490'] as const] : []),
  ]);
}

const isLogin = (path: string) => path === '/admin/login' || path === '/api/v1/auth/login';

describe('the detector', () => {
  it('finds what an admin is shown', async () => {
    const headers = { Authorization: `Bearer ${staff.token}` };
    const see = async (path: string, values: Asked['values'] = {}) => {
      const asked = { method: 'GET', path, values, headers };
      return leaksOf(await ask(asked), asked).length;
    };
    expect(await see('/api/v1/pin/status')).toBeGreaterThanOrEqual(CLINIC_IDS.length);
    expect(await see('/config/clinic-pins')).toBe(CLINIC_IDS.length);
    expect(await see('/api/v1/admin/status')).toBeGreaterThan(CLINIC_IDS.length * 2);
    expect(await see('/api/v1/queue/status', { clinic: 'lab' })).toBeGreaterThan(2);
    expect(await see('/api/queue/status', { clinicId: 'lab', detailed: 'true' })).toBeGreaterThan(2);
    expect(await see('/api/admin/settings', { type: 'all' })).toBeGreaterThan(0);
    expect(await see('/api/admin/settings', { type: 'system' })).toBeGreaterThan(0);
  });
});

describe('nobody is shown a secret', { timeout: TIMEOUT }, () => {
  it.each(DESCRIBED.map((endpoint) => [endpoint.method, endpoint.path, endpoint] as const))(
    'by %s %s',
    async (method, path, { input }) => {
      const count = isLogin(path) ? SAMPLES_OF_LOGIN : SAMPLES;
      const asked = Array.from({ length: count }, (): Asked => {
        const headers = random.chance(0.5) ? {} : (pickOf(refused)?.headers ?? {});
        return { method, path, values: guessed(input), headers };
      });
      await atMost(AT_ONCE, asked, expectNoLeak);
      for (const other of ['HEAD', 'OPTIONS', 'DELETE']) {
        if (path === STREAM && other === 'HEAD') continue;
        await expectNoLeak({ method: other, path, values: {}, headers: {} });
      }
    },
  );

  it('by paths that are none', async () => {
    const paths = ['/', '/api', '/api/events', '/api/reports/live', '/api/pinmap/today', '/healthz', '/mw/x'];
    const under = CLINIC_IDS.flatMap((clinic) => [
      `/api/v1/pin/status/${clinic}`,
      `/api/v1/queue/${clinic}`,
      `/config/clinic-pins/${clinic}`,
    ]);
    for (const path of [...paths, ...under, '/.env', '/api/v1/patients', '/api/v1/admin/admins']) {
      await expectNoLeak({ method: 'GET', path, values: {}, headers: {} });
    }
  });

  it('by bodies that cannot be read', async () => {
    const writes = DESCRIBED.filter(({ method, path }) => method !== 'GET' && !isLogin(path));
    for (const { method, path } of writes) {
      for (const raw of ['{', '[]', '"x"', `{"user":"${STRANGER}"`]) {
        operations += 1;
        const answer = await askAnyRoute(target.url, method, path, { raw });
        expectNone(leaksOf(answer, { method, path, values: {}, headers: {} }), path);
      }
    }
  });
});

describe('a patient is shown nothing of another', { timeout: TIMEOUT }, () => {
  it('whatever he asks with his own id, or with his PINs guessed', async () => {
    const reads = DESCRIBED.filter(({ method, path }) => method === 'GET' && path !== STREAM);
    const asked = patients.slice(0, repetitions(patients.length)).flatMap((patient): Asked[] => {
      const known = [...patient.secrets.keys()];
      const values = {
        user: patient.user,
        patientId: patient.user,
        clinic: patient.clinic,
        clinicId: patient.clinic,
      };
      const base = { values, headers: {}, known };
      return [
        ...reads.map(({ method, path }) => ({ ...base, method, path })),
        { ...base, method: 'POST', path: '/api/v1/queue/enter' },
        { ...base, method: 'POST', path: '/api/v1/queue' },
        ...['/api/v1/queue/done', '/api/v1/clinic/exit'].map((path) => ({
          ...base,
          method: 'POST',
          path,
          values: { ...values, pin: '00' },
        })),
        { ...base, method: 'POST', path: '/api/v1/route/create', values: { ...values, examType: 'courses' } },
        {
          ...base,
          method: 'POST',
          path: '/api/patient/enqueue',
          values: { ...values, examType: 'courses', gender: 'male' },
        },
      ];
    });
    await atMost(AT_ONCE, asked, expectNoLeak);
  });

  it('nor of himself to who knows his personal number only: a login there makes a new id', async () => {
    await atMost(AT_ONCE, patients, async ({ personalNumber }) => {
      const values = { patientId: personalNumber, gender: 'male' };
      const answer = await expectNoLeak({
        method: 'POST',
        path: '/api/v1/patient/login',
        values,
        headers: {},
      });
      expect(answer.status).toBe(200);
    });
  });

  it('by a QR token, used or not', async () => {
    const tokens = patients.flatMap(({ qrToken }) => (qrToken === undefined ? [] : [qrToken]));
    expect(tokens.length).toBeGreaterThan(5);
    await atMost(AT_ONCE, tokens, async (token) => {
      const base = { method: 'POST', headers: {} };
      for (const path of ['/api/session/device', '/api/session/validate', '/api/session/validate']) {
        await expectNoLeak({ ...base, path, values: { token, device: 'iOS' } });
      }
    });
  });
});

describe('the event stream', { timeout: TIMEOUT }, () => {
  it('shows nobody a patient or a PIN: not live, not after a reconnect, not with any bad token', async () => {
    const queries = [
      '',
      '?clinic=admin',
      '?clinic=admin&lastEventId=0-0',
      `?user=${STRANGER}&lastEventId=0-0`,
      '?user=admin&clinic=admin',
      `?user=${patients[0]?.personalNumber}&lastEventId=0-0`,
      ...CLINIC_IDS.flatMap((clinic) => [`?clinic=${clinic}`, `?clinic=${clinic}&lastEventId=0-0`]),
      ...CLINIC_IDS.map((clinic) => `?clinic=${clinic}&user=${STRANGER}&lastEventId=0-0`),
    ];
    const asked: { query: string; headers: Readonly<Record<string, string>> }[] = [
      ...queries.map((query) => ({ query, headers: {} })),
      ...refused.map(({ headers }) => ({ query: '?clinic=admin&lastEventId=0-0', headers })),
      ...refused.map(({ headers }) => ({ query: '?clinic=lab&lastEventId=0-0', headers })),
    ];
    const streams = await Promise.all(
      asked.map(async ({ query, headers }) => ({
        query,
        headers,
        stream: await EventSourceClient.open(target.url + STREAM + query, headers),
      })),
    );
    operations += streams.length;
    try {
      await Promise.all(streams.map(({ stream }) => stream.atLeast(1, 'connected')));
      await liveChanges();
      await until(
        'every clinic’s streams have the last event',
        () => streams.filter(({ query }) => /^\?clinic=(?!admin)\w+(&lastEventId=0-0)?$/.test(query)),
        (listening) => listening.every(({ stream }) => stream.named('ENTERED').length > 0),
      );
      for (const { query, headers, stream } of streams) {
        const sent = [query, ...Object.values(headers)];
        const leaks = [
          ...leaksInText(stream.text, secrets, sent),
          ...stream.frames.flatMap(({ data }) => leaksInValue(data, secrets, sent)),
        ];
        expectNone(leaks, `${query} ${JSON.stringify(headers)}`);
        if (/clinic=admin/.test(query)) expect(stream.named(), query).toEqual([]);
      }
    } finally {
      for (const { stream } of streams) stream.close();
    }
  });

  /** Marked patients move, staff rotate PINs and set intervals; at the end one more enters each line. */
  async function liveChanges(): Promise<void> {
    const { token } = staff;
    for (const clinic of CLINIC_IDS) {
      await staff.call(clinic);
      await staff.post('/api/v1/admin/set-call-interval', { clinic, interval_minutes: 0 }, { token });
    }
    await staff.post('/api/v1/pin/generate', {}, { token });
    secrets = { ...secrets, pins: new Set([...secrets.pins, ...(await staff.pins()).allPins]) };
    const { user = '', clinic = 'lab' } = patients[0] ?? {};
    await staff.done(clinic, user, await staff.pin(clinic));
    const late = new Map(secrets.texts);
    for (const last of CLINIC_IDS) {
      const newcomer = newId('latecomer');
      late.set(newcomer, 'the session of a latecomer');
      await staff.enter(last, newcomer);
    }
    secrets = { ...secrets, texts: late };
  }
});

describe('what is kept of it', () => {
  it.skipIf(!isOwnServer)('holds no secret: no line of the log does', async () => {
    const [patient] = patients;
    const source = `${patient?.user} ${patient?.personalNumber} ${staff.token} ${EMERGENCY_CODE}`;
    await request(target.url, 'POST', '/api/v1/events/recovery', {
      json: { source, retries: 4, timestamp: source },
    });
    written.push(...(target.output?.() ?? '').split('\n'));
    expect(written.filter((line) => line.startsWith('{')).length).toBeGreaterThan(0);
    for (const line of written) {
      expectNone(leaksInText(line, secrets), line);
      if (line.startsWith('{')) expectNone(leaksInValue(JSON.parse(line), secrets), line);
    }
  });

  it('is this many operations', () => {
    for (const spy of spies) spy.mockRestore();
    report(
      `${DESCRIBED.length} routes, ${refused.length} callers, ${patients.length} patients, ${written.length} log lines: ${leaked} leaks`,
      operations,
      seed,
    );
    expect(leaked).toBe(0);
    expect(operations).toBeGreaterThan(DESCRIBED.length * SAMPLES * 0.9);
  });
});
