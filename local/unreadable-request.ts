// Requests that never become one: a Host header that is no host, `OPTIONS *`. Without this they get an empty answer.
import { RequestError } from '@hono/node-server';
import { Hono } from 'hono';
import { answerHeaders } from '../src/lib/answer-headers.ts';
import type { AppEnv } from '../src/lib/app-env.ts';
import { cors } from '../src/lib/cors.ts';
import { answerError } from '../src/lib/error-boundary.ts';
import { DomainError } from '../src/lib/errors.ts';
import { requestId } from '../src/lib/request-id.ts';

const refusal = new Hono<AppEnv>().use(requestId).use(answerHeaders('node')).use(cors);
refusal.all('*', (c) => {
  const text = 'The Host header or the request target is malformed';
  return answerError(new DomainError('MALFORMED_BODY', { error: 'Malformed request', message: text }), c);
});

/** The error handler of the Node server: a malformed request gets the contract's error body, with 400. */
export async function answerUnreadable(error: unknown): Promise<Response> {
  return error instanceof RequestError
    ? refusal.request('http://127.0.0.1/')
    : new Response(null, { status: 500 });
}
