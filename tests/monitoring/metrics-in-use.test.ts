/** What is measured is looked at, and what is looked at is measured: /metrics, the rules and the dashboard agree. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type LocalServer, startLocalServer } from '../../local/local-server.ts';
import { dashboardText } from '../../monitoring/dashboard.ts';
import { ROWS } from '../../monitoring/dashboard-panels.ts';
import { startLocalMonitor } from '../../monitoring/local-monitor.ts';
import { hasPrograms } from '../../monitoring/programs.ts';
import { queryPrometheus } from '../../monitoring/prometheus-client.ts';
import { type ReadFamilies, readPrometheusText } from '../support/prometheus-text.ts';
import { until } from '../support/until.ts';

const file = (path: string) => readFile(new URL(`../../monitoring/${path}`, import.meta.url), 'utf8');

const METRICS_TOKEN = 'the-metrics-token-of-this-test';

/** Prometheus makes this one itself. */
const OF_PROMETHEUS = 'up';

let server: LocalServer;
let measured: ReadFamilies;
let asked: { readonly where: string; readonly expr: string }[];
beforeAll(async () => {
  server = await startLocalServer({ environment: 'test', settings: { METRICS_TOKEN } });
  const answer = await fetch(`${server.url}/metrics`, {
    headers: { Authorization: `Bearer ${METRICS_TOKEN}` },
  });
  measured = readPrometheusText(await answer.text());
  const rules: { alert: string; expr: string }[] = parse(await file('alerts.yml')).groups.flatMap(
    ({ rules: own }: { rules: object[] }) => own,
  );
  asked = [
    ...rules.map(({ alert, expr }) => ({ where: alert, expr })),
    ...ROWS.flatMap(({ panels }) => panels).flatMap(({ title, queries }) =>
      queries.map(({ expr }) => ({ where: title, expr })),
    ),
  ];
}, 120_000);
afterAll(() => server?.close());

/** Names that stand before a selector, a range or the end of an argument: no function, keyword or label. */
function namesIn(expr: string): string[] {
  const plain = expr
    .replaceAll(/\{[^}]*\}|\[[^\]]*\]|"[^"]*"/g, ' ')
    .replaceAll(/\b(by|on)\s*\([^)]*\)/g, ' ');
  return [...plain.matchAll(/\b[a-z][a-z0-9_]*\b(?!\s*\()/g)]
    .map(([name]) => name)
    .filter((name) => !['and', 'or', 'by', 'on', 'unless'].includes(name));
}

/** The family of a series of a histogram. */
function familyOf(name: string): string {
  const family = name.replace(/_(bucket|sum|count)$/, '');
  return measured.get(family)?.type === 'histogram' ? family : name;
}

describe('/metrics', () => {
  it('has every metric that a rule or a panel asks for', () => {
    for (const { where, expr } of asked) {
      expect(namesIn(expr).length, where).toBeGreaterThan(0);
      for (const name of namesIn(expr)) {
        if (name !== OF_PROMETHEUS) expect([...measured.keys()], where).toContain(familyOf(name));
      }
    }
  });

  it('has none that no rule and no panel asks for', () => {
    const used = new Set(asked.flatMap(({ expr }) => namesIn(expr)).map(familyOf));
    expect([...measured.keys()].filter((name) => !used.has(name))).toStrictEqual([]);
  });
});

describe('the dashboard', () => {
  it('is the one that the code makes: npm run monitor:dashboard', async () => {
    expect(await file('grafana-dashboard.json')).toBe(dashboardText());
  });

  it('leaves the datasource to whoever imports it, in every panel', () => {
    const dashboard: {
      readonly panels: readonly {
        readonly type: string;
        readonly id: number;
        readonly datasource?: object;
      }[];
    } = JSON.parse(dashboardText());
    for (const { type, datasource } of dashboard.panels) {
      if (type !== 'row') expect(datasource).toStrictEqual({ type: 'prometheus', uid: '$datasource' });
    }
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
  });
});

const programs = hasPrograms('prometheus', 'prometheus-alertmanager');
if (!programs) console.warn('skipped: prometheus and prometheus-alertmanager are not installed');

describe.skipIf(!programs && !process.env.CI)('a running Prometheus', () => {
  it('takes /metrics with its token, and answers every query of the dashboard', async () => {
    const monitor = await startLocalMonitor({
      targets: [{ name: 'here', url: server.url }],
      metricsToken: METRICS_TOKEN,
      speed: 30,
      onNotification: () => {},
    });
    try {
      const query = (expr: string) => queryPrometheus(monitor.prometheusUrl, expr);
      await until(
        'the target is scraped',
        () => query('up == 1'),
        (series) => series.length === 1,
      );
      for (const { where, expr } of asked) {
        const filled = expr
          .replaceAll('$target', '.+')
          .replaceAll('$__rate_interval', '10s')
          .replaceAll('$__range', '1m');
        await expect(query(filled), where).resolves.toBeInstanceOf(Array);
      }
    } finally {
      await monitor.close();
    }
  }, 60_000);
});
