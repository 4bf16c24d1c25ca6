// The headers of every answer that are not CORS: who served it, how it may be kept, what a browser may do with it.
import { createMiddleware } from 'hono/factory';
import type { AppEnv } from './app-env.ts';
import type { Target } from './services.ts';
import { Timing } from './timing.ts';
import { isOverHttps } from './trusted-proxy.ts';

/**
 * Says, on every answer and by its value, that our application gave it and where. `X-Served-By` says the same to
 * people, and proves nothing: platforms use that name as well (Supabase's gateway puts `supabase-edge-runtime` on its
 * own refusals and on what functions answer).
 */
export const TARGET_HEADER = 'X-MMC-Target';

/** Never `no-referrer`: web page mode recognises the page's GETs by their Referer. */
const SECURITY = {
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'strict-origin-when-cross-origin',
} as const;

/** What a browser that shows an answer as a document may load or run: an answer is data. */
const NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Two years, for this host only: others under its name are not ours to decide about. */
export const HTTPS_ONLY = 'max-age=63072000';

/** Sets what a route did not set itself. */
export const answerHeaders = (target: Target) =>
  createMiddleware<AppEnv>(async (c, next) => {
    const timing = new Timing();
    c.set('timing', timing);
    await next();
    const { headers } = c.res;
    headers.set('X-Served-By', target);
    headers.set(TARGET_HEADER, target);
    headers.set('Server-Timing', timing.toString());
    for (const [name, value] of Object.entries(SECURITY)) headers.set(name, value);
    if (isOverHttps(c)) headers.set('Strict-Transport-Security', HTTPS_ONLY);
    if (!headers.has('Content-Security-Policy')) headers.set('Content-Security-Policy', NOTHING);
    if (!headers.has('Cache-Control')) headers.set('Cache-Control', 'private, no-store');
    if (headers.get('Content-Type') === 'application/json') {
      headers.set('Content-Type', 'application/json; charset=utf-8');
    }
  });
