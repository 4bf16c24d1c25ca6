// The end of the day on paper: a table per clinic, totals, latencies, what was tried, and the verdict.

import { CLINIC_IDS } from './clinics.ts';
import { OPERATION_NAMES, type OperationName } from './contract.ts';
import { plural, type Verdict } from './invariants.ts';
import type { Ledger, Trial, Visit } from './ledger.ts';
import { mean, percentile } from './statistics.ts';
import { type Paint, table } from './terminal.ts';

interface Latency {
  readonly requests: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
}

interface ClinicRow {
  readonly clinic: string;
  readonly patients: number;
  readonly calls: number;
  readonly wrongPins: number;
  readonly meanWaitSeconds: number;
  readonly p90WaitSeconds: number;
}

export interface Report {
  readonly seed: number;
  readonly url: string;
  readonly interrupted: boolean;
  readonly held: boolean;
  readonly patients: number;
  readonly finished: number;
  readonly seconds: number;
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly clinics: readonly ClinicRow[];
  /** From the answer of a call to the patient's screen. */
  readonly callToScreenMs: { readonly p50: number; readonly p95: number };
  readonly latency: Readonly<Partial<Record<OperationName, Latency>>>;
  readonly tried: Readonly<Partial<Record<Trial, number>>>;
  readonly invariants: readonly Verdict[];
}

const MOST_FINDINGS = 8;

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

function waitsOf(visits: readonly Visit[]): number[] {
  return visits.flatMap((visit) =>
    visit.enteredAt === undefined || visit.calledSeenAt === undefined
      ? []
      : [(visit.calledSeenAt - visit.enteredAt) / 1000],
  );
}

/** Sums up the day. */
export function makeReport(
  ledger: Ledger,
  verdicts: readonly Verdict[],
  run: { seed: number; url: string; interrupted: boolean },
): Report {
  const seconds = (performance.now() - ledger.startedAt) / 1000;
  const clinics = CLINIC_IDS.map((clinic) => {
    const visits = ledger.visits.filter((visit) => visit.clinic === clinic);
    const waits = waitsOf(visits);
    return {
      clinic,
      patients: visits.length,
      calls: ledger.calls.filter((call) => call.clinic === clinic).length,
      wrongPins: visits.reduce((sum, visit) => sum + visit.wrongPins, 0),
      meanWaitSeconds: round(mean(waits), 2),
      p90WaitSeconds: round(percentile(waits, 90), 2),
    };
  });
  // A patient may see the call before the staff's own answer is in: that counts as at once.
  const toScreen = ledger.visits.flatMap((visit) =>
    visit.callAnsweredAt === undefined || visit.calledSeenAt === undefined
      ? []
      : [Math.max(0, visit.calledSeenAt - visit.callAnsweredAt)],
  );
  const latency: Partial<Record<OperationName, Latency>> = {};
  for (const operation of OPERATION_NAMES) {
    const record = ledger.operations.get(operation);
    if (record === undefined) continue;
    latency[operation] = {
      requests: record.requests,
      p50Ms: round(percentile(record.latencies, 50), 1),
      p95Ms: round(percentile(record.latencies, 95), 1),
    };
  }
  return {
    ...run,
    held: !run.interrupted && verdicts.every((verdict) => verdict.held === true),
    patients: ledger.patients.length,
    finished: ledger.patients.filter((patient) => patient.finished).length,
    seconds: round(seconds, 1),
    requests: ledger.requests,
    requestsPerSecond: round(ledger.requests / seconds, 1),
    clinics,
    callToScreenMs: { p50: round(percentile(toScreen, 50), 1), p95: round(percentile(toScreen, 95), 1) },
    latency,
    tried: Object.fromEntries([...ledger.trials].sort(([, a], [, b]) => b - a)),
    invariants: verdicts,
  };
}

function clinicTable(report: Report): string[] {
  const all = report.clinics;
  const sum = (value: (row: ClinicRow) => number): number =>
    all.reduce((total, row) => total + value(row), 0);
  return table([
    ['clinic', 'patients', 'calls', 'wrong PINs', 'mean wait', 'p90 wait'],
    ...all.map((row) => [
      row.clinic,
      String(row.patients),
      String(row.calls),
      String(row.wrongPins),
      `${row.meanWaitSeconds.toFixed(2)} s`,
      `${row.p90WaitSeconds.toFixed(2)} s`,
    ]),
    [
      'all',
      String(sum((row) => row.patients)),
      String(sum((row) => row.calls)),
      String(sum((row) => row.wrongPins)),
    ],
  ]);
}

function latencyTable(report: Report): string[] {
  const rows = Object.entries(report.latency).map(([operation, latency]) => [
    operation,
    latency.requests.toLocaleString('en'),
    `${latency.p50Ms.toFixed(1)} ms`,
    `${latency.p95Ms.toFixed(1)} ms`,
  ]);
  return table([['operation', 'requests', 'p50', 'p95'], ...rows]);
}

function verdictLines(verdict: Verdict, paint: Paint): string[] {
  const mark =
    verdict.held === undefined
      ? paint('yellow', '?')
      : verdict.held
        ? paint('green', '✓')
        : paint('red', '✗');
  const open = verdict.held === undefined ? ', not judged: the day was broken off' : '';
  const lines = [`${mark} ${verdict.title} ${paint('dim', `(${verdict.detail}${open})`)}`];
  for (const finding of verdict.findings.slice(0, MOST_FINDINGS)) lines.push(`    ${finding}`);
  const more = verdict.findings.length - MOST_FINDINGS;
  if (more > 0) lines.push(`    and ${more} more`);
  return lines;
}

/** The report as text for people. */
export function printReport(report: Report, paint: Paint): string {
  const [clinicHead = '', ...clinicRows] = clinicTable(report);
  const [latencyHead = '', ...latencyRows] = latencyTable(report);
  const tried = Object.entries(report.tried).map(
    ([trial, times]) => `${times.toLocaleString('en')} ${trial}`,
  );
  const broken = report.invariants.filter((verdict) => verdict.held === false).length;
  const conclusion = report.interrupted
    ? paint('yellow', 'broken off before the end: a partial report')
    : broken > 0
      ? paint('red', `${plural(broken, 'invariant')} broken`)
      : paint('green', 'all invariants held');
  return [
    '',
    paint('bold', clinicHead),
    ...clinicRows,
    '',
    paint('bold', latencyHead),
    ...latencyRows,
    paint('dim', '(held positions are counted, but not in the latencies)'),
    '',
    `call to the patient's screen: p50 ${report.callToScreenMs.p50} ms, p95 ${report.callToScreenMs.p95} ms`,
    `tried: ${tried.join(', ')}`,
    `${plural(report.requests, 'request')} in ${report.seconds} s: ${report.requestsPerSecond} requests/s`,
    '',
    ...report.invariants.flatMap((verdict) => verdictLines(verdict, paint)),
    '',
    `${paint('bold', `seed ${report.seed}`)}: ${report.finished} of ${plural(report.patients, 'patient')} finished, ${conclusion}`,
    '',
  ].join('\n');
}
