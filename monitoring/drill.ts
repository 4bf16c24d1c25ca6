// The rehearsal: errors below the threshold, above it, and none; with what Prometheus and Alertmanager make of them.
import { setTimeout as pause } from 'node:timers/promises';
import type { Notification } from './alert-receiver.ts';
import { type Load, startLoad } from './drill-load.ts';
import type { DrillTargets } from './drill-targets.ts';
import { type LocalMonitor, startLocalMonitor } from './local-monitor.ts';
import { type ActiveAlert, activeAlerts, queryPrometheus } from './prometheus-client.ts';

/** The two rules on the same figure. */
export const DRILLED_ALERTS = ['HighErrorRate', 'High5xxErrorRate'] as const;

/** Five minutes pass in ten seconds. */
export const DRILL_SPEED = 30;

/** One in so many: 0.7 %, which must not alert, and 12.5 %. */
const FEW = 150;
const MANY = 8;

/** Milliseconds within which each step must come: windows of ten seconds, on a machine with other work. */
const STEP_WITHIN = 90_000;

const PROBE_PAUSE = 100;

/** The window of the two rules, five minutes, at this speed. */
export const DRILL_WINDOW = `${300 / DRILL_SPEED}s`;

/** What the rules compare with 2 %, once their window is full. */
const SHARE = `
  sum by (target) (rate(http_requests_total{status=~"5.."}[${DRILL_WINDOW}]) or 0 * rate(http_requests_total[${DRILL_WINDOW}]))
    / sum by (target) (rate(http_requests_total[${DRILL_WINDOW}]))
    and on (target) metrics_shared offset ${DRILL_WINDOW}`;

/** The series of the load, as a selector: not those of the scrapes and of the tick before it. */
export const OF_THE_LOAD = 'route!~"/metrics|/api/system/tick"';

export interface AlertCourse {
  readonly alert: string;
  readonly target: string;
  /** When the share passed 2 %, when the alert fired, and when it was over: Prometheus' own times. */
  readonly pending: string;
  readonly firing: string;
  readonly resolved: string;
}

export interface DrillResult {
  /** The share of each target while few requests failed, and no rule minded. */
  readonly toleratedShares: readonly number[];
  readonly courses: readonly AlertCourse[];
  readonly notifications: readonly Notification[];
  /** What each target answered to the load, as `Load` counts it. */
  readonly answers: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

export interface DrillSteps {
  /** Both alerts fire for every target, and their receiver knows. */
  readonly onFiring?: (monitor: LocalMonitor) => Promise<void>;
  /** They are resolved, no request is on its way, and Prometheus has every count. */
  readonly onResolved?: (monitor: LocalMonitor) => Promise<void>;
}

/** Rejects, with nothing of its own left running, when a step does not come, or an alert comes too early. */
export async function runDrill(
  { targets, metricsToken }: DrillTargets,
  { onFiring, onResolved }: DrillSteps = {},
): Promise<DrillResult> {
  const notifications: Notification[] = [];
  const monitor = await startLocalMonitor({
    targets,
    metricsToken,
    speed: DRILL_SPEED,
    onNotification: (notification) => notifications.push(notification),
  });
  const loads = new Map<string, Load>(targets.map((target) => [target.name, startLoad(target)]));
  const failing = (every: number) => {
    for (const load of loads.values()) load.faultEvery = every;
  };
  const drilled = async () => (await activeAlerts(monitor.prometheusUrl)).filter(isDrilled);
  const wanted = DRILLED_ALERTS.length * targets.length;
  /** The last that was said of each alert, where it was this. */
  const notified = (status: string) => {
    const said = notifications.flatMap(({ alerts }) => alerts).filter(isDrilled);
    const last = new Map(said.map((alert) => [JSON.stringify(alert.labels), alert]));
    return [...last.values()].filter((alert) => alert.status === status);
  };

  try {
    const atLeast = (least: number) => async () => {
      const shares = (await queryPrometheus(monitor.prometheusUrl, SHARE)).map(({ value }) => value);
      return shares.filter((share) => share >= least).length === targets.length && shares;
    };
    await within('a window without errors is full', atLeast(0));
    failing(FEW);
    const tolerated = await within('few errors are seen', atLeast(0.5 / FEW));
    const early = await drilled();
    if (early.length > 0) throw new Error(`An alert at shares of ${tolerated.join(' and ')}`);

    failing(MANY);
    const pending = await within('the alerts are pending', async () => {
      const alerts = await drilled();
      return alerts.length === wanted && alerts;
    });
    await within('the alerts fire and their receiver knows', async () => {
      const firing = (await drilled()).filter(({ state }) => state === 'firing');
      return firing.length === wanted && notified('firing').length === wanted;
    });
    await onFiring?.(monitor);

    failing(0);
    await within('the receiver knows that they are over', async () => notified('resolved').length === wanted);
    await Promise.all([...loads.values()].map((load) => load.stop()));
    await within('Prometheus has every count', async () => {
      const [all] = await queryPrometheus(monitor.prometheusUrl, `sum(http_requests_total{${OF_THE_LOAD}})`);
      return (
        all !== undefined &&
        all.value >= sum([...loads.values()].flatMap(({ answers }) => [...answers.values()]))
      );
    });
    await onResolved?.(monitor);
    return {
      toleratedShares: tolerated,
      courses: pending.map((alert) => courseOf(alert, notified('resolved'))),
      notifications,
      answers: new Map([...loads].map(([name, { answers }]) => [name, answers])),
    };
  } finally {
    await Promise.allSettled([...loads.values()].map((load) => load.stop()));
    await monitor.close();
  }
}

function isDrilled({ labels }: Pick<ActiveAlert, 'labels'>): boolean {
  return DRILLED_ALERTS.some((name) => name === labels.alertname);
}

function courseOf({ labels, activeAt }: ActiveAlert, resolved: Notification['alerts']): AlertCourse {
  const { alertname: alert = '', target = '' } = labels;
  const end = resolved.find((one) => one.labels.alertname === alert && one.labels.target === target);
  return { alert, target, pending: activeAt, firing: end?.startsAt ?? '', resolved: end?.endsAt ?? '' };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Asks until the answer is not false. */
async function within<T>(awaited: string, probe: () => Promise<T | false>): Promise<T> {
  const deadline = performance.now() + STEP_WITHIN;
  for (;;) {
    const found = await probe();
    if (found !== false) return found;
    if (performance.now() > deadline) throw new Error(`Waited in vain until ${awaited}`);
    await pause(PROBE_PAUSE);
  }
}
