// What is counted, and under which names. They are the contract's; a label has few values, never a path as it was sent
// and never an id.
import type { CircuitState, Dependency } from './circuit-breaker.ts';

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

/**
 * `stale`: the last copy, for a database that is down. `bypass`: not asked (an admin's view, a name not known yet, no
 * Redis or its circuit open). `error`: Redis did not answer.
 */
export type CacheResult = 'hit' | 'miss' | 'stale' | 'bypass' | 'error';

interface LabelValues {
  readonly method: MethodLabel;
  /** A path of the route table, or `unmatched`. */
  readonly route: string;
  readonly status: number;
  readonly result: CacheResult;
  readonly policy: RateLimitPolicy;
  readonly service: Dependency;
  readonly state: CircuitState;
}

interface Definition {
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
  circuit_breaker_transitions_total: {
    help: 'Changes of the circuit breakers, by the state they came to.',
    labels: ['service', 'state'],
  },
} as const satisfies Record<string, Definition>;

const DURATIONS = {
  http_request_duration_seconds: {
    help: 'Time to the answer, without time held by a long-poll.',
    labels: ['method', 'route'],
  },
  dependency_request_duration_seconds: {
    help: 'Time of the calls that a circuit breaker let through, failed ones included.',
    labels: ['service'],
  },
} as const satisfies Record<string, Definition>;

export type CounterName = keyof typeof COUNTERS;

export type DurationName = keyof typeof DURATIONS;

type LabelNames<Name extends CounterName | DurationName> = (typeof COUNTERS &
  typeof DURATIONS)[Name]['labels'][number];

/** The labels that a counter or a histogram must be given. */
export type LabelsOf<Name extends CounterName | DurationName> = Pick<LabelValues, LabelNames<Name>>;

/** Upper bounds in seconds. 1 is among them: the rule on slow answers asks for it. */
export const DURATION_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

const BOUNDS = [...DURATION_BUCKETS.map(String), '+Inf'];

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

/**
 * Whole numbers by name and label values with spaces between: `http_requests_total GET /health 200`. A histogram has
 * one for each bucket alone (its bound comes last) and one for the sum in microseconds (`sum` comes last).
 */
export type Counts = ReadonlyMap<string, number>;

/** What one isolate counts. */
export class Metrics {
  #counts = new Map<string, number>();

  /** Adds one. */
  count<Name extends CounterName>(name: Name, given: LabelsOf<Name>): void {
    this.#add(seriesOf(name, COUNTERS[name].labels, given), 1);
  }

  /** Adds one duration. */
  observe<Name extends DurationName>(name: Name, given: LabelsOf<Name>, milliseconds: number): void {
    const series = seriesOf(name, DURATIONS[name].labels, given);
    const bound = DURATION_BUCKETS.find((seconds) => milliseconds <= seconds * 1000) ?? '+Inf';
    this.#add(`${series} ${bound}`, 1);
    this.#add(`${series} sum`, Math.round(milliseconds * 1000));
  }

  /** What was counted and not taken away. */
  get counts(): Counts {
    return this.#counts;
  }

  /** Takes it away: counting goes on from nothing. */
  take(): Counts {
    const taken = this.#counts;
    this.#counts = new Map();
    return taken;
  }

  #add(series: string, value: number): void {
    this.#counts.set(series, (this.#counts.get(series) ?? 0) + value);
  }
}

/** Counts as families. Series that this release does not know are left out: another release may have written them. */
export function familiesOf(counts: Counts): MetricFamily[] {
  const series = [...counts]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([text, value]): Series => {
      const [name = '', ...labels] = text.split(' ');
      return { name, labels, value };
    });
  return [
    ...Object.entries(COUNTERS).map(([name, definition]) => counterFamily(name, definition, series)),
    ...Object.entries(DURATIONS).map(([name, definition]) => histogramFamily(name, definition, series)),
  ];
}

/** The method as a label. */
export function methodLabel(method: string): MethodLabel {
  return METHODS.find((known) => known === method) ?? 'other';
}

interface Series {
  readonly name: string;
  readonly labels: readonly string[];
  readonly value: number;
}

function seriesOf(name: string, labels: Definition['labels'], values: Partial<LabelValues>): string {
  return labels.reduce((text, label) => `${text} ${values[label]}`, name);
}

function counterFamily(name: string, { help, labels }: Definition, all: readonly Series[]): MetricFamily {
  const own = all.filter((series) => series.name === name && series.labels.length === labels.length);
  // A counter without labels begins at 0, so that its first increase is seen as one.
  const known = labels.length === 0 && own.length === 0 ? [{ name, labels: [], value: 0 }] : own;
  const samples = known.map((series) => ({ labels: named(labels, series.labels), value: series.value }));
  return { name, help, type: 'counter', samples };
}

/** Buckets as Prometheus wants them: each holds all that are shorter, and the last one everything. */
function histogramFamily(name: string, { help, labels }: Definition, all: readonly Series[]): MetricFamily {
  const groups = new Map<string, Map<string, number>>();
  for (const { labels: own, value } of all.filter((series) => series.name === name)) {
    if (own.length !== labels.length + 1) continue;
    const key = own.slice(0, -1).join(' ');
    const group = groups.get(key) ?? new Map<string, number>();
    groups.set(key, group.set(own.at(-1) ?? '', value));
  }
  const samples = [...groups].flatMap(([key, group]): Sample[] => {
    const own = named(labels, key.split(' '));
    let count = 0;
    const buckets = BOUNDS.map((le): Sample => {
      count += group.get(le) ?? 0;
      return { suffix: '_bucket', labels: { ...own, le }, value: count };
    });
    const sum = (group.get('sum') ?? 0) / 1e6;
    return [
      ...buckets,
      { suffix: '_sum', labels: own, value: sum },
      { suffix: '_count', labels: own, value: count },
    ];
  });
  return { name, help, type: 'histogram', samples };
}

function named(names: readonly string[], values: readonly string[]): Labels {
  return Object.fromEntries(names.map((name, index) => [name, values[index] ?? '']));
}
