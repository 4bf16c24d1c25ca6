// The shapes of reports, as the SQL functions make them and the API answers them.

/** Minutes are whole; a percentile is the nearest rank, 0 when nobody was counted. */
interface Times {
  readonly median_wait_time: number;
  readonly p90_wait_time: number;
  readonly median_service_time: number;
  readonly p90_service_time: number;
}

/** A clinic on a day. */
export interface ClinicFigures extends Times {
  readonly total: number;
  readonly served: number;
  readonly waiting: number;
  readonly cancelled: number;
  readonly no_show: number;
  readonly avg_wait_time: number;
  readonly avg_service_time: number;
}

interface Summary extends Times {
  readonly total_patients: number;
  readonly total_served: number;
  /** Local hour, 0 to 23. */
  readonly busiest_hour: number | null;
}

interface Common {
  readonly generated_at: string;
  readonly final: boolean;
  readonly total_patients: number;
  readonly totals: { readonly visits: number; readonly clinics: number };
}

export interface DailyReport extends Common {
  readonly type: 'daily';
  readonly date: string;
  readonly clinics: Readonly<Record<string, ClinicFigures>>;
  readonly summary: Summary & { readonly total_waiting: number; readonly avg_wait_time: number };
}

export interface WeeklyReport extends Common {
  readonly type: 'weekly';
  /** ISO week of the first day, `2025-W43`. */
  readonly week: string;
  readonly daily_reports: readonly DailyReport[];
  readonly summary: Summary & { readonly avg_daily_patients: number };
}

export interface MonthlyReport extends Common {
  readonly type: 'monthly';
  readonly month: string;
  readonly daily_reports: readonly DailyReport[];
  readonly summary: Summary & {
    readonly avg_daily_patients: number;
    readonly busiest_day: string | null;
    readonly quietest_day: string | null;
  };
}

export interface AnnualReport extends Common {
  readonly type: 'annual';
  readonly year: number;
  /** Each without the reports of its days. */
  readonly monthly_reports: readonly MonthlyReport[];
  readonly summary: Summary & {
    readonly avg_monthly_patients: number;
    readonly busiest_month: string | null;
    readonly quietest_month: string | null;
  };
}

export type Span = WeeklyReport | MonthlyReport;
export type Report = DailyReport | Span | AnnualReport;

export interface ReportsByType {
  readonly daily: DailyReport;
  readonly weekly: WeeklyReport;
  readonly monthly: MonthlyReport;
  readonly annual: AnnualReport;
}

/** A clinic by its Arabic name, in the order of all clinics. */
export interface NamedClinic {
  readonly code: string;
  readonly name_ar: string;
}
