// Every counted request is admitted or refused here, before anything else is looked at.
import type { Context, Next } from 'hono';
import { createMiddleware } from 'hono/factory';
import type { AppEnv } from './app-env.ts';
import { CircuitState } from './circuit-breaker.ts';
import { DomainError } from './errors.ts';
import { user, username } from './fields.ts';
import { countedIn, isWrite, LOGIN_PATHS, POLICY_OF } from './rate-limit-policies.ts';
import type { LimitKey, LimitStanding, RateLimiter } from './rate-limiter.ts';
import { callFunction, type RequestContext } from './request-context.ts';
import type { Standing } from './sliding-windows.ts';
import { sentValue } from './validate.ts';

/**
 * Throws RATE_LIMITED for a request beyond one of its limits; a counted answer says where the caller stands. A read
 * goes on at once: what asks the cache or the database awaits `ctx.admitted`, and nobody who is refused gets the answer.
 */
export const rateLimit = createMiddleware<AppEnv>(async (c, next) => {
  const ctx = c.get('ctx');
  const { rateLimiter } = ctx;
  const counted = rateLimiter ? countedIn(await describe(c)) : [];
  if (!rateLimiter || counted.length === 0) return next();
  const counts = await Promise.all(
    counted.map(async ({ name, whose }) => ({ name, key: await ctx.keyedHash(`limit ${name}`, whose) })),
  );
  const isLogin = LOGIN_PATHS.has(c.req.path);
  const ask = async () => admit(ctx, await standingsOf(ctx, rateLimiter, counts, isLogin));
  const tightest = isWrite(c.req.method) ? await askedBefore(next, ask) : await askedWithin(c, next, ask);
  for (const [name, value] of Object.entries(headersOf(tightest))) {
    // A wrong PIN tells how many tries are left: that is tighter.
    if (!c.res.headers.has(name)) c.res.headers.set(name, value);
  }
});

async function askedBefore(next: Next, ask: () => Promise<Standing>): Promise<Standing> {
  const tightest = await ask();
  await next();
  return tightest;
}

/** The question is asked in the turn in which `admitted` is first read, so that it leaves with the cache's. */
async function askedWithin(c: Context<AppEnv>, next: Next, ask: () => Promise<Standing>): Promise<Standing> {
  let asked: Promise<Standing> | undefined;
  let admitted: Promise<void> | undefined;
  const askOnce = () => {
    asked ??= ask();
    return asked;
  };
  // The context is this request's own, and copying it costs more than all else in here.
  Object.defineProperty(c.get('ctx'), 'admitted', {
    get() {
      admitted ??= askOnce().then(() => {});
      // Whoever reads it may fail for another reason first; the refusal is thrown below in any case.
      admitted.catch(() => {});
      return admitted;
    },
  });
  await next();
  try {
    return await askOnce();
  } catch (error) {
    // Nothing of the answer that was made meanwhile may reach a caller who is refused.
    c.res = undefined;
    c.finalized = false;
    throw error;
  }
}

async function describe(c: Context<AppEnv>) {
  const { admin, clientIp } = c.get('ctx');
  const { method, path } = c.req;
  const sent: Readonly<Record<string, unknown>> = isWrite(method) ? await c.req.json() : c.req.query();
  const session = user.schema.safeParse(sentValue(sent, user)).data;
  return {
    method,
    path,
    clientIp,
    admin,
    session,
    username: LOGIN_PATHS.has(path) ? username.schema.safeParse(sentValue(sent, username)).data : undefined,
  };
}

/** Where the caller stands in each limit, up to the first that refuses. */
async function standingsOf(
  ctx: RequestContext,
  limiter: RateLimiter,
  counts: readonly LimitKey[],
  isLogin: boolean,
): Promise<readonly LimitStanding[]> {
  for (const count of counts) {
    const refusal = limiter.refusalOf(count);
    if (refusal) return [refusal];
  }
  // While the database is down its 503 must come at once: nobody waits for Redis before it.
  const databaseIsUp = ctx.database.breaker.getState() === CircuitState.CLOSED;
  if (databaseIsUp && ctx.redis) {
    try {
      return await ctx.timing.measure('redis', () =>
        isLogin ? inTurn(limiter, counts) : limiter.countTogether(counts),
      );
    } catch {
      // Redis is slow, gone, or its circuit is open.
    }
  }
  if (isLogin) return inDatabase(ctx, counts);
  return counts.map((count) => limiter.countAlone(count));
}

/** An attempt that its address is refused does not count for the account: one address could lock it. */
async function inTurn(limiter: RateLimiter, counts: readonly LimitKey[]): Promise<LimitStanding[]> {
  const standings: LimitStanding[] = [];
  for (const count of counts) {
    standings.push(...(await limiter.countTogether([count])));
    if (!standings.at(-1)?.admitted) break;
  }
  return standings;
}

/** In turn as well, in one round trip. Throws DATABASE_UNAVAILABLE: who cannot be counted cannot log in. */
async function inDatabase(ctx: RequestContext, counts: readonly LimitKey[]): Promise<LimitStanding[]> {
  const limits = ctx.config.rateLimits;
  const { standings } = await callFunction<{ standings: LimitStanding[] }>(ctx, 'count_login_attempt', {
    counts: counts.map(({ name, key }) => ({ name, key, limit: limits === 'off' ? 0 : limits[name] })),
  });
  return standings;
}

/** The standing with the fewest requests left. Throws RATE_LIMITED when one of them is a refusal. */
function admit(ctx: RequestContext, standings: readonly LimitStanding[]): Standing {
  const refused = standings.find(({ admitted }) => !admitted);
  if (refused) {
    ctx.metrics.count('rate_limit_rejections_total', { policy: POLICY_OF[refused.name] });
    const retryAfter = Math.max(1, Math.ceil((refused.reset - Date.now()) / 1000));
    throw new DomainError('RATE_LIMITED', { retryAfter, headers: headersOf({ ...refused, remaining: 0 }) });
  }
  return standings.reduce((tightest, other) => (other.remaining < tightest.remaining ? other : tightest));
}

function headersOf({ limit, remaining, reset }: Standing): Readonly<Record<string, string>> {
  return {
    'X-RateLimit-Limit': String(limit),
    'X-RateLimit-Remaining': String(remaining),
    'X-RateLimit-Reset': String(Math.ceil(reset / 1000)),
  };
}
