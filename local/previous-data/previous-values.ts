// Single values as the previous backend wrote them, in the forms of this one; undefined where they are none.

export type Fields = Readonly<Record<string, unknown>>;

/** The object's fields, or undefined for anything else. */
export function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
}

/** Trimmed, with digits of Arabic and Persian keyboards as 0 to 9. Numbers count as texts. */
export function textOf(value: unknown): string | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const text = String(value)
    .trim()
    .replace(/[\u0660-\u0669]/g, (digit) => String(digit.charCodeAt(0) - 0x660))
    .replace(/[\u06F0-\u06F9]/g, (digit) => String(digit.charCodeAt(0) - 0x6f0));
  return text === '' ? undefined : text;
}

/** The id of a session or of a patient, as every endpoint takes it. */
export function idOf(value: unknown): string | undefined {
  const text = textOf(value);
  return text !== undefined && /^[A-Za-z0-9_-]{1,64}$/.test(text) ? text : undefined;
}

/** A whole number from `min` to `max`. */
export function wholeNumber(value: unknown, min: number, max: number): number | undefined {
  const text = textOf(value);
  const number = text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  return number >= min && number <= max ? number : undefined;
}

const EARLIEST = Date.parse('2015-01-01T00:00:00Z');
const AHEAD_MS = 24 * 3_600_000;

/** ISO 8601 in UTC, from a text or from epoch milliseconds; a moment from 2015 to a day from now. */
export function timeOf(value: unknown): string | undefined {
  const text = textOf(value);
  if (text === undefined) return undefined;
  const time = /^\d{12,14}$/.test(text) ? Number(text) : Date.parse(text);
  return time >= EARLIEST && time <= Date.now() + AHEAD_MS ? new Date(time).toISOString() : undefined;
}

/** `male` or `female`. */
export function genderOf(value: unknown): string | undefined {
  const text = textOf(value)?.toLowerCase() ?? '';
  if (['male', 'm', 'ذكر'].includes(text)) return 'male';
  return ['female', 'f', 'أنثى', 'انثى'].includes(text) ? 'female' : undefined;
}

const STATUSES: Readonly<Record<string, string>> = {
  WAITING: 'WAITING',
  NEXT: 'WAITING',
  CALLED: 'CALLED',
  IN_SERVICE: 'IN_PROGRESS',
  IN_PROGRESS: 'IN_PROGRESS',
  DONE: 'COMPLETED',
  COMPLETED: 'COMPLETED',
  CANCELLED: 'CANCELLED',
  CANCELED: 'CANCELLED',
  NO_SHOW: 'NO_SHOW',
};

/** The stored status of an entry. */
export function statusOf(value: unknown): string | undefined {
  return STATUSES[textOf(value)?.toUpperCase().replace(/[\s-]/g, '_') ?? ''];
}
