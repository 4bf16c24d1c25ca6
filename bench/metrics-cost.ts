// What counting costs: the same cached read with the metrics and without, taking turns, in one process.
import { createApp } from '../src/app.ts';
import { readConfig } from '../src/lib/config.ts';
import { Metrics } from '../src/lib/metrics.ts';
import { createServices } from '../src/lib/services.ts';
import { startService } from './runtimes.ts';
import { median, medianRatio } from './statistics.ts';

export interface MetricsCost {
  readonly goal: number;
  readonly rounds: number;
  readonly requests: number;
  /** Medians, in microseconds of CPU per request. */
  readonly without: number;
  readonly counted: number;
  /** The median of the rounds' ratios of the second to the first. */
  readonly ratio: number;
  /** The same of two that are not counted: how far this machine lets a ratio stray. */
  readonly noise: number;
  readonly ok: boolean;
}

/** The most CPU that a counted request may take, in requests that nobody counts. */
const GOAL = 1.05;

const PATH = '/api/v1/queue/status?clinic=lab';
const AT_ONCE = 8;
const FULL = { rounds: 201, requests: 200, warmUp: 10_000 };
const QUICK = { rounds: 41, requests: 200, warmUp: 5_000 };

const NAMES = ['without', 'counted', 'again'] as const;

/** Counts nothing. */
class NoMetrics extends Metrics {
  override count(): void {}
  override observe(): void {}
}

/** Measures before the embedded cloud, which runs in a process of its own and is not counted. */
export async function measureMetricsCost(quick: boolean): Promise<MetricsCost> {
  const { rounds, requests, warmUp } = quick ? QUICK : FULL;
  const service = await startService();
  try {
    const config = readConfig({ ...service.environment, LOG_LEVEL: 'error', RATE_LIMITS: 'off' });
    const open = (services: ReturnType<typeof createServices>) =>
      createApp({ target: 'node', services: () => services, clientIp: () => '192.0.2.1' });
    const silent = () =>
      createServices('node', config, { metrics: new NoMetrics(), sharedCounts: undefined });
    const contenders = {
      without: open(silent()),
      again: open(silent()),
      counted: open(createServices('node', config)),
    };
    const costs = { without: [] as number[], again: [] as number[], counted: [] as number[] };
    // Round 0 warms up. There and back again: what a stretch leaves to the next one falls on both alike.
    for (let round = 0; round <= rounds; round += 1) {
      const spent = { without: 0, again: 0, counted: 0 };
      const stretch = (round === 0 ? warmUp : requests) / 2;
      for (const name of [...NAMES, ...NAMES.toReversed()]) {
        spent[name] += await cpuOf(contenders[name], stretch);
      }
      if (round === 0) continue;
      for (const name of NAMES) costs[name].push(spent[name] / requests);
    }
    const ratio = medianRatio(costs.counted, costs.without);
    return {
      goal: GOAL,
      rounds,
      requests,
      without: median(costs.without),
      counted: median(costs.counted),
      ratio,
      noise: medianRatio(costs.again, costs.without),
      ok: ratio <= GOAL,
    };
  } finally {
    await service.stop();
  }
}

/** Microseconds of this process' CPU for so many requests. */
async function cpuOf(app: ReturnType<typeof createApp>, requests: number): Promise<number> {
  const before = process.cpuUsage();
  let sent = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (sent < requests) {
        sent += 1;
        const answer = await app.request(PATH, {}, {});
        if (!answer.ok) throw new Error(`answered ${answer.status}`);
        await answer.text();
      }
    }),
  );
  const { user, system } = process.cpuUsage(before);
  return user + system;
}
