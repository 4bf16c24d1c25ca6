// monitoring/*.yml with this machine's addresses, and with time running faster where somebody waits for an alert.
import { parse, stringify } from 'yaml';

/** The texts of the three files. */
export interface MonitoringFiles {
  readonly prometheus: string;
  readonly alerts: string;
  readonly alertmanager: string;
}

export interface ScrapedTarget {
  /** The job's name in Prometheus. */
  readonly name: string;
  /** The server; a path other than `/` is that of its metrics. */
  readonly url: string;
}

export interface LocalAddresses {
  readonly targets: readonly ScrapedTarget[];
  /** `127.0.0.1:9093` */
  readonly alertmanager: string;
  /** `127.0.0.1:8080`: who is told about alerts. */
  readonly receiver: string;
  /** Whether the targets want the token of the file `metrics-token`. */
  readonly withToken: boolean;
}

/** How often what happens is looked at, at the least: also a fast clock asks a target once a second at most. */
const SHORTEST_INTERVAL = 1_000;

const MILLISECONDS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

const DURATION = String.raw`(\d+)(ms|s|m|h|d)`;

/**
 * The same rules, times and routes, with other addresses. With a `speed` of 30 every window, waiting time and interval
 * takes a thirtieth; thresholds stay. Targets are asked without TLS when their address says so.
 */
export function localConfiguration(
  files: MonitoringFiles,
  addresses: LocalAddresses,
  speed = 1,
): MonitoringFiles {
  const faster = (text: string) => (speed === 1 ? text : spedUp(text, speed));
  return {
    prometheus: faster(localPrometheus(files.prometheus, addresses)),
    alerts: faster(files.alerts),
    alertmanager: faster(files.alertmanager.replaceAll('alert-receiver:8080', addresses.receiver)),
  };
}

interface PrometheusFile {
  readonly alerting: object;
  readonly scrape_configs: readonly { readonly metrics_path?: string; readonly authorization?: object }[];
}

function localPrometheus(text: string, { targets, alertmanager, withToken }: LocalAddresses): string {
  const file: PrometheusFile = parse(text);
  return stringify({
    ...file,
    alerting: { alertmanagers: [{ static_configs: [{ targets: [alertmanager] }] }] },
    scrape_configs: targets.map(({ name, url }) => {
      const { protocol, host, pathname } = new URL(url);
      const path = pathname === '/' ? '/metrics' : pathname;
      const like = file.scrape_configs.find((one) => one.metrics_path === path) ?? file.scrape_configs[0];
      const { authorization, ...job } = like ?? {};
      return {
        ...job,
        ...(withToken && { authorization }),
        job_name: name,
        scheme: protocol.slice(0, -1),
        metrics_path: path,
        static_configs: [{ targets: [host] }],
      };
    }),
  });
}

/** Durations stand behind the keys that hold one, and in the square brackets of an expression. */
function spedUp(text: string, speed: number): string {
  const divided = (count: string, unit: string, least: number) =>
    `${Math.max(least, Math.round((Number(count) * MILLISECONDS[unit as keyof typeof MILLISECONDS]) / speed))}ms`;
  return text
    .replaceAll(
      new RegExp(String.raw`\[${DURATION}\]`, 'g'),
      (_, count, unit) => `[${divided(count, unit, 1)}]`,
    )
    .replaceAll(
      new RegExp(String.raw`\b(for|\w+_wait|repeat_interval): ${DURATION}\b`, 'g'),
      (_, key, count, unit) => `${key}: ${divided(count, unit, 1)}`,
    )
    .replaceAll(
      new RegExp(String.raw`\b(interval|(?:scrape|evaluation|group)_interval): ${DURATION}\b`, 'g'),
      (_, key, count, unit) => `${key}: ${divided(count, unit, SHORTEST_INTERVAL)}`,
    );
}
