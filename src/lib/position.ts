// The patient's place in line: a conditional long-poll without state on the server. The tag says what the caller
// has seen; a request with the current tag is held until something changes.
import type { CacheKey } from './cache.ts';
import { fill, look } from './cached-read.ts';
import { CircuitState } from './circuit-breaker.ts';
import { callFunction, type RequestContext, today } from './request-context.ts';

export type ShownStatus = 'WAITING' | 'CALLED' | 'IN_SERVICE' | 'DONE';

/** The numbers of a clinic's day by state; those who wait stand in the order of the line. */
export interface LineNumbers {
  readonly waiting: readonly number[];
  readonly called: readonly number[];
  readonly in: readonly number[];
  readonly done: readonly number[];
}

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
  readonly line: LineNumbers;
}

const MESSAGES = {
  WAITING: 'Waiting',
  NEXT: 'You are next',
  CALLED: 'Please go to the clinic',
  IN_SERVICE: 'Currently in service',
  DONE: 'Examination completed',
} as const;

/**
 * Milliseconds after which whoever is held looks again, woken or not: a message may have been lost. Spread by the number,
 * so that of all who came together few find the cached line just expired.
 */
const lookAgainAfter = (number: number): number => 1_600 + (number % 20) * 20;

export interface PositionRequest {
  readonly clinic: string;
  readonly user: string;
  /** The header If-None-Match as it was sent. */
  readonly ifNoneMatch: string | undefined;
  /** Seconds to hold a caller who has seen the present state; 0 never holds. */
  readonly holdSeconds: number;
}

/** What a caller who has seen everything waits with. */
interface UpToDate {
  readonly number: number;
  readonly tag: string;
  readonly clinic: string;
  readonly version: number;
}

/**
 * The caller's place, with its tag. `body` is absent when nothing changed within the hold. While nothing changes, the
 * cached line answers for the database. Who asks in vain more than twice a second waits for his turn. Throws NOT_IN_QUEUE also when the entry goes away meanwhile.
 */
export async function queuePosition(ctx: RequestContext, request: PositionRequest) {
  const deadline = performance.now() + request.holdSeconds * 1000;
  const turn = () =>
    ctx.timing.measure('held', () => ctx.positionPace.turn(`${request.clinic} ${request.user}`, ctx.signal));
  // Who cannot be held waits before the database is asked, everybody else only if there is nothing to hold for.
  let isDue = request.holdSeconds === 0 || request.ifNoneMatch === undefined;
  if (isDue && (await turn()) === 'gone') return { etag: '"gone"', body: undefined };
  for (;;) {
    const { day } = today(ctx);
    let seen = await seenInCachedLine(ctx, request, day);
    if (!seen) {
      const found = await readPosition(ctx, request, day);
      const status = found.status === 'WAITING' && found.ahead === 0 ? 'NEXT' : found.status;
      const tag = `${day}.${found.number}.${status}.${found.display_number}.${found.ahead}`;
      if (!hasSeen(request.ifNoneMatch, tag)) {
        const mine = isDue ? 'now' : await turn();
        isDue = true;
        // What was read before the wait is old by now.
        if (mine === 'later') continue;
        return { etag: `"${tag}"`, body: positionBody(ctx, found, status) };
      }
      seen = { number: found.number, tag, clinic: found.clinic, version: found.version };
    }
    isDue = true;
    const { number, tag, clinic, version } = seen;
    const left = deadline - performance.now();
    // Without Redis a look is a database read, and one look of the wake-ups serves everybody who waits.
    const isCached = ctx.redis?.breaker.getState() === CircuitState.CLOSED;
    const pause = isCached ? Math.min(left, lookAgainAfter(number)) : left;
    const hold = () => ctx.wakeUps.wait({ day, clinic, version }, pause, ctx.signal);
    if (left <= 0 || (await ctx.timing.measure('held', hold)) === 'stop') {
      return { etag: `"${tag}"`, body: undefined };
    }
  }
}

/** What the caller has seen, when the cached line says that it still holds. */
async function seenInCachedLine(
  ctx: RequestContext,
  { clinic, ifNoneMatch }: PositionRequest,
  day: string,
): Promise<UpToDate | undefined> {
  const number = Number(new RegExp(`(?<![\\d-])${day}\\.(\\d+)\\.`).exec(ifNoneMatch ?? '')?.[1]);
  const id = ctx.clinicNames.idOf(clinic);
  if (!number || id === undefined) return undefined;
  const entry = (await look(ctx, listKey(day, id)))?.entry;
  const place = entry && placeOf(number, entry.value as LineNumbers);
  if (!entry || !place) return undefined;
  const tag = `${day}.${number}.${place}`;
  return hasSeen(ifNoneMatch, tag)
    ? { number, tag, clinic: id, version: entry.versions[id] ?? 0 }
    : undefined;
}

/** The end of the tag of a number: status, place and how many are ahead. Undefined for a number that is not there. */
export function placeOf(number: number, line: LineNumbers): string | undefined {
  const ahead = line.waiting.indexOf(number);
  if (ahead >= 0) return `${ahead === 0 ? 'NEXT' : 'WAITING'}.${ahead + 1}.${ahead}`;
  if (line.called.includes(number)) return 'CALLED.0.0';
  if (line.in.includes(number)) return 'IN_SERVICE.0.0';
  return line.done.includes(number) ? 'DONE.-1.0' : undefined;
}

async function readPosition(
  ctx: RequestContext,
  { clinic, user, ifNoneMatch }: PositionRequest,
  day: string,
): Promise<StoredPosition> {
  const start = performance.now();
  const found = await callFunction<StoredPosition>(ctx, 'queue_position', { clinic, user, day });
  ctx.clinicNames.learn(clinic, found.clinic);
  const entry = { versions: { [found.clinic]: found.version }, value: found.line };
  const filled = fill(ctx, listKey(day, found.clinic), entry, performance.now() - start);
  // Whoever asks for the first time did not look there, and need not wait for it.
  if (ifNoneMatch === undefined) ctx.waitUntil(filled);
  else await filled;
  return found;
}

function listKey(day: string, clinic: string): CacheKey {
  return { day, name: `queue:list:${clinic}`, clinic };
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
