// The page says that it is about to reload itself. Worth a line in the log, and nothing else.
import { keepOnce } from './keep-once.ts';
import type { RequestContext } from './request-context.ts';

/** Logs the count; the texts that came with it stay out, since anybody may write anything into them. */
export function logPageRecovery(ctx: RequestContext, { retries }: { readonly retries?: number | undefined }) {
  return keepOnce(ctx, () => {
    ctx.log('warn', {
      event: 'page_recovery',
      request_id: ctx.requestId,
      ...(retries !== undefined && { retries }),
    });
    return { success: true } as const;
  });
}
