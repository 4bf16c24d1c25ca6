/** The breakers as they ship: after a long fault the service comes back by itself, as late as they make it, and says when. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BREAKER_CONFIGS } from '../../src/lib/circuit-breaker.ts';
import { soak } from '../support/volume.ts';
import { CommitteeLoad, RECOVERY_LIMIT, SETTLE_LIMIT } from './committee-load.ts';
import { reportFailures } from './fault-report.ts';
import { expectWholeLines } from './line-invariants.ts';
import { openStage, type Stage } from './stage.ts';

/** Milliseconds for which a part is away, and a test of that: two minutes and a half, so only the soak has it. */
const LASTS = 12_000;
const LIMIT = 4 * 60_000;

const pause = (milliseconds: number) => new Promise<void>((wake) => setTimeout(wake, milliseconds));

let stage: Stage;
let load: CommitteeLoad;

describe.runIf(soak)('with patients walking', () => {
  beforeAll(async () => {
    stage = await openStage({ shippedBreakers: true });
    load = await CommitteeLoad.begin(stage);
  });
  afterAll(async () => {
    await load?.settle().catch(() => undefined);
    await stage?.close();
  });

  it('nobody notices that Redis is away, and it is used again within its half minute', {
    timeout: LIMIT,
  }, async () => {
    await load.steadyRate();
    await untilWhole(BREAKER_CONFIGS.redis.timeout);
    await stage.redisProxy.down();
    await pause(LASTS);
    await stage.redisProxy.restore();
    const back = await untilWhole(BREAKER_CONFIGS.redis.timeout);
    console.info(`Redis back in use ${Math.round(back)} ms after it came back`);
    expect(stage.changes).toContain('redis CLOSED OPEN');
    expect(reportFailures(load)).toEqual({ serverErrors: 0, unanswered: 0 });
  });

  it('a database that is back serves everybody within its minute, and refusals said so', {
    timeout: LIMIT,
  }, async () => {
    const { timeout } = BREAKER_CONFIGS.database;
    const earlier = await load.steadyRate();
    await stage.databaseProxy.down();
    await pause(LASTS);
    await stage.databaseProxy.restore();
    const restored = load.now;
    const promised: number[] = [];
    let probed: number | undefined;
    while (!stage.isWhole() && load.now < restored + timeout + RECOVERY_LIMIT) {
      const answer = await fetch(`${stage.url}/api/v1/queue/position?clinic=bones&user=probe`);
      await answer.arrayBuffer();
      if (answer.status === 503) {
        promised.push(load.now + Number(answer.headers.get('retry-after')) * 1000);
      }
      await pause(250);
      if (stage.changes.includes('database OPEN HALF_OPEN')) probed ??= load.now;
    }
    const recovery = await load.recovery(restored, earlier, timeout + RECOVERY_LIMIT);
    console.info(`database back in use ${recovery} ms after it came back, with a breaker of ${timeout} ms`);
    expect(recovery).toBeDefined();
    // Whoever was refused was told when: not so early that he meets another refusal, not later than the breaker allows.
    expect(promised.length).toBeGreaterThan(0);
    expect(probed, 'the database is tried again').toBeDefined();
    expect(Math.min(...promised)).toBeGreaterThanOrEqual((probed ?? 0) - 1_000);
    expect(Math.max(...promised)).toBeLessThanOrEqual(restored + timeout + RECOVERY_LIMIT);
    expect(stage.changes.findLast((change) => change.startsWith('database'))).toBe(
      'database HALF_OPEN CLOSED',
    );
  });

  it('no number was lost or doubled, and nobody was called twice', { timeout: SETTLE_LIMIT }, async () => {
    await load.settle();
    reportFailures(load);
    await expectWholeLines(stage, load);
  });
});

/** Milliseconds until no breaker holds anything back; rejects when that takes longer than its own time and ours. */
async function untilWhole(timeout: number): Promise<number> {
  const since = load.now;
  while (!stage.isWhole()) {
    expect(load.now - since, 'the breaker closes by itself').toBeLessThan(timeout + RECOVERY_LIMIT);
    await pause(50);
  }
  return load.now - since;
}
