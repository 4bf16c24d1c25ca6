// A path or a method that does not exist is refused before anything else is looked at. Never HTML.
import type { Context, Hono } from 'hono';
import { createMiddleware } from 'hono/factory';
import { getPath } from 'hono/utils/url';
import type { AppEnv } from './app-env.ts';
import { DomainError } from './errors.ts';

/** Longest path that an error repeats. */
const SHOWN = 200;

/** The path of a request; one trailing slash is ignored. */
export function pathOf(request: Request): string {
  const path = getPath(request);
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

/** Methods by path, read from the routes that an application has, without some. All paths here are fixed texts. */
export function methodsByPath(
  app: Pick<Hono<AppEnv>, 'routes'>,
  unpublished?: ReadonlySet<string>,
): Map<string, Set<string>> {
  const table = new Map<string, Set<string>>();
  for (const { method, path } of app.routes) {
    if (method === 'ALL' || unpublished?.has(path)) continue;
    const methods = table.get(path) ?? new Set<string>();
    methods.add(method);
    if (method === 'GET') methods.add('HEAD');
    table.set(path, methods);
  }
  return table;
}

/** The path for logs and metrics: one of the table, or `unmatched`. Never what a caller wrote. */
export function routeLabel(c: Context<AppEnv>, table: ReadonlyMap<string, unknown>): string {
  return table.has(c.req.path) ? c.req.path : 'unmatched';
}

/** Throws NOT_FOUND or METHOD_NOT_ALLOWED (with `Allow`) for what the table does not hold. */
export const knownPaths = (table: () => ReadonlyMap<string, ReadonlySet<string>>) =>
  createMiddleware<AppEnv>(async (c, next) => {
    const methods = table().get(c.req.path);
    if (!methods) throw new DomainError('NOT_FOUND', { path: c.req.path.slice(0, SHOWN) });
    if (!methods.has(c.req.method)) {
      throw new DomainError('METHOD_NOT_ALLOWED', { headers: { Allow: [...methods, 'OPTIONS'].join(', ') } });
    }
    await next();
  });
