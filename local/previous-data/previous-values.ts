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

/** A text of at most `max` UTF-16 units as it is, and a number as its text; undefined for what Postgres cannot keep. */
export function storableText(value: unknown, max: number): string | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const text = String(value);
  return text.length <= max && !text.includes('\0') && !/\p{Surrogate}/u.test(text) ? text : undefined;
}

/** A whole number from `min` to `max`. */
export function wholeNumber(value: unknown, min: number, max: number): number | undefined {
  const text = textOf(value);
  const number = text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  return number >= min && number <= max ? number : undefined;
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

/** Reads members that may be missing. What is there and unreadable is left out of the row, and remembered. */
export class OptionalFields {
  /** The names of those that were left out. */
  readonly leftOut: string[] = [];
  readonly #fields: Fields;

  constructor(fields: Fields) {
    this.#fields = fields;
  }

  /** The member as `read` has it; undefined when it is missing, null, blank or unreadable. */
  take<T>(name: string, read: (value: unknown) => T | undefined): T | undefined {
    const value = this.#fields[name];
    if (value == null || (typeof value === 'string' && value.trim() === '')) return undefined;
    const taken = read(value);
    if (taken === undefined) this.leftOut.push(name);
    return taken;
  }
}
