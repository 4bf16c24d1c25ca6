// Figures of today, and reports of days, weeks, months and years.
import type { Endpoint, EndpointFamily } from './endpoint.ts';

const TIMES = 'median_wait_time: int, p90_wait_time: int, median_service_time: int, p90_service_time: int';

const SUMMARY = `total_patients: int, total_served: int, ${TIMES}, busiest_hour: int|null`;

const report = (type: string, period: string, body: string, summary: string) =>
  `{${period}, type: "${type}", generated_at: ISO, final: bool, ${body}, summary: {${SUMMARY}, ${summary}}, total_patients: int, totals: {visits: int, clinics: int}}`;

const endpoint = (type: string, input: string): Endpoint => ({
  method: 'GET',
  path: `/api/v1/reports/${type}`,
  auth: 'admin',
  summary: `The ${type} report, also as a file for spreadsheets`,
  input: `{${input}, format?: "json"|"csv"}`,
  answer: `{success: true, report: ${type.toUpperCase()}_REPORT}`,
  types: ['text/csv; charset=utf-8'],
  errors: ['INVALID_FIELD'],
});

export const statisticsFamily: EndpointFamily = {
  name: 'Statistics and reports',
  about: 'No ids of people. The four reports are public where REPORTS_PUBLIC is on. Times are whole minutes.',
  shapes: {
    LINE: '{id: CLINIC, clinic: CLINIC, name: str, nameAr: str, name_ar: str, name_en: str, clinic_name: str, current: int|null, current_display: int, total: int, waiting: int, in_service: int, completed: int, active: bool, capacity: int, current_load: int, occupancy_percent: int, reviewer_number: int|str, status: "queued"|"called"|"started"|"completed", eta_minutes: int}',
    CLINIC_FIGURES: `{total: int, served: int, waiting: int, cancelled: int, no_show: int, avg_wait_time: int, avg_service_time: int, ${TIMES}}`,
    DAILY_REPORT: report(
      'daily',
      'date: DAY',
      'clinics: {[CLINIC]: CLINIC_FIGURES}',
      'total_waiting: int, avg_wait_time: int',
    ),
    WEEKLY_REPORT: report('weekly', 'week: str', 'daily_reports: [DAILY_REPORT]', 'avg_daily_patients: int'),
    MONTHLY_REPORT: report(
      'monthly',
      'month: str',
      'daily_reports: [DAILY_REPORT]',
      'avg_daily_patients: int, busiest_day: DAY|null, quietest_day: DAY|null',
    ),
    ANNUAL_REPORT: report(
      'annual',
      'year: int',
      'monthly_reports: [MONTHLY_REPORT]',
      'avg_monthly_patients: int, busiest_month: str|null, quietest_month: str|null',
    ),
  },
  endpoints: [
    {
      method: 'GET',
      path: '/api/v1/stats/dashboard',
      auth: 'public',
      summary: 'Today in figures',
      answer:
        '{success: true, stats: {totalWaiting: int, activeQueues: int, completedToday: int, avgWaitTime: int}, currentPatients: int, completedToday: int, avgWaitTime: int, throughputHour: int, total_patients: int, total_queues: int, active_queues: int, timestamp: ISO, stale?: true}',
    },
    {
      method: 'GET',
      path: '/api/v1/stats/queues',
      auth: 'public',
      summary: 'Every clinic’s line in figures; the web page gets the bare list',
      answer: '{success: true, queues: [LINE], timestamp: ISO, stale?: true}',
    },
    endpoint('daily', 'date?: DAY'),
    endpoint('weekly', 'week?: DAY'),
    endpoint('monthly', 'year?: int, month?: int'),
    endpoint('annual', 'year?: int'),
    {
      method: 'GET',
      path: '/api/v1/reports/history',
      auth: 'public',
      admin: 'the list, which is empty otherwise',
      summary: 'The newest stored reports',
      answer: '{success: true, reports: [{name: str, size: str, date: DAY}]}',
    },
  ],
};
