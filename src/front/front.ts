// The front: one public address before all targets. It sends each request to the active one and knows nothing of what
// the service does.
import { Hono } from 'hono';
import { createMiddleware } from 'hono/factory';
import { HTTPS_ONLY } from '../lib/answer-headers.ts';
import type { AppEnv, TargetOptions } from '../lib/app-env.ts';
import { readBounded } from '../lib/body.ts';
import type { BreakerSetup } from '../lib/circuit-breaker.ts';
import { readWebPageSettings } from '../lib/config.ts';
import { cors } from '../lib/cors.ts';
import { createDatabase, type ReadingDatabase } from '../lib/database.ts';
import { answerError } from '../lib/error-boundary.ts';
import { DomainError } from '../lib/errors.ts';
import { createLog } from '../lib/log.ts';
import { requestId } from '../lib/request-id.ts';
import type { Target } from '../lib/services.ts';
import { isOverHttps } from '../lib/trusted-proxy.ts';
import { type ActiveTargetAnswer, createActiveTarget } from './active-target.ts';
import { askTarget, ClientGone } from './ask-target.ts';
import { createFailover, type Failover, inOrder } from './failover.ts';
import { type FrontConfig, readFrontConfig } from './front-config.ts';
import { giveOwnKey, underOwnKey } from './own-key.ts';
import { pageAnswers } from './page-answers.ts';
import { outgoingHeaders, sizeOf } from './passed-headers.ts';
import {
  isHeld,
  looksAtForm,
  publicPathOf,
  publishers,
  requireBounded,
  requirePublic,
} from './public-paths.ts';

export interface FrontOptions extends Pick<TargetOptions, 'clientIp'> {
  /** The settings; looked at when the first request needs them. */
  readonly environment: Readonly<Record<string, unknown>>;
  /** Thresholds of the targets' breakers; those of `external` when left out. */
  readonly breaker?: BreakerSetup['config'];
  /** Hands the platform what outlives the answer, where it would end that with the request. */
  readonly waitUntil?: (work: Promise<unknown>, platform: unknown) => void;
}

interface Parts {
  readonly config: FrontConfig;
  readonly activeTarget: () => Promise<Target | undefined>;
  readonly failover: Failover;
}

/** A database that was away is asked again after a second: the front has its own memory meanwhile. */
const DATABASE_BREAKER = { failureThreshold: 3, timeout: 1_000 };

/** The page's screen for staff, where its files are served. */
const ADMIN_PAGE = '/admin';

/** One front for one isolate. Opens nothing until a request needs it; every failure is an answer. */
export function createFront({ environment, clientIp, breaker, waitUntil }: FrontOptions) {
  let made: Parts | undefined;
  const parts = () => {
    made ??= createParts(readFrontConfig(environment), breaker);
    return made;
  };
  const webPage = readWebPageSettings(environment);
  const app = new Hono<AppEnv>({ getPath: publicPathOf })
    .use(requestId)
    .use(ownHeaders)
    .use(cors)
    .use(pageAnswers(webPage))
    // Supabase publishes none, and a page's HTML in its place would let every login succeed.
    .all('/auth/denied', (c): Response => {
      if (c.req.method === 'GET' || c.req.method === 'HEAD') throw new DomainError('INVALID_CREDENTIALS');
      throw new DomainError('METHOD_NOT_ALLOWED', { headers: { Allow: 'GET, HEAD, OPTIONS' } });
    })
    .all('*', async (c) => {
      const { method, path, raw } = c.req;
      const url = new URL(raw.url);
      // A route before the page's own host takes an address for every method, and the page's router knows its screen.
      if (looksAtForm(method, path) && webPage.pageOrigins.includes(url.origin)) {
        return c.redirect(ADMIN_PAGE, 303);
      }
      requirePublic(method, path);
      const { config, activeTarget, failover } = parts();
      const published = publishers(config.targets, method, path);
      const address = url.pathname + url.search;
      const headers = outgoingHeaders(raw.headers, {
        requestId: c.get('requestId'),
        address: clientIp(raw, c.env),
        origin: url.origin,
        secret: config.proxySecret,
      });
      const hasOwnKey = giveOwnKey(method, path, headers);
      requireBounded(address, sizeOf(headers));
      const hasBody = method !== 'GET' && method !== 'HEAD';
      // Kept whole, so that it can be sent a second time.
      const body = hasBody ? await readBounded(raw) : undefined;
      const active = await activeTarget();
      failover.follow(active);
      const outgoing = { method, path: address, headers, body, isHeld: isHeld(path), gone: raw.signal };
      return failover.firstAnswer(inOrder(published, active), {
        isHeld: outgoing.isHeld,
        keep: (work) => waitUntil?.(work, c.env),
        ask: (target, patience) => {
          const ask = (milliseconds: number) => askTarget(target, outgoing, { ...patience, milliseconds });
          return hasOwnKey ? underOwnKey(ask, patience.milliseconds) : ask(patience.milliseconds);
        },
      });
    });
  app.onError((error, c) =>
    // Nobody reads it: the status is what proxies write down for it.
    error instanceof ClientGone ? new Response(null, { status: 499 }) : answerError(error, c),
  );
  return app;
}

function createParts(config: FrontConfig, breaker: FrontOptions['breaker']): Parts {
  const database: ReadingDatabase = createDatabase(config, { breaker: { config: DATABASE_BREAKER } });
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
  if (isOverHttps(c)) headers.set('Strict-Transport-Security', HTTPS_ONLY);
  if (headers.has('X-Served-By')) return;
  headers.set('X-Served-By', 'front');
  headers.set('X-Content-Type-Options', 'nosniff');
  headers.set('Referrer-Policy', 'strict-origin-when-cross-origin');
  headers.set('Cache-Control', 'private, no-store');
});
