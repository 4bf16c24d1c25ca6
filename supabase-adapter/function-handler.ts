// What a function does with a request, without the runtime around it.
import { createIsolate, fromHeader, type WaitUntil } from '../src/targets/isolate.ts';
import { canonicalPath, UNPUBLISHED } from './functions.ts';

/** The first X-Forwarded-For there can be forged, since addresses are appended to what the client sent. */
const CLIENT_IP_HEADER = 'cf-connecting-ip';

/** The function `name` with these settings. `CLIENT_IP_HEADER` among them names another header of the platform. */
export function functionHandler(
  name: string,
  environment: Readonly<Record<string, string | undefined>>,
  waitUntil: WaitUntil,
): (request: Request) => Response | Promise<Response> {
  const isolate = createIsolate({
    target: 'supabase',
    environment,
    clientIp: fromHeader(environment.CLIENT_IP_HEADER?.trim() || CLIENT_IP_HEADER),
    unpublished: UNPUBLISHED,
  });
  return (request) => {
    const url = new URL(request.url);
    const path = canonicalPath(name, url.pathname);
    if (path === url.pathname) return isolate.fetch(request, waitUntil);
    url.pathname = path;
    return isolate.fetch(new Request(url, request), waitUntil);
  };
}
