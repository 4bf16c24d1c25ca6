// Moments as the previous backend wrote them. A time without a zone is the service's wall clock: never that of the
// machine on which the import happens to run.
import { localToUtc } from '../../src/lib/service-day.ts';
import { textOf } from './previous-values.ts';

/** ISO 8601 in UTC, or undefined for what is no moment from 2015 to a day from now. */
export type TimeReader = (value: unknown) => string | undefined;

const EARLIEST = Date.parse('2015-01-01T00:00:00Z');
const AHEAD_MS = 24 * 3_600_000;

const ISO =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s?(Z|[+-]\d{2}(?::?\d{2})?)?)?$/i;

/** What `Date` prints with its zone: `Mon Jan 05 2026 10:00:00 GMT+0300 (…)`, `Mon, 05 Jan 2026 07:00:00 GMT`. */
const PRINTED =
  /^[A-Z][a-z]{2},? (?:[A-Z][a-z]{2} \d{2}|\d{2} [A-Z][a-z]{2}) \d{4} \d{2}:\d{2}:\d{2} GMT([+-]\d{4})?( \(.*\))?$/;

/**
 * Reads ISO 8601 with or without a zone, what `Date` prints, and epoch milliseconds. A date alone is the beginning of
 * that service day. `dayStart` is HH:MM.
 */
export function timeReader(timezone: string, dayStart: string, now: Date): TimeReader {
  return (value) => {
    const text = textOf(value);
    if (text === undefined) return undefined;
    const time = momentOf(text, timezone, dayStart);
    return time >= EARLIEST && time <= now.getTime() + AHEAD_MS ? new Date(time).toISOString() : undefined;
  };
}

function momentOf(text: string, timezone: string, dayStart: string): number {
  if (/^\d{12,14}$/.test(text)) return Number(text);
  if (PRINTED.test(text)) return Date.parse(text);
  const [matched, year, month, day, hour, minute, second = '00', fraction = '0', zone] = ISO.exec(text) ?? [];
  if (matched === undefined) return Number.NaN;
  const clock = hour === undefined ? `${dayStart}:00` : `${hour}:${minute}:${second}`;
  const wall = Date.parse(`${year}-${month}-${day}T${clock}Z`);
  // Date.parse takes 31 February for 3 March.
  if (Number.isNaN(wall) || new Date(wall).toISOString().slice(8, 10) !== day) return Number.NaN;
  const exact = wall + Math.floor(Number(`0.${fraction}`) * 1_000);
  if (zone === undefined) return localToUtc(exact, timezone);
  return exact - offsetOf(zone);
}

/** Milliseconds that a clock with this offset is ahead of UTC. */
function offsetOf(zone: string): number {
  if (/^z$/i.test(zone)) return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(3).replace(':', '') || 0);
  if (hours > 14 || minutes > 59) return Number.NaN;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}
