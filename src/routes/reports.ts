import { type Context, Hono } from 'hono';
import type { AppEnv } from '../lib/app-env.ts';
import { reportsReader } from '../lib/caller.ts';
import { reportDate, reportFormat, reportMonth, reportWeek, reportYear } from '../lib/fields.ts';
import type { AskedPeriod, ReportType } from '../lib/report-periods.ts';
import { readReport, readReportFile, reportHistory } from '../lib/reports.ts';
import { optional, validate } from '../lib/validate.ts';

const format = optional(reportFormat);
const year = optional(reportYear);

const answerReport = async <Type extends ReportType>(
  c: Context<AppEnv>,
  type: Type,
  asked: AskedPeriod & { format: 'json' | 'csv' | undefined },
) => {
  if (asked.format !== 'csv') return c.json(await readReport(c.var.ctx, type, asked));
  const { name, text } = await readReportFile(c.var.ctx, type, asked);
  return c.body(text, 200, {
    'Content-Type': 'text/csv; charset=utf-8',
    'Content-Disposition': `attachment; filename="${name}"`,
  });
};

export const reportRoutes = new Hono<AppEnv>()
  .get('/api/v1/reports/history', async (c) => c.json(await reportHistory(c.var.ctx)))
  .get(
    '/api/v1/reports/daily',
    reportsReader,
    validate('query', { date: optional(reportDate), format }),
    async (c) => answerReport(c, 'daily', c.req.valid('query')),
  )
  .get(
    '/api/v1/reports/weekly',
    reportsReader,
    validate('query', { week: optional(reportWeek), format }),
    async (c) => answerReport(c, 'weekly', c.req.valid('query')),
  )
  .get(
    '/api/v1/reports/monthly',
    reportsReader,
    validate('query', { year, month: optional(reportMonth), format }),
    async (c) => answerReport(c, 'monthly', c.req.valid('query')),
  )
  .get('/api/v1/reports/annual', reportsReader, validate('query', { year, format }), async (c) =>
    answerReport(c, 'annual', c.req.valid('query')),
  );
