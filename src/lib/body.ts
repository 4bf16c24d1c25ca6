// The body of a write, read once: bounded, of an accepted type, a JSON object. Routes then see it as JSON.
import { createMiddleware } from 'hono/factory';
import type { AppEnv } from './app-env.ts';
import { DomainError } from './errors.ts';

/** Largest body that is read, in bytes (64 KiB). */
export const MAX_BODY = 64 * 1024;

/** The page's login form posts a form; everything else is JSON. */
const FORM_PATHS = new Set(['/admin/login', '/api/v1/auth/login']);

/**
 * Throws BODY_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE or MALFORMED_BODY. An absent or empty body counts as `{}`; the
 * Content-Type may be absent.
 */
export const body = createMiddleware<AppEnv>(async (c, next) => {
  if (c.req.method !== 'POST' && c.req.method !== 'PUT') return next();
  const bytes = await readBounded(c.req.raw);
  const contentType = c.req.header('Content-Type') ?? 'application/json';
  const text = await jsonObject(bytes, contentType, FORM_PATHS.has(c.req.path));

  // zod-validator reads `{}` without a JSON Content-Type, so the request goes on as the JSON it stands for.
  const headers = new Headers(c.req.raw.headers);
  headers.set('Content-Type', 'application/json');
  headers.delete('Content-Length');
  c.req.raw = new Request(c.req.url, { method: c.req.method, headers, body: text, signal: c.req.raw.signal });
  await next();
});

/** The whole body. Throws BODY_TOO_LARGE, or MALFORMED_BODY when it breaks off. */
export async function readBounded(request: Request): Promise<Uint8Array<ArrayBuffer>> {
  if (Number(request.headers.get('Content-Length') ?? 0) > MAX_BODY) throw new DomainError('BODY_TOO_LARGE');
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = request.body?.getReader();
  while (reader) {
    const { done, value } = await reader.read().catch(brokenOff);
    if (done) break;
    size += value.byteLength;
    if (size > MAX_BODY) {
      await reader.cancel();
      throw new DomainError('BODY_TOO_LARGE');
    }
    chunks.push(value);
  }
  const whole = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return whole;
}

/** A caller who goes away in the middle of a body is no fault of ours. */
function brokenOff(): never {
  throw new DomainError('MALFORMED_BODY');
}

/** The text of the JSON object that was sent: as it came, since writing a deeply nested one anew overflows the stack. */
async function jsonObject(
  bytes: Uint8Array<ArrayBuffer>,
  contentType: string,
  formAllowed: boolean,
): Promise<string> {
  const type = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const isForm = type === 'application/x-www-form-urlencoded' || type === 'multipart/form-data';
  if (type !== 'application/json' && !(isForm && formAllowed)) {
    throw new DomainError('UNSUPPORTED_MEDIA_TYPE');
  }
  if (bytes.byteLength === 0) return '{}';
  try {
    if (isForm) {
      const form = await new Response(bytes, { headers: { 'Content-Type': contentType } }).formData();
      return JSON.stringify(Object.fromEntries([...form].filter(([, value]) => typeof value === 'string')));
    }
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return text;
  } catch {
    // Answered below, whatever the parser had to say.
  }
  throw new DomainError('MALFORMED_BODY');
}
