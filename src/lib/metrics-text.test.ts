import { describe, expect, it } from 'vitest';
import { readPrometheusText } from '../../tests/support/prometheus-text.ts';
import { familiesOf, type MetricFamily, Metrics } from './metrics.ts';
import { renderMetrics } from './metrics-text.ts';

const gauge = (samples: MetricFamily['samples'], help = 'What it means.'): MetricFamily => ({
  name: 'a_gauge',
  help,
  type: 'gauge',
  samples,
});

describe('the text', () => {
  it('is what Prometheus documents', () => {
    const families: MetricFamily[] = [
      gauge([
        { labels: { clinic: 'lab' }, value: 3 },
        { labels: { clinic: 'xray' }, value: 0.25 },
      ]),
      { name: 'nothing_total', help: 'Not counted yet.', type: 'counter', samples: [] },
    ];
    expect(renderMetrics(families, { target: 'node' })).toBe(
      [
        '# HELP a_gauge What it means.',
        '# TYPE a_gauge gauge',
        'a_gauge{clinic="lab",target="node"} 3',
        'a_gauge{clinic="xray",target="node"} 0.25',
        '# HELP nothing_total Not counted yet.',
        '# TYPE nothing_total counter',
        '',
      ].join('\n'),
    );
  });

  it.each([
    [3, '3'],
    [1e21, '1e+21'],
    [1e-7, '1e-7'],
    [Number.POSITIVE_INFINITY, '+Inf'],
    [Number.NEGATIVE_INFINITY, '-Inf'],
    [Number.NaN, 'NaN'],
  ])('writes %d as %s', (value, text) => {
    const rendered = renderMetrics([gauge([{ labels: {}, value }])], {});
    expect(rendered.split('\n')[2]).toBe(`a_gauge ${text}`);
    expect(readPrometheusText(rendered).get('a_gauge')?.samples[0]?.value).toBe(value);
  });

  it.each(['a\\b', 'a"b', 'a\nb', '\\n', '\\"', 'المختبر', '{a="b"} 1', ''])(
    'keeps any label and any help as it is: %j',
    (text) => {
      const rendered = renderMetrics([gauge([{ labels: { clinic: text }, value: 1 }], text)], {});
      expect(rendered.split('\n')).toHaveLength(4);
      expect(readPrometheusText(rendered).get('a_gauge')).toStrictEqual({
        help: text,
        type: 'gauge',
        samples: [{ name: 'a_gauge', labels: { clinic: text }, value: 1 }],
      });
    },
  );

  it('of all that an isolate counts is well formed, histogram and all', () => {
    const metrics = new Metrics();
    metrics.count('http_requests_total', { method: 'POST', route: '/api/v1/queue/enter', status: 200 });
    for (const milliseconds of [3, 200, 200, 30_000]) {
      const name = 'http_request_duration_seconds';
      metrics.observe(name, { method: 'POST', route: '/api/v1/queue/enter' }, milliseconds);
      metrics.observe(name, { method: 'GET', route: 'unmatched' }, milliseconds);
      metrics.observe('dependency_request_duration_seconds', { service: 'redis' }, milliseconds);
    }
    const families = readPrometheusText(renderMetrics(familiesOf(metrics.counts), { target: 'node' }));
    expect([...families.keys()]).toHaveLength(7);
    for (const { samples } of families.values()) {
      for (const { labels } of samples) expect(labels.target).toBe('node');
    }
  });
});

describe('the reader of the tests', () => {
  const HEAD = '# HELP a x\n# TYPE a gauge\n';
  it.each([
    ['no end', `${HEAD}a 1`],
    ['no TYPE', '# HELP a x\na 1\n'],
    ['no HELP', '# TYPE a gauge\na 1\n'],
    ['a family twice', `${HEAD}${HEAD}`],
    ['a series twice', `${HEAD}a{b="1",c="2"} 1\na{c="2",b="1"} 2\n`],
    ['a label twice', `${HEAD}a{b="1",b="2"} 1\n`],
    ['a series of another family', `${HEAD}b 1\n`],
    ['an unescaped quote', `${HEAD}a{b="""} 1\n`],
    ['an unknown escape', `${HEAD}a{b="\\t"} 1\n`],
    ['no number', `${HEAD}a one\n`],
    ['an empty line', `${HEAD}\na 1\n`],
    ['a histogram without +Inf', '# HELP a x\n# TYPE a histogram\na_bucket{le="1"} 1\na_sum 1\na_count 1\n'],
    [
      'buckets that fall',
      '# HELP a x\n# TYPE a histogram\na_bucket{le="1"} 2\na_bucket{le="+Inf"} 1\na_sum 1\na_count 1\n',
    ],
    [
      'a count that is not +Inf',
      '# HELP a x\n# TYPE a histogram\na_bucket{le="1"} 1\na_bucket{le="+Inf"} 1\na_sum 1\na_count 2\n',
    ],
  ])('refuses %s', (_what, text) => {
    expect(() => readPrometheusText(text)).toThrow();
  });
});
