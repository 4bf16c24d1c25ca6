/** Section 2.10 of the contract: QR sessions, tokens for one use. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { atOnce, report, tally } from '../support/sql-report.ts';
import { type Answer, expectError, ISO, newId, SECRET_ID } from './http.ts';
import { QueueClient } from './queue-client.ts';
import { openTarget, type Target, TURN_TIMEOUT } from './target.ts';

let target: Target;
let client: QueueClient;
beforeAll(async () => {
  target = await openTarget();
  client = await QueueClient.open(target);
}, TURN_TIMEOUT);
afterAll(() => target?.close());

const DONE = { ok: true, success: true };

const create = (json: unknown) => client.post('/api/session/create', json, { token: client.token });
const use = (token: unknown) => client.post('/api/session/validate', { token });
const setDevice = (json: unknown) => client.post('/api/session/device', json);

async function newSession(): Promise<string> {
  const { status, text, body } = await create({ patientId: newId('qr') });
  expect(status, text).toBe(200);
  return String(body.token);
}

/** As everywhere, with `ok: false` beside it. */
const expectSessionError: typeof expectError = (answer, code, extras) =>
  expectError(answer, code, { ok: false, ...extras });

const missing = (...names: string[]) => ({
  error: `Missing required fields: ${names.join(', ')}`,
  missing_fields: names,
});

describe('POST /api/session/create', () => {
  it('gives an admin a new token with its end', async () => {
    const before = Date.now();
    const { status, body } = await create({ patientId: newId('qr') });
    expect(status).toBe(200);
    expect(body).toStrictEqual({ ...DONE, token: SECRET_ID, expires_at: ISO });
    // The default of QR_TOKEN_MINUTES is an hour; five minutes for a clock elsewhere.
    const life = Date.parse(String(body.expires_at)) - before;
    expect(Math.abs(life - 60 * 60_000)).toBeLessThan(5 * 60_000);
  });

  it.each(['user', 'patient_id', 'visitId', 'personalId'])('takes %s for patientId', async (name) => {
    expect((await create({ [name]: newId('qr') })).status).toBe(200);
  });

  it('gives the same patient another token each time', async () => {
    const patientId = newId('qr');
    const answers = await atOnce(5, () => create({ patientId }));
    expect(new Set(answers.map(({ body }) => body.token)).size).toBe(5);
  });

  it('refuses everybody but an admin, whatever the fields', async () => {
    for (const json of [{ patientId: newId('qr') }, {}]) {
      expectSessionError(await client.post('/api/session/create', json), 'UNAUTHORIZED');
      expectSessionError(await client.post('/api/session/create', json, { token: 'x.y.z' }), 'UNAUTHORIZED');
    }
  });

  it('says that the patient is missing or no id', async () => {
    for (const json of [{}, { patientId: ' ' }, { patientId: null }]) {
      expectSessionError(await create(json), 'MISSING_FIELDS', missing('patientId'));
    }
    for (const patientId of ['a b', 'x'.repeat(65), {}, true]) {
      expectSessionError(await create({ patientId }), 'INVALID_FIELD', {
        error: 'Invalid value for user',
        field: 'user',
      });
    }
  });
});

describe('POST /api/session/validate', () => {
  it('takes a token once, then says that it was used', async () => {
    const token = await newSession();
    const { status, body } = await use(token);
    expect(status).toBe(200);
    expect(body).toStrictEqual(DONE);
    for (let again = 0; again < 3; again += 1) expectSessionError(await use(token), 'SESSION_ALREADY_USED');
  });

  it('lets exactly one of 50 callers have a token', async () => {
    const rounds = 3;
    for (let round = 0; round < rounds; round += 1) {
      const token = await newSession();
      const answers = await atOnce(50, () => use(token));
      const outcomes = answers.map(({ status, body }) => `${status} ${String(body.error ?? 'used')}`);
      expect(tally(outcomes)).toEqual({ '200 used': 1, '409 SESSION_ALREADY_USED': 49 });
    }
    report('one token validated by 50 callers at once, used exactly once', rounds * 50);
  });

  it.each([
    'unknown',
    'AAAAAAAAAAAAAAAAAAAAAA',
    'no token at all!',
    'ر',
    "'; drop table qr_sessions; --",
    17,
  ])('does not know the token %j', async (token) => {
    expectSessionError(await use(token), 'SESSION_NOT_FOUND');
  });

  it('answers with the three words in `error` and a status that is no success', async () => {
    const token = await newSession();
    await use(token);
    const answers: Answer[] = [await use(token), await use('nobody')];
    expect(answers.map(({ status, body }) => [status, body.error])).toEqual([
      [409, 'SESSION_ALREADY_USED'],
      [404, 'SESSION_NOT_FOUND'],
    ]);
  });

  it('says that the token is missing', async () => {
    for (const token of [undefined, null, '', '  ']) {
      expectSessionError(await use(token), 'MISSING_FIELDS', missing('token'));
    }
  });
});

describe('POST /api/session/device', () => {
  it.each(['iOS', 'Android', 'Desktop'])(
    'notes %s for a token that is unused and for one that is used',
    async (device) => {
      const token = await newSession();
      for (const prepare of [() => undefined, () => use(token)]) {
        await prepare();
        const { status, body } = await setDevice({ token, device });
        expect(status).toBe(200);
        expect(body).toStrictEqual(DONE);
      }
    },
  );

  it('leaves the token unused', async () => {
    const token = await newSession();
    await setDevice({ token, device: 'iOS' });
    expect((await use(token)).status).toBe(200);
  });

  it.each(['ios', 'Windows', 'desktop', {}, ['iOS'], 1])('refuses the device %j', async (device) => {
    expectSessionError(await setDevice({ token: await newSession(), device }), 'INVALID_FIELD', {
      error: 'Invalid value for device',
      field: 'device',
    });
  });

  it('does not know a token that was never made', async () => {
    expectSessionError(await setDevice({ token: 'nobody', device: 'iOS' }), 'SESSION_NOT_FOUND');
  });

  it('says what is missing', async () => {
    expectSessionError(await setDevice({}), 'MISSING_FIELDS', missing('token', 'device'));
    expectSessionError(await setDevice({ token: 'x' }), 'MISSING_FIELDS', missing('device'));
    expectSessionError(await setDevice({ device: 'iOS' }), 'MISSING_FIELDS', missing('token'));
  });
});

describe('GET /api/session/stats', () => {
  interface Stats {
    readonly total: number;
    readonly active: number;
    readonly used: number;
    readonly expired: number;
    readonly byDevice: Readonly<Record<string, number>>;
  }

  const stats = async (): Promise<Stats> => {
    const { status, body } = await client.get('/api/session/stats', { token: client.token });
    expect(status).toBe(200);
    expect(Object.keys(body).sort()).toEqual(['ok', 'stats', 'success']);
    return body.stats as Stats;
  };

  it('counts tokens by state and by device', async () => {
    const before = await stats();
    const tokens = [await newSession(), await newSession(), await newSession()];
    await use(tokens[0]);
    await setDevice({ token: tokens[0], device: 'iOS' });
    await setDevice({ token: tokens[1], device: 'Android' });
    // The last word counts.
    await setDevice({ token: tokens[1], device: 'Desktop' });

    expect(await stats()).toStrictEqual({
      total: before.total + 3,
      active: before.active + 2,
      used: before.used + 1,
      expired: before.expired,
      byDevice: {
        iOS: (before.byDevice.iOS ?? 0) + 1,
        Android: before.byDevice.Android,
        Desktop: (before.byDevice.Desktop ?? 0) + 1,
      },
    });
  });

  it('is for an admin only', async () => {
    expectSessionError(await client.get('/api/session/stats'), 'UNAUTHORIZED');
    expectSessionError(await client.get('/api/session/stats', { token: 'x.y.z' }), 'UNAUTHORIZED');
  });
});

it('says a wrong method and an unknown path as everywhere, with ok:false', async () => {
  expectSessionError(await client.get('/api/session/create'), 'METHOD_NOT_ALLOWED');
  expectSessionError(await client.get('/api/session/none'), 'NOT_FOUND', { path: '/api/session/none' });
});
