/** The files of monitoring/ are what Prometheus and Alertmanager take, each alert fires and clears, and says what to do. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { localConfiguration } from '../../monitoring/local-configuration.ts';
import { monitoringFiles } from '../../monitoring/local-monitor.ts';
import { hasPrograms } from '../../monitoring/programs.ts';

const ROOT = new URL('../../', import.meta.url);
const text = (path: string) => readFile(new URL(path, ROOT), 'utf8');

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

interface RuleTest {
  readonly alertname: string;
  readonly eval_time: string;
  readonly exp_alerts: readonly object[];
}

const rules = async (): Promise<Rule[]> =>
  parse(await text('monitoring/alerts.yml')).groups.flatMap(({ rules: own }: { rules: Rule[] }) => own);

const programs = hasPrograms('promtool', 'amtool');
if (!programs)
  console.warn('skipped: promtool and amtool (Debian packages prometheus, prometheus-alertmanager)');

describe.skipIf(!programs && !process.env.CI)('the tools of Prometheus', () => {
  /** What it printed. Rejects with that when it refuses. */
  const run = async (program: string, ...args: string[]) =>
    (await promisify(execFile)(program, args, { cwd: ROOT })).stdout;

  it('accept the configuration of Prometheus, its rules, and that of Alertmanager', async () => {
    // The token's file is the deployment's own.
    await run('promtool', 'check', 'config', '--syntax-only', 'monitoring/prometheus.yml');
    await run('promtool', 'check', 'rules', 'monitoring/alerts.yml');
    await run('amtool', 'check-config', 'monitoring/alertmanager.yml');
  });

  it('see each alert below its edge, firing with its text, and cleared', async () => {
    await run('promtool', 'test', 'rules', 'monitoring/alerts.test.yml');
  }, 300_000);

  it('send what pages to the one who is on call, and the rest to the team', async () => {
    const receiver = async (...labels: string[]) =>
      (
        await run(
          'amtool',
          'config',
          'routes',
          'test',
          '--config.file=monitoring/alertmanager.yml',
          ...labels,
        )
      ).trim();
    expect(await receiver('alertname=HighErrorRate', 'severity=critical')).toBe('on-call');
    expect(await receiver('alertname=HighResponseTime', 'severity=warning')).toBe('team');
  });

  it('accept what is derived for this machine, at any speed', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'mmc-monitoring-files-'));
    try {
      for (const speed of [1, 30]) {
        const files = localConfiguration(
          await monitoringFiles(),
          {
            targets: [{ name: 'here', url: 'http://127.0.0.1:8787' }],
            alertmanager: '127.0.0.1:9093',
            receiver: '127.0.0.1:8080',
            withToken: true,
          },
          speed,
        );
        for (const [name, content] of Object.entries({ ...files, 'metrics-token': 'token' })) {
          await writeFile(join(directory, name === 'metrics-token' ? name : `${name}.yml`), content);
        }
        await run('promtool', 'check', 'config', join(directory, 'prometheus.yml'));
        await run('amtool', 'check-config', join(directory, 'alertmanager.yml'));
      }
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});

describe('the rules', () => {
  it('have each a test that sees it fire after one that does not, and clear at the end', async () => {
    const groups: { alert_rule_test: RuleTest[] }[] = parse(await text('monitoring/alerts.test.yml')).tests;
    for (const { alert } of await rules()) {
      const courses = groups.map(({ alert_rule_test: tests }) =>
        tests.filter(({ alertname }) => alertname === alert).map(({ exp_alerts: fired }) => fired.length > 0),
      );
      const sees = courses.some(
        (fired) => fired.includes(true) && fired[0] === false && fired.at(-1) === false,
      );
      expect(sees, alert).toBe(true);
    }
  });

  it('have each a section of the runbook, which their link leads to, and no section is left over', async () => {
    const sections = [...(await text('docs/runbook.md')).matchAll(/^## (.+)$/gm)].map(
      ([, title = '']) => title,
    );
    const all = await rules();
    expect(sections.toSorted()).toStrictEqual(all.map(({ alert }) => alert).toSorted());
    for (const { alert, annotations } of all) {
      // GitHub's anchor of a title without spaces.
      expect(annotations.runbook).toBe(`docs/runbook.md#${alert.toLowerCase()}`);
    }
  });

  it('have each a name of its own, a severity that is routed, and a text', async () => {
    const all = await rules();
    expect(new Set(all.map(({ alert }) => alert)).size).toBe(all.length);
    for (const { alert, labels, annotations } of all) {
      expect(['critical', 'warning'], alert).toContain(labels.severity);
      expect(annotations.summary, alert).toBeTruthy();
      expect(annotations.description, alert).toMatch(/\{\{ \$(value|labels\.)/);
    }
  });

  it('keep the numbers that were agreed', async () => {
    const all = new Map((await rules()).map((rule) => [rule.alert, rule]));
    const agreed = {
      HighErrorRate: ['[5m]', '> 0.02', '5m', 'critical'],
      High5xxErrorRate: ['[5m]', '> 0.02', '5m', 'critical'],
      HighResponseTime: ['[5m]', '> 1.0', '5m', 'warning'],
      CircuitBreakerOpen: ['state="OPEN"', '> 0', '1m', 'critical'],
      DatabaseConnectionFailure: ['[5m]', '> 0.1', '2m', 'critical'],
    } as const;
    for (const [alert, [window, threshold, wait, severity]] of Object.entries(agreed)) {
      const rule = all.get(alert);
      expect(rule?.expr, alert).toContain(window);
      expect(rule?.expr.trimEnd().endsWith(threshold), alert).toBe(true);
      expect([rule?.for, rule?.labels.severity], alert).toStrictEqual([wait, severity]);
    }
    expect(all.get('High5xxErrorRate')?.expr).toBe(all.get('HighErrorRate')?.expr);
  });
});

describe('a faster clock', () => {
  it('divides every window, waiting time and interval, and leaves thresholds, targets and routes', async () => {
    const files = await monitoringFiles();
    const addresses = {
      targets: [
        { name: 'one', url: 'http://127.0.0.1:1' },
        { name: 'two', url: 'https://host.example/functions/v1/metrics' },
      ],
      alertmanager: '127.0.0.1:2',
      receiver: '127.0.0.1:3',
      withToken: false,
    };
    const fast = localConfiguration(files, addresses, 30);
    const wanted: Rule[] = parse(fast.alerts).groups.flatMap((group: { rules: Rule[] }) => group.rules);
    const milliseconds = (duration: string) => {
      const [, count, unit = ''] = /^(\d+)(ms|s|m|h|d)$/.exec(duration) ?? [];
      return Number(count) * ({ ms: 1, s: 1e3, m: 6e4, h: 36e5, d: 864e5 }[unit] ?? Number.NaN);
    };
    const windows = ({ expr }: Rule) =>
      [...expr.matchAll(/\[(\w+)\]/g)].map(([, window = '']) => milliseconds(window));
    const without = ({ expr }: Rule) => expr.replaceAll(/\[\w+\]/g, '');
    for (const [index, rule] of (await rules()).entries()) {
      const faster = wanted[index];
      if (!faster) throw new Error(`lost: ${rule.alert}`);
      expect(milliseconds(faster.for) * 30).toBe(milliseconds(rule.for));
      expect(windows(faster).map((window) => window * 30)).toStrictEqual(windows(rule));
      expect(without(faster)).toBe(without(rule));
      expect([faster.alert, faster.labels, faster.annotations]).toStrictEqual([
        rule.alert,
        rule.labels,
        rule.annotations,
      ]);
    }
    expect(parse(fast.alerts).groups.map(({ interval }: { interval: string }) => interval)).toStrictEqual(
      parse(files.alerts).groups.map(() => '1000ms'),
    );
    const prometheus = parse(fast.prometheus);
    expect(prometheus.global).toStrictEqual({ scrape_interval: '1000ms', evaluation_interval: '1000ms' });
    expect(prometheus.scrape_configs).toStrictEqual([
      {
        job_name: 'one',
        scheme: 'http',
        metrics_path: '/metrics',
        static_configs: [{ targets: ['127.0.0.1:1'] }],
      },
      {
        job_name: 'two',
        scheme: 'https',
        metrics_path: '/functions/v1/metrics',
        static_configs: [{ targets: ['host.example'] }],
      },
    ]);
    const alertmanager = parse(fast.alertmanager);
    expect(alertmanager.route.routes[0].receiver).toBe('team');
    expect(milliseconds(alertmanager.route.group_wait) * 30).toBeCloseTo(
      milliseconds(parse(files.alertmanager).route.group_wait),
      -2,
    );
    expect(JSON.stringify(alertmanager.receivers)).not.toContain('alert-receiver');
  });
});
