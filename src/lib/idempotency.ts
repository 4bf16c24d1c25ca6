// Idempotency keys: a write that is sent again is not done again. Here is who may keep what under which key; the
// database does it, in the round trip and the transaction of the write itself (callFunction).
import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import type { AppEnv } from './app-env.ts';
import { canonicalJson } from './canonical-json.ts';
import { DomainError } from './errors.ts';
import { user } from './fields.ts';
import {
  FRONT_KEY,
  type HashedIdentity,
  honoursIdempotencyKey,
  IDEMPOTENCY_KEY,
  type IdempotencyIdentity,
  IdempotentRequest,
} from './idempotent-request.ts';
import type { KeyedHash } from './keyed-hash.ts';
import { callFunction, type RequestContext } from './request-context.ts';
import { sentValue } from './validate.ts';

/** Marks an answer that was given before. */
const REPLAYED = 'Idempotency-Replayed';

/**
 * Honours the key of a POST or PUT. Fields are checked before the database is asked, so after a refusal of theirs it
 * is asked by itself: another body under a used key is IDEMPOTENCY_MISMATCH, whatever else is wrong with it. Not for a
 * key of the front: a client that sent none gets the refusal without the database, as it would without the front.
 */
export const idempotency = createMiddleware<AppEnv>(async (c, next) => {
  const key = c.req.header(IDEMPOTENCY_KEY);
  if (key === undefined || !honoursIdempotencyKey(c.req.method, c.req.path)) return next();
  const ctx = c.get('ctx');
  const isKey = /^[\x20-\x7E]{1,255}$/.test(key);
  const identity = isKey ? await identityOf(c, ctx, key) : undefined;
  const request = new IdempotentRequest(identity, ctx.clock, ctx.requestId);
  c.set('ctx', { ...ctx, idempotency: request, clock: request.clock });

  await next();
  if (request.isReplayed) c.res.headers.set(REPLAYED, 'true');
  const isFieldError = c.error instanceof DomainError && c.error.status === 400;
  const mayMismatch = isFieldError && !request.isAsked && !key.startsWith(FRONT_KEY);
  if (mayMismatch) await callFunction(ctx, 'with_idempotency', request.question({}));
});

async function identityOf(
  c: Context<AppEnv>,
  { admin, clientIp, keyedHash, previousKeyedHash }: RequestContext,
  key: string,
): Promise<IdempotencyIdentity> {
  const body = await c.req.json<Record<string, unknown>>();
  const session = user.schema.safeParse(sentValue(body, user));
  const whose = admin ? `admin ${admin.sub}` : session.success ? `session ${session.data}` : `ip ${clientIp}`;
  const hashed = async (keyed: KeyedHash): Promise<HashedIdentity> => {
    const [scope, hashedKey, hash] = await Promise.all([
      keyed('idempotency-scope', `${c.req.method} ${c.req.path} ${whose}`),
      keyed('idempotency-key', key),
      keyed('idempotency-body', canonicalJson(body)),
    ]);
    return { scope, key: hashedKey, request_hash: hash };
  };
  const identity = await hashed(keyedHash);
  return previousKeyedHash ? { ...identity, also: await hashed(previousKeyedHash) } : identity;
}
