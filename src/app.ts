// The application: middleware in one visible order, then the routes. Everything outside comes in through `options`.
import { Hono } from 'hono';
import { createMiddleware } from 'hono/factory';
import { answerHeaders } from './lib/answer-headers.ts';
import type { AppEnv, TargetOptions } from './lib/app-env.ts';
import { body } from './lib/body.ts';
import { caller } from './lib/caller.ts';
import { readWebPageSettings } from './lib/config.ts';
import { cors } from './lib/cors.ts';
import { answerError } from './lib/error-boundary.ts';
import { idempotency } from './lib/idempotency.ts';
import { knownPaths, methodsByPath, pathOf } from './lib/known-paths.ts';
import { rateLimit } from './lib/rate-limit.ts';
import { requestId } from './lib/request-id.ts';
import { requestLog } from './lib/request-log.ts';
import { requestMetrics } from './lib/request-metrics.ts';
import { trustedProxy } from './lib/trusted-proxy.ts';
import { webPageMode } from './lib/web-page-mode.ts';
import { adminRoutes } from './routes/admin.ts';
import { docsRoutes } from './routes/docs.ts';
import { eventRoutes } from './routes/events.ts';
import { healthRoutes } from './routes/health.ts';
import { metricsRoutes } from './routes/metrics.ts';
import { notifyRoutes } from './routes/notify.ts';
import { patientRoutes } from './routes/patient.ts';
import { pinRoutes } from './routes/pin.ts';
import { queueRoutes } from './routes/queue.ts';
import { reportRoutes } from './routes/reports.ts';
import { routeRoutes } from './routes/route.ts';
import { sessionRoutes } from './routes/session.ts';
import { settingsRoutes } from './routes/settings.ts';
import { staffQueueRoutes } from './routes/staff-queue.ts';
import { statsRoutes } from './routes/stats.ts';
import { systemRoutes } from './routes/system.ts';

/** One application for one isolate of a target. Opens nothing until a request needs it. */
export function createApp(options: TargetOptions) {
  let table: ReadonlyMap<string, ReadonlySet<string>> = new Map();

  const app = new Hono<AppEnv>({ getPath: pathOf })
    // The order is the order of the checks that the contract promises.
    .use(requestId)
    .use(trustedProxy(options.proxySecret))
    .use(requestLog(options.target, options.services, () => table))
    .use(requestMetrics(options.services, () => table))
    .use(answerHeaders(options.target))
    .use(cors)
    .use(webPageMode(options.webPage ?? (() => readWebPageSettings({}))))
    .use(knownPaths(() => table))
    .use(serve(options))
    .use(body)
    .use(caller(options))
    .use(rateLimit)
    .use(idempotency)
    .route('/', healthRoutes)
    .route('/', metricsRoutes)
    .route('/', docsRoutes)
    .route('/', adminRoutes)
    .route('/', patientRoutes)
    .route('/', queueRoutes)
    .route('/', staffQueueRoutes)
    .route('/', sessionRoutes)
    .route('/', notifyRoutes)
    .route('/', eventRoutes)
    .route('/', pinRoutes)
    .route('/', statsRoutes)
    .route('/', reportRoutes)
    .route('/', settingsRoutes)
    .route('/', systemRoutes)
    .route('/', routeRoutes);

  app.onError(answerError);
  table = methodsByPath(app, options.unpublished);
  return app;
}

/** Hands the isolate's services to the request; a bad environment is answered like any other error. */
const serve = ({ services }: TargetOptions) =>
  createMiddleware<AppEnv>(async (c, next) => {
    c.set('services', services());
    await next();
  });

/** For typed clients: `hc<AppType>(url)`. */
export type AppType = ReturnType<typeof createApp>;
