// The lines in the form of the oldest clients.
import { type EntryRequest, enterQueue } from './queue.ts';
import type { RequestContext } from './request-context.ts';
import { clinicRows } from './statistics.ts';

/** As enterQueue, saying whether the entry is new. */
export async function createEntry(ctx: RequestContext, request: EntryRequest) {
  const entry = await enterQueue(ctx, request);
  return { ok: true, ...entry, created: entry.entry_status === 'ENTERED' } as const;
}

/** The rows of the statistics under their older name. One database round trip. */
export async function queueRows(ctx: RequestContext) {
  const { rows, stale } = await clinicRows(ctx);
  return { ok: true, success: true, queue: rows, ...(stale && { stale }) } as const;
}
