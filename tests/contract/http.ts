/** One request to the server under test. What the contract promises of every answer is checked for every answer. */
import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { ERROR_TABLE, type ErrorCode, type ErrorRow } from './error-table.ts';

/** The fields of an answer: what they are is what a test checks. */
export type Fields = Readonly<Record<string, unknown>>;

export interface Answer<Body = Fields> {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Body;
}

export interface RequestOptions {
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is; bytes carry no Content-Type. */
  readonly raw?: BodyInit;
  readonly headers?: Readonly<Record<string, string>>;
  /** An admin's, sent as Bearer. */
  readonly token?: string | undefined;
  readonly signal?: AbortSignal;
}

/** ISO 8601 in UTC with milliseconds. */
export const ISO = expect.stringMatching(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/);
export const DAY = expect.stringMatching(/^\d{4}-\d{2}-\d{2}$/);
export const ANY_INT = expect.toSatisfy((value) => Number.isInteger(value) && value >= 0, 'is an int');
/** What is made here holds at least 128 random bits and fits the rule of `user`. */
export const SECRET_ID = expect.stringMatching(/^[A-Za-z0-9_-]{22,64}$/);

const CORS = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET, POST, PUT, DELETE, OPTIONS',
  'access-control-allow-headers':
    'Content-Type, Authorization, Idempotency-Key, X-Request-Id, If-None-Match, Last-Event-ID, apikey, x-client-info',
  'access-control-expose-headers':
    'ETag, Retry-After, X-Request-Id, X-Served-By, X-Original-Status, Idempotency-Replayed, ' +
    'X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Server-Timing',
  'access-control-max-age': '86400',
} as const;

/** Sends a request, and fails the test when the answer lacks what every answer has. */
export async function request(
  url: string,
  method: string,
  path: string,
  { json, raw, headers = {}, token, signal }: RequestOptions = {},
): Promise<Answer> {
  const body = json === undefined ? raw : JSON.stringify(json);
  const response = await fetch(url + path, {
    method,
    redirect: 'manual',
    headers: {
      ...(json !== undefined && { 'Content-Type': 'application/json' }),
      ...(token !== undefined && { Authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(body !== undefined && { body }),
    ...(signal && { signal }),
  });
  const text = await response.text();
  expectCommonHeaders(response.headers, expectedCaching(path, response.status));
  return { status: response.status, headers: response.headers, text, body: parsed(response, text) };
}

/** A body of bytes: `fetch` gives a text a Content-Type that nobody asked for. */
export function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** An id that no other test, run or patient has. */
export function newId(label: string): string {
  return `${label}-${randomBytes(6).toString('hex')}`;
}

export function expectCommonHeaders(headers: Headers, caching = 'private, no-store'): void {
  expect(headers.get('x-request-id')).toMatch(/^[A-Za-z0-9._-]{1,128}$/);
  expect(['cloudflare', 'supabase', 'vercel', 'node']).toContain(headers.get('x-served-by'));
  expect(headers.get('server-timing')).toMatch(/^db;dur=\d+(\.\d+)?, redis;dur=\d+(\.\d+)?$/);
  expect(headers.get('cache-control')).toBe(caching);
  for (const [name, value] of Object.entries(CORS)) expect(headers.get(name), name).toBe(value);
  expect(headers.has('access-control-allow-credentials')).toBe(false);
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  expect(headers.get('referrer-policy')).toBe('strict-origin-when-cross-origin');
  expect(headers.get('content-security-policy')).toMatch(/^default-src 'none';.*frame-ancestors 'none'$/);
}

/**
 * Fails the test unless the answer is exactly this error: status, texts and no field beyond the envelope's and
 * `extras`, which also replace the table's texts where an endpoint has its own.
 */
export function expectError(answer: Answer, code: ErrorCode, extras: Fields = {}): void {
  const { status, error, message = error }: ErrorRow = ERROR_TABLE[code];
  const own = extras.error === undefined ? {} : { message: extras.error };
  expect(answer.body).toStrictEqual({
    success: false,
    code,
    error,
    message,
    request_id: answer.headers.get('x-request-id'),
    timestamp: ISO,
    ...own,
    ...extras,
  });
  expect(answer.status).toBe(status);
  expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
  if (code === 'UNAUTHORIZED') expect(answer.headers.get('www-authenticate')).toBe('Bearer');
}

/** The error that lists what is missing, in an endpoint without a text of its own. */
export function expectMissing(answer: Answer, ...names: string[]): void {
  expectError(answer, 'MISSING_FIELDS', {
    error: `Missing required fields: ${names.join(', ')}`,
    missing_fields: names,
  });
}

/** The error for a field's value, in an endpoint without a text of its own. */
export function expectInvalid(answer: Answer, field: string): void {
  expectError(answer, 'INVALID_FIELD', { error: `Invalid value for ${field}`, field });
}

function expectedCaching(path: string, status: number): string {
  const isPlace = path.startsWith('/api/v1/queue/position') && (status === 200 || status === 304);
  return isPlace ? 'private, no-cache' : 'private, no-store';
}

function parsed(response: Response, text: string): Fields {
  const type = response.headers.get('content-type');
  if (type === null) return {};
  expect(type).toBe('application/json; charset=utf-8');
  return text === '' ? {} : JSON.parse(text);
}
