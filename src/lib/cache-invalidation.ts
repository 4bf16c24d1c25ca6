// What a write does to the cache before it is answered: nothing is deleted, the floors of its lines are raised. The
// event CACHE_INVALIDATED is the SQL function's own, in the transaction of the change.
import type { LineVersions } from './cache.ts';
import type { RequestContext } from './request-context.ts';
import type { Touches } from './sql-functions.ts';

/**
 * What a write's SQL function returns of the lines it changed, or found as they are: `clinic` and `version`, or `versions`,
 * and `day` where they are of another day than the one it was asked about.
 */
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
      return ofEachDay(day, answer, (itsDay, versions) => invalidateQueueCache(ctx, itsDay, versions));
    case 'pins':
      return ofEachDay(day, answer, (itsDay, versions) => invalidatePinCache(ctx, itsDay, versions));
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

/** An entry that was found may be of a later day than the lines beside it, and a day has floors of its own. */
async function ofEachDay(
  askedFor: string,
  answer: Changed,
  forget: (day: string, versions: LineVersions) => Promise<void>,
): Promise<void> {
  const days = new Map<string, LineVersions>();
  const add = ({ day }: Changed, versions: LineVersions) => {
    const itsDay = typeof day === 'string' ? day : askedFor;
    days.set(itsDay, { ...days.get(itsDay), ...versions });
  };
  for (const line of [answer, answer.next_entry as Changed | null | undefined]) {
    if (typeof line?.clinic === 'string' && typeof line.version === 'number') {
      add(line, { [line.clinic]: line.version });
    }
  }
  add(answer, (answer.versions ?? {}) as LineVersions);
  await Promise.all([...days].map(([day, versions]) => forget(day, versions)));
}
