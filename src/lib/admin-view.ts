// The picture of all clinics that an admin's stream sends after each change.
import { callFunction, type RequestContext, today } from './request-context.ts';

interface ClinicView {
  readonly clinic: string;
  readonly name_ar: string;
  readonly current: number | null;
  readonly waiting: number;
  readonly pin: string;
  readonly mean_minutes: number;
  readonly list: readonly object[];
}

interface AdminView {
  readonly waiting: number;
  readonly active_queues: number;
  readonly completed: number;
  readonly average_wait: number;
  readonly queues: readonly ClinicView[];
}

/** One round trip, which also makes PINs that are missing. Throws UNAUTHORIZED when the token is not current. */
export async function readAdminView(ctx: RequestContext) {
  const { day, end } = today(ctx);
  const view = await callFunction<AdminView>(ctx, 'admin_view', { day, day_end: end, admin: ctx.admin });
  return {
    type: 'ADMIN_UPDATE',
    stats: {
      totalWaiting: view.waiting,
      activeQueues: view.active_queues,
      completedToday: view.completed,
      avgWaitTime: view.average_wait,
    },
    queues: view.queues.map((queue) => ({
      id: queue.clinic,
      name: queue.name_ar,
      nameAr: queue.name_ar,
      current: queue.current,
      waiting: queue.waiting,
      total: queue.list.length,
      pin: queue.pin,
      avgTime: Math.round(queue.mean_minutes),
      list: queue.list,
    })),
    timestamp: ctx.clock.now().getTime(),
  } as const;
}
