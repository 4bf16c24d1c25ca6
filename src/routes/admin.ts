import { type Context, Hono } from 'hono';
import { deleteCookie, setCookie } from 'hono/cookie';
import { loginAdmin, logoutAdmin } from '../lib/admin-session.ts';
import { adminStatus } from '../lib/admin-status.ts';
import { TOKEN_LIFETIME } from '../lib/admin-token.ts';
import type { AppEnv } from '../lib/app-env.ts';
import { setCallInterval } from '../lib/call-interval.ts';
import { ADMIN_COOKIE, adminOnly } from '../lib/caller.ts';
import { DomainError } from '../lib/errors.ts';
import { clinic, interval, intervalInMinutes, intervalInSeconds, password, username } from '../lib/fields.ts';
import { clientOrigin } from '../lib/trusted-proxy.ts';
import { optional, required, validate } from '../lib/validate.ts';

const credentials = validate(
  'json',
  { username: required(username), password: required(password) },
  { missing: 'Missing username or password' },
);

// All optional here, so that what is missing is reported together: one interval of three names is required.
const callInterval = validate('json', {
  clinic: optional(clinic),
  interval_minutes: optional(intervalInMinutes),
  interval: optional(interval),
  interval_seconds: optional(intervalInSeconds),
});

const cookieOptions = (c: Context<AppEnv>) =>
  ({
    path: '/',
    httpOnly: true,
    sameSite: 'Strict',
    secure: clientOrigin(c).protocol === 'https:',
  }) as const;

const answerLogin = async (c: Context<AppEnv>, sent: { username: string; password: string }) => {
  const session = await loginAdmin(c.var.ctx, sent);
  setCookie(c, ADMIN_COOKIE, session.token, { ...cookieOptions(c), maxAge: TOKEN_LIFETIME });
  return c.json(session);
};

export const adminRoutes = new Hono<AppEnv>()
  .post('/admin/login', credentials, (c) => answerLogin(c, c.req.valid('json')))
  .post('/api/v1/auth/login', credentials, (c) => answerLogin(c, c.req.valid('json')))
  .post('/admin/logout', adminOnly, async (c) => {
    const answer = await logoutAdmin(c.var.ctx);
    deleteCookie(c, ADMIN_COOKIE, cookieOptions(c));
    return c.json(answer);
  })
  .get('/api/v1/admin/status', async (c) => c.json(await adminStatus(c.var.ctx)))
  .post('/api/v1/admin/set-call-interval', adminOnly, callInterval, async (c) =>
    c.json(await setCallInterval(c.var.ctx, c.req.valid('json'))),
  )
  .get('/auth/denied', (): Response => {
    throw new DomainError('INVALID_CREDENTIALS');
  });
