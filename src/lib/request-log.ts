// One line for each request, with how it was answered and what it waited for. Nothing that the caller wrote is in it.
import { createMiddleware } from 'hono/factory';
import type { AppEnv } from './app-env.ts';
import { DomainError } from './errors.ts';
import { routeLabel } from './known-paths.ts';
import { consoleLog, type Log } from './log.ts';
import { methodLabel } from './metrics.ts';
import type { Services, Target } from './services.ts';
import { ORIGINAL_STATUS } from './web-page-mode.ts';

/** Stands outside of all that makes or changes an answer. `routes` holds every path that may be named. */
export const requestLog = (
  target: Target,
  services: () => Services,
  routes: () => ReadonlyMap<string, unknown>,
) =>
  createMiddleware<AppEnv>(async (c, next) => {
    const start = performance.now();
    await next();
    const { db, redis, held } = c.get('timing');
    logOf(services)('info', {
      event: 'request',
      request_id: c.get('requestId'),
      target,
      method: methodLabel(c.req.method),
      route: routeLabel(c, routes()),
      status: Number(c.res.headers.get(ORIGINAL_STATUS) ?? c.res.status),
      ...(c.error && { code: c.error instanceof DomainError ? c.error.code : 'INTERNAL_ERROR' }),
      duration_ms: rounded(performance.now() - start - held),
      db_ms: rounded(db),
      redis_ms: rounded(redis),
    });
  });

function rounded(milliseconds: number): number {
  return Math.max(0, Math.round(milliseconds * 10) / 10);
}

/** In a bad environment there are no services, and still lines. */
function logOf(services: () => Services): Log {
  try {
    return services().log;
  } catch {
    return consoleLog;
  }
}
