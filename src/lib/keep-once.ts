// An Idempotency-Key over work that is not one SQL function: several transactions, or none.
import type { Admin } from './admin-token.ts';
import type { KeptOutcome } from './idempotent-request.ts';
import { callFunction, type RequestContext } from './request-context.ts';

/**
 * Gives back the kept value of this key, or does the work and keeps its value, which must be JSON. The work must be
 * safe to do twice: a crash before its value is kept leaves the key free. Two round trips more; none without a key.
 * Throws UNAUTHORIZED where a value is kept and `admin`, whose rights the work needs, is not current.
 */
export async function keepOnce<T>(
  ctx: RequestContext,
  work: (ctx: RequestContext) => T | Promise<T>,
  admin?: Admin,
): Promise<T> {
  const { idempotency } = ctx;
  if (!idempotency) return work(ctx);
  const inside: RequestContext = { ...ctx, idempotency: undefined };
  const ask = async (answer: object) => {
    const question = idempotency.question({ ...answer, ...(admin && { arguments: { admin } }) });
    const outcome = await callFunction<KeptOutcome>(inside, 'with_idempotency', question);
    return idempotency.take(outcome) as { readonly value: T } | null;
  };
  const kept = (await ask({})) ?? (await ask({ answer: { ok: true, value: await work(inside) } }));
  if (!kept) throw new Error('What was to be kept came back empty');
  return kept.value;
}
