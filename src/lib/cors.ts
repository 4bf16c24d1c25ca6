// Any page may read any answer, none with its visitor's cookie: a cookie works on the same origin only.
import { createMiddleware } from 'hono/factory';
import type { AppEnv } from './app-env.ts';

const HEADERS = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Allow-Methods': 'GET, POST, PUT, DELETE, OPTIONS',
  'Access-Control-Allow-Headers':
    'Content-Type, Authorization, Idempotency-Key, X-Request-Id, If-None-Match, Last-Event-ID, apikey, x-client-info',
  'Access-Control-Expose-Headers':
    'ETag, Retry-After, X-Request-Id, X-Served-By, X-Original-Status, Idempotency-Replayed, ' +
    'X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Server-Timing',
  'Access-Control-Max-Age': '86400',
} as const;

/** Answers every OPTIONS with 204 and adds the CORS headers to every answer. */
export const cors = createMiddleware<AppEnv>(async (c, next) => {
  if (c.req.method === 'OPTIONS') c.res = new Response(null, { status: 204 });
  else await next();
  for (const [name, value] of Object.entries(HEADERS)) c.res.headers.set(name, value);
});
