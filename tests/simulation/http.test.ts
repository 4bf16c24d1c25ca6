/** Random histories through the whole application over sockets, compared with the model after every step. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { hasRedisServer, type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { type NetworkedService, openNetworkedService } from '../support/simulated-service.ts';
import { testSeed } from '../support/sql-random.ts';
import { report } from '../support/sql-report.ts';
import { mayBeLeftOut, soak, volume } from '../support/volume.ts';
import { httpSystem } from './http-system.ts';
import { OUTCOMES, START, simulate } from './play.ts';

const STEPS = volume(5_000);

let redis: RedisServer | undefined;
let service: NetworkedService;
beforeAll(async () => {
  redis = hasRedisServer() || !mayBeLeftOut ? await startRedisServer() : undefined;
  service = await openNetworkedService({
    at: START.toISOString(),
    ...(redis && { redisUrl: redis.url }),
  });
});
afterAll(async () => {
  await service?.stop();
  await redis?.stop();
});

it('callers are told what the model says, and everybody sees it at once, over midnights, lost answers and a Redis that goes', {
  timeout: soak ? 60 * 60_000 : 5 * 60_000,
}, async () => {
  const seed = testSeed();
  report(`steps over HTTP with ${redis ? 'a real' : 'the embedded'} Redis, each as the model`, STEPS, seed);
  const outcomes = await simulate(httpSystem(service), STEPS, seed);
  expect([...outcomes.keys()].sort()).toEqual([...OUTCOMES].sort());
});
