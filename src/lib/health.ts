// What works right now, for people, monitors and load balancers.

import { COMMIT, SCHEMA_VERSION, SERVICE, VERSION } from './build-info.ts';
import { CircuitState } from './circuit-breaker.ts';
import { RETRY_AFTER } from './database.ts';
import { DomainError, errorBody } from './errors.ts';
import { type RequestContext, readServiceState } from './request-context.ts';

/** Milliseconds a check may take, and milliseconds its result may be used again. */
const CHECK_LIMIT = 1_000;

export interface CheckResult {
  readonly ok: boolean;
  readonly latencyMs: number | null;
  readonly schemaVersion: string | null;
}

/** The last result of each check in this isolate. */
export interface HealthMemory {
  results?: { readonly at: number; readonly database: CheckResult; readonly redis: CheckResult };
}

/** No I/O: this process runs. */
export function liveness(ctx: RequestContext) {
  return {
    success: true,
    ok: true,
    status: 'alive',
    target: ctx.target,
    version: VERSION,
    commit: COMMIT,
    schema_version: SCHEMA_VERSION,
    timestamp: ctx.clock.now().toISOString(),
  } as const;
}

/** The state of the service and its parts, with the status that says it: 503 when the database does not answer. */
export async function health(ctx: RequestContext) {
  const { database, redis } = await checkParts(ctx);
  return healthAnswer(ctx, database, redis, database.ok);
}

/** As `health`, and down also while the database's schema is older than this build's. */
export async function readiness(ctx: RequestContext) {
  const { database, redis } = await checkParts(ctx);
  const ready = database.ok && (database.schemaVersion ?? '') >= SCHEMA_VERSION;
  const answer = healthAnswer(ctx, database, redis, ready);
  return { ...answer, body: { ...answer.body, schema_version_db: database.schemaVersion } } as const;
}

function healthAnswer(ctx: RequestContext, database: CheckResult, redis: CheckResult, up: boolean) {
  const now = ctx.clock.now();
  const configured = ctx.redis !== undefined;
  const status = !up ? 'down' : configured && !redis.ok ? 'degraded' : 'healthy';
  const { ok } = database;
  const body = {
    success: up,
    ok: up,
    status,
    mode: up ? 'online' : 'offline',
    backend: up ? 'up' : 'down',
    worker: 'up',
    service: SERVICE,
    target: ctx.target,
    environment: ctx.config.environment,
    version: VERSION,
    commit: COMMIT,
    schema_version: SCHEMA_VERSION,
    uptime_seconds: Math.floor((now.getTime() - ctx.startedAt.getTime()) / 1000),
    pages_fullstack: true,
    kv: { admin: ok, pins: ok, queues: ok, events: ok, locks: ok, cache: ok },
    checks: {
      database: { ok, latency_ms: database.latencyMs, breaker: ctx.database.breaker.getState() },
      redis: {
        ok: redis.ok,
        configured,
        latency_ms: redis.latencyMs,
        breaker: ctx.redis?.breaker.getState() ?? CircuitState.CLOSED,
      },
    },
    timestamp: now.toISOString(),
    ts: now.toISOString(),
  } as const;
  if (up) return { status: 200, body, headers: {} } as const;
  const error = errorBody(
    new DomainError('DATABASE_UNAVAILABLE', { retryAfter: RETRY_AFTER }),
    ctx.requestId,
    now,
  );
  return {
    status: 503,
    body: { ...error, ...body },
    headers: { 'Retry-After': String(RETRY_AFTER) },
  } as const;
}

async function checkParts(ctx: RequestContext) {
  const now = performance.now();
  const last = ctx.healthMemory.results;
  if (last && now - last.at < CHECK_LIMIT) return last;
  const [database, redis] = await Promise.all([
    timed(async () => (await readServiceState(ctx))?.schema_version ?? null),
    timed(async () => {
      if (!ctx.redis) throw new Error('Redis is not configured');
      await ctx.timing.measure('redis', ctx.redis.ping);
      return null;
    }),
  ]);
  const results = { at: performance.now(), database, redis };
  ctx.healthMemory.results = results;
  return results;
}

async function timed(check: () => Promise<string | null>): Promise<CheckResult> {
  const start = performance.now();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('The check took too long')), CHECK_LIMIT);
  });
  try {
    const schemaVersion = await Promise.race([check(), limit]);
    return { ok: true, latencyMs: Math.round((performance.now() - start) * 10) / 10, schemaVersion };
  } catch {
    return { ok: false, latencyMs: null, schemaVersion: null };
  } finally {
    clearTimeout(timer);
  }
}
