/** A server that stands before another and can spoil its answers: what a smoke test must notice on a broken target. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the caller gets instead; undefined fields stay as they were. */
export interface Altered {
  readonly status?: number;
  readonly type?: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string | undefined>>;
}

export interface AlteringProxy {
  readonly url: string;
  /** `GET /health` and the like, in the order in which they came. */
  readonly requests: readonly string[];
  /** Called with each whole answer; streams pass untouched. */
  alter: ((path: string, text: string) => Altered | 'silence' | undefined) | undefined;
  close(): Promise<void>;
}

/** Serves what stands behind `origin` below `base`. */
export async function startAlteringProxy(origin: string, base = ''): Promise<AlteringProxy> {
  const requests: string[] = [];
  const server = createServer(async (incoming, outgoing) => {
    const path = (incoming.url ?? '').slice(base.length);
    requests.push(`${incoming.method} ${path}`);
    const gone = new AbortController();
    outgoing.on('close', () => gone.abort());
    try {
      const response = await fetch(origin + path, {
        method: incoming.method ?? 'GET',
        headers: headersOf(incoming),
        redirect: 'manual',
        signal: gone.signal,
        ...(incoming.method === 'POST' && { body: await bodyOf(incoming) }),
      });
      const headers = Object.fromEntries(response.headers);
      if (headers['content-type']?.startsWith('text/event-stream')) {
        outgoing.writeHead(response.status, headers);
        for await (const bytes of response.body ?? []) outgoing.write(bytes);
        return;
      }
      const text = await response.text();
      const altered = proxy.alter?.(path, text);
      if (altered === 'silence') return;
      const { status = response.status, type, body = text, headers: changed = {} } = altered ?? {};
      const { 'content-length': _length, ...kept } = headers;
      const all = { ...kept, ...(type !== undefined && { 'content-type': type }), ...changed };
      outgoing.writeHead(
        status,
        Object.fromEntries(
          Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined),
        ),
      );
      outgoing.end(body);
    } catch {
      outgoing.destroy();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy: AlteringProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${base}`,
    requests,
    alter: undefined,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return proxy;
}

function headersOf({ headers }: IncomingMessage): Record<string, string> {
  const { host: _host, connection: _connection, 'content-length': _length, ...kept } = headers;
  return Object.fromEntries(
    Object.entries(kept).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
  );
}

async function bodyOf(incoming: IncomingMessage): Promise<string> {
  incoming.setEncoding('utf8');
  let text = '';
  for await (const chunk of incoming) text += chunk;
  return text;
}
