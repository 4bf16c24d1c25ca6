/**
 * On Workers no request may await a promise, a timer or a stream of another: the platform ends such a request with an
 * error, or lets it hang. Many at once, with clients that leave, show whether the code keeps to that.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LocalService, openLocalService } from '../../local/local-service.ts';
import type { RuntimeProcess } from '../../local/runtimes/runtime-process.ts';
import { startWorkerd } from '../../local/runtimes/workerd.ts';
import { EventSourceClient } from '../support/event-source.ts';
import { builtOutput } from '../support/shared-parts.ts';
import { until } from '../support/until.ts';

const PATIENTS = 20;

/** Streams that one patient may hold. */
const MOST_STREAMS = 6;

let root: string;
let service: LocalService;
beforeAll(async () => {
  root = await builtOutput();
  const settings = { RATE_LIMITS: 'off', LONG_POLL_SECONDS: '2' };
  service = await openLocalService({ environment: 'test', settings });
}, 180_000);
afterAll(() => service?.close());

/** How a Worker learns of changes: it subscribes where there is Redis, and looks for itself where there is none. */
const WAYS = [
  ['subscribes', {}],
  ['polls', { UPSTASH_REDIS_REST_URL: '', UPSTASH_REDIS_REST_TOKEN: '' }],
] as const;

describe.each(WAYS)('a Worker that %s', (way, settings) => {
  let worker: RuntimeProcess;
  beforeAll(async () => {
    const environment = { ...service.environment, ...settings };
    worker = await startWorkerd({ root, port: 0, environment });
  });
  afterAll(() => worker?.stop());

  const answers = new Map<string, number>();

  async function ask(path: string, init: RequestInit = {}) {
    const response = await fetch(worker.url + path, init);
    const text = await response.text();
    const key = `${path.split('?')[0]} ${response.status}`;
    answers.set(key, (answers.get(key) ?? 0) + 1);
    return { etag: response.headers.get('etag') ?? '', body: text === '' ? {} : JSON.parse(text) };
  }

  const post = (path: string, body: object) =>
    ask(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });

  async function login(number: number): Promise<string> {
    const { body } = await post('/api/v1/patient/login', {
      patientId: String((way === 'polls' ? 8 : 7) * 1_000_000 + number),
      gender: 'male',
    });
    return body.data.id;
  }

  /** Takes a number and waits, with a stream open; every third client leaves while it is held. */
  async function visit(number: number): Promise<void> {
    const user = await login(number);
    const stream = await EventSourceClient.open(`${worker.url}/api/v1/events/stream?user=${user}`);
    await post('/api/v1/queue/enter', { clinic: 'lab', user });
    const path = `/api/v1/queue/position?clinic=lab&user=${user}`;
    const { etag } = await ask(path);
    const leaves = number % 3 === 0 ? { signal: AbortSignal.timeout(300) } : {};
    await ask(path, { headers: { 'If-None-Match': etag }, ...leaves }).catch(() => undefined);
    await ask('/api/v1/queue/status?clinic=lab');
    await stream.atLeast(1);
    stream.close();
  }

  it(`${PATIENTS} patients at once, with streams, held requests and clients that leave, disturb each other nowhere`, async () => {
    await Promise.all(Array.from({ length: PATIENTS }, (_, number) => visit(number)));
    const failed = [...answers.keys()].filter((key) => !/ (200|304)$/.test(key));
    expect(failed).toEqual([]);
    expect(answers.get('/api/v1/queue/status 200')).toBe(PATIENTS);
    expect(worker.output()).not.toMatch(/different request|would never|unhandled|"level":"error"/i);
  });

  it('a patient’s seventh stream ends the oldest, also after streams that were just left', async () => {
    const user = await login(PATIENTS);
    const open = () => EventSourceClient.open(`${worker.url}/api/v1/events/stream?user=${user}`);
    for (let n = 0; n < MOST_STREAMS; n += 1) (await open()).close();
    const streams = [];
    for (let n = 0; n <= MOST_STREAMS; n += 1) {
      const stream = await open();
      await stream.atLeast(1, 'connected');
      streams.push(stream);
    }
    const [oldest, ...others] = streams;
    await until(
      'the oldest stream has ended',
      () => oldest?.ended,
      (ended) => ended === true,
    );
    expect(others.map(({ ended }) => ended)).toEqual(others.map(() => false));
    for (const stream of others) stream.close();
    expect(worker.output()).not.toMatch(/different request|"level":"error"/i);
  });
});
