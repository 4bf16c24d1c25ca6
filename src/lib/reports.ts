// Reports of service days, weeks, months and years. The database makes them; finished ones are stored by the tick.
import { reportCsv } from './report-csv.ts';
import { type AskedPeriod, askedPeriod, type ReportType, reportName } from './report-periods.ts';
import type { DailyReport, NamedClinic, ReportsByType } from './report-shapes.ts';
import { callFunction, type RequestContext, today } from './request-context.ts';

interface MadeReport<Type extends ReportType> {
  readonly report: ReportsByType[Type];
  readonly clinics: readonly NamedClinic[];
}

interface StoredReport {
  readonly type: ReportType;
  readonly date: string;
  readonly bytes: number;
}

/** The report of a period. Throws INVALID_FIELD for one in the future, UNAUTHORIZED for a token of the past. */
export async function readReport<Type extends ReportType>(
  ctx: RequestContext,
  type: Type,
  asked: AskedPeriod,
) {
  const { report, clinics } = await makeReport(ctx, type, asked);
  return { success: true, report: inOrder(report, clinics) } as const;
}

/** The rows of each day in the order of the clinics; jsonb keeps them by the length of their names. */
function inOrder<Made extends ReportsByType[ReportType]>(
  report: Made,
  clinics: readonly NamedClinic[],
): Made {
  const sorted = (day: DailyReport): DailyReport => ({
    ...day,
    clinics: Object.fromEntries(
      clinics.flatMap(({ code }) => {
        const figures = day.clinics[code];
        return figures ? [[code, figures]] : [];
      }),
    ),
  });
  if ('clinics' in report) return { ...report, ...sorted(report) };
  return 'daily_reports' in report ? { ...report, daily_reports: report.daily_reports.map(sorted) } : report;
}

/** The same report as a file for spreadsheets, with the file's name. */
export async function readReportFile(ctx: RequestContext, type: ReportType, asked: AskedPeriod) {
  const { report, clinics, period } = await makeReport(ctx, type, asked);
  return { name: `${reportName(period)}.csv`, text: reportCsv(report, clinics) };
}

/** The 30 newest stored reports; nobody but an admin is shown any. */
export async function reportHistory(ctx: RequestContext) {
  if (!ctx.admin) return { success: true, reports: [] } as const;
  const { reports } = await callFunction<{ reports: StoredReport[] }>(ctx, 'report_history', {
    admin: ctx.admin,
  });
  return {
    success: true,
    reports: reports.map(({ type, date, bytes }) => ({
      name: reportName({ type, first: date }),
      size: `${(bytes / 1024).toFixed(1)} KB`,
      date,
    })),
  } as const;
}

async function makeReport<Type extends ReportType>(ctx: RequestContext, type: Type, asked: AskedPeriod) {
  const { day } = today(ctx);
  const period = askedPeriod(type, asked, day);
  const made = await callFunction<MadeReport<Type>>(ctx, 'get_report', {
    ...period,
    day,
    timezone: ctx.config.timezone,
    open: ctx.config.reportsPublic,
    ...(ctx.admin && { admin: ctx.admin }),
  });
  return { ...made, period };
}
