// One request to one target, and whether what came back is an answer of our application at all.
import { TARGET_HEADER } from '../lib/answer-headers.ts';
import type { FrontTarget } from './front-targets.ts';
import { headersForClient } from './passed-headers.ts';

/** Milliseconds that a target itself may take when all is well with it: it waits 5 s for its database, and holds 15 s. */
const OWN_TIME = { held: 20_000, other: 6_000 };

/** Milliseconds within which a target must give a sign of life. */
export const LIFE_LIMIT = 2_500;

/** The target, or the platform around it, did not let our application answer. */
export class TargetFailure extends Error {
  override readonly name = 'TargetFailure';
}

/** No answer of our application, and maybe no fault of the target: its platform refused the request, or time was short. */
export class NoVerdict extends Error {
  override readonly name = 'NoVerdict';
}

/** Thrown when nobody waits for the answer any more. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone';
}

/** A request that can be sent more than once. */
export interface Outgoing {
  readonly method: string;
  /** Path with query. */
  readonly path: string;
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer> | undefined;
  readonly isHeld: boolean;
  /** Aborts when the client is gone. */
  readonly gone: AbortSignal;
}

/** How long one target is waited for. */
export interface Patience {
  /** Until an answer must have begun, and, unless it is a stream, must be whole. */
  readonly milliseconds: number;
  /** Aborts when waiting became useless. */
  readonly over: AbortSignal;
}

/**
 * The target's answer: a stream as it comes, anything else whole. Throws TargetFailure when there is none, or one of
 * 5xx that lacks the header which our application puts on every answer; NoVerdict when that proves nothing against the
 * target; ClientGone when the client left first.
 */
export async function askTarget(
  target: FrontTarget,
  request: Outgoing,
  { milliseconds, over }: Patience,
): Promise<Response> {
  const { method, path, body, isHeld, gone } = request;
  if (gone.aborted) throw new ClientGone();
  const stop = new AbortController();
  const leave = () => stop.abort();
  for (const signal of [gone, over]) signal.addEventListener('abort', leave, { once: true });
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    leave();
  }, milliseconds);
  try {
    const answer = await fetch(target.url + path, {
      ...inWordsOf(target, request),
      redirect: 'manual',
      signal: stop.signal,
      ...(body && { body }),
    });
    if (!answer.headers.has(TARGET_HEADER)) {
      await answer.body?.cancel();
      // What a client sends can make a platform refuse it, and must not speak against the target.
      const Verdict = answer.status < 500 ? NoVerdict : TargetFailure;
      throw new Verdict(`${target.name} answered ${answer.status} without our application`);
    }
    const init = { status: answer.status, headers: headersForClient(answer.headers) };
    if (method === 'HEAD') {
      await answer.body?.cancel();
      return new Response(null, init);
    }
    if (answer.headers.get('Content-Type')?.startsWith('text/event-stream')) {
      return new Response(answer.body && untilGone(answer.body, gone, leave), init);
    }
    const whole = await answer.arrayBuffer();
    return new Response(whole.byteLength === 0 ? null : whole, init);
  } catch (error) {
    if (error instanceof TargetFailure || error instanceof NoVerdict) throw error;
    if (gone.aborted) throw new ClientGone();
    const wasShort = isLate && milliseconds < OWN_TIME[isHeld ? 'held' : 'other'];
    throw new (wasShort ? NoVerdict : TargetFailure)(`${target.name} did not answer`);
  } finally {
    clearTimeout(timer);
    for (const signal of [gone, over]) signal.removeEventListener('abort', leave);
  }
}

/**
 * Does our application answer at this target? Asks for what needs nothing but the process, with nothing of a client in
 * the request: so no client can make it fail. Never rejects.
 */
export async function isAlive({ url }: FrontTarget): Promise<boolean> {
  try {
    const answer = await fetch(`${url}/health/live`, {
      redirect: 'manual',
      signal: AbortSignal.timeout(LIFE_LIMIT),
    });
    await answer.body?.cancel();
    return answer.headers.has(TARGET_HEADER);
  } catch {
    return false;
  }
}

/** Functions of Supabase refuse HEAD: a GET takes its place, which must not be held for a body that nobody gets. */
function inWordsOf(
  { name }: FrontTarget,
  { method, headers }: Outgoing,
): Pick<Outgoing, 'method' | 'headers'> {
  if (method !== 'HEAD' || name !== 'supabase') return { method, headers };
  const unconditional = new Headers(headers);
  unconditional.delete('If-None-Match');
  return { method: 'GET', headers: unconditional };
}

/** The stream, ended at its source when its reader is gone: at once where the platform says so, else at its next frame. */
function untilGone(
  body: ReadableStream<Uint8Array>,
  gone: AbortSignal,
  leave: () => void,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  const end = () => {
    reader.cancel().catch(() => undefined);
    leave();
  };
  gone.addEventListener('abort', end, { once: true });
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: end,
  });
}
