/** `queue/position` is never counted, and yet not unbounded: who is not held is answered twice a second. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Application, openApplication } from './application.ts';

let app: Application;
beforeAll(async () => {
  app = await openApplication({ LONG_POLL_SECONDS: '5' });
});
afterAll(() => app?.stop());

const path = (user: string) => `/api/v1/queue/position?clinic=lab&user=${user}`;

async function waiting(user: string): Promise<string> {
  const { status } = await app.send('POST', '/api/v1/queue/enter', { json: { clinic: 'lab', user } });
  expect(status).toBe(200);
  return user;
}

/** Asks; gives the status and after how many milliseconds it came. */
async function timed(user: string, headers: Record<string, string> = {}) {
  const start = performance.now();
  const { status, headers: sent } = await app.send('GET', path(user), { headers });
  return { status, took: performance.now() - start, tag: sent.get('etag') ?? '' };
}

describe('who asks for the same place', () => {
  it.each([
    ['without a tag', {}],
    ['with a tag of another state', { 'If-None-Match': '"2020-01-01.1.WAITING.9.8"' }],
  ])('%s again and again waits for his turn, and is never refused', async (how, headers) => {
    const user = await waiting(`eager-${how.length}`);
    const other = await waiting(`other-${how.length}`);
    const pending = Array.from({ length: 6 }, () => timed(user, headers));
    const bystander = timed(other, headers);
    const answers = await Promise.all(pending);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200]);
    const took = answers.map((answer) => answer.took).sort((a, b) => a - b);
    // Two at once, two after a second, two after another one.
    expect(took[2]).toBeGreaterThanOrEqual(950);
    expect(took[4]).toBeGreaterThanOrEqual(1_950);
    expect((await bystander).took).toBeLessThan(took[2] ?? 0);
  });

  it('and is held in between hears of a change as soon as ever', async () => {
    const user = await waiting('patient-1');
    const { tag } = await timed(user);
    await timed(user);
    const held = timed(user, { 'If-None-Match': tag });
    const pause = new Promise<'held'>((wake) => setTimeout(() => wake('held'), 300));
    expect(await Promise.race([held, pause])).toBe('held');
    const token = await app.login();
    for (let calls = 0; calls < 10; calls += 1) {
      const start = performance.now();
      const { body } = await app.send('POST', '/api/v1/queue/call', { json: { clinic: 'lab' }, token });
      if (body.user !== user) continue;
      const answer = await held;
      expect(answer.status).toBe(200);
      expect(performance.now() - start).toBeLessThan(1_000);
      return;
    }
    throw new Error('the patient was not called');
  });
});
