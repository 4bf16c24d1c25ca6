// Counts every answer and its duration, under the route it belongs to.
import { createMiddleware } from 'hono/factory';
import type { AppEnv } from './app-env.ts';
import { DomainError } from './errors.ts';
import { type Metrics, methodLabel } from './metrics.ts';
import type { Services } from './services.ts';
import { ORIGINAL_STATUS } from './web-page-mode.ts';

/** Stands outside of all that makes or changes an answer. `routes` holds every path that may become a label. */
export const requestMetrics = (services: () => Services, routes: () => ReadonlyMap<string, unknown>) =>
  createMiddleware<AppEnv>(async (c, next) => {
    const start = performance.now();
    await next();
    const metrics = metricsOf(services);
    if (!metrics) return;
    const method = methodLabel(c.req.method);
    const route = routes().has(c.req.path) ? c.req.path : 'unmatched';
    const status = Number(c.res.headers.get(ORIGINAL_STATUS) ?? c.res.status);
    const milliseconds = performance.now() - start - c.get('timing').held;
    metrics.count('http_requests_total', { method, route, status });
    metrics.observeDuration({ method, route }, Math.max(0, milliseconds) / 1000);
    if (c.error instanceof DomainError && c.error.code === 'PIN_LOCKED') {
      metrics.count('rate_limit_rejections_total', { policy: 'pin' });
    }
  });

/** Undefined in a bad environment, where nobody could read the counts: /metrics is BAD_ENVIRONMENT there too. */
function metricsOf(services: () => Services): Metrics | undefined {
  try {
    return services().metrics;
  } catch {
    return undefined;
  }
}
