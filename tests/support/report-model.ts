/** What a report must say, written a second time: plain loops over the entries, nothing shared with the product. */

export type EntryStatus = 'WAITING' | 'CALLED' | 'IN_PROGRESS' | 'COMPLETED' | 'CANCELLED' | 'NO_SHOW';

/** One row of `queues`; times are ISO. */
export interface Entry {
  readonly clinic: string;
  readonly patient: string;
  readonly day: string;
  readonly status: EntryStatus;
  readonly entered: string;
  readonly called?: string | null;
  readonly started?: string | null;
  readonly completed?: string | null;
}

export interface ModelWorld {
  readonly entries: readonly Entry[];
  readonly clinics: readonly string[];
  readonly today: string;
  readonly timezone: string;
  /** What stands for `generated_at`, which no model can know. */
  readonly madeAt: unknown;
}

type Minutes = readonly number[];
const DAY = 86_400_000;

/** The days of a period, in order. */
export function daysFrom(first: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) =>
    new Date(Date.parse(first) + index * DAY).toISOString().slice(0, 10),
  );
}

export function daysOfMonth(month: string): string[] {
  return daysFrom(`${month}-01`, 31).filter((day) => day.startsWith(month));
}

export function modelDaily(world: ModelWorld, day: string) {
  const entries = of(world, [day]);
  return {
    date: day,
    type: 'daily',
    generated_at: world.madeAt,
    final: day < world.today,
    clinics: Object.fromEntries(
      world.clinics.map((clinic) => [clinic, clinicRow(entries.filter((entry) => entry.clinic === clinic))]),
    ),
    summary: {
      ...summary(world, [day]),
      total_waiting: entries.filter(isOpen).length,
      avg_wait_time: mean(exactWaits(entries)),
    },
    ...totals(world, [day]),
  };
}

export function modelWeekly(world: ModelWorld, first: string, week: string) {
  const days = daysFrom(first, 7);
  return {
    week,
    type: 'weekly',
    generated_at: world.madeAt,
    final: last(days) < world.today,
    daily_reports: days.map((day) => modelDaily(world, day)),
    summary: { ...summary(world, days), avg_daily_patients: perBegun(world, days) },
    ...totals(world, days),
  };
}

export function modelMonthly(world: ModelWorld, month: string, withDays = true) {
  const days = daysOfMonth(month);
  const [busiest_day, quietest_day] = extremes(days.map((day) => [day, patients(world, [day])]));
  return {
    month,
    type: 'monthly',
    generated_at: world.madeAt,
    final: last(days) < world.today,
    daily_reports: withDays ? days.map((day) => modelDaily(world, day)) : [],
    summary: {
      ...summary(world, days),
      avg_daily_patients: perBegun(world, days),
      busiest_day,
      quietest_day,
    },
    ...totals(world, days),
  };
}

export function modelAnnual(world: ModelWorld, year: number) {
  const months = Array.from({ length: 12 }, (_, index) => `${year}-${String(index + 1).padStart(2, '0')}`);
  const days = months.flatMap(daysOfMonth);
  const [busiest_month, quietest_month] = extremes(
    months.map((month) => [month, patients(world, daysOfMonth(month))]),
  );
  const begun = months.filter((month) => month <= world.today.slice(0, 7)).length;
  return {
    year,
    type: 'annual',
    generated_at: world.madeAt,
    final: last(days) < world.today,
    monthly_reports: months.map((month) => modelMonthly(world, month, false)),
    summary: {
      ...summary(world, days),
      avg_monthly_patients: Math.round(patients(world, days) / begun),
      busiest_month,
      quietest_month,
    },
    ...totals(world, days),
  };
}

function of(world: ModelWorld, days: readonly string[]): Entry[] {
  return world.entries.filter(({ day }) => days.includes(day));
}

function clinicRow(entries: readonly Entry[]) {
  return {
    total: entries.length,
    served: entries.filter(({ status }) => status === 'COMPLETED').length,
    waiting: entries.filter(isOpen).length,
    cancelled: entries.filter(({ status }) => status === 'CANCELLED').length,
    no_show: entries.filter(({ status }) => status === 'NO_SHOW').length,
    avg_wait_time: mean(exactWaits(entries)),
    avg_service_time: mean(exactServices(entries)),
    ...times(entries),
  };
}

function summary(world: ModelWorld, days: readonly string[]) {
  const entries = of(world, days);
  return {
    total_patients: patients(world, days),
    total_served: entries.filter(({ status }) => status === 'COMPLETED').length,
    ...times(entries),
    busiest_hour: busiestHour(entries, world.timezone),
  };
}

function totals(world: ModelWorld, days: readonly string[]) {
  const entries = of(world, days);
  return {
    total_patients: patients(world, days),
    totals: { visits: entries.length, clinics: new Set(entries.map(({ clinic }) => clinic)).size },
  };
}

/** Different users of each day, added up. */
function patients(world: ModelWorld, days: readonly string[]): number {
  return new Set(of(world, days).map(({ day, patient }) => `${day} ${patient}`)).size;
}

function perBegun(world: ModelWorld, days: readonly string[]): number {
  const begun = days.filter((day) => day <= world.today).length;
  return begun === 0 ? 0 : Math.round(patients(world, days) / begun);
}

function times(entries: readonly Entry[]) {
  return {
    median_wait_time: percentile(exactWaits(entries), 0.5),
    p90_wait_time: percentile(exactWaits(entries), 0.9),
    median_service_time: percentile(exactServices(entries), 0.5),
    p90_service_time: percentile(exactServices(entries), 0.9),
  };
}

function exactWaits(entries: readonly Entry[]): Minutes {
  return entries.flatMap(({ status, entered, called, completed }) => {
    const end = called ?? (status === 'COMPLETED' ? completed : null);
    return end == null ? [] : [between(entered, end)];
  });
}

function exactServices(entries: readonly Entry[]): Minutes {
  return entries.flatMap(({ status, called, started, completed }) => {
    const begin = started ?? called;
    return status === 'COMPLETED' && begin != null && completed != null ? [between(begin, completed)] : [];
  });
}

function between(from: string, to: string): number {
  return (Date.parse(to) - Date.parse(from)) / 60_000;
}

function mean(minutes: Minutes): number {
  return minutes.length === 0
    ? 0
    : Math.round(minutes.reduce((sum, value) => sum + value, 0) / minutes.length);
}

/** The nearest rank. */
function percentile(minutes: Minutes, share: number): number {
  const sorted = [...minutes].sort((a, b) => a - b);
  return Math.round(sorted[Math.ceil(share * sorted.length) - 1] ?? 0);
}

function busiestHour(entries: readonly Entry[], timeZone: string): number | null {
  const format = new Intl.DateTimeFormat('en-US', { timeZone, hour: 'numeric', hourCycle: 'h23' });
  const counts = new Array<number>(24).fill(0);
  for (const { entered } of entries) {
    const hour = Number(format.format(new Date(entered)));
    counts[hour] = (counts[hour] ?? 0) + 1;
  }
  const most = Math.max(...counts);
  return most === 0 ? null : counts.indexOf(most);
}

/** The first of the most and the first of the least, among those with somebody. */
function extremes(counted: readonly (readonly [string, number])[]): [string | null, string | null] {
  const some = counted.filter(([, count]) => count > 0);
  const most = Math.max(...some.map(([, count]) => count));
  const least = Math.min(...some.map(([, count]) => count));
  const firstWith = (wanted: number) => some.find(([, count]) => count === wanted)?.[0] ?? null;
  return [firstWith(most), firstWith(least)];
}

function isOpen({ status }: Entry): boolean {
  return status === 'WAITING' || status === 'CALLED' || status === 'IN_PROGRESS';
}

function last(days: readonly string[]): string {
  return days[days.length - 1] ?? '';
}
