/** The way to the database fails in every way under load: refusals at once, and then it is as if nothing had been. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasRedisServer } from '../support/redis-server.ts';
import { CommitteeLoad, SETTLE_LIMIT } from './committee-load.ts';
import { FAULT_LIMIT, type Fault, reportServerErrors, survive } from './fault-report.ts';
import { expectWholeLines } from './line-invariants.ts';
import { openStage, type Stage } from './stage.ts';

const pause = (milliseconds: number) => new Promise<void>((wake) => setTimeout(wake, milliseconds));

let stage: Stage;
let load: CommitteeLoad;

/** Breaks the way to the database for a while. */
const onTheWay = (name: string, strike: (proxy: Stage['databaseProxy']) => unknown): Fault => ({
  name: `the database ${name}`,
  async strike(lasts) {
    await strike(stage.databaseProxy);
    await pause(lasts);
    await stage.databaseProxy.restore();
  },
});

const FAULTS: readonly Fault[] = [
  onTheWay('slow by 2 s', (proxy) => proxy.slow(2_000)),
  onTheWay('resetting connections', (proxy) => proxy.reset()),
  onTheWay('half-open', (proxy) => proxy.swallow()),
  onTheWay('committing into the void', (proxy) => proxy.mute()),
];

describe.runIf(hasRedisServer())('with patients walking', () => {
  beforeAll(async () => {
    stage = await openStage();
    load = await CommitteeLoad.begin(stage);
  });
  afterAll(async () => {
    await load?.settle().catch(() => undefined);
    await stage?.close();
  });

  it('down: answers come within 10 ms once the breaker is open, and it closes by itself', async () => {
    const { breaker } = stage.services.database;
    const times: number[] = [];
    await survive(load, {
      name: 'the database down',
      async strike(lasts) {
        const end = performance.now() + lasts;
        await stage.databaseProxy.down();
        while (performance.now() < end || times.length === 0) {
          const wasOpen = breaker.getState() === 'OPEN';
          const start = performance.now();
          const answer = await fetch(`${stage.url}/api/v1/queue/enter`, {
            method: 'POST',
            headers: { 'Content-Type': 'application/json' },
            body: JSON.stringify({ clinic: 'bones', user: 'probe' }),
          });
          const took = performance.now() - start;
          await answer.arrayBuffer();
          // Within one state: what began in a probe of the dependency waits for it.
          if (wasOpen && breaker.getState() === 'OPEN') {
            expect(answer.status).toBe(503);
            expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
            times.push(took);
          }
          await pause(2);
        }
        await stage.databaseProxy.restore();
      },
    });
    times.sort((a, b) => a - b);
    const at = (share: number) => times[Math.floor(times.length * share)] ?? Number.NaN;
    console.info(
      `open breaker, under load: ${times.length} answers, median ${at(0.5).toFixed(2)} ms, ` +
        `p90 ${at(0.9).toFixed(2)} ms, p99 ${at(0.99).toFixed(2)} ms`,
    );
    // The median: load and load's server share one process with this client.
    expect(at(0.5)).toBeLessThan(10);
    expect(stage.changes).toContain('database CLOSED OPEN');
    expect(stage.changes.findLast((change) => change.startsWith('database'))).toBe(
      'database HALF_OPEN CLOSED',
    );
  });

  it.each(FAULTS)('work is as before soon after: $name', { timeout: FAULT_LIMIT }, (fault) =>
    survive(load, fault),
  );

  it('no number was lost or doubled, nobody was called twice, and everybody was told the truth', {
    timeout: SETTLE_LIMIT,
  }, async () => {
    await load.settle();
    reportServerErrors(load);
    await expectWholeLines(stage, load);
  });
});
