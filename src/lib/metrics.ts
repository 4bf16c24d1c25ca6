// What this isolate has counted since it started. Names and labels are the contract's; a label has few values, never a
// path as it was sent and never an id.

/** Methods that the contract knows; every other one counts as `other`, since a client may invent any. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'OPTIONS'] as const;

export type MethodLabel = (typeof METHODS)[number] | 'other';

/** The policies of the contract's rate limits. */
export type RateLimitPolicy =
  | 'admin_login'
  | 'login_account'
  | 'pin'
  | 'pin_ip'
  | 'emergency'
  | 'write'
  | 'write_ip'
  | 'read';

interface LabelValues {
  readonly method: MethodLabel;
  /** A path of the route table, or `unmatched`. */
  readonly route: string;
  readonly status: number;
  readonly result: 'hit' | 'miss';
  readonly policy: RateLimitPolicy;
}

interface CounterDefinition {
  readonly help: string;
  readonly labels: readonly (keyof LabelValues)[];
}

const COUNTERS = {
  http_requests_total: {
    help: 'Answers by the status before web page mode rewrote it.',
    labels: ['method', 'route', 'status'],
  },
  database_connection_errors_total: {
    help: 'Statements that the database did not answer. Those that the open breaker kept back are not counted.',
    labels: [],
  },
  cache_requests_total: { help: 'Reads of the cache by their result.', labels: ['result'] },
  rate_limit_rejections_total: { help: 'Requests refused by a rate limit.', labels: ['policy'] },
} as const satisfies Record<string, CounterDefinition>;

export type CounterName = keyof typeof COUNTERS;

/** The labels that a counter must be given. */
export type LabelsOf<Name extends CounterName> = Pick<LabelValues, (typeof COUNTERS)[Name]['labels'][number]>;

const DURATION = {
  name: 'http_request_duration_seconds',
  help: 'Time to the answer, without time held by a long-poll.',
} as const;

/** Upper bounds in seconds. 1 is among them: the rule on slow answers asks for it. */
export const DURATION_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  /** What stands behind the family's name, in a histogram. */
  readonly suffix?: '_bucket' | '_sum' | '_count';
  readonly labels: Labels;
  readonly value: number;
}

export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly samples: readonly Sample[];
}

interface Count {
  readonly labels: Labels;
  value: number;
}

interface Distribution {
  readonly labels: Labels;
  /** How many fell into each bucket alone; the last is what is longer than all bounds. */
  readonly counts: number[];
  sum: number;
}

/** The counters and the one histogram of an isolate. */
export class Metrics {
  readonly #counters: Readonly<Record<CounterName, Map<string, Count>>> = {
    http_requests_total: new Map(),
    // A counter without labels begins at 0, so that its first increase is seen as one.
    database_connection_errors_total: new Map([['', { labels: {}, value: 0 }]]),
    cache_requests_total: new Map(),
    rate_limit_rejections_total: new Map(),
  };
  readonly #durations = new Map<string, Distribution>();

  /** Adds one. */
  count<Name extends CounterName>(name: Name, given: LabelsOf<Name>): void {
    const values: Partial<LabelValues> = given;
    const series = this.#counters[name];
    const key = COUNTERS[name].labels.map((label) => values[label]).join(' ');
    const known = series.get(key);
    if (known) known.value += 1;
    else series.set(key, { labels: texts(COUNTERS[name].labels, values), value: 1 });
  }

  /** Adds the duration of one request. */
  observeDuration({ method, route }: Pick<LabelValues, 'method' | 'route'>, seconds: number): void {
    const key = `${method} ${route}`;
    let distribution = this.#durations.get(key);
    if (!distribution) {
      distribution = {
        labels: { method, route },
        counts: new Array(DURATION_BUCKETS.length + 1).fill(0),
        sum: 0,
      };
      this.#durations.set(key, distribution);
    }
    const bucket = DURATION_BUCKETS.findIndex((bound) => seconds <= bound);
    const index = bucket === -1 ? DURATION_BUCKETS.length : bucket;
    distribution.counts[index] = (distribution.counts[index] ?? 0) + 1;
    distribution.sum += seconds;
  }

  /** Everything counted so far; a family that has counted nothing is there without samples. */
  families(): MetricFamily[] {
    const counters = Object.entries(COUNTERS).map(
      ([name, { help }]): MetricFamily => ({
        name,
        help,
        type: 'counter',
        samples: [...this.#counters[name as CounterName].values()].map((count) => ({ ...count })),
      }),
    );
    const samples = [...this.#durations.values()].flatMap(histogramSamples);
    return [...counters, { ...DURATION, type: 'histogram', samples }];
  }
}

/** The method as a label. */
export function methodLabel(method: string): MethodLabel {
  return METHODS.find((known) => known === method) ?? 'other';
}

function texts(names: readonly (keyof LabelValues)[], values: Partial<LabelValues>): Labels {
  return Object.fromEntries(names.map((name) => [name, String(values[name])]));
}

/** Buckets as Prometheus wants them: each holds all that are shorter, and the last one everything. */
function histogramSamples({ labels, counts, sum }: Distribution): Sample[] {
  let total = 0;
  const buckets = counts.map((count, index): Sample => {
    total += count;
    const bound = DURATION_BUCKETS[index];
    const le = bound === undefined ? '+Inf' : String(bound);
    return { suffix: '_bucket', labels: { ...labels, le }, value: total };
  });
  return [...buckets, { suffix: '_sum', labels, value: sum }, { suffix: '_count', labels, value: total }];
}
