// A key-value export as text: JSON lines of {key, value}, one array of them, or one object key → value.
import { shapeOf } from './json-shape.ts';
import type { Rejected } from './ledger.ts';
import { copyOfKey, copyOfLine, copyOfValue } from './without-secrets.ts';

/** One key of the export, as often as it comes. A value that is JSON inside a string was parsed. */
export interface ExportedEntry {
  readonly key: string;
  readonly value: unknown;
  /** Where it stands, from 1: the line, or the element or member of a single document. */
  readonly line: number;
}

export interface ExportFile {
  readonly entries: readonly ExportedEntry[];
  /** What is no entry; each is one key that could not be read. */
  readonly unreadable: readonly Rejected[];
}

/** Brackets within brackets, at most: far more than any value has, far less than what a call stack bears. */
const MAX_DEPTH = 100;

/** Reads an export, given as UTF-8. Never throws: what is no entry is unreadable, with its line. */
export function readExport(content: Uint8Array | string): ExportFile {
  const entries: ExportedEntry[] = [];
  const unreadable: Rejected[] = [];
  for (const piece of piecesOf(content)) {
    const read = entryOf(piece);
    if ('reason' in read) unreadable.push(read);
    else entries.push(read);
  }
  return { entries, unreadable };
}

/** One key's part of the file. */
interface Piece {
  readonly line: number;
  /** Undefined when the bytes are no UTF-8. */
  readonly text: string | undefined;
  /** The key, in a document of keys and values; the text is its value then. */
  readonly key?: string;
}

function piecesOf(content: Uint8Array | string): readonly Piece[] {
  const text = typeof content === 'string' ? content : utf8(content);
  if (text === undefined) return linesOf(content as Uint8Array);
  const whole = text.replace(/^\uFEFF/, '');
  const document = parsedOrNothing(whole);
  if (document === undefined) {
    return whole.split('\n').flatMap((line, index) => (line.trim() ? [{ line: index + 1, text: line }] : []));
  }
  const { value } = document;
  if (typeof value !== 'object' || value === null || isEntry(value)) return [{ line: 1, text: whole }];
  return shapeOf(whole).parts.map(({ name, text: part }, index) => ({
    line: index + 1,
    text: part,
    ...(name !== undefined && { key: name }),
  }));
}

/** The lines of a file that is no UTF-8 somewhere: no byte of a character of several bytes is a line feed. */
function linesOf(bytes: Uint8Array): Piece[] {
  const pieces: Piece[] = [];
  let line = 0;
  for (let from = 0; from <= bytes.length; ) {
    const feed = bytes.indexOf(0x0a, from);
    const end = feed < 0 ? bytes.length : feed;
    line += 1;
    const text = utf8(bytes.subarray(from, end));
    if (text?.trim() !== '') pieces.push({ line, text });
    from = end + 1;
  }
  return pieces;
}

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function entryOf(piece: Piece): ExportedEntry | Rejected {
  const { line, text } = piece;
  if (text === undefined) return { reason: 'no UTF-8', line };
  const document = parsedOrNothing(text);
  if (document === undefined) return unreadableLine('no JSON', line, text);
  const oddity = oddityOf(text);
  if (piece.key !== undefined)
    return namedEntry(piece.key, oddity === undefined ? document.value : text, line);
  if (!isEntry(document.value)) return unreadableLine('no {key, value}', line, text);
  if (oddity !== undefined) return unreadableLine(oddity, line, text);
  return namedEntry(document.value.key, document.value.value, line);
}

function namedEntry(key: string, value: unknown, line: number): ExportedEntry | Rejected {
  try {
    return { key, value: unwrapped(value), line };
  } catch (error) {
    if (!(error instanceof OddText)) throw error;
    return { reason: error.message, line, key: copyOfKey(key), value: copyOfValue(key, value) };
  }
}

function unreadableLine(reason: string, line: number, text: string): Rejected {
  const copy = copyOfLine(text);
  return { reason, line, ...(copy !== undefined && { text: copy }) };
}

function isEntry(value: unknown): value is { readonly key: string; readonly value: unknown } {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { key?: unknown }).key === 'string' &&
    'value' in value
  );
}

/** Why a text that is JSON is not read all the same. */
function oddityOf(text: string): string | undefined {
  const { repeats, depth } = shapeOf(text);
  if (depth > MAX_DEPTH) return 'nested too deep';
  return repeats ? 'a name stands twice in one object' : undefined;
}

class OddText extends Error {}

/** Key-value stores keep texts: an object is JSON in a string there, at times twice. */
function unwrapped(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\s*["[{]/.test(value)) return value;
  const parsed = parsedOrNothing(value);
  if (parsed === undefined) return value;
  const oddity = oddityOf(value);
  if (oddity !== undefined) throw new OddText(oddity);
  return unwrapped(parsed.value);
}

function parsedOrNothing(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}
