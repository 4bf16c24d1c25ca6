/** Section 3 of the contract: who gets which frames, field by field, and what a stream that comes back is sent. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { EventSourceClient, type ReceivedFrame } from '../support/event-source.ts';
import { until } from '../support/until.ts';
import {
  ANY_INT,
  expectCommonHeaders,
  expectError,
  expectInvalid,
  type Fields,
  ISO,
  newId,
  request,
} from './http.ts';
import { CLINIC_IDS, CLINICS, QueueClient } from './queue-client.ts';
import { OWN_SETTINGS, openFreshTarget, ownPostgres, type Target, TURN_TIMEOUT } from './target.ts';

const PATH = '/api/v1/events/stream';
const ID = expect.stringMatching(/^\d+-\d+$/);
const MS = expect.toSatisfy(
  (value) => Math.abs(Date.now() - value) < 120_000,
  'is an epoch time in ms of now',
);

let target: Target;
let client: QueueClient;
let beating: EventSourceClient;
beforeAll(async () => {
  target = await openFreshTarget(OWN_SETTINGS, ownPostgres);
  client = await QueueClient.open(target);
  beating = await EventSourceClient.open(`${target.url}${PATH}`);
}, TURN_TIMEOUT);
afterAll(async () => {
  beating?.close();
  await target?.close();
});

const opened: EventSourceClient[] = [];
afterEach(() => {
  for (const stream of opened.splice(0)) stream.close();
});

/** Opens a stream and waits for its first frame. */
async function open(query = '', headers: Readonly<Record<string, string>> = {}): Promise<EventSourceClient> {
  const stream = await EventSourceClient.open(`${target.url}${PATH}${query}`, headers);
  opened.push(stream);
  await stream.atLeast(1, 'connected');
  return stream;
}

const asAdmin = () => ({ Authorization: `Bearer ${client.token}` });
const openAsAdmin = (headers: Readonly<Record<string, string>> = {}) =>
  open('?clinic=admin', { ...asAdmin(), ...headers });

/** Something that everybody with a right to it hears: when it was heard, so was everything before it. */
async function afterwards(clinic: string): Promise<void> {
  const witness = await open(`?clinic=${clinic}`);
  await client.enter(clinic, newId('witness'));
  await witness.atLeast(1, 'ENTERED');
}

const updates = (stream: EventSourceClient) => stream.named('queue_update');
const subtypes = (frames: readonly ReceivedFrame[]) => frames.map(({ data }) => data.subtype);

function patientFrame(clinic: string, user: string, number: number, change: Fields): Fields {
  return {
    clinic,
    user,
    number,
    ahead: 0,
    total: ANY_INT,
    current: expect.toSatisfy((value) => value === null || Number.isInteger(value), 'is an int or null'),
    timestamp: MS,
    ...change,
  };
}

const ENTRY = { number: ANY_INT, user: expect.any(String), status: expect.any(String), entered_at: ISO };

describe('the answer', () => {
  it('is an event stream that nobody may keep, change or compress', async () => {
    const { response } = await open('', { 'Accept-Encoding': 'gzip, br, zstd' });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(response.headers.get('x-accel-buffering')).toBe('no');
    expect(response.headers.get('content-encoding')).toBeNull();
    expectCommonHeaders(response.headers, 'private, no-store, no-transform');
  });

  it('begins with the time to wait before a reconnect, spread, then says at once that it is connected', async () => {
    const streams = await Promise.all(Array.from({ length: 5 }, () => open()));
    for (const { text, retries, frames } of streams) {
      expect(text).toMatch(/^retry: \d+\n\nevent: connected\ndata: /);
      expect(retries[0]).toBeGreaterThanOrEqual(4_000);
      expect(retries[0]).toBeLessThanOrEqual(6_000);
      expect(frames[0]).toMatchObject({ event: 'connected', id: undefined });
      expect(frames[0]?.data).toStrictEqual({ status: 'ok', timestamp: MS, clinic: null, user: null });
    }
    expect(new Set(streams.map(({ retries }) => retries[0])).size).toBeGreaterThan(1);
  });

  it.each([
    ['?clinicId=XR&patientId=p-1', 'xray', 'p-1'],
    ['?clinic_id=clinic1&patient_id=p-2', 'lab', 'p-2'],
    ['?stationId=ortho&visitId=p-3', 'bones', 'p-3'],
    ['?personalId=1761739200000-abc123xyz', null, '1761739200000-abc123xyz'],
    ['?clinic=%20&user=', null, null],
  ])('takes every accepted name and answers the canonical one: %s', async (query, clinic, user) => {
    const { frames } = await open(query);
    expect(frames[0]?.data).toMatchObject({ clinic, user });
  });

  it('has the headers of GET for HEAD, and no body', async () => {
    const head = await fetch(`${target.url}${PATH}?clinic=lab`, { method: 'HEAD' });
    expect(head.status).toBe(200);
    expect(head.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(await head.text()).toBe('');
    expect((await fetch(`${target.url}${PATH}?clinic=nowhere`, { method: 'HEAD' })).status).toBe(404);
  });

  it.each(['?user=a%20b', `?user=${'x'.repeat(65)}`, '?user=%00', '?clinic=lab&user=%D9%A3'])(
    'refuses an id that can be nobody’s, before it begins: %s',
    async (query) => {
      expectInvalid(await request(target.url, 'GET', PATH + query), 'user');
    },
  );

  it.each(['nowhere', '3', '%00', 'lab,xray'])(
    'does not know the clinic %s, before it begins',
    async (clinic) => {
      for (const more of ['', '&user=u', '&lastEventId=1-1']) {
        expectError(await request(target.url, 'GET', `${PATH}?clinic=${clinic}${more}`), 'UNKNOWN_CLINIC');
      }
    },
  );
});

describe('a stream without a subscription', () => {
  it.each([
    ['without parameter', '', {}],
    ['of all clinics without a token', '?clinic=admin', {}],
    ['of all clinics with a bad token', '?clinic=admin', { Authorization: 'Bearer nonsense' }],
    ['of all clinics for a patient', '?clinic=ADMIN&user=somebody', {}],
  ])('gets nothing: %s', async (_, query, headers) => {
    const stream = await open(query, { ...headers, 'Last-Event-ID': '0-0' });
    await afterwards('dental');
    await client.call('dental');
    await afterwards('dental');
    expect(stream.frames.map(({ event }) => event)).toEqual(['connected']);
  });
});

describe('the stream of a clinic', () => {
  it('shows who entered, was called and completed by number only, field by field', async () => {
    const clinic = 'audio';
    const user = newId('stream');
    await client.drain(clinic);
    const stream = await open('?clinic=AUD');
    const { number, position } = await client.enter(clinic, user);
    await client.callUntil(clinic, user);
    expect((await client.done(clinic, user, await client.pin(clinic))).status).toBe(200);

    const frames = await stream.atLeast(3);
    const expected = [
      ['ENTERED', position, { queue_number: number }],
      ['CALLED', null, { queue_number: number, by: 'admin' }],
      ['COMPLETED', null, { queue_number: number, duration_minutes: 0 }],
    ] as const;
    for (const [index, [type, place, data]] of expected.entries()) {
      expect(frames[index]).toMatchObject({ event: type, id: ID });
      expect(frames[index]?.data).toStrictEqual({
        id: frames[index]?.id,
        type,
        clinic,
        number,
        position: place,
        data,
        timestamp: ISO,
      });
    }
    expect(frames).toHaveLength(3);
    expect(stream.text).not.toContain(user);
  });

  it('shows nothing of another clinic', async () => {
    const stream = await open('?clinic=ecg');
    await afterwards('eyes');
    await afterwards('ecg');
    // A witness may see an event before the stream beside it does.
    await stream.atLeast(1);
    expect(stream.named().map(({ data }) => data.clinic)).toEqual(['ecg']);
  });
});

describe('the stream of a patient', () => {
  it('tells every change of a visit once, field by field, and nothing of the last station', async () => {
    const user = newId('stream');
    const clinic = 'derma';
    await client.drain(clinic);
    await client.drain('surgery');
    await client.route(user, [clinic, 'surgery']);
    const stream = await open(`?user=${user}`);

    const { number } = await client.enter(clinic, user);
    await stream.atLeast(1);
    await client.call(clinic);
    await stream.atLeast(2);
    await client.done(clinic, user, await client.pin(clinic));
    await stream.atLeast(3);
    const second = await client.enter('surgery', user);
    await stream.atLeast(4);
    await client.call('surgery');
    const frames = await stream.atLeast(5);
    await client.done('surgery', user, await client.pin('surgery'));
    await afterwards('surgery');

    const waiting = { position: 1, total: 1, type: 'NEAR_TURN', subtype: 'NEXT_IN_LINE' };
    const next = {
      message: '⏰ أنت التالي - استعد من فضلك',
      messageEn: '⏰ You are next - Please get ready',
    };
    const turn = {
      position: 0,
      total: 0,
      type: 'YOUR_TURN',
      subtype: 'YOUR_TURN',
      message: '🔔 حان دورك الآن! توجه إلى العيادة',
      messageEn: '🔔 Your turn now! Go to the clinic',
    };
    expect(frames.map(({ event, data }) => ({ event, data }))).toStrictEqual(
      [
        patientFrame(clinic, user, number, { ...waiting, ...next }),
        patientFrame(clinic, user, number, { ...turn, current: number }),
        patientFrame(clinic, user, number, {
          position: -1,
          type: 'STEP_DONE_NEXT',
          subtype: 'COMPLETED',
          message: '✅ تم الانتهاء من الفحص',
          messageEn: '✅ Examination completed',
        }),
        patientFrame('surgery', user, second.number, { ...waiting, ...next }),
        patientFrame('surgery', user, second.number, { ...turn, current: second.number }),
      ].map((data) => ({ event: 'queue_update', data })),
    );
    expect(stream.named()).toHaveLength(5);
    for (const { id } of frames) expect(id).toEqual(ID);
  });

  it('counts down from place 3, hints at an entry behind it, and is silent about moves further back', async () => {
    const clinic = 'psychiatry';
    await client.drain(clinic);
    const users = Array.from({ length: 6 }, () => newId('stream'));
    const streams = await Promise.all(users.map((user) => open(`?user=${user}&clinic=psy`)));
    for (const user of users) await client.enter(clinic, user);
    const last = streams.at(-1);
    await last?.atLeast(1, 'queue_update');
    // Each stream may look for itself, and tells the change between two looks: all must have seen a call before the next.
    const told = streams.map(() => 1);
    for (const calls of [1, 2, 3, 4]) {
      await client.call(clinic);
      for (const [index, stream] of streams.entries()) {
        const ahead = index - calls;
        if (ahead >= -1 && ahead < 3) told[index] = (told[index] ?? 0) + 1;
        await stream.atLeast(told[index] ?? 0, 'queue_update');
      }
    }
    await afterwards(clinic);
    const near = ['ALMOST_READY', 'NEAR_TURN', 'NEXT_IN_LINE', 'YOUR_TURN'];
    expect(streams.map((stream) => subtypes(updates(stream)))).toEqual([
      near.slice(2),
      near.slice(1),
      near,
      ['POSITION_UPDATE', ...near],
      ['POSITION_UPDATE', 'ALMOST_READY', 'NEAR_TURN', 'NEXT_IN_LINE'],
      ['POSITION_UPDATE', 'ALMOST_READY', 'NEAR_TURN'],
    ]);
    expect(last?.named()[0]?.data).toMatchObject({
      type: 'START_HINT',
      position: 6,
      ahead: 5,
      total: 6,
      message: '📊 موقعك: 6 من 6',
      messageEn: '📊 Position: 6 of 6',
    });
  });

  it('never begins with the present state', async () => {
    const user = newId('stream');
    await client.drain('xray');
    await client.enter('xray', user);
    const stream = await open(`?user=${user}`);
    await afterwards('xray');
    expect(stream.named()).toEqual([]);
  });

  it('with a clinic hears of that clinic only', async () => {
    const user = newId('stream');
    await Promise.all([client.drain('lab'), client.drain('ecg')]);
    const stream = await open(`?user=${user}&clinic=clinic1`);
    await client.enter('ecg', user);
    await client.enter('lab', user);
    const [frame] = await stream.atLeast(1);
    expect(frame?.data.clinic).toBe('lab');
    await afterwards('ecg');
    expect(stream.named()).toHaveLength(1);
  });

  it('is silent while staff have switched the notices off, and goes on with the next change', async () => {
    const clinic = 'vitals';
    const user = newId('stream');
    const notices = (enabled: boolean) =>
      client.post('/api/admin/settings', { settings: { notifications: enabled } }, { token: client.token });
    await client.drain(clinic);
    const stream = await open(`?user=${user}`);
    const others = await open(`?clinic=${clinic}`);
    expect((await notices(false)).status).toBe(200);
    try {
      await client.enter(clinic, user);
      await others.atLeast(1, 'ENTERED');
      await afterwards(clinic);
      expect(stream.named()).toEqual([]);
    } finally {
      expect((await notices(true)).status).toBe(200);
    }
    await client.callUntil(clinic, user);
    await stream.atLeast(1);
    expect(subtypes(stream.named())).toEqual(['YOUR_TURN']);
  });
});

describe('the stream of an admin', () => {
  it('begins with the picture of all clinics, field by field', async () => {
    const user = newId('stream');
    await client.drain('bones');
    const { number } = await client.enter('bones', user);
    await client.callUntil('bones', user);
    const waiting = newId('stream');
    const behind = await client.enter('bones', waiting);
    const { pins } = await client.pins();

    const stream = await openAsAdmin();
    const [picture] = await stream.atLeast(1);
    expect(stream.frames.map(({ event }) => event)).toEqual(['connected', 'queue_update']);
    expect(stream.frames[0]?.data).toMatchObject({ clinic: 'admin', user: null });
    expect(picture?.id).toEqual(ID);
    expect(picture?.data).toStrictEqual({
      type: 'ADMIN_UPDATE',
      stats: { totalWaiting: ANY_INT, activeQueues: ANY_INT, completedToday: ANY_INT, avgWaitTime: ANY_INT },
      queues: CLINIC_IDS.map((id) => ({
        id,
        name: CLINICS[id].arabic,
        nameAr: CLINICS[id].arabic,
        current: expect.toSatisfy((value) => value === null || Number.isInteger(value), 'is an int or null'),
        waiting: ANY_INT,
        total: ANY_INT,
        pin: pins[id]?.pin,
        avgTime: ANY_INT,
        list: expect.any(Array),
      })),
      timestamp: MS,
    });
    const queues = picture?.data.queues as { id: string; total: number; waiting: number; list: unknown[] }[];
    for (const queue of queues) expect(queue.total).toBe(queue.list.length);
    const bones = queues.find(({ id }) => id === 'bones');
    expect(bones).toMatchObject({ current: number, waiting: 1 });
    expect(bones?.list.slice(-2)).toStrictEqual([
      { ...ENTRY, number, user, status: 'CALLED', called_at: ISO },
      { ...ENTRY, number: behind.number, user: waiting, status: 'WAITING', called_at: null },
    ]);
  });

  it('shows every event of every clinic with its patient, and a PIN in none', async () => {
    const clinic = 'internal';
    const user = newId('stream');
    await client.drain(clinic);
    const stream = await openAsAdmin();
    await stream.atLeast(1, 'queue_update');
    const { number, position } = await client.enter(clinic, user);
    await client.callUntil(clinic, user);
    const token = client.token;
    expect((await client.post('/api/v1/pin/generate', { clinic }, { token })).status).toBe(200);
    const interval = { clinic, interval_seconds: 600 };
    expect((await client.post('/api/v1/admin/set-call-interval', interval, { token })).status).toBe(200);
    await client.post('/api/v1/admin/set-call-interval', { clinic, interval_seconds: 0 }, { token });

    await stream.atLeast(2, 'INTERVAL_SET');
    const events = stream.named().filter(({ event }) => event !== 'queue_update');
    const told = events.filter(({ event }) => event !== 'CACHE_INVALIDATED');
    const common = { clinic, timestamp: ISO, id: ID };
    const staff = { ...common, number: null, position: null };
    expect(told.map(({ data }) => data)).toStrictEqual([
      { ...common, type: 'ENTERED', user, number, position, data: { queue_number: number } },
      {
        ...common,
        type: 'CALLED',
        user,
        number,
        position: null,
        data: { queue_number: number, by: 'admin' },
      },
      { ...staff, type: 'PIN_ROTATED', data: {} },
      { ...staff, type: 'INTERVAL_SET', data: { interval_seconds: 600, auto_call: true } },
      { ...staff, type: 'INTERVAL_SET', data: { interval_seconds: 0, auto_call: false } },
    ]);
    const invalidated = events.filter(({ event }) => event === 'CACHE_INVALIDATED');
    for (const { data } of invalidated) {
      expect(Object.keys(data).sort()).toEqual([
        'clinic',
        'data',
        'id',
        'number',
        'position',
        'timestamp',
        'type',
      ]);
      expect((data.data as { keys: string[] }).keys.length).toBeGreaterThan(0);
    }
    expect(invalidated.length).toBeGreaterThanOrEqual(2);
  });

  it('gets a picture after each change, at most one a second, and the last one is up to date', async () => {
    const clinic = 'ent';
    await client.drain(clinic);
    const stream = await openAsAdmin();
    for (let person = 0; person < 6; person += 1) await client.enter(clinic, newId('stream'));
    const waiting = (frame: ReceivedFrame | undefined) =>
      (frame?.data.queues as { id: string; waiting: number }[] | undefined)?.find(({ id }) => id === clinic)
        ?.waiting;
    await until(
      'the picture shows all six',
      () => waiting(updates(stream).at(-1)),
      (count) => count === 6,
    );
    const times = updates(stream).map(({ data }) => Number(data.timestamp));
    for (const [index, time] of times.entries()) {
      if (index > 0) expect(time - Number(times[index - 1])).toBeGreaterThan(900);
    }
  });

  it('is given to the page’s cookie too', async () => {
    const stream = await open('?clinic=admin', { Cookie: `admin_token=${client.token}` });
    await stream.atLeast(1, 'queue_update');
  });
});

describe('ids', () => {
  it('only increase on one stream, whatever the frame', async () => {
    const user = newId('stream');
    const streams = await Promise.all([openAsAdmin(), open('?clinic=eyes'), open(`?user=${user}`)]);
    await client.drain('eyes');
    for (const who of [newId('stream'), user, newId('stream')]) await client.enter('eyes', who);
    await client.callUntil('eyes', user);
    await client.done('eyes', user, await client.pin('eyes'));
    await afterwards('eyes');
    for (const stream of streams) {
      const ids = stream.named().map(({ id }) => String(id));
      const pairs = ids.map((id) => id.split('-').map(BigInt) as [bigint, bigint]);
      for (const [index, [xid, seq]] of pairs.entries()) {
        const [lastXid, lastSeq] = pairs[index - 1] ?? [0n, 0n];
        expect(xid > lastXid || (xid === lastXid && seq >= lastSeq), ids.join(' ')).toBe(true);
      }
    }
  });
});

describe('a stream that comes back', () => {
  it('is first sent the events of its clinic that it missed, in order, each once', async () => {
    const clinic = 'lab';
    await client.drain(clinic);
    const stream = await open(`?clinic=${clinic}`);
    await client.enter(clinic, newId('stream'));
    await stream.atLeast(1, 'ENTERED');
    stream.close();
    await client.enter(clinic, newId('stream'));
    await client.call(clinic);

    for (const [query, headers] of [
      ['', { 'Last-Event-ID': String(stream.lastId) }],
      [`&lastEventId=${stream.lastId}`, {}],
      ['&lastEventId=1-1', { 'Last-Event-ID': String(stream.lastId) }],
      [`&lastEventId=${stream.lastId}`, { 'Last-Event-ID': 'nonsense' }],
    ] as const) {
      const back = await open(`?clinic=clinic1${query}`, headers);
      const frames = await back.atLeast(2);
      expect(frames.map(({ event }) => event)).toEqual(['ENTERED', 'CALLED']);
    }
    const back = await open(`?clinic=${clinic}`, { 'Last-Event-ID': String(stream.lastId) });
    await client.enter(clinic, newId('stream'));
    await back.atLeast(3);
    expect(back.named().map(({ event }) => event)).toEqual(['ENTERED', 'CALLED', 'ENTERED']);
  });

  it.each(['', 'nonsense', '-1', '1', `1-${'9'.repeat(30)}`, '99999999999999999-1'])(
    'begins now when its last id is %j',
    async (sent) => {
      const clinic = 'xray';
      const stream = await open(`?clinic=${clinic}`, { 'Last-Event-ID': sent });
      await client.enter(clinic, newId('stream'));
      await stream.atLeast(1);
      expect(stream.named().map(({ event }) => event)).toEqual(['ENTERED']);
    },
  );

  it('is told the present state of its patient once when that is newer, and nothing when it is not', async () => {
    const clinic = 'vitals';
    const [first, user] = [newId('stream'), newId('stream')];
    await client.drain(clinic);
    const stream = await open(`?user=${user}`);
    await client.enter(clinic, first);
    await client.enter(clinic, user);
    await stream.atLeast(1);
    stream.close();

    const calm = await open(`?user=${user}`, { 'Last-Event-ID': String(stream.lastId) });
    await afterwards(clinic);
    expect(calm.named()).toEqual([]);
    calm.close();

    await client.call(clinic);
    await client.call(clinic);
    const back = await open(`?user=${user}`, { 'Last-Event-ID': String(stream.lastId) });
    const [frame] = await back.atLeast(1);
    expect(frame?.data).toMatchObject({ type: 'YOUR_TURN', subtype: 'YOUR_TURN', position: 0 });
    await afterwards(clinic);
    expect(back.named()).toHaveLength(1);

    const again = await open(`?user=${user}`, { 'Last-Event-ID': String(back.lastId) });
    await client.done(clinic, first, await client.pin(clinic));
    await afterwards(clinic);
    expect(again.named()).toEqual([]);
  });

  it('is not told again of a place that others behind or already called did not change', async () => {
    const clinic = 'surgery';
    const [called, next, second] = [newId('stream'), newId('stream'), newId('stream')];
    await client.drain(clinic);
    for (const user of [called, next, second]) await client.enter(clinic, user);
    await client.call(clinic);
    const stream = await open(`?user=${next}`);
    await client.enter(clinic, newId('stream'));
    const { frames } = await openAsAdmin();
    const id = String(frames.find((frame) => frame.id)?.id);
    stream.close();

    const pin = await client.pin(clinic);
    for (const user of [called, second]) expect((await client.done(clinic, user, pin)).status).toBe(200);
    const back = await open(`?user=${next}`, { 'Last-Event-ID': id });
    await afterwards(clinic);
    expect(back.named()).toEqual([]);
  });

  it('as an admin has the picture first, then every event it missed', async () => {
    const clinic = 'dental';
    const stream = await openAsAdmin();
    await stream.atLeast(1, 'queue_update');
    stream.close();
    const users = [newId('stream'), newId('stream')];
    for (const user of users) await client.enter(clinic, user);

    const back = await openAsAdmin({ 'Last-Event-ID': String(stream.lastId) });
    await back.atLeast(2, 'ENTERED');
    const frames = back.frames.slice(0, 6).map(({ event, data }) => data.user ?? event);
    expect(frames).toEqual([
      'connected',
      'queue_update',
      users[0],
      'CACHE_INVALIDATED',
      users[1],
      'CACHE_INVALIDATED',
    ]);
  });
});

describe('without admin', () => {
  it('nobody sees another person’s id or a PIN, on any stream', async () => {
    const clinic = 'eyes';
    const [mine, other] = [newId('stream'), newId('secret')];
    const queries = [
      '',
      `?clinic=${clinic}`,
      '?clinic=admin',
      `?user=${mine}`,
      `?user=${mine}&clinic=${clinic}`,
      `?user=${mine}&clinic=admin`,
    ];
    const streams = await Promise.all(
      queries.flatMap((query) => [open(query), open(query, { 'Last-Event-ID': '0-0' })]),
    );
    await client.drain(clinic);
    for (const user of [mine, other]) await client.enter(clinic, user);
    await client.callUntil(clinic, other);
    const pin = await client.pin(clinic);
    await client.done(clinic, other, pin);
    await afterwards(clinic);
    for (const { text } of streams) {
      expect(text).not.toContain(other);
      expect(text).not.toMatch(/"pin"/);
    }
  });

  it('a stream goes on as one without when its admin logs out', async () => {
    const stream = await openAsAdmin();
    await stream.atLeast(1, 'queue_update');
    await client.enter('lab', newId('stream'));
    await stream.atLeast(1, 'ENTERED');
    expect((await client.post('/admin/logout', {}, { token: client.token })).status).toBe(200);
    const late = newId('stream');
    await client.enter('lab', late);
    await afterwards('lab');
    expect(stream.ended).toBe(false);
    expect(stream.text).not.toContain(late);

    const back = await openAsAdmin({ 'Last-Event-ID': '0-0' });
    await afterwards('lab');
    expect(back.frames.map(({ event }) => event)).toEqual(['connected']);
    client = await QueueClient.open(target);
  });
});

describe('every stream', () => {
  it('beats every fifteen seconds, without an id', async () => {
    await vi.waitFor(() => expect(beating.named('heartbeat')).not.toEqual([]), { timeout: 20_000 });
    const [beat] = beating.named('heartbeat');
    expect(beat).toMatchObject({ event: 'heartbeat', id: undefined });
    expect(beat?.data).toStrictEqual({ ts: MS, type: 'heartbeat' });
    const began = Number(beating.frames[0]?.data.timestamp);
    expect(Math.abs(Number(beat?.data.ts) - began - 15_000)).toBeLessThan(2_000);
    expect(beating.frames.every(({ event }) => event === 'connected' || event === 'heartbeat')).toBe(true);
  });
});
