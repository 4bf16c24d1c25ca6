// The periods of reports: service days, weeks of seven days, calendar months and years. Pure dates, no zone.
import { invalidField } from './validate.ts';

export type ReportType = 'daily' | 'weekly' | 'monthly' | 'annual';

export interface ReportPeriod {
  readonly type: ReportType;
  /** The first service day. */
  readonly first: string;
}

/** What a caller may ask for; what is absent is the current period. */
export interface AskedPeriod {
  readonly date?: string | undefined;
  readonly week?: string | undefined;
  readonly month?: number | undefined;
  readonly year?: number | undefined;
}

const DAY = 86_400_000;

/** The Monday of a day's ISO week. */
export function mondayOf(day: string): string {
  const midnight = Date.parse(day);
  const sinceMonday = (new Date(midnight).getUTCDay() + 6) % 7;
  return new Date(midnight - sinceMonday * DAY).toISOString().slice(0, 10);
}

/** The period that was asked for. Throws INVALID_FIELD for one that begins after `today`. */
export function askedPeriod(type: ReportType, asked: AskedPeriod, today: string): ReportPeriod {
  const first = firstDay(type, asked, today);
  if (first > today) throw invalidField(futureField(type, first, today));
  return { type, first };
}

/** The name of a report and of its file: `daily-2025-10-29`, `weekly-2025-10-27`, `monthly-2025-10`, `annual-2025`. */
export function reportName({ type, first }: ReportPeriod): string {
  const shown = { daily: 10, weekly: 10, monthly: 7, annual: 4 }[type];
  return `${type}-${first.slice(0, shown)}`;
}

function firstDay(type: ReportType, { date, week, month, year }: AskedPeriod, today: string): string {
  const [thisYear, thisMonth] = today.split('-');
  switch (type) {
    case 'daily':
      return date ?? today;
    case 'weekly':
      return week ?? mondayOf(today);
    case 'monthly':
      return `${year ?? thisYear}-${String(month ?? thisMonth).padStart(2, '0')}-01`;
    case 'annual':
      return `${year ?? thisYear}-01-01`;
  }
}

/** The field that puts a period into the future. */
function futureField(type: ReportType, first: string, today: string): string {
  if (type === 'daily') return 'date';
  if (type === 'weekly') return 'week';
  return type === 'monthly' && first.slice(0, 4) === today.slice(0, 4) ? 'month' : 'year';
}
