// Reads that the cache may answer: one hop to Redis with the rate limit's question, and none to the database.
import type { CacheEntry, CacheKey, CacheLook, LineVersions } from './cache.ts';
import { CircuitOpenError, CircuitState } from './circuit-breaker.ts';
import { spelling } from './clinic-names.ts';
import { DomainError } from './errors.ts';
import type { CacheResult } from './metrics.ts';
import { agreeWithDatabase, callFunction, type RequestContext } from './request-context.ts';
import type { SqlFunction } from './sql-functions.ts';

export interface CachedRead {
  readonly sql: SqlFunction;
  /** Without the admin, and the same for everybody whom the value is for. */
  readonly args: Readonly<Record<string, unknown>> & { readonly day: string };
  /** Of the value, for example `stats:queues`; or how it follows from the canonical id of `clinic`. */
  readonly key: string | ((clinic: string) => string);
  /** The clinic as the caller named it. Its name must be known, or the database is asked. */
  readonly clinic?: string;
  /** The value shows the line of `clinic` alone. */
  readonly ofOneLine?: boolean;
  /** An admin with a token sees more: from the database. */
  readonly moreForAdmin?: boolean;
  /** While the database is down the last value there is, marked `stale`. */
  readonly staleWhileDown?: boolean;
}

/** What the SQL function returns; `stale` while the database is down. */
export type Cached<T> = T & { readonly stale?: true };

/**
 * The value of a masked read from the cache, else from the database, and then it is stored before it is answered. The
 * cache failing is never an error. Throws what callFunction throws, and RATE_LIMITED.
 */
export async function readThroughCache<T extends object>(
  ctx: RequestContext,
  read: CachedRead,
): Promise<Cached<T>> {
  const isForAdmin = read.moreForAdmin === true && ctx.admin !== undefined;
  // While the database is known to be down, only a value that may be stale is worth the hop.
  const isAsked = !isForAdmin && (read.staleWhileDown === true || !isDown(ctx));
  const key = isAsked ? keyOf(ctx, read, false) : undefined;
  const [, looked] = await Promise.all([ctx.admitted, key && look(ctx, key, isDown(ctx))]);
  try {
    if (looked?.entry) {
      await agreeWithDatabase(ctx);
      return counted(ctx, 'hit', looked.entry.value as T);
    }
    const start = performance.now();
    const value = await callFunction<T>(ctx, read.sql, {
      ...read.args,
      ...(isForAdmin && { admin: ctx.admin }),
    });
    if (!isForAdmin) await store(ctx, read, value, performance.now() - start);
    if (key === undefined) ctx.metrics.count('cache_requests_total', { result: 'bypass' });
    else if (looked) ctx.metrics.count('cache_requests_total', { result: 'miss' });
    return value;
  } catch (error) {
    const isOutage = error instanceof DomainError && error.code === 'DATABASE_UNAVAILABLE';
    const last = isOutage && read.staleWhileDown ? await lastValue(ctx, read, looked) : undefined;
    if (!last) throw error;
    return counted(ctx, 'stale', { ...(last.value as T), stale: true } as Cached<T>);
  }
}

/** What is in the cache, for a read that goes on by itself when nothing is there. Never throws. */
export async function look(
  ctx: RequestContext,
  key: CacheKey,
  withLast = false,
): Promise<CacheLook | undefined> {
  const { cache } = ctx;
  if (!cache) return undefined;
  try {
    return await ctx.timing.measure('redis', () => cache.look(key, withLast));
  } catch (error) {
    return counted(ctx, error instanceof CircuitOpenError ? 'bypass' : 'error', undefined);
  }
}

/** Stores a value that was read `age` milliseconds ago. Never throws: whoever reads next reads the database. */
export async function fill(
  ctx: RequestContext,
  key: CacheKey,
  entry: CacheEntry,
  age: number,
): Promise<void> {
  const { cache } = ctx;
  if (!cache) return;
  await ctx.timing.measure('redis', () => cache.fill(key, entry, age)).catch(() => undefined);
}

function keyOf(ctx: RequestContext, read: CachedRead, evenOld: boolean): CacheKey | undefined {
  if (!ctx.cache) return undefined;
  const clinic = read.clinic === undefined ? undefined : ctx.clinicNames.idOf(read.clinic, evenOld);
  if (read.clinic !== undefined && clinic === undefined) return undefined;
  return {
    day: read.args.day,
    name: typeof read.key === 'string' ? read.key : read.key(clinic ?? ''),
    clinic: read.ofOneLine ? clinic : undefined,
  };
}

async function store(
  ctx: RequestContext,
  read: CachedRead,
  value: { readonly clinic?: unknown; readonly version?: unknown; readonly versions?: unknown },
  age: number,
): Promise<void> {
  const { clinic, version, versions } = value;
  if (read.clinic !== undefined && typeof clinic === 'string') ctx.clinicNames.learn(read.clinic, clinic);
  const key = keyOf(ctx, read, false);
  if (!key) return;
  const lines = key.clinic === undefined ? (versions as LineVersions) : { [key.clinic]: version as number };
  const spelled = read.staleWhileDown && key.clinic !== undefined ? spelling(read.clinic ?? '') : undefined;
  await fill(ctx, { ...key, spelled }, { versions: lines, value }, age);
}

async function lastValue(
  ctx: RequestContext,
  read: CachedRead,
  looked: CacheLook | undefined,
): Promise<CacheEntry | undefined> {
  if (looked?.last) return looked.last;
  if (read.clinic !== undefined && ctx.clinicNames.idOf(read.clinic, true) === undefined) {
    await recallName(ctx, read.clinic);
  }
  const key = keyOf(ctx, read, true);
  return key && (await look(ctx, key, true))?.last;
}

/** An isolate that began while the database is down knows no name: it learns what others were told. */
async function recallName(ctx: RequestContext, name: string): Promise<void> {
  const { cache } = ctx;
  const spelled = spelling(name);
  if (!cache || spelled === undefined) return;
  const asked = ctx.timing.measure('redis', () => cache.clinicOf(spelled));
  const id = await asked.catch(() => undefined);
  if (id !== undefined) ctx.clinicNames.recall(name, id);
}

/** Then the last copy is asked for in the same hop. */
function isDown(ctx: RequestContext): boolean {
  return ctx.database.breaker.getState() !== CircuitState.CLOSED;
}

function counted<T>(ctx: RequestContext, result: CacheResult, value: T): T {
  ctx.metrics.count('cache_requests_total', { result });
  return value;
}
