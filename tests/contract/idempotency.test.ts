/** Idempotency keys (1.10): a write that is sent again is done once, and gets the first answer byte for byte. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { login } from './callers.ts';
import {
  type Answer,
  bytes,
  expectError,
  expectInvalid,
  newId,
  type RequestOptions,
  request,
} from './http.ts';
import { INDEX } from './index-of-endpoints.ts';
import { QueueClient } from './queue-client.ts';
import { openTarget, type Target, TURN_TIMEOUT } from './target.ts';
import { validValues } from './valid-requests.ts';

let target: Target;
let staff: QueueClient;
beforeAll(async () => {
  target = await openTarget();
  staff = await QueueClient.open(target);
}, TURN_TIMEOUT);
afterAll(() => target?.close());

interface Sent extends RequestOptions {
  readonly path?: string;
  readonly method?: string;
}

/** A write under a key; an enter unless `path` says otherwise. */
function send(
  key: string,
  { path = '/api/v1/queue/enter', method = 'POST', headers, ...options }: Sent = {},
) {
  return request(target.url, method, path, { ...options, headers: { 'Idempotency-Key': key, ...headers } });
}

const isReplayed = ({ headers }: Answer) => headers.get('idempotency-replayed') === 'true';

function expectReplay(again: Answer, first: Answer): void {
  expect({ text: again.text, status: again.status }).toEqual({ text: first.text, status: first.status });
  expect(again.headers.get('idempotency-replayed')).toBe('true');
  expect(again.headers.get('content-type')).toBe(first.headers.get('content-type'));
}

function expectNew(answer: Answer, status = 200): Answer {
  expect(answer.status, answer.text).toBe(status);
  expect(answer.headers.has('idempotency-replayed')).toBe(false);
  return answer;
}

const entry = (clinic = 'bones') => ({ clinic, user: newId('once') });

describe('the same key and body', () => {
  it('gets the first answer again and again, and is done once', async () => {
    const key = newId('key');
    const json = entry();
    const first = expectNew(await send(key, { json }));
    expect(first.body.entry_status).toBe('ENTERED');
    for (let i = 0; i < 5; i += 1) expectReplay(await send(key, { json }), first);
    expect((await staff.line('bones')).list.filter(({ user }) => user === json.user)).toHaveLength(1);
    // Without the key, or with another one, the present state is answered.
    expect(expectNew(await staff.post('/api/v1/queue/enter', json)).body.entry_status).toBe(
      'ALREADY_IN_QUEUE',
    );
    expect(expectNew(await send(newId('key'), { json })).body.entry_status).toBe('ALREADY_IN_QUEUE');
  });

  it('is recognised whatever the order of its fields and the white space between them', async () => {
    const key = newId('key');
    const { clinic, user } = entry();
    const first = expectNew(await send(key, { raw: bytes(JSON.stringify({ clinic, user })) }));
    for (const text of [
      JSON.stringify({ user, clinic }),
      ` {\n "user" :\t"${user}" , "clinic":"${clinic}" } `,
      `{"user":"\\u006f${user.slice(1)}","clinic":"${clinic}"}`,
    ]) {
      expectReplay(await send(key, { raw: bytes(text) }), first);
    }
  });

  it('keeps the request id of the answer’s header, and repeats the one in an error’s body', async () => {
    const key = newId('key');
    const sent = { json: { ...entry('nowhere') }, headers: { 'X-Request-Id': newId('first') } };
    const first = await send(key, sent);
    expectError(first, 'UNKNOWN_CLINIC');
    const again = await send(key, { ...sent, headers: { 'X-Request-Id': newId('again') } });
    expectReplay(again, first);
    expect(again.headers.get('x-request-id')).toMatch(/^again-/);
  });

  it('sent twenty times at once is done once; who comes meanwhile is asked to wait a second', async () => {
    const key = newId('key');
    const json = entry();
    const answers = await Promise.all(Array.from({ length: 20 }, () => send(key, { json })));
    const done = answers.filter(({ status }) => status === 200);
    expect(new Set(done.map(({ text }) => text)).size).toBe(1);
    expect(done.filter((answer) => !isReplayed(answer))).toHaveLength(1);
    for (const answer of answers.filter(({ status }) => status !== 200)) {
      expectError(answer, 'IDEMPOTENCY_IN_PROGRESS', { retry_after: 1 });
      expect(answer.headers.get('retry-after')).toBe('1');
    }
  });
});

describe('the same key and another body', () => {
  it('is refused, also when that body is wrong in itself, and the first answer stays', async () => {
    const key = newId('key');
    const json = entry();
    const first = expectNew(await send(key, { json }));
    for (const other of [
      { ...json, clinic: 'ecg' },
      { ...json, extra: null },
      { user: json.user },
      { ...json, clinic: 'nowhere' },
      { ...json, clinic: {} },
    ]) {
      const answer = await send(key, { json: other });
      expectError(answer, 'IDEMPOTENCY_MISMATCH');
      expect(isReplayed(answer)).toBe(false);
    }
    expectReplay(await send(key, { json }), first);
  });
});

describe('an answer that is not kept leaves the key free', () => {
  it('after 400, 401, 413 and 415', async () => {
    const key = newId('key');
    const json = entry();
    expect((await send(key, { json: { user: json.user } })).status).toBe(400);
    expect((await send(key, { json: { ...json, clinic: { a: 1 } } })).status).toBe(400);
    expect((await send(key, { raw: bytes('{') })).status).toBe(400);
    expect((await send(key, { json: { ...json, more: 'x'.repeat(70_000) } })).status).toBe(413);
    expect((await send(key, { raw: 'a=1', headers: { 'Content-Type': 'text/plain' } })).status).toBe(415);
    expectNew(await send(key, { json }));

    const call = { path: '/api/v1/pin/generate', json: { clinic: 'bones' } };
    const callKey = newId('key');
    expectError(await send(callKey, call), 'UNAUTHORIZED');
    const first = expectNew(await send(callKey, { ...call, token: staff.token }));
    expectReplay(await send(callKey, { ...call, token: staff.token }), first);
    // What is not allowed is refused before any key is looked at.
    expectError(await send(callKey, call), 'UNAUTHORIZED');
  });

  it('after 400 by the database', async () => {
    const key = newId('key');
    const put = { method: 'PUT', path: '/api/admin/settings', token: staff.token };
    const refused = await send(key, { ...put, json: { key: 'grace_minutes', value: -1 } });
    expect(refused.status).toBe(400);
    expectNew(await send(key, { ...put, json: { key: 'grace_minutes', value: 5 } }));
  });

  it('after 429', async () => {
    const json = entry('ecg');
    await staff.enter(json.clinic, json.user);
    const pin = await staff.wrongPin();
    const done = { path: '/api/v1/queue/done', json: { ...json, pin } };
    for (let i = 0; i < 5; i += 1) expect((await send(newId('key'), done)).status).toBe(403);
    const key = newId('key');
    for (const tried of [pin, await staff.pin(json.clinic)]) {
      const answer = await send(key, { ...done, json: { ...json, pin: tried } });
      expect(answer.body.code).toBe('PIN_LOCKED');
      expect(isReplayed(answer)).toBe(false);
    }
  });
});

describe('a refusal that is an answer is kept', () => {
  it('403: a wrong PIN counts once, however often it is sent', async () => {
    const json = { ...entry(), pin: await staff.wrongPin() };
    await staff.enter(json.clinic, json.user);
    const key = newId('key');
    const done = { path: '/api/v1/queue/done', json };
    const first = expectNew(await send(key, done), 403);
    expectError(first, 'WRONG_PIN', { clinic: json.clinic });
    for (let i = 0; i < 8; i += 1) expectReplay(await send(key, done), first);
    expect((await staff.done(json.clinic, json.user, await staff.pin(json.clinic))).status).toBe(200);
    expectReplay(await send(key, done), first);
  });

  it('404: also when by now it would succeed', async () => {
    const json = { ...entry(), pin: await staff.pin('bones') };
    const key = newId('key');
    const first = await send(key, { path: '/api/v1/queue/done', json });
    expectError(first, 'NOT_IN_QUEUE', { clinic: 'bones' });
    await staff.enter(json.clinic, json.user);
    expectReplay(await send(key, { path: '/api/v1/queue/done', json }), first);
    expectNew(await send(newId('key'), { path: '/api/v1/queue/done', json }));
  });

  it('409: also with the text in Arabic', async () => {
    const { user } = entry();
    const json = { patientId: user, examType: 'courses', gender: 'male' };
    const enqueue = (key: string) => send(key, { path: '/api/patient/enqueue', json });
    const firstKey = newId('key');
    const enqueued = expectNew(await enqueue(firstKey));
    const key = newId('key');
    const first = expectNew(await enqueue(key), 409);
    expect(first.body.code).toBe('ALREADY_EXISTS');
    expectReplay(await enqueue(key), first);
    expectReplay(await enqueue(firstKey), enqueued);
  });
});

describe('a key is its owner’s, for one method and path', () => {
  it('of each patient, and of an admin', async () => {
    const key = newId('key');
    const { user, clinic } = entry();
    expectNew(await send(key, { json: { clinic, user } }));
    expectNew(await send(key, { json: { clinic, user: newId('other') } }));
    expectNew(await send(key, { json: { clinic, user }, token: staff.token }));
    expectNew(await send(key, { json: { clinic, user }, path: '/api/v1/queue' }), 201);
    const setting = { path: '/api/admin/settings', token: staff.token };
    expectNew(await send(key, { ...setting, json: { settings: { grace_minutes: 5 } } }));
    expectNew(await send(key, { ...setting, method: 'PUT', json: { key: 'grace_minutes', value: 5 } }));
  });

  it('whichever of its names a session id has, and whoever else sends the same', async () => {
    const key = newId('key');
    const { user, clinic } = entry();
    expectNew(await send(key, { json: { clinic, visitId: user } }));
    // The same owner, another body.
    expectError(await send(key, { json: { clinic, user } }), 'IDEMPOTENCY_MISMATCH');
  });
});

describe('the header', () => {
  it.each([
    ['one character', () => newId('').slice(-1)],
    ['255 characters', () => newId('k').padEnd(255, '~')],
    ['blanks and signs', () => `${newId('k')} "'{}\\,;=`],
  ])('may have %s', async (_name, make) => {
    const key = make();
    const json = entry();
    const first = expectNew(await send(key, { json }));
    expectReplay(await send(key, { json }), first);
  });

  it.each([
    ['nothing', ''],
    ['256 characters', 'k'.repeat(256)],
    ['a letter beyond ASCII', 'clé'],
    ['a tab', 'a\tb'],
  ])('may not have %s', async (_name, key) => {
    expectInvalid(await send(key, { json: entry() }), 'Idempotency-Key');
    expectInvalid(await send(key, { json: {} }), 'Idempotency-Key');
    expectInvalid(await send(key, { path: '/api/system/tick', token: staff.token }), 'Idempotency-Key');
    // What comes before it in the order of checks.
    expectError(await send(key, { raw: bytes('[]') }), 'MALFORMED_BODY');
    expectError(await send(key, { path: '/api/v1/queue/call', json: {} }), 'UNAUTHORIZED');
  });

  it('means nothing on a GET', async () => {
    for (const key of [newId('key'), '']) {
      const answer = await request(target.url, 'GET', '/api/v1/queue/status?clinic=bones', {
        headers: { 'Idempotency-Key': key },
      });
      expectNew(answer);
    }
  });
});

/** Credentials are not kept, and a suggestion writes nothing. */
const IGNORING = [
  'POST /admin/login',
  'POST /api/v1/auth/login',
  'POST /api/v1/patient/login',
  'POST /api/session/create',
  'POST /api/v1/path/choose',
];
const WRITES = INDEX.filter(({ method }) => method === 'POST' || method === 'PUT');
const LOGOUT = '/admin/logout';

describe('every POST and PUT', () => {
  it.each(WRITES.filter(({ path }) => path !== LOGOUT))('$method $path', async ({ method, path, auth }) => {
    const sent = {
      method,
      path,
      json: validValues(target, method, path),
      ...(auth !== 'public' && { token: staff.token }),
    };
    const key = newId('key');
    const first = await send(key, sent);
    expect([200, 201, 403, 404, 409], first.text).toContain(first.status);
    expectNew(first, first.status);
    const again = await send(key, sent);
    if (IGNORING.includes(`${method} ${path}`)) expectNew(again, first.status);
    else expectReplay(again, first);
  });

  it('the logout too, although it revoked the token; and nothing else for a token that is revoked', async () => {
    const token = await login(target);
    const rotation = { path: '/api/v1/pin/generate', json: { clinic: 'bones' } };
    const key = newId('key');
    const rotated = expectNew(await send(key, { ...rotation, token }));
    const first = expectNew(await send(key, { path: LOGOUT, json: {}, token }));
    const again = await send(key, { path: LOGOUT, json: {}, token });
    expectReplay(again, first);
    expect(again.headers.get('set-cookie')).toMatch(/^admin_token=;/);
    expectError(await send(key, { ...rotation, token }), 'UNAUTHORIZED');
    staff = await QueueClient.open(target);
    expectReplay(await send(key, { ...rotation, token: staff.token }), rotated);
  });

  it('gives new credentials each time', async () => {
    const key = newId('key');
    const json = { patientId: '7171717171', gender: 'female' };
    const ids = [1, 2].map(async () => {
      const { body } = await send(key, { path: '/api/v1/patient/login', json });
      return (body.data as { id: string }).id;
    });
    expect(new Set(await Promise.all(ids)).size).toBe(2);
    const session = { path: '/api/session/create', json: { patientId: newId('once') }, token: staff.token };
    const tokens = [await send(key, session), await send(key, session)].map(({ body }) => body.token);
    expect(new Set(tokens).size).toBe(2);
  });
});

describe('web page mode', () => {
  it('changes the answer after the replay: what is kept is the clean one', async () => {
    const host = new URL(target.url).origin;
    const key = newId('key');
    const json = { ...entry(), pin: await staff.wrongPin() };
    await staff.enter(json.clinic, json.user);
    const done = { path: '/api/v1/queue/done', json };
    const page = { ...done, headers: { Origin: host } };
    const first = await send(key, page);
    const clean = await send(key, done);
    expect(clean.status).toBe(403);
    expect(isReplayed(clean)).toBe(true);
    const again = await send(key, page);
    expect(isReplayed(again)).toBe(true);
    expect([again.status, again.text]).toEqual([first.status, first.text]);
    expect(again.headers.get('x-original-status')).toBe(first.headers.get('x-original-status'));
    expect(again.text).toBe(clean.text);
    // A server without web page mode answers everybody alike.
    expect(first.status).toBe(first.headers.has('x-original-status') ? 200 : 403);
  });
});
