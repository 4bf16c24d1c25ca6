// The headers of every answer that are not CORS: who served it, how it may be kept, what it waited for.
import { createMiddleware } from 'hono/factory';
import type { AppEnv } from './app-env.ts';
import type { Target } from './services.ts';
import { Timing } from './timing.ts';

/** Sets what a route did not set itself. */
export const answerHeaders = (target: Target) =>
  createMiddleware<AppEnv>(async (c, next) => {
    const timing = new Timing();
    c.set('timing', timing);
    await next();
    const { headers } = c.res;
    headers.set('X-Served-By', target);
    headers.set('Server-Timing', timing.toString());
    headers.set('X-Content-Type-Options', 'nosniff');
    if (!headers.has('Cache-Control')) headers.set('Cache-Control', 'private, no-store');
    if (headers.get('Content-Type') === 'application/json') {
      headers.set('Content-Type', 'application/json; charset=utf-8');
    }
  });
