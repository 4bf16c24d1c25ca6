/**
 * The page and the API on one origin, by the rules of section 6.4 of the contract: what belongs to the backend is handed
 * on as it comes, every other GET is the page. Also the page's way to its test, which no deployment has.
 */
import { readFile } from 'node:fs/promises';
import { type IncomingMessage, request, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';
import { listenOnLoopback, readBody, sendJson } from '../../local/loopback-server.ts';

const BACKEND = /^\/(?:api\/|auth\/|config\/|health|(?:metrics|openapi\.json|docs)$)/;

/** One request of the browser to the backend. */
export interface OnTheWire {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  /** `performance.now()` when it came. */
  readonly at: number;
  readonly headers: IncomingMessage['headers'];
  /** Of the answer; undefined while there is none. */
  status: number | undefined;
}

export interface Step {
  readonly id: number;
  readonly name: string;
  readonly input: readonly unknown[];
}

export interface PageHost {
  readonly url: string;
  readonly wire: readonly OnTheWire[];
  /** Hands it to the page, now or when it next asks. */
  tell(step: Step): void;
  close(): Promise<void>;
}

/** Serves the page before this API. `onReport` gets each JSON text that the page reports, in their order. */
export async function startPageHost(api: string, onReport: (json: string) => void): Promise<PageHost> {
  const html = await readFile(new URL('page.html', import.meta.url));
  const wire: OnTheWire[] = [];
  const steps: Step[] = [];
  let asking: ServerResponse | undefined;
  function handOver(): void {
    const step = asking && steps.shift();
    if (!asking || !step) return;
    sendJson(asking, 200, step);
    asking = undefined;
  }

  const server = await listenOnLoopback(
    0,
    async (incoming, outgoing) => {
      const { method = '', url: path = '', headers } = incoming;
      const { pathname } = new URL(path, api);
      if (BACKEND.test(pathname) || (method === 'POST' && pathname.startsWith('/admin/'))) {
        const sent: OnTheWire = { method, path, at: performance.now(), headers, status: undefined };
        wire.push(sent);
        handOn(api, sent, incoming, outgoing);
      } else if (pathname === '/next-step') {
        asking = outgoing;
        handOver();
      } else if (pathname === '/report') {
        onReport(await readBody(incoming, {}));
        sendJson(outgoing, 200, {});
      } else if (method === 'GET') {
        outgoing.writeHead(200, {
          'Content-Type': 'text/html; charset=utf-8',
          'Content-Security-Policy': "connect-src 'self'",
          'Referrer-Policy': 'strict-origin-when-cross-origin',
        });
        outgoing.end(html);
      } else sendJson(outgoing, 405, {});
    },
    String,
  );
  return {
    url: `http://127.0.0.1:${server.port}`,
    wire,
    tell(step) {
      steps.push(step);
      handOver();
    },
    close: server.close,
  };
}

/** With the Host that the browser named, and nothing buffered; who goes is gone on both sides. */
function handOn(api: string, sent: OnTheWire, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const { connection: _connection, ...headers } = incoming.headers;
  const upstream = request(api + sent.path, { method: sent.method, headers, agent: false }, (answer) => {
    const { connection: _, 'keep-alive': __, 'transfer-encoding': ___, ...kept } = answer.headers;
    sent.status = answer.statusCode;
    outgoing.writeHead(answer.statusCode ?? 502, kept);
    outgoing.flushHeaders();
    pipeline(answer, outgoing, () => {});
  });
  upstream.once('error', () => outgoing.destroy());
  outgoing.once('close', () => upstream.destroy());
  incoming.pipe(upstream);
}
