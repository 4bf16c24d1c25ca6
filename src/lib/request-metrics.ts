// Counts every answer and its duration, under the route it belongs to.
import { createMiddleware } from 'hono/factory';
import type { AppEnv } from './app-env.ts';
import { afterAnswer } from './caller.ts';
import { routeLabel } from './known-paths.ts';
import { methodLabel } from './metrics.ts';
import type { Services } from './services.ts';
import { ORIGINAL_STATUS } from './web-page-mode.ts';

/** Stands outside of all that makes or changes an answer. `routes` holds every path that may become a label. */
export const requestMetrics = (services: () => Services, routes: () => ReadonlyMap<string, unknown>) =>
  createMiddleware<AppEnv>(async (c, next) => {
    const start = performance.now();
    await next();
    const counting = countingOf(services);
    if (!counting) return;
    const { metrics, sharedCounts } = counting;
    const method = methodLabel(c.req.method);
    const route = routeLabel(c, routes());
    const status = Number(c.res.headers.get(ORIGINAL_STATUS) ?? c.res.status);
    const milliseconds = performance.now() - start - c.get('timing').held;
    metrics.count('http_requests_total', { method, route, status });
    metrics.observe('http_request_duration_seconds', { method, route }, Math.max(0, milliseconds));
    sharedCounts?.sendSoon((work) => afterAnswer(c, work));
  });

/** Undefined in a bad environment, where nobody could read the counts: /metrics is BAD_ENVIRONMENT there too. */
function countingOf(services: () => Services): Services | undefined {
  try {
    return services();
  } catch {
    return undefined;
  }
}
