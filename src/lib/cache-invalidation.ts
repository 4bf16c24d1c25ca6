// What a write does to the cache before it is answered: nothing is deleted, the floors of its lines are raised. The
// event CACHE_INVALIDATED is the SQL function's own, in the transaction of the change.
import type { LineVersions } from './cache.ts';
import type { RequestContext } from './request-context.ts';
import type { Touches } from './sql-functions.ts';

/** What a write's SQL function returns of the lines it changed, or found as they are. */
type Changed = Readonly<Record<string, unknown>>;

type CacheContext = Pick<RequestContext, 'cache' | 'timing' | 'wakeUps' | 'waitUntil'>;

/**
 * Makes what a function touched old in the cache, and wakes who waits for it. After every answer of a write, also one
 * that changed nothing: the attempt before it may have died between its commit and this. Never throws.
 */
export async function forgetOldValues(
  ctx: CacheContext,
  touches: Touches,
  day: string,
  answer: Changed,
): Promise<void> {
  switch (touches) {
    case 'lines':
      return invalidateQueueCache(ctx, day, versionsOf(answer));
    case 'pins':
      return invalidatePinCache(ctx, day, versionsOf(answer));
    case 'route':
      return invalidateRouteCache();
    case 'read':
    case 'nothing':
      return;
  }
}

/** `queue:list:C`, `queue:status:C` and `stats:*` that are older than these versions count no longer. */
export async function invalidateQueueCache(
  ctx: CacheContext,
  day: string,
  versions: LineVersions,
): Promise<void> {
  const { cache } = ctx;
  if (cache) await ctx.timing.measure('redis', () => cache.raise(day, versions, ctx.waitUntil));
  // Only now: whoever is woken asks the cache first.
  for (const [clinic, version] of Object.entries(versions)) ctx.wakeUps.changed({ day, clinic, version });
}

/** The same for `pins:*`: a change of the PINs raises the version of every line that it touches. */
export const invalidatePinCache = invalidateQueueCache;

/**
 * The plan's name for `route:ID`. Nothing is stored under it, since a route's value and key hold ids, which must never be
 * in Redis: `route/get` reads the database, and there is nothing to make old. Nobody waits for a route alone either.
 */
export function invalidateRouteCache(): void {}

function versionsOf(answer: Changed): LineVersions {
  const lines = [answer, answer.next_entry as Changed | null | undefined].flatMap((line) =>
    typeof line?.clinic === 'string' && typeof line.version === 'number'
      ? [[line.clinic, line.version] as const]
      : [],
  );
  return { ...Object.fromEntries(lines), ...(answer.versions as LineVersions | undefined) };
}
