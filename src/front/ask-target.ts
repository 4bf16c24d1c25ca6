// One request to one target, and whether what came back is an answer of our application at all.
import { PROXY_HEADERS } from '../lib/trusted-proxy.ts';
import type { FrontTarget } from './front-targets.ts';

/** Milliseconds until an answer must have begun, and, unless it is a stream, must be whole. */
export const LIMIT = { held: 25_000, other: 10_000 };

/** Milliseconds after which somebody who left is taken for somebody who waited in vain. */
const WAITED_IN_VAIN = 5_000;

/** The target, or the platform around it, did not let our application answer. */
export class TargetFailure extends Error {
  override readonly name = 'TargetFailure';
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

/** What belongs to one connection, or would come between us and the text. */
const NOT_PASSED_ON = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'host',
  'content-length',
  'accept-encoding',
  'content-encoding',
  'expect',
  'alt-svc',
]);

/** What only a platform or a proxy may say. */
const OF_PROXIES = /^(x-forwarded-|x-mmc-|x-vercel-|cf-|x-real-ip$|forwarded$|true-client-ip$)/i;

/** The headers for the target: the client's own, and with the secret who the client is. */
export function outgoingHeaders(
  headers: Headers,
  { requestId, address, origin, secret }: OutgoingClient,
): Headers {
  const passed = passedOn(headers, (name) => OF_PROXIES.test(name));
  // The text travels as it is: two decoders in a row are one too many.
  passed.set('Accept-Encoding', 'identity');
  passed.set('X-Request-Id', requestId);
  if (secret !== undefined) {
    passed.set(PROXY_HEADERS.secret, secret);
    passed.set(PROXY_HEADERS.address, address);
    passed.set(PROXY_HEADERS.origin, origin);
  }
  return passed;
}

/** Who sends the request, in the words of the front's platform. */
export interface OutgoingClient {
  readonly requestId: string;
  readonly address: string;
  readonly origin: string;
  readonly secret: string | undefined;
}

/**
 * The target's answer: a stream as it comes, anything else whole. Throws TargetFailure when there is none in time, or
 * when it lacks the header that our application puts on every answer; ClientGone when the client left first.
 */
export async function askTarget(target: FrontTarget, request: Outgoing): Promise<Response> {
  const { method, path, headers, body, isHeld, gone } = request;
  const stop = new AbortController();
  const leave = () => stop.abort();
  if (gone.aborted) throw new ClientGone();
  gone.addEventListener('abort', leave, { once: true });
  const timer = setTimeout(leave, isHeld ? LIMIT.held : LIMIT.other);
  const began = performance.now();
  // Functions of Supabase refuse HEAD.
  const sentMethod = method === 'HEAD' && target.name === 'supabase' ? 'GET' : method;
  try {
    const answer = await fetch(target.url + path, {
      method: sentMethod,
      headers,
      redirect: 'manual',
      signal: stop.signal,
      ...(body && { body }),
    });
    if (!answer.headers.has('X-Served-By')) {
      await answer.body?.cancel();
      throw new TargetFailure(`${target.name} answered ${answer.status} without our application`);
    }
    const init = { status: answer.status, headers: passedOn(answer.headers) };
    if (answer.headers.get('Content-Type')?.startsWith('text/event-stream')) {
      return new Response(answer.body && untilGone(answer.body, gone, leave), init);
    }
    const whole = await answer.arrayBuffer();
    return new Response(method === 'HEAD' || whole.byteLength === 0 ? null : whole, init);
  } catch (error) {
    if (error instanceof TargetFailure) throw error;
    const inVain = !isHeld && performance.now() - began > WAITED_IN_VAIN;
    if (gone.aborted && !inVain) throw new ClientGone();
    throw new TargetFailure(`${target.name} did not answer`);
  } finally {
    clearTimeout(timer);
    gone.removeEventListener('abort', leave);
  }
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

function passedOn(headers: Headers, isLeftOut: (name: string) => boolean = () => false): Headers {
  const named = (headers.get('Connection') ?? '').split(',').map((name) => name.trim().toLowerCase());
  const passed = new Headers();
  for (const [name, value] of headers) {
    if (!NOT_PASSED_ON.has(name) && !named.includes(name) && !isLeftOut(name)) passed.append(name, value);
  }
  return passed;
}
