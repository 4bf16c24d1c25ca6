/** The alert on errors from the first failed answer to the receiver's phone, through the real programs. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DRILLED_ALERTS, OF_THE_LOAD, runDrill } from '../../monitoring/drill.ts';
import { type DrillTargets, openDrillTargets } from '../../monitoring/drill-targets.ts';
import { hasPrograms } from '../../monitoring/programs.ts';
import { queryPrometheus } from '../../monitoring/prometheus-client.ts';
import { createMigratedDatabase, type TestDatabase } from '../support/postgres-server.ts';
import { hasRedisServer, type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { builtOutput } from '../support/shared-parts.ts';

const programs = hasPrograms('prometheus', 'prometheus-alertmanager') && hasRedisServer();
if (!programs)
  console.warn('skipped: prometheus, prometheus-alertmanager and redis-server are not all installed');

describe.skipIf(!programs && !process.env.CI)('5xx above 2 % on two targets of different runtimes', () => {
  let database: TestDatabase | undefined;
  let redis: RedisServer | undefined;
  let drill: DrillTargets | undefined;
  beforeAll(async () => {
    database = await createMigratedDatabase();
    redis = await startRedisServer();
    drill = await openDrillTargets({
      root: await builtOutput(),
      databaseUrl: database.url,
      redisUrl: redis.url,
    });
  }, 120_000);
  afterAll(async () => {
    await drill?.close();
    await redis?.stop();
    await database?.drop();
  });

  it('goes pending, fires, reaches the receiver, one page for a target, and resolves, with every request counted', async () => {
    if (!drill) throw new Error('nothing is open');
    const names = drill.targets.map(({ name }) => name);
    const counted = new Map<string, Map<string, number>>(names.map((name) => [name, new Map()]));
    const began = performance.now();
    const { toleratedShares, courses, notifications, answers } = await runDrill(drill, {
      async onResolved({ prometheusUrl }) {
        const series = await queryPrometheus(prometheusUrl, `http_requests_total{${OF_THE_LOAD}}`);
        for (const { labels, value } of series) {
          const { target = '', method, route, status } = labels;
          counted.get(target)?.set(`${method} ${route} ${status}`, value);
        }
      },
    });

    for (const share of toleratedShares) expect(share).toBeLessThanOrEqual(0.02);
    const alerts = names.flatMap((target) => DRILLED_ALERTS.map((alert) => ({ alert, target })));
    expect(courses.length).toBe(alerts.length);
    for (const expected of alerts) {
      const course = courses.find(
        ({ alert, target }) => alert === expected.alert && target === expected.target,
      );
      const [pending, firing, resolved] = [course?.pending, course?.firing, course?.resolved].map((time) =>
        Date.parse(time ?? ''),
      );
      // `for: 5m` at thirty times the speed.
      expect((firing ?? 0) - (pending ?? 0)).toBeGreaterThanOrEqual(10_000);
      expect(resolved).toBeGreaterThan(firing ?? Number.POSITIVE_INFINITY);
    }

    const pages = notifications.filter(({ alerts: told }) =>
      told.some(({ labels }) => DRILLED_ALERTS.some((name) => name === labels.alertname)),
    );
    for (const { receiver, alerts: told } of pages) {
      expect(receiver).toBe('on-call');
      expect(new Set(told.map(({ labels }) => labels.target)).size).toBe(1);
    }
    for (const target of names) {
      const about = pages.filter(({ alerts: told }) => told[0]?.labels.target === target);
      // The two rules that say the same are one page.
      const last = about.findLast(({ status }) => status === 'firing');
      expect(new Set(last?.alerts.map(({ labels }) => labels.alertname))).toStrictEqual(
        new Set(DRILLED_ALERTS),
      );
      expect(about.at(-1)?.status).toBe('resolved');
    }

    expect(counted).toStrictEqual(answers);
    const requests = [...answers.values()].flatMap((one) => [...one.values()]).reduce((a, b) => a + b, 0);
    const seconds = (performance.now() - began) / 1000;
    console.info(
      `${requests} requests to ${names.join(' and ')}, each counted once; ${seconds.toFixed(0)} s`,
    );
  }, 300_000);
});
