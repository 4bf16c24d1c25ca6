import { describe, expect, it } from 'vitest';
import { type Counts, DURATION_BUCKETS, familiesOf, Metrics, methodLabel, type Sample } from './metrics.ts';

function samplesOf(counts: Counts, name: string): readonly Sample[] {
  const family = familiesOf(counts).find((one) => one.name === name);
  if (!family) throw new Error(`no family ${name}`);
  return family.samples;
}

const HEALTH = { method: 'GET', route: '/health' } as const;

describe('counters', () => {
  it('are all there before anything is counted, and the one without labels begins at 0', () => {
    const families = familiesOf(new Metrics().counts);
    expect(families.map(({ name, type, samples }) => [name, type, samples])).toStrictEqual([
      ['http_requests_total', 'counter', []],
      ['database_connection_errors_total', 'counter', [{ labels: {}, value: 0 }]],
      ['cache_requests_total', 'counter', []],
      ['rate_limit_rejections_total', 'counter', []],
      ['circuit_breaker_transitions_total', 'counter', []],
      ['http_request_duration_seconds', 'histogram', []],
      ['dependency_request_duration_seconds', 'histogram', []],
    ]);
    for (const { help } of families) expect(help).not.toBe('');
  });

  it('count each label set by itself, whatever the order in which the labels are given', () => {
    const metrics = new Metrics();
    metrics.count('http_requests_total', { ...HEALTH, status: 503 });
    metrics.count('http_requests_total', { ...HEALTH, status: 200 });
    metrics.count('http_requests_total', { status: 200, route: '/health', method: 'GET' });
    metrics.count('rate_limit_rejections_total', { policy: 'pin' });
    metrics.count('database_connection_errors_total', {});
    const { counts } = metrics;
    expect(samplesOf(counts, 'http_requests_total')).toStrictEqual([
      { labels: { method: 'GET', route: '/health', status: '200' }, value: 2 },
      { labels: { method: 'GET', route: '/health', status: '503' }, value: 1 },
    ]);
    expect(samplesOf(counts, 'rate_limit_rejections_total')).toStrictEqual([
      { labels: { policy: 'pin' }, value: 1 },
    ]);
    expect(samplesOf(counts, 'database_connection_errors_total')).toStrictEqual([{ labels: {}, value: 1 }]);
  });

  it('are taken away once: what is counted later is not in what was taken, and what was taken is not there', () => {
    const metrics = new Metrics();
    metrics.count('cache_requests_total', { result: 'hit' });
    const taken = metrics.take();
    metrics.count('cache_requests_total', { result: 'hit' });
    metrics.count('cache_requests_total', { result: 'miss' });
    expect([...taken]).toStrictEqual([['cache_requests_total hit', 1]]);
    expect([...metrics.counts]).toStrictEqual([
      ['cache_requests_total hit', 1],
      ['cache_requests_total miss', 1],
    ]);
  });

  it('of another release are left out: names, labels and bounds that this one does not know', () => {
    const counts = new Map([
      ['http_requests_total GET /health 200', 1],
      ['http_requests_total GET /health', 2],
      ['http_requests_total GET /health 200 more', 3],
      ['later_total x', 4],
      ['', 5],
      ['http_request_duration_seconds GET /health 0.5', 6],
      ['http_request_duration_seconds GET /health 0.7', 7],
      ['http_request_duration_seconds GET', 8],
    ]);
    const samples = familiesOf(counts).flatMap((family) => family.samples);
    expect(samples.filter(({ suffix }) => suffix !== '_bucket').map(({ value }) => value)).toStrictEqual([
      1, 0, 0, 6,
    ]);
  });
});

describe('a histogram', () => {
  it('counts a duration in every bucket whose bound it does not exceed', () => {
    const metrics = new Metrics();
    for (const milliseconds of [0, 5, 5.1, 1000, 60_000]) {
      metrics.observe('http_request_duration_seconds', HEALTH, milliseconds);
    }
    const samples = samplesOf(metrics.counts, 'http_request_duration_seconds');
    const buckets = samples.filter(({ suffix }) => suffix === '_bucket');
    expect(buckets.map(({ labels, value }) => [labels.le, value])).toStrictEqual([
      ...DURATION_BUCKETS.map((bound) => [String(bound), bound < 0.01 ? 2 : bound < 1 ? 3 : 4]),
      ['+Inf', 5],
    ]);
    expect(samples.slice(-2)).toStrictEqual([
      { suffix: '_sum', labels: HEALTH, value: expect.closeTo(61.0101, 9) },
      { suffix: '_count', labels: HEALTH, value: 5 },
    ]);
  });

  it('is kept in whole numbers, which Redis adds up without rounding', () => {
    const metrics = new Metrics();
    metrics.observe('dependency_request_duration_seconds', { service: 'redis' }, 1.23456);
    expect([...metrics.counts]).toStrictEqual([
      ['dependency_request_duration_seconds redis 0.005', 1],
      ['dependency_request_duration_seconds redis sum', 1235],
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
