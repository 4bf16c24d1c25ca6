// Which requests belong to the backend, and in which form a target gets them.
import { UNPUBLISHED } from '../../supabase-adapter/functions.ts';
import { DomainError } from '../lib/errors.ts';
import type { FrontTarget } from './front-targets.ts';

const PREFIXES = ['/api/', '/config/', '/health/'];
const PATHS = new Set(['/health', '/metrics', '/openapi.json', '/docs']);
const ADMIN_FORMS = new Set(['/admin/login', '/admin/logout']);

/** Those that every platform takes; OPTIONS is answered before. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']);

/** Bytes of path with query and of the headers: together less than the 16 KiB that the narrowest platform takes. */
const MOST = { address: 4_096, headers: 8_192 };

/**
 * The path of a request as the targets' platforms see it, for they do not decode it: `/%61pi/` is not `/api/`. One
 * trailing slash is ignored.
 */
export function publicPathOf(request: Request): string {
  const { pathname } = new URL(request.url);
  return pathname.length > 1 && pathname.endsWith('/') ? pathname.slice(0, -1) : pathname;
}

/**
 * Passes for what a target answers. Throws for what is the page's where its files are served, which is not here:
 * NOT_FOUND, or METHOD_NOT_ALLOWED, as for what no platform would let through.
 */
export function requirePublic(method: string, path: string): void {
  const isPublic = PATHS.has(path) || PREFIXES.some((prefix) => path.startsWith(prefix));
  if (method === 'POST' && path.startsWith('/admin/')) return;
  if (ADMIN_FORMS.has(path)) {
    throw new DomainError('METHOD_NOT_ALLOWED', { headers: { Allow: 'POST, OPTIONS' } });
  }
  if (!isPublic) throw notFound(path);
  if (!METHODS.has(method)) {
    throw new DomainError('METHOD_NOT_ALLOWED', { headers: { Allow: [...METHODS, 'OPTIONS'].join(', ') } });
  }
}

/** Throws BODY_TOO_LARGE for what some platform would refuse: every target must get the same. */
export function requireBounded(address: string, headers: number): void {
  if (address.length <= MOST.address && headers <= MOST.headers) return;
  throw new DomainError('BODY_TOO_LARGE', {
    error: 'Request too large',
    message: 'The address or the headers of the request are too long',
  });
}

/** Is somebody looking at the address of a form, which is only ever posted to? */
export function looksAtForm(method: string, path: string): boolean {
  return (method === 'GET' || method === 'HEAD') && ADMIN_FORMS.has(path);
}

/** Where a GET has an effect, or no end: it cannot stand in for HEAD, which functions of Supabase refuse. */
const NO_HEAD_BY_GET = new Set(['/api/v1/events/stream', '/api/system/tick']);

/** Those that answer this. Supabase turns HTML into text, so the pages for browsers are not there. Throws NOT_FOUND. */
export function publishers(
  targets: readonly FrontTarget[],
  method: string,
  path: string,
): readonly FrontTarget[] {
  const found = targets.filter(
    ({ name }) =>
      name !== 'supabase' || !(UNPUBLISHED.has(path) || (method === 'HEAD' && NO_HEAD_BY_GET.has(path))),
  );
  if (found.length === 0) throw notFound(path);
  return found;
}

/** Is this answered only when something changes, or at the end of its time? */
export function isHeld(path: string): boolean {
  return path === '/api/v1/queue/position';
}

function notFound(path: string): DomainError {
  return new DomainError('NOT_FOUND', { path: path.slice(0, 200) });
}
