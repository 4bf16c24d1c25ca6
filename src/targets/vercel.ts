// Vercel: the Node runtime on Fluid, and the same file runs on its edge runtime. The cron calls /api/system/tick.
import { createIsolate, fromHeader, type WaitUntil } from './isolate.ts';

/** Where the platform leaves what belongs to the request at hand; absent elsewhere. */
const REQUEST_CONTEXT = Symbol.for('@vercel/request-context');

interface Platform {
  readonly [REQUEST_CONTEXT]?: { get?(): { waitUntil?: WaitUntil } | undefined };
}

const isolate = createIsolate({
  target: 'vercel',
  environment: process.env,
  clientIp: fromHeader('x-real-ip'),
});

const waitUntil: WaitUntil = (work) => (globalThis as Platform)[REQUEST_CONTEXT]?.get?.()?.waitUntil?.(work);

export default { fetch: (request: Request) => isolate.fetch(request, waitUntil) };
