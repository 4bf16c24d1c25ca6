/** Reads one request of Neon's SQL-over-HTTP protocol into statements and options, refusing whatever is malformed. */
import type { IncomingHttpHeaders } from 'node:http';
import { HttpRefusal } from './loopback-server.ts';
import type { BatchOptions, IsolationLevel, SqlParameter, SqlStatement } from './sql-driver.ts';

/** A statement, and whether its rows go out as arrays. */
export interface NeonStatement extends SqlStatement {
  readonly arrayMode: boolean;
}

export type NeonRequest =
  | { readonly kind: 'single'; readonly statement: NeonStatement }
  | { readonly kind: 'batch'; readonly statements: readonly NeonStatement[]; readonly options: BatchOptions };

const ISOLATION_LEVELS = new Map<string, IsolationLevel>([
  ['ReadUncommitted', 'READ UNCOMMITTED'],
  ['ReadCommitted', 'READ COMMITTED'],
  ['RepeatableRead', 'REPEATABLE READ'],
  ['Serializable', 'SERIALIZABLE'],
]);

/** The request in a body and its headers. Throws a 400 refusal saying what is wrong, never quoting what was sent. */
export function parseNeonRequest(body: string, headers: IncomingHttpHeaders): NeonRequest {
  const payload = parseJson(body);
  const arrayMode = headers['neon-array-mode'] === 'true';
  if (!isRecord(payload)) throw malformed('the body must be a JSON object');
  const { queries } = payload;
  if (queries === undefined) return { kind: 'single', statement: parseStatement(payload, arrayMode) };
  if (!Array.isArray(queries)) throw malformed('queries must be an array');
  return {
    kind: 'batch',
    statements: queries.map((query: unknown) => parseStatement(query, arrayMode)),
    options: parseBatchOptions(headers),
  };
}

/** The password inside the Neon-Connection-String header; empty when there is none. */
export function connectionPassword(headers: IncomingHttpHeaders): string {
  const header = headers['neon-connection-string'];
  if (typeof header !== 'string') return '';
  try {
    return decodeURIComponent(new URL(header.replace(/^postgres(ql)?:/, 'http:')).password);
  } catch {
    return '';
  }
}

function parseStatement(value: unknown, arrayMode: boolean): NeonStatement {
  if (!isRecord(value) || typeof value.query !== 'string') throw malformed('query must be a string');
  const { query, params = [], arrayMode: own = arrayMode } = value;
  if (!Array.isArray(params)) throw malformed('params must be an array');
  if (typeof own !== 'boolean') throw malformed('arrayMode must be a boolean');
  return { query, params: params.map(toParameter), arrayMode: own };
}

/** The official client sends text only; other JSON becomes the text Postgres reads for it. */
function toParameter(value: unknown): SqlParameter {
  if (value === null || typeof value === 'string') return value;
  return JSON.stringify(value);
}

function parseBatchOptions(headers: IncomingHttpHeaders): BatchOptions {
  const level = headers['neon-batch-isolation-level'];
  const isolationLevel = typeof level === 'string' ? ISOLATION_LEVELS.get(level) : undefined;
  if (level !== undefined && isolationLevel === undefined) throw malformed('unknown isolation level');
  const readOnly = parseFlag(headers['neon-batch-read-only']);
  const deferrable = parseFlag(headers['neon-batch-deferrable']);
  return {
    ...(isolationLevel === undefined ? {} : { isolationLevel }),
    ...(readOnly === undefined ? {} : { readOnly }),
    ...(deferrable === undefined ? {} : { deferrable }),
  };
}

function parseFlag(header: string | string[] | undefined): boolean | undefined {
  return header === undefined ? undefined : header === 'true';
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw malformed('the body is not valid JSON');
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function malformed(reason: string): HttpRefusal {
  return new HttpRefusal(400, { message: `malformed request: ${reason}` });
}
