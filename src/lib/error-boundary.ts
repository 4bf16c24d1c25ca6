// The one place where an error becomes an answer. The text of an unknown error never leaves the process.
import type { Context } from 'hono';
import type { AppEnv } from './app-env.ts';
import { DatabaseError } from './database.ts';
import { DomainError, errorBody } from './errors.ts';
import { consoleLog } from './log.ts';
import type { RequestContext } from './request-context.ts';

/** The error as the caller gets it; an unknown one is logged by its class and answered as INTERNAL_ERROR. */
export function answerError(error: unknown, c: Context<AppEnv>): Response {
  const requestId = c.get('requestId');
  const services = c.get('services') as AppEnv['Variables']['services'] | undefined;
  const known = error instanceof DomainError ? error : new DomainError('INTERNAL_ERROR');
  if (known !== error) {
    (services?.log ?? consoleLog)('error', {
      event: 'unhandled_error',
      request_id: requestId,
      error: error instanceof Error ? error.name : typeof error,
      ...(error instanceof Error && { at: framesOf(error) }),
      ...(error instanceof DatabaseError && { sql_state: error.sqlState }),
    });
  }
  const { details, status } = known;
  for (const [name, value] of Object.entries(details.headers ?? {})) c.header(name, value);
  if (details.retryAfter !== undefined) c.header('Retry-After', String(details.retryAfter));
  if (known.code === 'UNAUTHORIZED') c.header('WWW-Authenticate', 'Bearer');
  // Under an Idempotency-Key time and id of the first request.
  const repeated = (c.get('ctx') as RequestContext | undefined)?.idempotency;
  const now = (repeated ?? services)?.clock.now() ?? new Date();
  return c.json(
    { ...errorBody(known, repeated?.requestId ?? requestId, now), ...legacyFlag(c.req.path) },
    status,
  );
}

/** Places in the code only: the first lines of a stack repeat the error's text, which may quote a value. */
function framesOf(error: Error): string[] {
  return (error.stack ?? '')
    .split('\n')
    .filter((line) => /^\s+at .*:\d+:\d+\)?$/.test(line))
    .slice(0, 4)
    .map((line) => line.trim());
}

/** Endpoints whose success has `ok: true` say `ok: false` as well. */
const WITH_OK = new Set([
  '/health',
  '/health/live',
  '/health/ready',
  '/api/health',
  '/api/v1/health',
  '/api/v1/health/status',
  '/api/v1/status',
  '/api/v1/queue',
]);

function legacyFlag(path: string): { ok?: false } {
  return WITH_OK.has(path) || path.startsWith('/api/session/') ? { ok: false } : {};
}
