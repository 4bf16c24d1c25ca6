// A Node server before a function that takes a Request and gives a Response, with what Vercel's edge does before it.
import { createServer } from 'node:http';
import { getRequestListener } from '@hono/node-server';

/** The largest body that Vercel hands to a function, in bytes. */
const MAX_BODY = 4.5 * 1024 * 1024;

/** As an edge does it: longer than a client keeps an idle connection, so that none sends into one being closed. */
const KEEP_ALIVE_MS = 10 * 60_000;

/** Methods of which no Request can be made: the platform refuses them itself. */
const FORBIDDEN = new Set(['TRACE', 'TRACK', 'CONNECT']);

/**
 * Listens on 127.0.0.1 and says so in one line on stdout. A function gets a request when all of it has come, and the
 * address of the client in x-real-ip, whatever the client sent.
 * @param {number} port @param {(request: Request) => Promise<Response>} fetch
 */
export async function listen(port, fetch) {
  const options = { hostname: '127.0.0.1', overrideGlobalObjects: false };
  const listener = getRequestListener(async (request, { incoming }) => {
    if (FORBIDDEN.has(incoming.method ?? '')) return new Response(null, { status: 405 });
    const { url, method, signal } = request;
    const headers = new Headers(request.headers);
    headers.set('x-real-ip', incoming.socket.remoteAddress ?? '');
    if (method === 'GET' || method === 'HEAD') return fetch(new Request(url, { method, headers, signal }));
    const body = await request.arrayBuffer();
    if (body.byteLength > MAX_BODY) return new Response('FUNCTION_PAYLOAD_TOO_LARGE', { status: 413 });
    return fetch(new Request(url, { method, headers, signal, ...(body.byteLength > 0 && { body }) }));
  }, options);
  const server = createServer(listener);
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  await new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve(undefined)));
  const bound = server.address();
  console.log(JSON.stringify({ event: 'listen', port: typeof bound === 'object' ? bound?.port : port }));
}
