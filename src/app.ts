// The application: middleware in one visible order, then the routes. Everything outside comes in through `options`.
import { Hono } from 'hono';
import { createMiddleware } from 'hono/factory';
import { answerHeaders } from './lib/answer-headers.ts';
import type { AppEnv, TargetOptions } from './lib/app-env.ts';
import { body } from './lib/body.ts';
import { caller } from './lib/caller.ts';
import { cors } from './lib/cors.ts';
import { answerError } from './lib/error-boundary.ts';
import { knownPaths, methodsByPath, pathOf } from './lib/known-paths.ts';
import { requestId } from './lib/request-id.ts';
import { adminRoutes } from './routes/admin.ts';
import { healthRoutes } from './routes/health.ts';
import { patientRoutes } from './routes/patient.ts';
import { pinRoutes } from './routes/pin.ts';
import { queueRoutes } from './routes/queue.ts';
import { routeRoutes } from './routes/route.ts';

/** One application for one isolate of a target. Opens nothing until a request needs it. */
export function createApp(options: TargetOptions) {
  let table: ReadonlyMap<string, ReadonlySet<string>> = new Map();

  const app = new Hono<AppEnv>({ getPath: pathOf })
    // The order is the order of the checks that the contract promises.
    .use(requestId)
    .use(answerHeaders(options.target))
    .use(cors)
    .use(knownPaths(() => table))
    .use(serve(options))
    .use(body)
    .use(caller(options))
    .route('/', healthRoutes)
    .route('/', adminRoutes)
    .route('/', patientRoutes)
    .route('/', queueRoutes)
    .route('/', pinRoutes)
    .route('/', routeRoutes);

  app.onError(answerError);
  table = methodsByPath(app);
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
