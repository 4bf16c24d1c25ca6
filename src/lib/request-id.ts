// Every answer carries an id that a caller can quote and a log line can be found by.
import { createMiddleware } from 'hono/factory';
import type { AppEnv } from './app-env.ts';

const ACCEPTED = /^[A-Za-z0-9._-]{1,128}$/;

/** Keeps the request's own id when it is harmless, else makes one. */
export const requestId = createMiddleware<AppEnv>(async (c, next) => {
  const sent = c.req.header('X-Request-Id');
  const id = sent !== undefined && ACCEPTED.test(sent) ? sent : crypto.randomUUID();
  c.set('requestId', id);
  await next();
  c.res.headers.set('X-Request-Id', id);
});
