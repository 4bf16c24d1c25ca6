// What a domain function knows about the request it works for, and how it calls the database.
import type { Admin } from './admin-token.ts';
import { forgetOldValues } from './cache-invalidation.ts';
import { badEnvironment } from './config.ts';
import { type Database, DatabaseError } from './database.ts';
import { DomainError, type ErrorExtra, isErrorCode } from './errors.ts';
import type { IdempotentRequest } from './idempotent-request.ts';
import { POLICY_OF } from './rate-limit-policies.ts';
import { type ServiceDay, serviceDay } from './service-day.ts';
import type { Services } from './services.ts';
import { type LineFunction, SQL_FUNCTIONS, type SqlFunction } from './sql-functions.ts';
import type { Timing } from './timing.ts';
import type { Waiting } from './waiting.ts';

export interface RequestContext extends Services, Waiting {
  readonly requestId: string;
  readonly timing: Timing;
  /** The admin whose valid token came with the request. Whether it is still current, the SQL function says. */
  readonly admin: Admin | undefined;
  /** True when an admin's cookie came with a write from a page of another site: it does not count. */
  readonly foreignOrigin: boolean;
  /** The client's address, from the one source this target trusts; of an IPv6 address its /64 (clientNetwork). */
  readonly clientIp: string;
  /**
   * Settles once the rate limits have answered; rejects with RATE_LIMITED. Read it in the turn in which the cache is
   * asked, and both questions leave in one hop: the limits are asked when it is first read.
   */
  readonly admitted: Promise<void>;
  /** Aborts when the client is gone. */
  readonly signal: AbortSignal;
  /** Lets work go on after the answer, as far as the platform can. A failure of it is nobody's. */
  readonly waitUntil: (work: Promise<unknown>) => void;
  /** Present when the request is a write under an Idempotency-Key. */
  readonly idempotency?: IdempotentRequest | undefined;
}

/** What every SQL function returns: a value, or a refusal with a code of the closed union. */
type Answer = { readonly ok: boolean } & Record<string, unknown>;

/** What one endpoint adds to a refusal of its SQL function. */
export type RefusalExtra = (refusal: Readonly<Record<string, unknown>>) => ErrorExtra | undefined;

/** Today's service day by the request's clock. */
export function today(ctx: RequestContext): ServiceDay {
  return serviceDay(ctx.clock.now(), ctx.config.timezone, ctx.config.serviceDayStart);
}

/**
 * Calls a SQL function in one round trip and gives back its value (of the type the function is known to return).
 * A refusal is thrown as the DomainError of its code. After a write every waiter of the changed lines is woken: of the
 * day that it names, without which no function of a line can be called.
 */
export function callFunction<T>(
  ctx: RequestContext,
  name: SqlFunction,
  args: Record<string, unknown> & { readonly day: string },
  extra?: RefusalExtra,
): Promise<T>;
export function callFunction<T>(
  ctx: RequestContext,
  name: Exclude<SqlFunction, LineFunction>,
  args: Record<string, unknown>,
  extra?: RefusalExtra,
): Promise<T>;
export async function callFunction<T>(
  ctx: RequestContext,
  name: SqlFunction,
  args: Record<string, unknown>,
  extra?: RefusalExtra,
): Promise<T> {
  await ctx.admitted;
  await agreeWithDatabase(ctx);
  const now = ctx.clock.simulated ? { now: ctx.clock.now().toISOString() } : {};
  const sent = { ...args, ...adminOf(args), ...now };
  const key = SQL_FUNCTIONS[name] !== 'read' ? ctx.idempotency : undefined;
  // Whoever writes must forget what it touched, so everybody else sees the database's reads only.
  const database: Database = ctx.database;
  const answer = (await ctx.timing.measure('db', () =>
    key ? key.call(database, name, sent) : database.call(name, sent),
  )) as Answer;
  // The lines of an answer that was kept are those of the day on which it was given.
  const day = key?.isReplayed ? today(ctx).day : args.day;
  if (typeof day === 'string') await forgetOldValues(ctx, SQL_FUNCTIONS[name], day, answer);
  if (!answer.ok) {
    countRejection(ctx, answer);
    throw refusal(answer, extra?.(answer));
  }
  return answer as T;
}

/** An absent admin travels as null: an argument that JSON leaves out would be a call that needs none. */
function adminOf(args: Record<string, unknown>): { admin?: unknown } {
  return 'admin' in args ? { admin: args.admin ?? null } : {};
}

/** Some limits are counted where they must hold without Redis: in the database. */
function countRejection(ctx: RequestContext, { policy }: Answer): void {
  const known = Object.values(POLICY_OF).find((name) => name === policy);
  if (known) ctx.metrics.count('rate_limit_rejections_total', { policy: known });
}

function refusal(answer: Answer, extra: ErrorExtra | undefined): DomainError {
  if (!isErrorCode(answer.code)) throw new Error('A SQL function returned a code outside the closed union');
  const { clinic, field, retry_after: retryAfter, limit, remaining, reset } = answer;
  return new DomainError(answer.code, {
    ...(typeof clinic === 'string' && { clinic }),
    ...(typeof field === 'string' && { field, error: `Invalid value for ${field}` }),
    ...(typeof retryAfter === 'number' && { retryAfter }),
    ...(extra && { extra }),
    ...(typeof limit === 'number' && {
      headers: {
        'X-RateLimit-Limit': String(limit),
        'X-RateLimit-Remaining': String(remaining),
        'X-RateLimit-Reset': String(reset),
      },
    }),
  });
}

/**
 * Once per isolate: the database must have our functions and keep the same service day. Two zones on one database
 * would make two days, two counters and two PIN sets.
 */
export async function agreeWithDatabase(ctx: RequestContext): Promise<void> {
  if (ctx.agreement.checked) return;
  const state = await readServiceState(ctx);
  if (state === undefined) throw new DomainError('DATABASE_UNAVAILABLE', { retryAfter: 5 });
  const disagreed = 'does not agree with the database';
  if (state.timezone !== ctx.config.timezone) throw badEnvironment('TIMEZONE', disagreed);
  if (state.service_day_start !== ctx.config.serviceDayStart) {
    throw badEnvironment('SERVICE_DAY_START', disagreed);
  }
  ctx.agreement.checked = true;
}

export interface ServiceState {
  readonly timezone: string | null;
  readonly service_day_start: string | null;
  readonly schema_version: string | null;
}

/** What the database says of itself, or undefined when it has no schema of ours. Throws DATABASE_UNAVAILABLE. */
export async function readServiceState(ctx: RequestContext): Promise<ServiceState | undefined> {
  try {
    return (await ctx.timing.measure('db', () => ctx.database.call('service_state', {}))) as ServiceState;
  } catch (error) {
    const undefinedFunction = '42883';
    if (error instanceof DatabaseError && error.sqlState === undefinedFunction) return undefined;
    throw error;
  }
}
