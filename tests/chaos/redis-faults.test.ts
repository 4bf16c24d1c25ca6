/** Redis fails in every way under load: nobody notices. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasRedisServer } from '../support/redis-server.ts';
import { until } from '../support/until.ts';
import { mayBeLeftOut } from '../support/volume.ts';
import { CommitteeLoad, SETTLE_LIMIT } from './committee-load.ts';
import { FAULT_LIMIT, type Fault, reportFailures, type Seen, survive } from './fault-report.ts';
import { expectWholeLines } from './line-invariants.ts';
import { openStage, type Stage } from './stage.ts';

const pause = (milliseconds: number) => new Promise<void>((wake) => setTimeout(wake, milliseconds));

let stage: Stage;
let load: CommitteeLoad;

const hasOpened = ({ changes }: Seen) => changes.some((change) => /^redis \w+ OPEN$/.test(change));

/** Somebody got his answer after the 300 ms for which the service waits for Redis; not who is held until something changes. */
const wasWaitedFor = (seen: Seen) =>
  hasOpened(seen) &&
  seen.samples.some(({ path, status, took }) => PROMPT.has(path) && status < 300 && took > 290);

const PROMPT: ReadonlySet<string> = new Set(['/api/v1/queue/enter', '/api/v1/queue/status']);

/** Breaks the way to Redis for a while. */
const onTheWay = (
  name: string,
  strike: (proxy: Stage['redisProxy']) => unknown,
  { lasts, felt = hasOpened }: Partial<Fault> = {},
): Fault => ({
  name: `Redis ${name}`,
  ...(lasts !== undefined && { lasts }),
  felt,
  async strike(lasts) {
    await strike(stage.redisProxy);
    await pause(lasts);
    await stage.redisProxy.restore();
  },
});

const FAULTS: readonly Fault[] = [
  onTheWay('down', (proxy) => proxy.down()),
  // As long as it takes until what was sent first arrives, after everybody gave it up.
  onTheWay('slow by 2 s', (proxy) => proxy.slow(2_000), { lasts: 2_500, felt: wasWaitedFor }),
  onTheWay('resetting connections', (proxy) => proxy.reset()),
  onTheWay('half-open', (proxy) => proxy.swallow(), { felt: wasWaitedFor }),
  onTheWay('answering into the void', (proxy) => proxy.mute(), { felt: wasWaitedFor }),
  { name: 'Redis killed and started again, empty', strike: () => stage.redis.restart() },
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

  it.each(FAULTS)('work goes on as before: $name', { timeout: FAULT_LIMIT }, (fault) => survive(load, fault));

  it('its breaker opened and closed by itself', async () => {
    await until(
      'it is closed',
      () => stage.isWhole(),
      (isWhole) => isWhole,
      30_000,
    );
    expect(stage.changes).toContain('redis CLOSED OPEN');
    expect(stage.changes.findLast((change) => change.startsWith('redis'))).toBe('redis HALF_OPEN CLOSED');
    expect(stage.changes.filter((change) => change.startsWith('database'))).toEqual([]);
  });

  it('not one answer was a 5xx, no number was lost or doubled, nobody was called twice', {
    timeout: SETTLE_LIMIT,
  }, async () => {
    await load.settle();
    expect(reportFailures(load)).toEqual({ serverErrors: 0, unanswered: 0 });
    await expectWholeLines(stage, load);
  });
});
