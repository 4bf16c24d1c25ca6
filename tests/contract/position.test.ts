/** Section 2.5 of the contract, `queue/position`: a place in line, and being told when it changes. */
import { request as openHttp } from 'node:http';
import { request as openHttps } from 'node:https';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ANY_INT, type Answer, expectCommonHeaders, expectError, expectInvalid, ISO, newId } from './http.ts';
import { QueueClient } from './queue-client.ts';
import { isOwnServer, openFreshTarget, type Target, TURN_TIMEOUT } from './target.ts';

let target: Target;
let client: QueueClient;
beforeAll(async () => {
  target = await openFreshTarget();
  client = await QueueClient.open(target);
}, TURN_TIMEOUT);
afterAll(() => target?.close());

const PLACE = '/api/v1/queue/position';

/** Milliseconds within which a change must reach whoever is held. */
const PROMPT = 1_000;

const ask = (clinic: string, user: string, ifNoneMatch?: string): Promise<Answer> =>
  client.get(`${PLACE}?clinic=${clinic}&user=${user}`, {
    headers: ifNoneMatch === undefined ? {} : { 'If-None-Match': ifNoneMatch },
  });

const tagOf = ({ headers }: Answer): string => headers.get('etag') ?? 'none';

/** The answer, and the milliseconds until it came. */
async function timed<T>(pending: Promise<T>): Promise<{ answer: T; took: number }> {
  const start = performance.now();
  return { answer: await pending, took: performance.now() - start };
}

/** True after a third of the hold: time enough to answer whoever is not held. */
async function isHeld(pending: Promise<unknown>): Promise<boolean> {
  const pause = new Promise<'held'>((wake) => setTimeout(() => wake('held'), target.longPollSeconds * 333));
  return (await Promise.race([pending, pause])) === 'held';
}

// Each test has a clinic of its own, so that they can wait side by side.
describe.concurrent('GET /api/v1/queue/position', () => {
  it('says the place, its tag, and how long it may take', async () => {
    await client.drain('lab');
    const people = [newId('first'), newId('second'), newId('third')] as const;
    const entries = [];
    for (const user of people) entries.push(await client.enter('lab', user));
    const answer = await ask('clinic1', people[2]);
    expect(answer.status).toBe(200);
    const number = entries[2]?.number;
    expect(answer.body).toStrictEqual({
      success: true,
      clinic: 'lab',
      user: people[2],
      number,
      status: 'WAITING',
      display_number: 3,
      position: 3,
      ahead: 2,
      total_waiting: 3,
      estimated_wait_minutes: isOwnServer ? 10 : ANY_INT,
      entry_time: entries[2]?.entry_time,
      called_at: null,
      message: 'Waiting',
      verified_at: ISO,
      verification_method: 'database',
    });
    const day = String((await client.get('/api/v1/queue/status?clinic=lab')).body.dateKey);
    expect(tagOf(answer)).toBe(`"${day}.${number}.WAITING.3.2"`);
    expect((await ask('lab', people[1])).body).toMatchObject({
      estimated_wait_minutes: isOwnServer ? 5 : ANY_INT,
    });
  });

  it('shows each status with its message and place', async () => {
    await client.drain('xray');
    const [user, behind] = [newId('moves'), newId('behind')] as const;
    const { number } = await client.enter('xray', user);
    await client.enter('xray', behind);
    const expected = (status: string, place: number, message: string) => ({
      number,
      status,
      display_number: place,
      position: place,
      ahead: 0,
      message,
    });

    const next = await ask('xray', user);
    expect(next.body).toMatchObject({
      ...expected('NEXT', 1, 'You are next'),
      total_waiting: 2,
      called_at: null,
    });
    expect(tagOf(next)).toContain(`.${number}.NEXT.1.0"`);
    await client.callUntil('xray', user);
    const called = await ask('xray', user);
    expect(called.body).toMatchObject({
      ...expected('CALLED', 0, 'Please go to the clinic'),
      total_waiting: 1,
      called_at: ISO,
      estimated_wait_minutes: 0,
    });
    expect(tagOf(called)).toContain(`.${number}.CALLED.0.0"`);
    await client.done('xray', user, await client.pin('xray'));
    const done = await ask('xray', user);
    expect(done.body).toMatchObject(expected('DONE', -1, 'Examination completed'));
    expect(tagOf(done)).toContain(`.${number}.DONE.-1.0"`);
    expect((await ask('xray', behind)).body.status).toBe('NEXT');
  });

  it.runIf(isOwnServer)(
    'estimates by the mean of the day once three were served, of at least a minute',
    async () => {
      await client.drain('vitals');
      const pin = await client.pin('vitals');
      for (let visit = 0; visit < 3; visit += 1) {
        const user = newId('quick');
        await client.enter('vitals', user);
        await client.callUntil('vitals', user);
        expect((await client.done('vitals', user, pin)).status).toBe(200);
      }
      const users = [newId('a'), newId('b'), newId('c')] as const;
      for (const user of users) await client.enter('vitals', user);
      expect((await ask('vitals', users[2])).body).toMatchObject({ ahead: 2, estimated_wait_minutes: 2 });
    },
  );

  it('answers at once whoever has seen nothing, or something else', async () => {
    await client.drain('ecg');
    await client.enter('ecg', newId('ahead'));
    const user = newId('fresh');
    await client.enter('ecg', user);
    const tag = tagOf(await ask('ecg', user)).slice(1, -1);
    for (const seen of [
      undefined,
      '*',
      '""',
      '"something else"',
      `"${tag}0"`,
      `"${tag}.1"`,
      `"${tag.slice(0, -1)}"`,
      `"x${tag}"`,
      `W/"${tag.replace('WAITING', 'NEXT')}"`,
      ',,,',
    ]) {
      const { answer, took } = await timed(ask('ecg', user, seen));
      expect(answer.status, seen).toBe(200);
      expect(tagOf(answer)).toBe(`"${tag}"`);
      expect(took, seen).toBeLessThan(target.longPollSeconds * 1000);
    }
  });

  it('holds whoever has seen the present state, then answers 304, however the tag comes back', async () => {
    await client.drain('audio');
    await client.enter('audio', newId('ahead'));
    const user = newId('patient');
    await client.enter('audio', user);
    const tag = tagOf(await ask('audio', user));
    const bare = tag.slice(1, -1);
    const variants = [
      tag,
      `W/${tag}`,
      `"${bare}-gzip"`,
      `W/"${bare}-br"`,
      `"${bare};gzip"`,
      `"an older one", ${tag}`,
      `W/${tag},"another"`,
      bare,
    ];
    const held = await Promise.all(variants.map((variant) => timed(ask('audio', user, variant))));
    for (const [index, { answer, took }] of held.entries()) {
      expect(answer.status, variants[index]).toBe(304);
      expect(answer.text).toBe('');
      expect(tagOf(answer)).toBe(tag);
      expect(took, variants[index]).toBeGreaterThan(target.longPollSeconds * 1000 - 50);
      expect(took, variants[index]).toBeLessThan(target.longPollSeconds * 1000 + 2_000);
      expect(answer.headers.has('content-type')).toBe(false);
    }
    expect((await ask('audio', user)).status).toBe(200);
  });

  it('answers whoever is held within a second of being called', async () => {
    await client.drain('eyes');
    const user = newId('held');
    const { number } = await client.enter('eyes', user);
    const tag = tagOf(await ask('eyes', user));
    const pending = ask('eyes', user, tag);
    expect(await isHeld(pending)).toBe(true);
    await client.callUntil('eyes', user);
    const { answer, took } = await timed(pending);
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ status: 'CALLED', number, display_number: 0, called_at: ISO });
    expect(tagOf(answer)).not.toBe(tag);
    expect(took).toBeLessThan(PROMPT);
  });

  it('answers everybody who is held within a second when the head of the line leaves', async () => {
    await client.drain('internal');
    const people = Array.from({ length: 5 }, () => newId('line'));
    for (const user of people) await client.enter('internal', user);
    const [head = '', ...others] = people;
    const pending = await Promise.all(
      others.map(async (user) => {
        const tag = tagOf(await ask('internal', user));
        return { answer: ask('internal', user, tag) };
      }),
    );
    expect(await isHeld(Promise.race(pending.map(({ answer }) => answer)))).toBe(true);
    expect((await client.done('internal', head, await client.pin('internal'))).status).toBe(200);
    const { answer: answers, took } = await timed(Promise.all(pending.map(({ answer }) => answer)));
    expect(took).toBeLessThan(PROMPT);
    expect(answers.map(({ status, body }) => [status, body.ahead, body.status])).toEqual([
      [200, 0, 'NEXT'],
      [200, 1, 'WAITING'],
      [200, 2, 'WAITING'],
      [200, 3, 'WAITING'],
    ]);
  });

  it('holds on while only people behind come and go', async () => {
    await client.drain('ent');
    const [user, behind] = [newId('calm'), newId('behind')] as const;
    await client.enter('ent', user);
    const tag = tagOf(await ask('ent', user));
    const pending = ask('ent', user, tag);
    expect(await isHeld(pending)).toBe(true);
    await client.enter('ent', behind);
    expect((await client.done('ent', behind, await client.pin('ent'))).status).toBe(200);
    const answer = await pending;
    expect(answer.status).toBe(304);
    expect(tagOf(answer)).toBe(tag);
  });

  it('holds nobody who only asks for the headers', async () => {
    await client.drain('surgery');
    const user = newId('head');
    await client.enter('surgery', user);
    const tag = tagOf(await ask('surgery', user));
    const open = target.url.startsWith('https:') ? openHttps : openHttp;
    const path = `${target.url}${PLACE}?clinic=surgery&user=${user}`;
    const { answer, took } = await timed(
      new Promise<{ status: number | undefined; headers: Headers }>((resolve, reject) => {
        open(path, { method: 'HEAD', headers: { 'If-None-Match': tag } }, (response) => {
          response.resume();
          const pairs = Object.entries(response.headers).map(
            ([name, value]) => [name, String(value)] as const,
          );
          resolve({ status: response.statusCode, headers: new Headers(pairs.map(([n, v]) => [n, v])) });
        })
          .once('error', reject)
          .end();
      }),
    );
    expect(answer.status).toBe(304);
    expect(answer.headers.get('etag')).toBe(tag);
    expectCommonHeaders(answer.headers, 'private, no-cache');
    expect(took).toBeLessThan(PROMPT);
  });

  it('keeps its tag while nothing changes, and has another one for each change', async () => {
    await client.drain('dental');
    const [first, second] = [newId('first'), newId('second')] as const;
    await client.enter('dental', first);
    await client.enter('dental', second);
    const tags = [tagOf(await ask('dental', second))];
    expect(tagOf(await ask('dnt', second))).toBe(tags[0]);
    await client.enter('dental', newId('behind'));
    expect(tagOf(await ask('dental', second))).toBe(tags[0]);
    await client.callUntil('dental', first);
    tags.push(tagOf(await ask('dental', second)));
    await client.callUntil('dental', second);
    tags.push(tagOf(await ask('dental', second)));
    await client.done('dental', second, await client.pin('dental'));
    tags.push(tagOf(await ask('dental', second)));
    expect(new Set(tags).size).toBe(4);
  });

  it('says at once, without a tag, what is wrong', async () => {
    const missing = (query: string) => client.get(PLACE + query, { headers: { 'If-None-Match': '"x"' } });
    const refused: Answer[] = [];
    for (const [query, names] of [
      ['', ['clinic', 'user']],
      ['?clinic=lab', ['user']],
      ['?user=x', ['clinic']],
      ['?clinic=%20&user=', ['clinic', 'user']],
    ] as const) {
      const answer = await missing(query);
      expectError(answer, 'MISSING_FIELDS', { error: 'clinic and user required', missing_fields: names });
      refused.push(answer);
    }
    const invalid = await ask('derma', 'a%20b');
    expectInvalid(invalid, 'user');
    const unknown = await ask('nowhere', newId('x'));
    expectError(unknown, 'UNKNOWN_CLINIC');
    const absent = await ask('derma', newId('absent'), '"2025-10-29.1.WAITING.1.0"');
    expectError(absent, 'NOT_IN_QUEUE', { clinic: 'derma' });
    for (const { headers } of [...refused, invalid, unknown, absent]) expect(headers.has('etag')).toBe(false);
  });

  it('takes the patient under each accepted name', async () => {
    const user = newId('named');
    await client.enter('bones', user);
    for (const name of ['user', 'patientId', 'patient_id', 'visitId', 'personalId']) {
      const { body } = await client.get(`${PLACE}?stationId=ortho&${name}=${user}`);
      expect(body).toMatchObject({ clinic: 'bones', user });
    }
  });
});
