/**
 * What both endpoints share: a small HTTP server that only this machine can reach, with bounded bodies, and that ends
 * at once when it is closed, open streams included.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

/** Bodies beyond this many bytes are refused with 413. */
export const MAX_BODY_BYTES = 16 * 1024 * 1024;

/** Longer than any client keeps an idle connection, so that none sends a request into one just being closed. */
export const KEEP_ALIVE_MS = 10 * 60 * 1000;

export type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

export interface LoopbackServer {
  readonly port: number;
  /** Stops listening and cuts every open connection. May be called twice. */
  close(): Promise<void>;
}

/** An answer to give instead of the normal one: the status and the JSON body. */
export class HttpRefusal extends Error {
  readonly status: number;
  readonly body: unknown;

  constructor(status: number, body: unknown) {
    super(`refused with status ${status}`);
    this.status = status;
    this.body = body;
  }
}

/**
 * Listens on 127.0.0.1; port 0 takes any free one. `failure` gives the body for an error that the handler did not
 * turn into an answer, which is sent with status 503. Rejects when the port is taken.
 */
export async function listenOnLoopback(
  port: number,
  handler: Handler,
  failure: (cause: unknown) => unknown,
): Promise<LoopbackServer> {
  const server = createServer((request, response) => {
    handler(request, response).catch((cause: unknown) => {
      if (response.headersSent) response.destroy();
      else if (cause instanceof HttpRefusal) sendJson(response, cause.status, cause.body);
      else sendJson(response, 503, failure(cause));
    });
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no TCP port');

  let closing: Promise<void> | undefined;
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return {
    port: address.port,
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

/** Sends a JSON answer with its length. */
export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    ...headers,
  });
  response.end(text);
}

/** The whole body as UTF-8 text. Throws a 413 refusal, with `body` as its JSON, beyond `MAX_BODY_BYTES`. */
export async function readBody(request: IncomingMessage, tooLarge: unknown): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    // What is over the bound is read and dropped: a client still sending would not read the answer.
    if (size <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  if (size > MAX_BODY_BYTES) throw new HttpRefusal(413, tooLarge);
  return Buffer.concat(chunks).toString('utf8');
}
