// Who is calling: an admin with a valid token, or the public. Whether a token is still current, the SQL says.
import type { Context } from 'hono';
import { getCookie } from 'hono/cookie';
import { createMiddleware } from 'hono/factory';
import type { AppEnv, TargetOptions } from './app-env.ts';
import { DomainError } from './errors.ts';
import type { RequestContext } from './request-context.ts';
import type { Services } from './services.ts';

/** The cookie of the page's admin. */
export const ADMIN_COOKIE = 'admin_token';

/** Builds the request's context. A bad or old token on a public endpoint is as good as none. */
export const caller = ({ clientIp }: TargetOptions) =>
  createMiddleware<AppEnv>(async (c, next) => {
    const services = c.get('services');
    const { admin, foreignOrigin } = await whoIsCalling(c, services);
    c.set('ctx', {
      ...services,
      requestId: c.get('requestId'),
      timing: c.get('timing'),
      admin,
      foreignOrigin,
      clientIp: clientIp(c.req.raw, c.env),
      signal: c.req.raw.signal,
    });
    await next();
  });

/** Admits an admin only. Throws UNAUTHORIZED, or FORBIDDEN for a write by cookie from another site. */
export const adminOnly = createMiddleware<AppEnv>(async (c, next) => {
  const { admin, foreignOrigin } = c.get('ctx');
  if (foreignOrigin) throw new DomainError('FORBIDDEN');
  if (!admin) throw new DomainError('UNAUTHORIZED');
  await next();
});

async function whoIsCalling(
  c: Context<AppEnv>,
  services: Services,
): Promise<Pick<RequestContext, 'admin' | 'foreignOrigin'>> {
  const bearer = /^Bearer +(\S+)$/i.exec(c.req.header('Authorization') ?? '')?.[1];
  if (bearer !== undefined) {
    return { admin: await services.tokens.read(bearer), foreignOrigin: false };
  }
  const cookie = getCookie(c, ADMIN_COOKIE);
  const admin = cookie === undefined ? undefined : await services.tokens.read(cookie);
  const isWrite = c.req.method === 'POST' || c.req.method === 'PUT';
  if (admin && isWrite && !isOwnOrigin(c, services)) return { admin: undefined, foreignOrigin: true };
  return { admin, foreignOrigin: false };
}

/** True without an `Origin` (no browser page sent this), or when it is the request's own or one of the page's. */
function isOwnOrigin(c: Context<AppEnv>, { config }: Services): boolean {
  const origin = c.req.header('Origin');
  if (origin === undefined || config.pageOrigins.includes(origin)) return true;
  return URL.canParse(origin) && new URL(origin).host === new URL(c.req.url).host;
}
