// Which headers travel through the front, and what a target is told about the client.
import { TARGET_HEADER } from '../lib/answer-headers.ts';
import { PROXY_HEADERS } from '../lib/trusted-proxy.ts';

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
const OF_PROXIES =
  /^(x-forwarded-|x-mmc-|x-vercel-|cf-|x-real-ip$|forwarded$|true-client-ip$|cdn-loop$|via$)/i;

/**
 * What the platform of a target adds to an answer: about its own host, which the client never asked (for how long its
 * names need HTTPS, where its errors are reported), or about itself.
 */
const OF_PLATFORMS =
  /^(strict-transport-security$|nel$|report-to$|reporting-endpoints$|server$|cf-|sb-|x-sb-|x-vercel-|x-deno-)/i;

/** A cookie for a name of its platform's choice; ours are for the host that was asked. */
const FOREIGN_COOKIE = /;\s*domain=/i;

/** Who sends the request, in the words of the front's platform. */
export interface OutgoingClient {
  readonly requestId: string;
  readonly address: string;
  readonly origin: string;
  readonly secret: string | undefined;
}

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

/** The headers for the client: what our application said, and its target's name where its platform put another. */
export function headersForClient(headers: Headers): Headers {
  const passed = passedOn(
    headers,
    (name, value) => OF_PLATFORMS.test(name) || (name === 'set-cookie' && FOREIGN_COOKIE.test(value)),
  );
  const target = headers.get(TARGET_HEADER);
  if (target !== null) passed.set('X-Served-By', target);
  return passed;
}

/** Those that concern more than one connection, without some. */
function passedOn(headers: Headers, isLeftOut: (name: string, value: string) => boolean): Headers {
  const named = (headers.get('Connection') ?? '').split(',').map((name) => name.trim().toLowerCase());
  const passed = new Headers();
  for (const [name, value] of headers) {
    if (!NOT_PASSED_ON.has(name) && !named.includes(name) && !isLeftOut(name, value))
      passed.append(name, value);
  }
  return passed;
}

/** What they take in a request, in bytes: the values are texts of one byte a character. */
export function sizeOf(headers: Headers): number {
  let size = 0;
  for (const [name, value] of headers) size += name.length + value.length + 4;
  return size;
}
