// The staff's overview of all clinics. Without a current admin the database leaves out people and PINs.
import { COMMIT, VERSION } from './build-info.ts';
import { type Cached, readThroughCache } from './cached-read.ts';
import { type RequestContext, today } from './request-context.ts';

interface ClinicOverview {
  readonly clinic: string;
  readonly list: readonly {
    readonly number: number;
    readonly user: string;
    readonly status: 'WAITING' | 'CALLED' | 'IN_SERVICE';
    readonly entered_at: string;
    readonly called_at: string | null;
  }[];
  readonly current: number | null;
  readonly served: readonly { readonly number: number; readonly completed_at: string }[];
  readonly pin: string | null;
  readonly waiting: number;
  readonly in_service: number;
  readonly completed: number;
  readonly call_interval: number;
  readonly auto_call: boolean;
}

/** Names of the previous stores, which old monitors read: each says that the database answered. */
const STORES = {
  KV_PINS: true,
  KV_QUEUES: true,
  KV_ADMIN: true,
  KV_EVENTS: true,
  KV_LOCKS: true,
  KV_CACHE: true,
} as const;

/** Every clinic with its line; an admin also sees who is in it, and the PINs, made where missing. One round trip. */
export async function adminStatus(ctx: RequestContext) {
  const { day, end } = today(ctx);
  const { queues, stale }: Cached<{ queues: readonly ClinicOverview[] }> = await readThroughCache(ctx, {
    sql: 'admin_status',
    args: { day, day_end: end },
    key: 'admin:status',
    moreForAdmin: true,
    staleWhileDown: true,
  });
  const now = ctx.clock.now();
  const completed = sum(queues.map((queue) => queue.completed));
  return {
    success: true,
    online: true,
    version: VERSION,
    kv_sync: true,
    kv_bindings: STORES,
    stats: {
      total_waiting: sum(queues.map(({ waiting }) => waiting)),
      total_done: completed,
      total_served: completed,
      active_clinics: queues.length,
    },
    queues: Object.fromEntries(queues.map(({ clinic, ...overview }) => [clinic, overview])),
    system: {
      target: ctx.target,
      version: VERSION,
      commit: COMMIT,
      service_day: day,
      uptime_seconds: Math.floor((now.getTime() - ctx.startedAt.getTime()) / 1000),
    },
    timestamp: now.toISOString(),
    ...(stale && { stale }),
  } as const;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
