// The front on Node, for tests that look inside it or give it other thresholds. What is deployed is the Worker.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener, type HttpBindings } from '@hono/node-server';
import { createFront, type FrontOptions } from '../src/front/front.ts';
import { answerUnreadable } from './unreadable-request.ts';

export interface FrontServer {
  readonly url: string;
  /** Ends it, with every connection that it holds. */
  close(): Promise<void>;
}

export interface FrontServerOptions extends Partial<FrontOptions> {
  readonly environment: FrontOptions['environment'];
  /** 0 or absent: any free port. */
  readonly port?: number;
}

/** Starts it on 127.0.0.1, where it takes every client's address from the socket. */
export async function startFrontServer({ port = 0, ...options }: FrontServerOptions): Promise<FrontServer> {
  const hostname = '127.0.0.1';
  const front = createFront({ clientIp: socketAddress, ...options });
  const server = createServer(getRequestListener(front.fetch, { hostname, errorHandler: answerUnreadable }));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, hostname, resolve);
  });
  return {
    url: `http://${hostname}:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Nothing stands between the client and this socket. */
const socketAddress: FrontOptions['clientIp'] = (_request, platform) =>
  (platform as HttpBindings).incoming?.socket.remoteAddress ?? 'unknown';
