/** What a full waiting room costs the database while nothing happens there. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createCache } from '../../src/lib/cache.ts';
import { readConfig } from '../../src/lib/config.ts';
import { createRedis } from '../../src/lib/redis.ts';
import type { Services } from '../../src/lib/services.ts';
import { type Application, openApplication, openInstance } from './application.ts';

const PEOPLE = 200;
const HOLD_SECONDS = 8;

let app: Application;
beforeAll(async () => {
  app = await openApplication({ LONG_POLL_SECONDS: String(HOLD_SECONDS) });
});
afterAll(() => app?.stop());

/** On a machine shared with others 300 ms pass without anything being wrong with Redis. */
function withPatience(): Partial<Services> {
  const config = readConfig(app.environment);
  const redis = createRedis(config, {}, 20_000);
  return redis ? { redis, cache: createCache(redis, config.environment) } : {};
}

it('two hundred who are held cost the database no read each', async () => {
  const held = openInstance(app.environment, withPatience());
  const people = Array.from({ length: PEOPLE }, (_, index) => `idle-${index}`);
  const path = (user: string) => `/api/v1/queue/position?clinic=psychiatry&user=${user}`;
  const tags: string[] = [];
  for (const user of people) {
    await held.send('POST', '/api/v1/queue/enter', { json: { clinic: 'psychiatry', user } });
  }
  for (const user of people) tags.push((await held.send('GET', path(user))).headers.get('etag') ?? '');
  const before = app.cloud.postgres.requestCount();
  const answers = await Promise.all(
    people.map((user, index) =>
      held.send('GET', path(user), { headers: { 'If-None-Match': tags[index] ?? '' } }),
    ),
  );
  const cost = app.cloud.postgres.requestCount() - before;
  held.close();
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([304]));
  console.info(`${PEOPLE} held for ${HOLD_SECONDS} s cost ${cost} database requests`);
  // One for each two seconds of the clinic, and those who came while that one was under way.
  expect(cost).toBeLessThan(PEOPLE / 4);
});
