import { describe, expect, it } from 'vitest';
import { DURATION_BUCKETS, type MetricFamily, Metrics, methodLabel, type Sample } from './metrics.ts';

function samplesOf(metrics: Metrics, name: string): readonly Sample[] {
  const family: MetricFamily | undefined = metrics.families().find((one) => one.name === name);
  if (!family) throw new Error(`no family ${name}`);
  return family.samples;
}

describe('counters', () => {
  it('are all there before anything is counted, and the one without labels begins at 0', () => {
    const families = new Metrics().families();
    expect(families.map(({ name, type, samples }) => [name, type, samples])).toStrictEqual([
      ['http_requests_total', 'counter', []],
      ['database_connection_errors_total', 'counter', [{ labels: {}, value: 0 }]],
      ['cache_requests_total', 'counter', []],
      ['rate_limit_rejections_total', 'counter', []],
      ['http_request_duration_seconds', 'histogram', []],
    ]);
    for (const { help } of families) expect(help).not.toBe('');
  });

  it('count each label set by itself, whatever the order in which the labels are given', () => {
    const metrics = new Metrics();
    metrics.count('http_requests_total', { method: 'GET', route: '/health', status: 200 });
    metrics.count('http_requests_total', { status: 200, route: '/health', method: 'GET' });
    metrics.count('http_requests_total', { method: 'GET', route: '/health', status: 503 });
    metrics.count('rate_limit_rejections_total', { policy: 'pin' });
    metrics.count('database_connection_errors_total', {});
    expect(samplesOf(metrics, 'http_requests_total')).toStrictEqual([
      { labels: { method: 'GET', route: '/health', status: '200' }, value: 2 },
      { labels: { method: 'GET', route: '/health', status: '503' }, value: 1 },
    ]);
    expect(samplesOf(metrics, 'rate_limit_rejections_total')).toStrictEqual([
      { labels: { policy: 'pin' }, value: 1 },
    ]);
    expect(samplesOf(metrics, 'database_connection_errors_total')).toStrictEqual([{ labels: {}, value: 1 }]);
  });

  it('are a copy when they are read: what is counted later does not change it', () => {
    const metrics = new Metrics();
    metrics.count('cache_requests_total', { result: 'hit' });
    const [before] = samplesOf(metrics, 'cache_requests_total');
    metrics.count('cache_requests_total', { result: 'hit' });
    expect(before?.value).toBe(1);
  });
});

describe('the histogram', () => {
  it('counts a duration in every bucket whose bound it does not exceed', () => {
    const metrics = new Metrics();
    for (const seconds of [0, 0.005, 0.0051, 1, 60]) {
      metrics.observeDuration({ method: 'GET', route: '/health' }, seconds);
    }
    const samples = samplesOf(metrics, 'http_request_duration_seconds');
    const buckets = samples.filter(({ suffix }) => suffix === '_bucket');
    expect(buckets.map(({ labels, value }) => [labels.le, value])).toStrictEqual([
      ...DURATION_BUCKETS.map((bound) => [String(bound), bound < 0.01 ? 2 : bound < 1 ? 3 : 4]),
      ['+Inf', 5],
    ]);
    const labels = { method: 'GET', route: '/health' };
    expect(samples.slice(-2)).toStrictEqual([
      { suffix: '_sum', labels, value: expect.closeTo(61.0101, 9) },
      { suffix: '_count', labels, value: 5 },
    ]);
  });
});

describe('the method as a label', () => {
  it.each([
    ['GET', 'GET'],
    ['HEAD', 'HEAD'],
    ['OPTIONS', 'OPTIONS'],
    ['DELETE', 'other'],
    ['get', 'other'],
    ['constructor', 'other'],
    ['XA7F', 'other'],
  ])('has few values: %s is %s', (method, label) => {
    expect(methodLabel(method)).toBe(label);
  });
});
