// Web page mode: what the deployed page needs answered differently, because it takes any non-2xx for a dead server
// and then tells the person that it succeeded. The only code that knows of the page; a setting switches it off.
import { createMiddleware } from 'hono/factory';
import type { AppEnv } from './app-env.ts';
import type { WebPageSettings } from './config.ts';
import { clientOrigin } from './trusted-proxy.ts';

/** What decides whether a request is the page's, and what changes for it. */
export interface PageRequest {
  readonly method: string;
  readonly path: string;
  /** Host with port, as the client saw it. */
  readonly host: string;
  readonly origin: string | undefined;
  readonly referer: string | undefined;
}

/** A wrong PIN answered 403 would be stored by the page, shown as a success and replayed at the next load. */
const FAILURES_AS_200 = new Set([
  '/api/v1/patient/login',
  '/api/v1/queue/enter',
  '/api/v1/queue/done',
  '/api/v1/queue/call',
  '/api/v1/route/create',
  '/api/v1/clinic/exit',
]);

/** A path without `/admin` in it: the page takes any final URL that has it for a successful login. */
const DENIED = '/auth/denied';

/** The status that metrics count, when the page sees another one. */
export const ORIGINAL_STATUS = 'X-Original-Status';

/** Is this the page's request? Only `Origin`, or without one `Referer`, can say so; curl and other clients send neither. */
export function isFromPage(request: PageRequest, pageOrigins: readonly string[]): boolean {
  const source = request.origin ?? request.referer;
  if (source === undefined || !URL.canParse(source)) return false;
  const { origin, host } = new URL(source);
  return host !== '' && (host === request.host.toLowerCase() || pageOrigins.includes(origin));
}

/** The answer as the page needs it: the same object where nothing changes, else a new one. */
export async function answerForPage(request: PageRequest, answer: Response): Promise<Response> {
  const path = request.path.length > 1 ? request.path.replace(/\/$/, '') : request.path;
  if (request.method === 'POST') {
    if (answer.status < 400) return answer;
    if (FAILURES_AS_200.has(path)) return asSuccess(answer);
    return path === '/admin/login' ? toDenied(answer) : answer;
  }
  if (request.method !== 'GET') return answer;
  if (path === '/api/v1/route/get' && answer.status === 404) {
    const { code } = await json(answer);
    return code === 'ROUTE_NOT_FOUND' ? asSuccess(answer) : answer;
  }
  if (path === '/api/v1/stats/queues' && answer.status === 200) return bareArray(answer);
  return answer;
}

/** Rewrites the answers to the page's requests. Outside the error boundary, so that it sees every failure. */
export const webPageMode = (settings: () => WebPageSettings) =>
  createMiddleware<AppEnv>(async (c, next) => {
    const origin = c.req.header('Origin');
    const referer = c.req.header('Referer');
    if (origin === undefined && referer === undefined) return next();
    const { method, path } = c.req;
    const request: PageRequest = { method, path, host: clientOrigin(c).host, origin, referer };
    await next();
    const { enabled, pageOrigins } = settings();
    if (!enabled || !isFromPage(request, pageOrigins)) return;
    const answer = await answerForPage(request, c.res);
    if (answer === c.res) return;
    // Hono copies the headers of the answer before into the next one, unless there is none: the cookie must go.
    c.res = undefined;
    c.res = answer;
  });

function asSuccess(answer: Response): Response {
  const headers = new Headers(answer.headers);
  headers.set(ORIGINAL_STATUS, String(answer.status));
  return new Response(answer.body, { status: 200, headers });
}

function toDenied(answer: Response): Response {
  const headers = new Headers(answer.headers);
  for (const name of ['Content-Type', 'Content-Length', 'Set-Cookie']) headers.delete(name);
  headers.set('Location', DENIED);
  headers.set(ORIGINAL_STATUS, String(answer.status));
  return new Response(null, { status: 303, headers });
}

async function bareArray(answer: Response): Promise<Response> {
  const { queues } = await json(answer);
  const headers = new Headers(answer.headers);
  headers.delete('Content-Length');
  return new Response(JSON.stringify(queues), { status: 200, headers });
}

async function json(answer: Response): Promise<Record<string, unknown>> {
  return (await answer.clone().json()) as Record<string, unknown>;
}
