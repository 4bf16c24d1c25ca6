// Prometheus' text format, version 0.0.4.
import type { Labels, MetricFamily, Sample } from './metrics.ts';

/** The type of such a text. */
export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** The families as text; every series carries the `common` labels besides its own. */
export function renderMetrics(families: readonly MetricFamily[], common: Labels): string {
  return families.map((family) => renderFamily(family, common)).join('');
}

function renderFamily({ name, help, type, samples }: MetricFamily, common: Labels): string {
  const lines = samples.map((sample) => renderSample(name, sample, common));
  return [`# HELP ${name} ${escapeHelp(help)}`, `# TYPE ${name} ${type}`, ...lines, ''].join('\n');
}

function renderSample(name: string, { suffix, labels, value }: Sample, common: Labels): string {
  const pairs = Object.entries({ ...labels, ...common }).map(
    ([label, text]) => `${label}="${escapeLabel(text)}"`,
  );
  const braces = pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
  return `${name}${suffix ?? ''}${braces} ${renderValue(value)}`;
}

function renderValue(value: number): string {
  if (Number.isFinite(value) || Number.isNaN(value)) return String(value);
  return value > 0 ? '+Inf' : '-Inf';
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}
