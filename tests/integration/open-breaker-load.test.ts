/**
 * While the breaker of the database is open, whoever asks gets a refusal or the last copy within 10 ms, and what Redis takes
 * for the copy: nine of ten, by the server's own clock. Alone, since beside other tests this would be a number about them.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TcpProxy, tcpProxyTo } from '../support/tcp-proxy.ts';
import {
  type Answer,
  type Application,
  type Instance,
  openApplication,
  openInstance,
} from './application.ts';

const ROUNDS = 30;
const LIMIT_MS = 10;

const POSITION = '/api/v1/queue/position?clinic=lab&user=refused';
const STALE = ['/api/v1/queue/status?clinic=lab', '/api/v1/stats/dashboard', '/api/v1/stats/queues'];

let app: Application;
let proxy: TcpProxy;
let own: Instance;
/** Milliseconds of each answer by its request id, without Redis, which is a process of its own elsewhere. */
const served = new Map<string, number>();
beforeAll(async () => {
  app = await openApplication();
  proxy = await tcpProxyTo(Number(new URL(app.cloud.databaseUrl).port));
  const through = new URL(app.cloud.databaseUrl);
  through.port = String(proxy.port);
  own = openInstance(
    { ...app.environment, DATABASE_URL: through.href },
    {
      log: (_level, { event, request_id: id, duration_ms: took, redis_ms: redis }) => {
        if (event === 'request') served.set(String(id), Number(took) - Number(redis));
      },
    },
  );
  for (const path of STALE) expect((await own.send('GET', path)).status).toBe(200);
  await proxy.down();
  for (let count = 0; count < 5; count += 1) await own.send('GET', POSITION);
  const { body } = await own.send('GET', '/health');
  expect(body).toMatchObject({ checks: { database: { breaker: 'OPEN' } } });
});
afterAll(async () => {
  own?.close();
  await proxy?.close();
  await app?.stop();
});

/** Asks one after the other, and expects nine of ten answers in time. */
async function expectAtOnce(what: string, asks: readonly (() => Promise<Answer>)[]): Promise<void> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const ask of asks) {
      const { headers } = await ask();
      times.push(served.get(String(headers.get('x-request-id'))) ?? Number.NaN);
    }
  }
  expect(times.every(Number.isFinite), 'a log line for each').toBe(true);
  const at = (share: number) =>
    times.toSorted((a, b) => a - b)[Math.floor(times.length * share)] ?? Number.NaN;
  console.info(
    `open breaker, ${what}: ${times.length} answers, median ${at(0.5).toFixed(1)} ms, p90 ${at(0.9).toFixed(1)} ms`,
  );
  expect(at(0.9)).toBeLessThan(LIMIT_MS);
}

it('what needs the database is refused at once', async () => {
  const refused = async (asked: Promise<Answer>) => {
    const answer = await asked;
    expect([answer.status, answer.body.code]).toEqual([503, 'DATABASE_UNAVAILABLE']);
    return answer;
  };
  const post = (path: string, json: object) => () => refused(own.send('POST', path, { json }));
  const get = (path: string) => () => refused(own.send('GET', path));
  await expectAtOnce('refusals', [
    post('/api/v1/patient/login', { patientId: '1234', gender: 'male' }),
    post('/api/v1/queue/enter', { clinic: 'lab', user: 'refused' }),
    post('/api/v1/queue/done', { clinic: 'lab', user: 'refused', pin: '11' }),
    get('/api/v1/route/get?patientId=refused'),
  ]);
});

it('what has a last copy is answered with it at once', async () => {
  await expectAtOnce(
    'last copies',
    STALE.map((path) => async () => {
      const answer = await own.send('GET', path);
      expect([answer.status, answer.body.stale]).toEqual([200, true]);
      return answer;
    }),
  );
});
