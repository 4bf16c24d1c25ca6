/** Section 2.3 of the contract: the overview of all clinics, and the interval of automatic calling. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ANY_INT, type Answer, DAY, expectError, expectInvalid, expectMissing, ISO, newId } from './http.ts';
import { CLINIC_IDS, QueueClient } from './queue-client.ts';
import { openTarget, type Target, TURN_TIMEOUT } from './target.ts';

const SET = '/api/v1/admin/set-call-interval';

let target: Target;
let client: QueueClient;
beforeAll(async () => {
  target = await openTarget();
  client = await QueueClient.open(target);
}, TURN_TIMEOUT);
afterAll(() => target?.close());

interface Overview {
  readonly list: readonly { readonly number: number; readonly user: string; readonly status: string }[];
  readonly current: number | null;
  readonly served: readonly { readonly number: number; readonly completed_at: string }[];
  readonly pin: string | null;
  readonly waiting: number;
  readonly in_service: number;
  readonly completed: number;
  readonly call_interval: number;
  readonly auto_call: boolean;
}

async function overview(
  token?: string,
): Promise<{ queues: Record<string, Overview>; text: string; answer: Answer }> {
  const answer = await client.get('/api/v1/admin/status', token === undefined ? {} : { token });
  expect(answer.status, answer.text).toBe(200);
  return { queues: answer.body.queues as Record<string, Overview>, text: answer.text, answer };
}

describe('GET /api/v1/admin/status', () => {
  const yes = {
    KV_PINS: true,
    KV_QUEUES: true,
    KV_ADMIN: true,
    KV_EVENTS: true,
    KV_LOCKS: true,
    KV_CACHE: true,
  };
  const version = expect.stringMatching(/^\d+\.\d+\.\d+/);

  it.each([true, false])('has exactly the fields of the contract (admin: %s)', async (isAdmin) => {
    await client.enter('eyes', newId('overview'));
    const { answer } = await overview(isAdmin ? client.token : undefined);
    const { body } = answer;
    const entry = {
      number: ANY_INT,
      user: expect.any(String),
      status: expect.stringMatching(/^(WAITING|CALLED|IN_SERVICE)$/),
      entered_at: ISO,
      called_at: expect.toSatisfy((value) => value === null || !Number.isNaN(Date.parse(String(value)))),
    };
    const queues = (body.queues ?? {}) as Record<string, Overview>;
    expect(Object.keys(queues).sort()).toEqual([...CLINIC_IDS].sort());
    expect(body).toStrictEqual({
      success: true,
      online: true,
      version,
      kv_sync: true,
      kv_bindings: yes,
      stats: {
        total_waiting: ANY_INT,
        total_done: ANY_INT,
        total_served: ANY_INT,
        active_clinics: CLINIC_IDS.length,
      },
      queues: Object.fromEntries(
        CLINIC_IDS.map((id) => [
          id,
          {
            list: isAdmin ? (queues[id]?.list ?? []).map(() => entry) : [],
            current: expect.toSatisfy((value) => value === null || Number.isInteger(value)),
            served: isAdmin
              ? (queues[id]?.served ?? []).map(() => ({ number: ANY_INT, completed_at: ISO }))
              : [],
            pin: isAdmin ? expect.stringMatching(/^[1-9][0-9]$/) : null,
            waiting: ANY_INT,
            in_service: ANY_INT,
            completed: ANY_INT,
            call_interval: ANY_INT,
            auto_call: expect.any(Boolean),
          },
        ]),
      ),
      system: {
        target: answer.headers.get('x-served-by'),
        version,
        commit: expect.any(String),
        service_day: DAY,
        uptime_seconds: ANY_INT,
      },
      timestamp: ISO,
    });
  });

  it('lists for an admin who is inside, then who waits, and who was served last first', async () => {
    const [inside, next, behind, gone] = ['inside', 'next', 'behind', 'gone'].map(newId) as [
      string,
      string,
      string,
      string,
    ];
    await client.drain('surgery');
    await client.enter('surgery', gone);
    await client.enter('surgery', inside);
    await client.callUntil('surgery', inside);
    await client.enter('surgery', next);
    await client.enter('surgery', behind);
    expect((await client.done('surgery', gone, await client.pin('surgery'))).status).toBe(200);

    const { queues } = await overview(client.token);
    const line = await client.line('surgery');
    expect(queues.surgery).toMatchObject({
      list: line.list,
      current: line.current,
      waiting: 2,
      in_service: line.in_service,
      completed: line.completed,
      pin: await client.pin('surgery'),
    });
    expect(queues.surgery?.list.slice(-3).map(({ user }) => user)).toEqual([inside, next, behind]);
    expect(queues.surgery?.served[0]?.number).toBe(line.done.at(-1)?.ticket);
  });

  it('shows nobody else a person or a PIN, and the same numbers', async () => {
    const user = newId('hidden');
    await client.enter('internal', user);
    const [shown, hidden] = [await overview(client.token), await overview()];
    expect(shown.text).toContain(user);
    expect(hidden.text).not.toContain(user);
    for (const id of CLINIC_IDS) {
      expect(hidden.queues[id]).toStrictEqual({ ...shown.queues[id], list: [], served: [], pin: null });
    }
    expect((await overview('bad')).queues.internal?.pin).toBeNull();
  });

  it('never shows more than the last ten who were served', async () => {
    const pin = await client.pin('psychiatry');
    for (let i = 0; i < 12; i += 1) {
      const user = newId('served');
      await client.enter('psychiatry', user);
      expect((await client.done('psychiatry', user, pin)).status).toBe(200);
    }
    const { psychiatry } = (await overview(client.token)).queues;
    expect(psychiatry?.served).toHaveLength(10);
    const times = psychiatry?.served.map(({ completed_at }) => completed_at) ?? [];
    expect([...times].sort().reverse()).toEqual(times);
  });
});

describe('POST /api/v1/admin/set-call-interval', () => {
  const set = (json: object, token: string | undefined = client.token) =>
    client.post(SET, json, token === '' ? {} : { token });
  const stored = async (clinic: string) => {
    const { queues } = await overview();
    return { interval: queues[clinic]?.call_interval, on: queues[clinic]?.auto_call };
  };
  afterAll(async () => {
    await set({ clinic: 'vitals', interval: 300 });
    await set({ clinic: 'vitals', interval: 0 });
  });

  it.each([
    [{ interval_minutes: 2 }, 120],
    [{ interval_minutes: '2.5' }, 150],
    [{ interval_minutes: 0.5 }, 30],
    [{ interval_minutes: 240 }, 14_400],
    [{ interval: 30 }, 30],
    [{ interval_seconds: '14400' }, 14_400],
    [{ interval_seconds: 61 }, 61],
    [{ interval_minutes: 1, interval: 60, interval_seconds: 60 }, 60],
  ])('sets it and switches automatic calling on: %j', async (interval, seconds) => {
    const { status, body } = await set({ clinic: 'bio', ...interval });
    expect(status).toBe(200);
    expect(body).toStrictEqual({
      success: true,
      clinic: 'vitals',
      interval_minutes: seconds / 60,
      interval_seconds: seconds,
      auto_call: true,
      message: `Call interval set to ${seconds / 60} minutes`,
    });
    expect(await stored('vitals')).toEqual({ interval: seconds, on: true });
  });

  it.each([{ interval_minutes: 0 }, { interval: 0 }, { interval_seconds: '0', interval: 0 }])(
    'switches it off with 0, and leaves the interval as it is: %j',
    async (interval) => {
      await set({ clinic: 'vitals', interval: 77 });
      const { status, body } = await set({ clinic: 'vitals', ...interval });
      expect(status).toBe(200);
      expect(body).toStrictEqual({
        success: true,
        clinic: 'vitals',
        interval_minutes: 0,
        interval_seconds: 0,
        auto_call: false,
        message: 'Automatic calling is off',
      });
      expect(await stored('vitals')).toEqual({ interval: 77, on: false });
    },
  );

  it.each([
    { interval: 29 },
    { interval: 14_401 },
    { interval: 60.5 },
    { interval: -60 },
    { interval: 1e300 },
    { interval_seconds: 'soon' },
    { interval_seconds: true },
    { interval_seconds: [60] },
    { interval_seconds: '0x3c' },
    { interval_minutes: 0.49 },
    { interval_minutes: 0.001 },
    { interval_minutes: 241 },
    { interval_minutes: 1, interval: 61 },
    { interval: 0, interval_seconds: 30 },
  ])('refuses what is no interval, or two of them, and changes nothing: %j', async (interval) => {
    const before = await stored('vitals');
    expectInvalid(await set({ clinic: 'vitals', ...interval }), 'interval_minutes');
    expect(await stored('vitals')).toEqual(before);
  });

  it('says what is missing', async () => {
    expectMissing(await set({}), 'clinic', 'interval_minutes');
    expectMissing(await set({ clinic: 'lab' }), 'interval_minutes');
    expectMissing(await set({ clinic: 'lab', interval_minutes: ' ', interval: null }), 'interval_minutes');
    expectMissing(await set({ interval: 60 }), 'clinic');
  });

  it('is for admins, of clinics that exist', async () => {
    expectError(await set({ clinic: 'nowhere', interval: 60 }), 'UNKNOWN_CLINIC');
    expectError(await set({ clinic: 'lab', interval: 60 }, ''), 'UNAUTHORIZED');
    expectError(await set({}, 'bad'), 'UNAUTHORIZED');
  });
});
