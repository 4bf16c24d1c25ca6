// A report as a file for spreadsheets: UTF-8 with BOM, so that Arabic is read as such, CRLF, quoting of RFC 4180.
import type { AnnualReport, ClinicFigures, DailyReport, NamedClinic, Report, Span } from './report-shapes.ts';

type Cell = string | number | null;

const BOM = '\uFEFF';

/** How the row that sums up the period calls its clinic. */
const ALL = { code: 'all', name_ar: 'جميع العيادات' } as const;

const DAY_COLUMNS = [
  'date',
  'clinic',
  'clinic_name',
  'total',
  'served',
  'waiting',
  'cancelled',
  'no_show',
  'avg_wait_time',
  'median_wait_time',
  'p90_wait_time',
  'avg_service_time',
  'median_service_time',
  'p90_service_time',
] as const;

const MONTH_COLUMNS = [
  'month',
  'total_patients',
  'total_served',
  'visits',
  'clinics',
  'avg_daily_patients',
  'busiest_day',
  'quietest_day',
  'median_wait_time',
  'p90_wait_time',
  'median_service_time',
  'p90_service_time',
  'busiest_hour',
] as const;

/**
 * A day, week or month has a row for each day and clinic; a year has one for each month. The last row sums the
 * period up. `clinics` gives the names and the order.
 */
export function reportCsv(report: Report, clinics: readonly NamedClinic[]): string {
  const rows = report.type === 'annual' ? monthRows(report) : dayRows(report, clinics);
  return BOM + rows.map((row) => `${row.map(csvCell).join(',')}\r\n`).join('');
}

/** One cell. A text that a spreadsheet would run as a formula is kept a text by an apostrophe. */
export function csvCell(cell: Cell): string {
  if (typeof cell === 'number') return String(cell);
  if (cell === null) return '';
  const text = /^\s*[=+\-@＝＋－＠]|^[\t\r\n]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function dayRows(report: DailyReport | Span, clinics: readonly NamedClinic[]): Cell[][] {
  const days = report.type === 'daily' ? [report] : report.daily_reports;
  const rows = days.flatMap((day) =>
    clinics.flatMap(({ code, name_ar }) => {
      const figures = day.clinics[code];
      return figures ? [[day.date, code, name_ar, ...figureCells(figures)]] : [];
    }),
  );
  return [[...DAY_COLUMNS], ...rows, totalRow(report, days)];
}

function figureCells(figures: ClinicFigures): Cell[] {
  return [
    figures.total,
    figures.served,
    figures.waiting,
    figures.cancelled,
    figures.no_show,
    figures.avg_wait_time,
    figures.median_wait_time,
    figures.p90_wait_time,
    figures.avg_service_time,
    figures.median_service_time,
    figures.p90_service_time,
  ];
}

/** Averages over clinics and days stay empty where the report has none: the mean of means would be wrong. */
function totalRow(report: DailyReport | Span, days: readonly DailyReport[]): Cell[] {
  const { summary } = report;
  const sum = (count: 'waiting' | 'cancelled' | 'no_show') =>
    days.reduce(
      (total, day) => Object.values(day.clinics).reduce((part, figures) => part + figures[count], total),
      0,
    );
  const period =
    report.type === 'daily' ? report.date : report.type === 'weekly' ? report.week : report.month;
  return [
    period,
    ALL.code,
    ALL.name_ar,
    report.totals.visits,
    summary.total_served,
    sum('waiting'),
    sum('cancelled'),
    sum('no_show'),
    report.type === 'daily' ? report.summary.avg_wait_time : null,
    summary.median_wait_time,
    summary.p90_wait_time,
    null,
    summary.median_service_time,
    summary.p90_service_time,
  ];
}

function monthRows(report: AnnualReport): Cell[][] {
  const figures = ({ summary }: Pick<Report, 'summary'>): Cell[] => [
    summary.median_wait_time,
    summary.p90_wait_time,
    summary.median_service_time,
    summary.p90_service_time,
    summary.busiest_hour,
  ];
  const counts = ({ summary, totals }: Report): Cell[] => [
    summary.total_patients,
    summary.total_served,
    totals.visits,
    totals.clinics,
  ];
  const rows = report.monthly_reports.map((month) => [
    month.month,
    ...counts(month),
    month.summary.avg_daily_patients,
    month.summary.busiest_day,
    month.summary.quietest_day,
    ...figures(month),
  ]);
  return [
    [...MONTH_COLUMNS],
    ...rows,
    [String(report.year), ...counts(report), null, null, null, ...figures(report)],
  ];
}
