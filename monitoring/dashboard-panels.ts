// What the dashboard shows. Each query uses `$target`, the targets that were chosen, and Grafana's own intervals.

export interface Query {
  readonly expr: string;
  /** How a series is called: `{{label}}` is its label's value. */
  readonly legend: string;
}

export interface Panel {
  readonly title: string;
  readonly description: string;
  /** `graph`: over time; `figure`: one number; `states`: bands of colour over time. */
  readonly kind: 'graph' | 'figure' | 'states';
  /** A unit of Grafana. */
  readonly unit: string;
  readonly queries: readonly Query[];
  /** From here on it is bad; with `isBadBelow`, below it. */
  readonly limit?: number;
  readonly isBadBelow?: true;
  /** Names instead of numbers. */
  readonly names?: Readonly<Record<number, string>>;
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

const ON = 'target=~"$target"';

/** The answers in a second, as `sum by (labels)`. */
const answers = (by: string, only = '') =>
  `sum by (${by}) (rate(http_requests_total{${only}${ON}}[$__rate_interval]))`;

const FAILED = 'status=~"5..", ';

const quantile = (q: number, name: string, by: string) =>
  `histogram_quantile(${q}, sum by (le, ${by}) (rate(${name}_bucket{${ON}}[$__rate_interval])))`;

/** Every target reads the same rows, so the highest of them is the truth. */
const perClinic = (name: string): readonly Query[] => [
  { expr: `max by (clinic) (${name}{${ON}})`, legend: '{{clinic}}' },
];

/** All answers of the shown period that were no 5xx, as a share. */
const R = `1 - (sum(increase(http_requests_total{${FAILED}${ON}}[$__range])) or vector(0))
  / sum(increase(http_requests_total{${ON}}[$__range]))`;

/** 1 when all of the 0.05 % that 99.95 % leave are used. */
const BUDGET = `(sum(increase(http_requests_total{${FAILED}${ON}}[30d])) or vector(0))
  / sum(increase(http_requests_total{${ON}}[30d])) / 0.0005`;

/** The share of 5xx of each target, 0 where there are none: what HighErrorRate looks at. */
export const ERROR_SHARE: Panel = {
  title: 'Share of 5xx',
  description: 'Above 2 % for five minutes: roll back (HighErrorRate, High5xxErrorRate).',
  kind: 'graph',
  unit: 'percentunit',
  limit: 0.02,
  queries: [
    {
      expr: `(${answers('target', FAILED)} or 0 * ${answers('target')}) / ${answers('target')}`,
      legend: '{{target}}',
    },
  ],
};

/** Answers by what became of them. */
export const ANSWERS: Panel = {
  title: 'Answers per second',
  description: 'By target and status.',
  kind: 'graph',
  unit: 'reqps',
  queries: [{ expr: answers('target, status'), legend: '{{target}} {{status}}' }],
};

/** Latency of each target. */
export const LATENCY_BY_TARGET: Panel = {
  title: 'Latency p95 per target',
  description:
    'Without the time for which a long-poll was held. Above one second for five minutes: HighResponseTime.',
  kind: 'graph',
  unit: 's',
  limit: 1,
  queries: [{ expr: quantile(0.95, 'http_request_duration_seconds', 'target'), legend: '{{target}}' }],
};

export const ROWS: readonly Row[] = [
  {
    title: 'Reliability',
    panels: [
      {
        title: 'R',
        description:
          'The share of answers without a 5xx in the period shown. Required: above 0.98; ours: 0.9995.',
        kind: 'figure',
        unit: 'percentunit',
        limit: 0.98,
        isBadBelow: true,
        queries: [{ expr: R, legend: 'R' }],
      },
      {
        title: 'Error budget used in 30 days',
        description:
          'Of the 0.05 % that the objective of 99.95 % leaves. From 100 % on only repairs are released.',
        kind: 'figure',
        unit: 'percentunit',
        limit: 1,
        queries: [{ expr: BUDGET, legend: 'used' }],
      },
      ERROR_SHARE,
      ANSWERS,
      {
        title: 'Latency of all targets',
        description:
          'Percentiles of the time to the answer, without the time for which a long-poll was held.',
        kind: 'graph',
        unit: 's',
        limit: 1,
        queries: [0.5, 0.95, 0.99].map((q) => ({
          expr: `histogram_quantile(${q}, sum by (le) (rate(http_request_duration_seconds_bucket{${ON}}[$__rate_interval])))`,
          legend: `p${q * 100}`,
        })),
      },
      LATENCY_BY_TARGET,
      {
        title: '5xx by route',
        description: 'Where the errors are.',
        kind: 'graph',
        unit: 'reqps',
        queries: [
          { expr: answers('method, route, status', FAILED), legend: '{{method}} {{route}} {{status}}' },
        ],
      },
      {
        title: 'Builds',
        description: 'One line for each build that answers. Two for a quarter of an hour: TargetMismatch.',
        kind: 'graph',
        unit: 'short',
        queries: [
          {
            expr: `count by (target, version, commit, schema_version) (build_info{${ON}})`,
            legend: '{{target}} {{version}} {{commit}} {{schema_version}}',
          },
        ],
      },
    ],
  },
  {
    title: 'Queue',
    panels: [
      {
        title: 'Clinics without a PIN',
        description: 'Nobody can leave them (NoPinsToday).',
        kind: 'figure',
        unit: 'short',
        limit: 1,
        queries: [{ expr: `max(queue_pins_missing{${ON}})`, legend: 'clinics' }],
      },
      {
        title: 'Since the last tick',
        description: 'The scheduler ticks each minute. Above five minutes: TickNotRun.',
        kind: 'figure',
        unit: 's',
        limit: 300,
        queries: [{ expr: `time() - max(tick_last_run_timestamp_seconds{${ON}})`, legend: 'ago' }],
      },
      {
        title: 'Waiting',
        description: 'Patients who wait, per clinic.',
        kind: 'graph',
        unit: 'short',
        queries: perClinic('queue_waiting'),
      },
      {
        title: 'Oldest wait',
        description: 'How long the first in line has waited. Above 45 minutes: OldestWaitTooLong.',
        kind: 'graph',
        unit: 's',
        limit: 45 * 60,
        queries: perClinic('queue_oldest_wait_seconds'),
      },
      {
        title: 'Called today',
        description: 'Entries of the service day that were called, per clinic.',
        kind: 'graph',
        unit: 'short',
        queries: perClinic('queue_called_today'),
      },
      {
        title: 'Completed today',
        description: 'Entries of the service day that are completed, per clinic.',
        kind: 'graph',
        unit: 'short',
        queries: perClinic('queue_completed_today'),
      },
    ],
  },
  {
    title: 'Parts',
    panels: [
      {
        title: 'Circuit breakers',
        description: 'The worst state of any isolate, per target and dependency.',
        kind: 'states',
        unit: 'short',
        limit: 2,
        names: { 0: 'CLOSED', 1: 'HALF_OPEN', 2: 'OPEN' },
        queries: [
          {
            expr: `max by (target, service) (2 * circuit_breaker_state{state="OPEN", ${ON}})
  + max by (target, service) (circuit_breaker_state{state="HALF_OPEN", ${ON}})`,
            legend: '{{target}} {{service}}',
          },
        ],
      },
      {
        title: 'Changes of circuit breakers',
        description: 'How often a breaker came to a state, summed over all isolates.',
        kind: 'graph',
        unit: 'short',
        queries: [
          {
            expr: `sum by (target, service, state) (increase(circuit_breaker_transitions_total{${ON}}[$__rate_interval]))`,
            legend: '{{target}} {{service}} {{state}}',
          },
        ],
      },
      {
        title: 'Counts shared',
        description: 'Whether the counts of a target are those of all its isolates. No: MetricsNotShared.',
        kind: 'states',
        unit: 'short',
        limit: 1,
        isBadBelow: true,
        names: { 0: 'no', 1: 'yes' },
        queries: [{ expr: `min by (target) (metrics_shared{${ON}})`, legend: '{{target}}' }],
      },
      {
        title: 'Cache hit share',
        description: 'Hits among the reads that asked the cache and were answered.',
        kind: 'graph',
        unit: 'percentunit',
        queries: [
          {
            expr: `sum by (target) (rate(cache_requests_total{result="hit", ${ON}}[$__rate_interval]))
  / sum by (target) (rate(cache_requests_total{result=~"hit|miss", ${ON}}[$__rate_interval]))`,
            legend: '{{target}}',
          },
        ],
      },
      {
        title: 'Reads of the cache',
        description: 'stale: an old copy, while the database is down. error: Redis did not answer.',
        kind: 'graph',
        unit: 'ops',
        queries: [
          {
            expr: `sum by (result) (rate(cache_requests_total{${ON}}[$__rate_interval]))`,
            legend: '{{result}}',
          },
        ],
      },
      {
        title: 'Refused by limits',
        description: 'Answers 429, by the limit.',
        kind: 'graph',
        unit: 'reqps',
        queries: [
          {
            expr: `sum by (policy) (rate(rate_limit_rejections_total{${ON}}[$__rate_interval]))`,
            legend: '{{policy}}',
          },
        ],
      },
      {
        title: 'Database and Redis, time of a call',
        description: 'Calls that the breakers let through, failed ones included.',
        kind: 'graph',
        unit: 's',
        queries: [0.5, 0.95].map((q) => ({
          expr: quantile(q, 'dependency_request_duration_seconds', 'target, service'),
          legend: `{{target}} {{service}} p${q * 100}`,
        })),
      },
      {
        title: 'Calls of the database and Redis',
        description: 'Those that the breakers let through.',
        kind: 'graph',
        unit: 'ops',
        queries: [
          {
            expr: `sum by (target, service) (rate(dependency_request_duration_seconds_count{${ON}}[$__rate_interval]))`,
            legend: '{{target}} {{service}}',
          },
        ],
      },
      {
        title: 'Statements without an answer',
        description: 'Above one in ten seconds: DatabaseConnectionFailure.',
        kind: 'graph',
        unit: 'ops',
        limit: 0.1,
        queries: [
          {
            expr: `sum by (target) (rate(database_connection_errors_total{${ON}}[$__rate_interval]))`,
            legend: '{{target}}',
          },
        ],
      },
    ],
  },
];
