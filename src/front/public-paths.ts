// Which paths belong to the backend, and which requests may be sent a second time to another target.
import { UNPUBLISHED } from '../../supabase-adapter/functions.ts';
import { DomainError } from '../lib/errors.ts';
import type { FrontTarget } from './front-targets.ts';

const PREFIXES = ['/api/', '/auth/', '/config/', '/health/'];
const PATHS = new Set(['/health', '/metrics', '/openapi.json', '/docs']);
const ADMIN_FORMS = new Set(['/admin/login', '/admin/logout']);

/**
 * Passes for what a target answers. Throws for what is the page's where its files are served, which is not here:
 * NOT_FOUND, or METHOD_NOT_ALLOWED for looking at the address of a form.
 */
export function requirePublic(method: string, path: string): void {
  const isPublic = PATHS.has(path) || PREFIXES.some((prefix) => path.startsWith(prefix));
  if (isPublic || (method === 'POST' && path.startsWith('/admin/'))) return;
  if (ADMIN_FORMS.has(path)) {
    throw new DomainError('METHOD_NOT_ALLOWED', { headers: { Allow: 'POST, OPTIONS' } });
  }
  throw new DomainError('NOT_FOUND', { path: path.slice(0, 200) });
}

/** Writes that change nothing when they come a second time. */
const REPEATABLE = new Set(['/api/v1/queue/enter', '/api/v1/queue/done', '/api/v1/route/create']);

/** May this be sent again to another target, when nobody knows whether the first one worked on it? */
export function isSafeToRepeat(method: string, path: string, headers: Headers): boolean {
  if (method === 'GET' || method === 'HEAD' || headers.has('Idempotency-Key')) return true;
  return method === 'POST' && REPEATABLE.has(path);
}

/** Does this target answer this path? Supabase turns HTML into text, so the pages for browsers are not there. */
export function publishes({ name }: FrontTarget, path: string): boolean {
  return name !== 'supabase' || !UNPUBLISHED.has(path);
}

/** Is this answered only when something changes, or at the end of its time? */
export function isHeld(path: string): boolean {
  return path === '/api/v1/queue/position';
}
