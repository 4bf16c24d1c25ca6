// The service day: the one date that governs numbers, PINs, routes, statistics and reports.

export interface ServiceDay {
  /** YYYY-MM-DD: the local date of (now - start of the day). */
  readonly day: string;
  /** The moment this service day ends, ISO 8601 in UTC. */
  readonly end: string;
}

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** The last answers by zone and start: asking a zone's calendar costs more than all else that a cached read computes. */
const known = new Map<string, { readonly minute: number; readonly found: ServiceDay }>();

/**
 * The service day of a moment in an IANA time zone; `start` is the local `HH:MM` at which a day begins.
 * Computed from the clock only, never from the zone of a server.
 */
export function serviceDay(now: Date, timezone: string, start: string): ServiceDay {
  // Days begin and zones shift at whole minutes, so it is the same throughout one.
  const minute = Math.floor(now.getTime() / MINUTE);
  const key = `${timezone} ${start}`;
  const last = known.get(key);
  if (last?.minute === minute) return last.found;
  const found = compute(now, timezone, start);
  known.set(key, { minute, found });
  return found;
}

function compute(now: Date, timezone: string, start: string): ServiceDay {
  const [hours = 0, minutes = 0] = start.split(':').map(Number);
  const startOffset = (hours * 60 + minutes) * MINUTE;
  const local = now.getTime() + zoneOffset(now, timezone) - startOffset;
  const day = new Date(local).toISOString().slice(0, 10);
  const localEnd = Date.parse(`${day}T00:00:00Z`) + DAY + startOffset;
  return { day, end: new Date(localToUtc(localEnd, timezone)).toISOString() };
}

/**
 * True when the runtime knows this IANA zone name. An offset such as `+03:00` is none: Postgres reads its sign the
 * other way round.
 */
export function isTimezone(name: string): boolean {
  if (/^[+-]/.test(name)) return false;
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** Milliseconds that the zone's wall clock is ahead of UTC at this moment. */
function zoneOffset(at: Date, timezone: string): number {
  let format = formats.get(timezone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: timezone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formats.set(timezone, format);
  }
  const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? 0;
  const wall = Date.UTC(
    part('year'),
    part('month') - 1,
    part('day'),
    part('hour'),
    part('minute'),
    part('second'),
  );
  return wall - Math.floor(at.getTime() / 1000) * 1000;
}

/** The moment at which the zone's wall clock shows this time, both in ms; twice, since the offset may change in between. */
export function localToUtc(wall: number, timezone: string): number {
  const guess = wall - zoneOffset(new Date(wall), timezone);
  return wall - zoneOffset(new Date(guess), timezone);
}
