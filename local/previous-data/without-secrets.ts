// What of an export may be copied into the file of rejected entries: data of patients, but no password, PIN or token.
// When in doubt nothing is copied: the number of the line leads to it in the export.

/** Stands where something was not copied. */
export const NOT_COPIED = '[not copied]';

const SECRET = /pin|pass|pwd|secret|token|credential|hash|admin|session|auth|رمز|السري|مرور/i;

/** Escapes of letters can hide such a word in a text that is not parsed. */
const HIDDEN_LETTERS = /\\u00/i;

/** Kinds of keys in whose values no secret belongs; of every other one only the key is shown. */
const HARMLESS_KEY = /^(patient|queue|route|path|report):/;
const HARMLESS_LINE = /^\s*\{\s*"key"\s*:\s*"(patient|queue|route|path|report):/;

/** The text of a line that could not be read, or undefined when it may hold a secret. */
export function copyOfLine(line: string): string | undefined {
  return HARMLESS_LINE.test(line) && isHarmlessText(line) ? line : undefined;
}

/** A key as it may be shown: of PINs without digits, and of what else names a secret only the kind. */
export function copyOfKey(key: string): string {
  if (/^pins:daily:\d{4}-\d{2}-\d{2}$/.test(key) || !SECRET.test(key)) return key;
  const kind = key.slice(0, key.indexOf(':') + 1);
  return /^pins?:/.test(key) ? withoutDigits(key) : `${SECRET.test(kind) ? withoutDigits(kind) : kind}…`;
}

/** A text in which every digit is masked. */
function withoutDigits(text: string): string {
  return text.replace(/\p{Nd}/gu, '·');
}

/** The value of a key, without what may be secret in it. Its depth is bounded by what was read. */
export function copyOfValue(key: string, value: unknown): unknown {
  return HARMLESS_KEY.test(key) && !SECRET.test(key) ? cleaned(value) : NOT_COPIED;
}

function cleaned(value: unknown): unknown {
  if (typeof value === 'string') return isHarmlessText(value) ? value : NOT_COPIED;
  if (Array.isArray(value)) return value.map(cleaned);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => {
      if (!SECRET.test(name)) return [name, cleaned(member)];
      return [/^[a-z_-]{1,32}$/i.test(name) ? name : '…', NOT_COPIED];
    }),
  );
}

function isHarmlessText(text: string): boolean {
  return !SECRET.test(text) && !HIDDEN_LETTERS.test(text);
}
