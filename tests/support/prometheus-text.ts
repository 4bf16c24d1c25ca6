/** A strict reader of Prometheus' text format 0.0.4: what it does not refuse, a Prometheus takes. */

export interface ReadSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface ReadFamily {
  readonly help: string;
  readonly type: string;
  readonly samples: readonly ReadSample[];
}

export type ReadFamilies = ReadonlyMap<string, ReadFamily>;

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABEL = String.raw`([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"`;
const HEAD = new RegExp(`^# (HELP|TYPE) (${NAME}) (.*)$`);
const SAMPLE = new RegExp(
  String.raw`^(${NAME})(?:\{(${LABEL}(?:,${LABEL})*)\})? (\+Inf|-Inf|NaN|-?[0-9.]+(?:e[+-]?[0-9]+)?)$`,
);
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: [''],
  gauge: [''],
  histogram: ['_bucket', '_sum', '_count'],
};

/** The families by name. Throws, with the line, at whatever the format does not allow. */
export function readPrometheusText(text: string): ReadFamilies {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const families = new Map<string, ReadFamily & { samples: ReadSample[] }>();
  const series = new Set<string>();
  let current = '';
  let help: string | undefined;
  for (const line of text.slice(0, -1).split('\n')) {
    const head = HEAD.exec(line);
    if (head) {
      const [, word, name = '', rest = ''] = head;
      if (word === 'HELP') {
        if (families.has(name)) throw new Error(`twice: ${line}`);
        current = name;
        help = unescaped(rest);
      } else {
        if (name !== current || help === undefined) throw new Error(`no HELP before: ${line}`);
        if (!(rest in SUFFIXES)) throw new Error(`unknown type: ${line}`);
        families.set(name, { help, type: rest, samples: [] });
        help = undefined;
      }
      continue;
    }
    const sample = readSample(line);
    const family = families.get(current);
    if (!family) throw new Error(`no TYPE before: ${line}`);
    if (!SUFFIXES[family.type]?.some((suffix) => sample.name === current + suffix)) {
      throw new Error(`not of ${current}: ${line}`);
    }
    const key = seriesKey(sample);
    if (series.has(key)) throw new Error(`twice: ${line}`);
    series.add(key);
    family.samples.push(sample);
  }
  for (const [name, family] of families) if (family.type === 'histogram') checkHistogram(name, family);
  return families;
}

/** Name and labels, in one order whatever the order in the text. */
export function seriesKey({ name, labels }: Omit<ReadSample, 'value'>): string {
  const pairs = Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `${name}${JSON.stringify(pairs)}`;
}

function readSample(line: string): ReadSample {
  const match = SAMPLE.exec(line);
  if (!match) throw new Error(`no sample: ${line}`);
  const [, name = '', inner = ''] = match;
  const labels: Record<string, string> = {};
  for (const [, label = '', value = ''] of inner.matchAll(new RegExp(LABEL, 'g'))) {
    if (label in labels) throw new Error(`a label twice: ${line}`);
    labels[label] = unescaped(value);
  }
  const number = match.at(-1) ?? '';
  return { name, labels, value: Number(number.replace('Inf', 'Infinity')) };
}

function unescaped(text: string): string {
  return text.replace(/\\([\\"n])/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
}

/** Of each label set: ascending bounds, counts that never fall, +Inf last and equal to the count. */
function checkHistogram(name: string, { samples }: ReadFamily): void {
  const groups = new Map<string, ReadSample[]>();
  for (const sample of samples) {
    const { le: _bound, ...labels } = sample.labels;
    const key = seriesKey({ name, labels });
    groups.set(key, [...(groups.get(key) ?? []), sample]);
  }
  for (const [key, group] of groups) {
    const buckets = group.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels }) => Number(String(labels.le).replace('Inf', 'Infinity')));
    const counts = buckets.map(({ value }) => value);
    const rising = (list: readonly number[], strict: boolean) =>
      list.every((value, index) => {
        const before = list[index - 1] ?? Number.NEGATIVE_INFINITY;
        return strict ? value > before : value >= before;
      });
    if (!rising(bounds, true) || !rising(counts, false)) throw new Error(`buckets out of order: ${key}`);
    if (bounds.at(-1) !== Number.POSITIVE_INFINITY) throw new Error(`no +Inf: ${key}`);
    const [total] = group.filter((sample) => sample.name === `${name}_count`);
    if (total?.value !== counts.at(-1)) throw new Error(`count and +Inf differ: ${key}`);
    if (!group.some((sample) => sample.name === `${name}_sum`)) throw new Error(`no sum: ${key}`);
  }
}
