// The figures of a run, as rows and as a table.
import { bold, dim, red } from '../local/terminal.ts';
import { type Contender, floor } from './contenders.ts';
import type { Stretch, Wave } from './load.ts';
import type { Race } from './races.ts';
import type { RuntimesReport } from './runtimes.ts';
import { countRepeated, median, medianRatio, percentile } from './statistics.ts';

/** What one contender did in one race. */
export interface Lane {
  readonly contender: Contender;
  readonly waves: readonly Wave[];
}

/** One line of the table. */
export interface Row {
  readonly title: string;
  readonly counts: boolean;
  readonly operation: keyof Wave;
  readonly contender: string;
  readonly clients: number;
  readonly clinics: number;
  /** Median of the rounds. */
  readonly perSecond: number;
  /** Median of what each round was to the same round of the floor. */
  readonly ratio: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  /** Numbers given twice in one line, or patients called twice. */
  readonly duplicates: number;
  /** Operations that got no number, or no patient though as many wait as are called. */
  readonly empty: number;
  readonly operations: number;
}

const OPERATIONS = ['enter', 'call'] as const;

/** Sums a race up: two rows for each lane. */
export function rowsOf({ title, scenario, counts }: Race, lanes: readonly Lane[]): Row[] {
  const baseline = lanes.find(({ contender }) => contender === floor)?.waves ?? [];
  return OPERATIONS.flatMap((operation) =>
    lanes.map(({ contender, waves }) => {
      const stretches = waves.map((wave) => wave[operation]);
      const speeds = stretches.map(speed);
      const latencies = stretches.flatMap(({ latenciesMs }) => latenciesMs);
      const handedOut = stretches.flatMap((stretch) => stretch.handedOut);
      const given = handedOut.filter((key) => key !== null);
      return {
        title,
        counts,
        operation,
        contender: contender.name,
        clients: scenario.clients,
        clinics: scenario.clinics.length,
        perSecond: median(speeds),
        ratio: medianRatio(
          speeds,
          baseline.map((wave) => speed(wave[operation])),
        ),
        p50Ms: percentile(latencies, 50),
        p95Ms: percentile(latencies, 95),
        duplicates: countRepeated(given),
        empty: handedOut.length - given.length,
        operations: handedOut.length,
      };
    }),
  );
}

const speed = ({ handedOut, seconds }: Stretch): number => handedOut.length / seconds;

const COLUMNS: readonly (readonly [string, (row: Row) => string])[] = [
  ['', ({ operation }) => operation],
  ['contender', ({ contender }) => contender],
  ['clients', ({ clients }) => String(clients)],
  ['clinics', ({ clinics }) => String(clinics)],
  ['ops/s', ({ perSecond }) => perSecond.toFixed(0)],
  ['of floor', ({ ratio }) => ratio.toFixed(2)],
  ['p50 ms', ({ p50Ms }) => p50Ms.toFixed(2)],
  ['p95 ms', ({ p95Ms }) => p95Ms.toFixed(2)],
  ['duplicates', ({ duplicates }) => String(duplicates)],
  ['tried', ({ operations }) => String(operations)],
];
const TEXT_COLUMNS = 2;

/** The rows under the titles of their races, aligned. Duplicates are red where a person looks. */
export function tableOf(rows: readonly Row[]): string {
  const cells = rows.map((row) => COLUMNS.map(([, text]) => text(row)));
  const widths = COLUMNS.map(([head], column) =>
    Math.max(head.length, ...cells.map((line) => line[column]?.length ?? 0)),
  );
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, column) =>
        column < TEXT_COLUMNS ? text.padEnd(widths[column] ?? 0) : text.padStart(widths[column] ?? 0),
      )
      .join('  ');
  return rows
    .flatMap((row, index) => {
      const text = line(cells[index] ?? []);
      const shown = row.duplicates > 0 ? red(text) : row.contender === floor.name ? dim(text) : text;
      const isFirst = row.title !== rows[index - 1]?.title;
      return isFirst ? ['', bold(row.title), dim(line(COLUMNS.map(([head]) => head))), shown] : [shown];
    })
    .join('\n');
}

const RUNTIME_COLUMNS = [
  'runtime',
  'cold ms: hello',
  'ours',
  'ratio',
  'warm µs: hello',
  'one hop',
  'ours',
  'ratio',
  'from the cache',
];

/** The runtimes, one line each, aligned. */
export function runtimesTable({ rows }: RuntimesReport): string {
  const lines = [
    RUNTIME_COLUMNS,
    ...rows.map(({ runtime, cold, warm, hop, cached }) => [
      runtime,
      cold.hello.toFixed(0),
      cold.ours.toFixed(0),
      cold.ratio.toFixed(2),
      warm.hello.toFixed(0),
      hop.toFixed(0),
      warm.ours.toFixed(0),
      warm.ratio.toFixed(2),
      `${(cached * 100).toFixed(0)} %`,
    ]),
  ];
  const widths = RUNTIME_COLUMNS.map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  );
  return lines
    .map((line, index) => {
      const text = line
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join('  ');
      return index === 0 ? dim(text) : text;
    })
    .join('\n');
}
