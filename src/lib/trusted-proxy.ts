// The front before the targets says who its client is. Anybody could send such headers: they count with its secret only.
import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import type { AppEnv } from './app-env.ts';

/** Own names, since every platform rewrites `X-Forwarded-*` in its own way. */
export const PROXY_HEADERS = {
  secret: 'X-MMC-Proxy-Secret',
  /** The client's address as the front's platform vouches for it. */
  address: 'X-MMC-Client-IP',
  /** Scheme and host as the client saw them, e.g. `https://api.example.com`. */
  origin: 'X-MMC-Client-Origin',
} as const;

/** The client of a request that came through the front. */
export interface Forwarded {
  readonly address: string;
  readonly origin: URL;
}

/** Believes the headers of a proxy that sends this secret; without one, nobody's. */
export const trustedProxy = (secret: string | undefined) =>
  createMiddleware<AppEnv>(async (c, next) => {
    const { headers } = c.req.raw;
    const sent = secret === undefined ? null : headers.get(PROXY_HEADERS.secret);
    if (secret !== undefined && sent !== null && areEqual(sent, secret)) {
      const address = headers.get(PROXY_HEADERS.address);
      const origin = headers.get(PROXY_HEADERS.origin) ?? '';
      if (address && URL.canParse(origin)) c.set('forwarded', { address, origin: new URL(origin) });
    }
    await next();
  });

/** Scheme and host as the client saw them. */
export function clientOrigin(c: Context<AppEnv>): Pick<URL, 'protocol' | 'host'> {
  return c.get('forwarded')?.origin ?? new URL(c.req.url);
}

/** Did the client come over HTTPS? Asked for every answer, so without parsing the URL. */
export function isOverHttps(c: Context<AppEnv>): boolean {
  const forwarded = c.get('forwarded');
  return forwarded ? forwarded.origin.protocol === 'https:' : c.req.url.startsWith('https:');
}

/** Compares every character, so that the time says nothing about where two texts differ. */
function areEqual(one: string, other: string): boolean {
  if (one.length !== other.length) return false;
  let difference = 0;
  for (let i = 0; i < one.length; i++) difference |= one.charCodeAt(i) ^ other.charCodeAt(i);
  return difference === 0;
}
