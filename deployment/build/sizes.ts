// Sizes as people compare them: kB of 1,000 bytes, compressed as hard as gzip can.
import { gzipSync } from 'node:zlib';
import type { Cost } from './costs.ts';
import type { Output } from './outputs.ts';

/** Compressed bytes that a target may have to load: the whole service. */
export const BUDGET = 150_000;

export interface Size {
  readonly target: Output['target'];
  readonly raw: number;
  readonly gzip: number;
}

/** Bytes after gzip at its highest level. */
export const gzipSize = (content: Uint8Array): number => gzipSync(content, { level: 9 }).byteLength;

/** What one isolate of a target loads. */
export function sizeOf({ target, files, code }: Output): Size {
  const contents = code.map((path) => files.get(path) ?? new Uint8Array());
  return {
    target,
    raw: contents.reduce((sum, { byteLength }) => sum + byteLength, 0),
    gzip: contents.reduce((sum, content) => sum + gzipSize(content), 0),
  };
}

/** The targets that weigh too much. */
export const overBudget = (sizes: readonly Size[]): Size[] => sizes.filter(({ gzip }) => gzip > BUDGET);

/** The table of the targets. */
export function sizeTable(sizes: readonly Size[]): string {
  return table([
    ['target', 'raw', 'gzip', 'of the budget'],
    ...sizes.map(({ target, raw, gzip }) => [target, kB(raw), kB(gzip), percent(gzip / BUDGET)]),
  ]);
}

/** The table of the parts of the application. */
export function costTable(costs: readonly Cost[]): string {
  const all = costs.reduce((sum, { gzip }) => sum + gzip, 0);
  return table([
    ['part of app.js', 'raw', 'gzip', 'share'],
    ...costs.map(({ part, raw, gzip }) => [part, kB(raw), kB(gzip), percent(gzip / all)]),
  ]);
}

const kB = (size: number) => `${(size / 1000).toFixed(1)} kB`;
const percent = (share: number) => `${(share * 100).toFixed(0)} %`;

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join('  '),
    )
    .join('\n');
}
