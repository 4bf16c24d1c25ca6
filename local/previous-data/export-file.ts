// A key-value export as text: JSON lines of {key, value}, one array of them, or one object key → value.

/** One key of the export. A value that is JSON inside a string was parsed. */
export interface ExportedEntry {
  readonly key: string;
  readonly value: unknown;
}

/** What could not be read or placed, as it goes into the file of rejected entries. */
export interface Rejected {
  readonly reason: string;
  readonly key?: string;
  readonly value?: unknown;
  /** The number of the line, from 1, and its text: of what is no JSON. */
  readonly line?: number;
  readonly text?: string;
}

export interface ExportFile {
  /** Each key once; of a key that came several times the last. */
  readonly entries: readonly ExportedEntry[];
  readonly rejected: readonly Rejected[];
  /** Keys as they came, repeated ones counted. */
  readonly keys: number;
}

/** The account of the previous backend, with its password in plain text: it is copied nowhere, not even to a report. */
export const CREDENTIALS_KEY = 'admin:credentials';

/** Reads the text of an export. Never throws: what is no entry is rejected with its line. */
export function readExport(text: string): ExportFile {
  const rejected: Rejected[] = [];
  const found = new Map<string, unknown>();
  let keys = 0;
  const take = ({ key, value }: ExportedEntry) => {
    keys += 1;
    const parsed = unwrapped(value);
    const earlier = found.get(key);
    if (found.has(key) && key !== CREDENTIALS_KEY && JSON.stringify(earlier) !== JSON.stringify(parsed)) {
      rejected.push({ reason: 'a later entry has the same key', key, value: earlier });
    }
    found.set(key, parsed);
  };

  const whole = parsedOrNothing(text.replace(/^\uFEFF/, ''));
  if (whole !== undefined) {
    for (const [place, entry] of entriesOf(whole.value).entries()) {
      if (isEntry(entry)) take(entry);
      else rejected.push({ reason: 'no {key, value}', line: place + 1, value: withoutCredentials(entry) });
    }
  } else {
    for (const [index, line] of text.split('\n').entries()) {
      if (line.trim() === '') continue;
      const entry = parsedOrNothing(line)?.value;
      if (isEntry(entry)) take(entry);
      else rejected.push(brokenLine(index + 1, line, entry === undefined ? 'no JSON' : 'no {key, value}'));
    }
  }
  return { entries: [...found].map(([key, value]) => ({ key, value })), rejected, keys };
}

/** The elements of a whole document: of an array as they are, of an object its members. */
function entriesOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value) || isEntry(value)) return [value].flat();
  if (typeof value !== 'object' || value === null) return [value];
  return Object.entries(value).map(([key, member]) => ({ key, value: member }));
}

function isEntry(value: unknown): value is ExportedEntry {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { key?: unknown }).key === 'string' &&
    'value' in value
  );
}

function brokenLine(line: number, text: string, reason: string): Rejected {
  return text.includes(CREDENTIALS_KEY)
    ? { reason: `${reason}; not copied here, since it may hold a password`, line }
    : { reason, line, text };
}

function withoutCredentials(value: unknown): unknown {
  return JSON.stringify(value)?.includes(CREDENTIALS_KEY) ? 'not copied: it may hold a password' : value;
}

/** Key-value stores keep texts: an object is JSON in a string there, at times twice. */
function unwrapped(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\s*["[{]/.test(value)) return value;
  const parsed = parsedOrNothing(value);
  return parsed === undefined ? value : unwrapped(parsed.value);
}

function parsedOrNothing(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}
