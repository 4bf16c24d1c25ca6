/** The drill: nobody is lost when targets are switched, when one dies, and when a bad one knocks. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { runDrill } from '../../deployment/drill/run-drill.ts';
import { createMigratedDatabase, type TestDatabase } from '../support/postgres-server.ts';
import { hasRedisServer, type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { builtOutput } from '../support/shared-parts.ts';

let database: TestDatabase;
let redis: RedisServer | undefined;
// For each try: it makes an account of its own.
beforeEach(async () => {
  database = await createMigratedDatabase();
  redis = hasRedisServer() ? await startRedisServer() : undefined;
}, 120_000);
afterEach(async () => {
  await redis?.stop();
  await database?.drop();
});

it('switches through all targets and back, loses one, refuses a bad one, and nobody is lost or doubled', async () => {
  const steps: string[] = [];
  const report = await runDrill({
    root: await builtOutput(),
    databaseUrl: database.url,
    redisUrl: redis?.url,
    patients: 100,
    // So that people still arrive when the last step begins.
    windowMs: 60_000,
    seed: Date.now() % 2 ** 31,
    onStep: (step) => steps.push(step),
  });
  console.log(
    `drill: seed ${report.seed}, ${report.patients} patients, ${report.requests} requests, ` +
      `${report.streams.events} events on ${report.streams.open} streams; switches seen after ` +
      `${report.switches.map(({ milliseconds }) => milliseconds.seen).join(', ')} ms; ` +
      `rolled back after ${report.badVersion.rolledBackMs} ms; at the death ${report.kill.underWay} requests under way, ` +
      `reads after ${report.kill.firstAnswer} ms, switched away after ${report.kill.switched} ms; ` +
      JSON.stringify(report.phases),
  );
  expect(
    report.verdicts.filter(({ held }) => held !== true),
    steps.join('\n'),
  ).toEqual([]);
  expect(report.badVersion.outcome).toBe('refused');
  expect(report.streams.reconnects).toBeGreaterThanOrEqual(report.streams.open);
}, 300_000);
