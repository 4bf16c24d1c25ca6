/** The way to the database fails in every way under load: refusals at once, and then it is as if nothing had been. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasRedisServer } from '../support/redis-server.ts';
import { mayBeLeftOut } from '../support/volume.ts';
import { CommitteeLoad, SETTLE_LIMIT } from './committee-load.ts';
import { FAULT_LIMIT, type Fault, reportFailures, survive } from './fault-report.ts';
import { expectWholeLines } from './line-invariants.ts';
import { openStage, type Stage } from './stage.ts';

const pause = (milliseconds: number) => new Promise<void>((wake) => setTimeout(wake, milliseconds));

let stage: Stage;
let load: CommitteeLoad;

/** Breaks the way to the database for a while. */
const onTheWay = (
  name: string,
  strike: (proxy: Stage['databaseProxy']) => unknown,
  more: Partial<Fault> = {},
): Fault => ({
  name: `the database ${name}`,
  felt: ({ samples }) => samples.some(({ status }) => status === 503),
  ...more,
  async strike(lasts) {
    await strike(stage.databaseProxy);
    await pause(lasts);
    await stage.databaseProxy.restore();
  },
});

const FAULTS: readonly Fault[] = [
  // Two seconds there and two back: answers that come nevertheless.
  onTheWay('slow by 2 s', (proxy) => proxy.slow(2_000), {
    lasts: 5_200,
    felt: ({ samples }) => samples.some(({ status, took }) => status === 200 && took > 3_900),
  }),
  onTheWay('resetting connections', (proxy) => proxy.reset(), { fill: true }),
  // Longer than the five seconds after which the service gives a statement up.
  onTheWay('half-open', (proxy) => proxy.swallow(), {
    lasts: 5_600,
    felt: ({ samples }) => samples.some(({ status, took }) => status === 503 && took > 4_900),
  }),
  onTheWay('committing into the void', (proxy) => proxy.mute()),
];

describe.skipIf(!hasRedisServer() && mayBeLeftOut)('with patients walking', () => {
  beforeAll(async () => {
    stage = await openStage();
    load = await CommitteeLoad.begin(stage);
  });
  afterAll(async () => {
    await load?.settle().catch(() => undefined);
    await stage?.close();
  });

  it('down: answers come within 10 ms once the breaker is open, and it closes by itself', {
    timeout: FAULT_LIMIT,
  }, async () => {
    const { breaker } = stage.services.database;
    const refused: string[] = [];
    await survive(load, {
      name: 'the database down',
      async strike(lasts) {
        const end = performance.now() + lasts;
        await stage.databaseProxy.down();
        try {
          while (performance.now() < end || refused.length === 0) {
            const wasOpen = breaker.getState() === 'OPEN';
            const answer = await fetch(`${stage.url}/api/v1/queue/enter`, {
              method: 'POST',
              headers: { 'Content-Type': 'application/json' },
              body: JSON.stringify({ clinic: 'bones', user: 'probe' }),
            });
            await answer.arrayBuffer();
            // Within one state: what began in a probe of the dependency waits for it.
            if (wasOpen && breaker.getState() === 'OPEN') {
              expect(answer.status).toBe(503);
              expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
              refused.push(String(answer.headers.get('x-request-id')));
            }
            await pause(2);
          }
        } finally {
          // Whatever was found: what comes next is not about this.
          await stage.databaseProxy.restore();
        }
      },
    });
    // By the server's own clock: this process sends the load as well, and hears of an answer when it comes to it.
    const times = refused.map((id) => stage.served.get(id) ?? Number.NaN).sort((a, b) => a - b);
    const at = (share: number) => times[Math.floor(times.length * share)] ?? Number.NaN;
    console.info(
      `open breaker, under load: ${times.length} answers, median ${at(0.5).toFixed(2)} ms, ` +
        `p95 ${at(0.95).toFixed(2)} ms, p99 ${at(0.99).toFixed(2)} ms`,
    );
    expect(times.every(Number.isFinite), 'a log line for each').toBe(true);
    expect(at(0.95)).toBeLessThan(10);
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
    reportFailures(load);
    await expectWholeLines(stage, load);
  });
});
