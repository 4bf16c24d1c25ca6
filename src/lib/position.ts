// The patient's place in line: a conditional long-poll without state on the server. The tag says what the caller
// has seen; a request with the current tag is held until something changes.
import { callFunction, type RequestContext, today } from './request-context.ts';

export type ShownStatus = 'WAITING' | 'CALLED' | 'IN_SERVICE' | 'DONE';

interface StoredPosition {
  readonly clinic: string;
  readonly user: string;
  readonly number: number;
  readonly status: ShownStatus;
  readonly display_number: number;
  readonly position: number;
  readonly ahead: number;
  readonly total_waiting: number;
  readonly entry_time: string;
  readonly called_at: string | null;
  readonly mean_minutes: number;
  readonly version: number;
}

const MESSAGES = {
  WAITING: 'Waiting',
  NEXT: 'You are next',
  CALLED: 'Please go to the clinic',
  IN_SERVICE: 'Currently in service',
  DONE: 'Examination completed',
} as const;

export interface PositionRequest {
  readonly clinic: string;
  readonly user: string;
  /** The header If-None-Match as it was sent. */
  readonly ifNoneMatch: string | undefined;
  /** Seconds to hold a caller who has seen the present state; 0 never holds. */
  readonly holdSeconds: number;
}

/**
 * The caller's place, with its tag. `body` is absent when nothing changed within the hold. Throws NOT_IN_QUEUE also
 * when the entry goes away meanwhile.
 */
export async function queuePosition(ctx: RequestContext, request: PositionRequest) {
  const deadline = performance.now() + request.holdSeconds * 1000;
  for (;;) {
    const { day } = today(ctx);
    const found = await callFunction<StoredPosition>(ctx, 'queue_position', {
      clinic: request.clinic,
      user: request.user,
      day,
    });
    const status = found.status === 'WAITING' && found.ahead === 0 ? 'NEXT' : found.status;
    const tag = `${day}.${found.number}.${status}.${found.display_number}.${found.ahead}`;
    if (!hasSeen(request.ifNoneMatch, tag)) {
      return { etag: `"${tag}"`, body: positionBody(ctx, found, status) };
    }
    const left = deadline - performance.now();
    const line = { day, clinic: found.clinic, version: found.version };
    const hold = () => ctx.wakeUps.wait(line, left, ctx.signal);
    if (left <= 0 || (await ctx.timing.measure('held', hold)) === 'stop') {
      return { etag: `"${tag}"`, body: undefined };
    }
  }
}

function positionBody(ctx: RequestContext, found: StoredPosition, status: keyof typeof MESSAGES) {
  return {
    success: true,
    clinic: found.clinic,
    user: found.user,
    number: found.number,
    status,
    display_number: found.display_number,
    position: found.position,
    ahead: found.ahead,
    total_waiting: found.total_waiting,
    estimated_wait_minutes: Math.round(found.ahead * found.mean_minutes),
    entry_time: found.entry_time,
    called_at: found.called_at,
    message: MESSAGES[status],
    verified_at: ctx.clock.now().toISOString(),
    verification_method: 'database',
  } as const;
}

/**
 * Does the header hold this tag? The comparison is weak, and a compressing proxy may have added a suffix such as
 * `-gzip` within the quotes. `*` names no state, so it has seen none.
 */
export function hasSeen(ifNoneMatch: string | undefined, tag: string): boolean {
  return (ifNoneMatch ?? '')
    .split(',')
    .map((sent) => sent.trim().replace(/^W\//, '').replace(/^"|"$/g, ''))
    .some((sent) => sent.startsWith(tag) && !/^[0-9.]/.test(sent.slice(tag.length)));
}
