// The front: one public address before all targets. It sends each request to the active one and knows nothing of what
// the service does.
import { Hono } from 'hono';
import { createMiddleware } from 'hono/factory';
import type { AppEnv, TargetOptions } from '../lib/app-env.ts';
import { readBounded } from '../lib/body.ts';
import type { BreakerSetup } from '../lib/circuit-breaker.ts';
import { readWebPageSettings } from '../lib/config.ts';
import { cors } from '../lib/cors.ts';
import { createDatabase } from '../lib/database.ts';
import { answerError } from '../lib/error-boundary.ts';
import { DomainError } from '../lib/errors.ts';
import { pathOf } from '../lib/known-paths.ts';
import { createLog } from '../lib/log.ts';
import { requestId } from '../lib/request-id.ts';
import type { Target } from '../lib/services.ts';
import { type ActiveTargetAnswer, createActiveTarget } from './active-target.ts';
import { askTarget, ClientGone, outgoingHeaders } from './ask-target.ts';
import { createFailover, type Failover, inOrder } from './failover.ts';
import { type FrontConfig, readFrontConfig } from './front-config.ts';
import { pageAnswers } from './page-answers.ts';
import { isHeld, isSafeToRepeat, publishes, requirePublic } from './public-paths.ts';

export interface FrontOptions extends Pick<TargetOptions, 'clientIp'> {
  /** The settings; looked at when the first request needs them. */
  readonly environment: Readonly<Record<string, unknown>>;
  /** Thresholds of the targets' breakers; those of `external` when left out. */
  readonly breaker?: BreakerSetup['config'];
}

interface Parts {
  readonly config: FrontConfig;
  readonly activeTarget: () => Promise<Target | undefined>;
  readonly failover: Failover;
}

/** A database that was away is asked again after a second: the front has its own memory meanwhile. */
const DATABASE_BREAKER = { failureThreshold: 3, timeout: 1_000 };

/** One front for one isolate. Opens nothing until a request needs it; every failure is an answer. */
export function createFront({ environment, clientIp, breaker }: FrontOptions) {
  let made: Parts | undefined;
  const parts = () => {
    made ??= createParts(readFrontConfig(environment), breaker);
    return made;
  };
  const app = new Hono<AppEnv>({ getPath: pathOf })
    .use(requestId)
    .use(ownHeaders)
    .use(cors)
    .use(pageAnswers(readWebPageSettings(environment)))
    // Supabase publishes none, and a page's HTML in its place would let every login succeed.
    .get('/auth/denied', (): Response => {
      throw new DomainError('INVALID_CREDENTIALS');
    })
    .all('*', async (c) => {
      const { method, path } = c.req;
      requirePublic(method, path);
      const { config, activeTarget, failover } = parts();
      const { raw } = c.req;
      const url = new URL(raw.url);
      const isSafe = isSafeToRepeat(method, path, raw.headers);
      const hasBody = method !== 'GET' && method !== 'HEAD';
      // Kept whole, so that it can be sent a second time.
      const body = hasBody ? await readBounded(raw) : undefined;
      const headers = outgoingHeaders(raw.headers, {
        requestId: c.get('requestId'),
        address: clientIp(raw, c.env),
        origin: url.origin,
        secret: config.proxySecret,
      });
      const targets = inOrder(config.targets, await activeTarget()).filter((target) =>
        publishes(target, path),
      );
      return failover.firstAnswer(isSafe ? targets : targets.slice(0, 1), (target) =>
        askTarget(target, {
          method,
          path: url.pathname + url.search,
          headers,
          body,
          isHeld: isHeld(path),
          gone: raw.signal,
        }),
      );
    });
  app.onError((error, c) =>
    // Nobody reads it: the status is what proxies write down for it.
    error instanceof ClientGone ? new Response(null, { status: 499 }) : answerError(error, c),
  );
  return app;
}

function createParts(config: FrontConfig, breaker: FrontOptions['breaker']): Parts {
  const database = createDatabase(config, { breaker: { config: DATABASE_BREAKER } });
  const log = createLog('info');
  return {
    config,
    activeTarget: createActiveTarget(
      async () => (await database.call('active_target', {})) as ActiveTargetAnswer,
    ),
    failover: createFailover((service) => ({
      ...(breaker && { config: breaker }),
      onChange: (from, to) => log('warn', { event: 'breaker_changed', target: 'front', service, from, to }),
    })),
  };
}

/** What the front says itself is marked as its own; an answer of a target stays as it is. */
const ownHeaders = createMiddleware<AppEnv>(async (c, next) => {
  await next();
  const { headers } = c.res;
  if (headers.has('X-Served-By')) return;
  headers.set('X-Served-By', 'front');
  headers.set('X-Content-Type-Options', 'nosniff');
  headers.set('Referrer-Policy', 'strict-origin-when-cross-origin');
  headers.set('Cache-Control', 'private, no-store');
});
