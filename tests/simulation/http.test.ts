/** Random histories through the whole application and its cache, compared with the model after every step. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/postgres-server.ts';
import { openSimulatedService, type SimulatedService } from '../support/simulated-service.ts';
import { testSeed } from '../support/sql-random.ts';
import { report } from '../support/sql-report.ts';
import { soak, volume } from '../support/volume.ts';
import { httpSystem } from './http-system.ts';
import { OUTCOMES, START, simulate } from './play.ts';

const STEPS = volume(5_000);

let database: TestDatabase;
let service: SimulatedService;
beforeAll(async () => {
  database = await createTestDatabase();
  service = await openSimulatedService({ at: START.toISOString(), databaseUrl: database.url });
});
afterAll(async () => {
  await service?.stop();
  await database?.drop();
});

it('callers are told what the model says, and everybody sees it at once, over midnights and lost caches', {
  timeout: soak ? 60 * 60_000 : 5 * 60_000,
}, async () => {
  const seed = testSeed();
  report('steps over HTTP, each as the model', STEPS, seed);
  const outcomes = await simulate(httpSystem(service), STEPS, seed);
  expect([...outcomes.keys()].sort()).toEqual([...OUTCOMES].sort());
  expect(service.services.redis?.breaker.getState()).toBe('CLOSED');
});
