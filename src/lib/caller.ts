// Who is calling: an admin with a valid token, or the public. Whether a token is still current, the SQL says.
import type { Context } from 'hono';
import { getCookie } from 'hono/cookie';
import { createMiddleware } from 'hono/factory';
import type { AppEnv, TargetOptions } from './app-env.ts';
import { clientNetwork } from './client-network.ts';
import { DomainError } from './errors.ts';
import { isWrite } from './rate-limit-policies.ts';
import type { RequestContext } from './request-context.ts';
import type { Services } from './services.ts';
import { clientOrigin } from './trusted-proxy.ts';

/** The cookie of the page's admin. */
export const ADMIN_COOKIE = 'admin_token';

/** Builds the request's context. A bad or old token on a public endpoint is as good as none. */
export const caller = ({ clientIp }: TargetOptions) =>
  createMiddleware<AppEnv>(async (c, next) => {
    const services = c.get('services');
    const { admin, foreignOrigin } = await whoIsCalling(c, services);
    const { wakeUps, eventHub } = services.waiting();
    c.set('ctx', {
      wakeUps,
      eventHub,
      requestId: c.get('requestId'),
      timing: c.get('timing'),
      admin,
      foreignOrigin,
      clientIp: clientNetwork(c.get('forwarded')?.address ?? clientIp(c.req.raw, c.env)),
      admitted: Promise.resolve(),
      signal: c.req.raw.signal,
      waitUntil: (work) => afterAnswer(c, work),
      // Last, and once: V8 takes 20 µs to add ten fields behind so many, and half a microsecond this way round.
      ...services,
    });
    await next();
  });

/** Lets work go on after the answer. Node keeps it going by itself, and has no context to ask. */
export function afterAnswer(c: Context<AppEnv>, work: Promise<unknown>): void {
  const settled = work.catch(() => undefined);
  try {
    c.executionCtx.waitUntil(settled);
  } catch {
    // No platform: nothing ends the process after the answer.
  }
}

/** Admits an admin only. Throws UNAUTHORIZED, or FORBIDDEN for a write by cookie from another site. */
export const adminOnly = createMiddleware<AppEnv>(async (c, next) => {
  const { admin, foreignOrigin } = c.get('ctx');
  if (foreignOrigin) throw new DomainError('FORBIDDEN');
  if (!admin) throw new DomainError('UNAUTHORIZED');
  await next();
});

/** Admits whoever may read reports: everybody with REPORTS_PUBLIC=on, else an admin. */
export const reportsReader = createMiddleware<AppEnv>(async (c, next) =>
  c.get('services').config.reportsPublic ? next() : adminOnly(c, next),
);

/** Admits a scheduler that knows CRON_SECRET, else as adminOnly. */
export const cronOnly = createMiddleware<AppEnv>(async (c, next) =>
  (await sentSecret(c, 'cron-secret', c.get('services').config.cronSecret)) ? next() : adminOnly(c, next),
);

/** What a socket calls this machine itself. */
const LOOPBACK = new Set(['127.0.0.1', '::1', '::ffff:127.0.0.1']);

/** Admits whoever knows METRICS_TOKEN; without that setting, this machine only. Throws UNAUTHORIZED. */
export const metricsReader = createMiddleware<AppEnv>(async (c, next) => {
  const { config, clientIp } = c.get('ctx');
  const isAdmitted =
    config.metricsToken === undefined
      ? LOOPBACK.has(clientIp)
      : await sentSecret(c, 'metrics-token', config.metricsToken);
  if (!isAdmitted) throw new DomainError('UNAUTHORIZED');
  await next();
});

/** Keyed hashes are compared, so that the time says nothing about the secret. */
async function sentSecret(c: Context<AppEnv>, label: string, secret: string | undefined): Promise<boolean> {
  const { keyedHash } = c.get('services');
  const sent = bearerOf(c);
  if (secret === undefined || sent === undefined) return false;
  const [ours, theirs] = await Promise.all([keyedHash(label, secret), keyedHash(label, sent)]);
  return ours === theirs;
}

function bearerOf(c: Context<AppEnv>): string | undefined {
  return /^Bearer +(\S+)$/i.exec(c.req.header('Authorization') ?? '')?.[1];
}

async function whoIsCalling(
  c: Context<AppEnv>,
  services: Services,
): Promise<Pick<RequestContext, 'admin' | 'foreignOrigin'>> {
  const bearer = bearerOf(c);
  if (bearer !== undefined) {
    return { admin: await services.tokens.read(bearer), foreignOrigin: false };
  }
  const cookie = getCookie(c, ADMIN_COOKIE);
  const admin = cookie === undefined ? undefined : await services.tokens.read(cookie);
  // The tick works under GET too, since that is how schedulers call.
  const doesWork = isWrite(c.req.method) || c.req.path === '/api/system/tick';
  if (admin && doesWork && !isOwnOrigin(c, services)) return { admin: undefined, foreignOrigin: true };
  return { admin, foreignOrigin: false };
}

/**
 * True when the page that sent this is the request's own host's or one of the page's, or when nothing says that a
 * page sent it. An `Origin` of `null` is a page that hides where it is from: foreign.
 */
function isOwnOrigin(c: Context<AppEnv>, { config }: Services): boolean {
  const source = c.req.header('Origin') ?? c.req.header('Referer');
  if (source === undefined) return true;
  if (!URL.canParse(source)) return false;
  const { host, origin } = new URL(source);
  return config.pageOrigins.includes(origin) || host === clientOrigin(c).host;
}
