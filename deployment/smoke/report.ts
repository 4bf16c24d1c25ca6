// A run for a person: one line per check while it runs, and a verdict at the end.
import { bold, dim, green, red } from '../../local/terminal.ts';
import type { CheckResult, SmokeReport } from './run-smoke.ts';

const MARKS = { passed: green('✓'), failed: red('✗'), skipped: dim('-') } as const;
const NAME_WIDTH = 44;
const TIME_WIDTH = 8;

/** One line of the table. */
export function lineOf({ name, outcome, milliseconds, detail }: CheckResult): string {
  const time = outcome === 'skipped' ? '' : `${milliseconds} ms`;
  const why = detail === undefined ? '' : `  ${outcome === 'failed' ? red(detail) : dim(detail)}`;
  return `${MARKS[outcome]} ${name.padEnd(NAME_WIDTH)} ${time.padStart(TIME_WIDTH)}${why}`.trimEnd();
}

/** The last line. */
export function verdictOf(report: SmokeReport): string {
  const { ok, passed, failed, skipped, milliseconds, readOnly } = report;
  const counts = `${passed} passed, ${failed} failed, ${skipped} skipped`;
  const how = `in ${(milliseconds / 1000).toFixed(1)} s${readOnly ? ', read-only' : ''}`;
  return `\n${bold(ok ? green(counts) : red(counts))} ${dim(how)}`;
}
