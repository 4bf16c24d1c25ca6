// The whole service on this machine: what it stands on, and the Node target before it.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { createNodeTarget } from '../src/targets/node.ts';
import { portInUse } from './free-port.ts';
import { type LocalService, type LocalServiceOptions, openLocalService } from './local-service.ts';
import { KEEP_ALIVE_MS } from './loopback-server.ts';
import { answerUnreadable } from './unreadable-request.ts';

/** Milliseconds for what was under way to be answered when the server closes. */
const LAST_ANSWERS_MS = 2_000;

export interface LocalServerOptions extends LocalServiceOptions {
  /** 0 or absent: any free port. */
  readonly port?: number;
  readonly quiet?: boolean;
}

export interface LocalServer extends LocalService {
  readonly url: string;
}

/** Starts everything on 127.0.0.1. Rejects, with nothing left open, when the port or the data directory is in use. */
export async function startLocalServer(options: LocalServerOptions = {}): Promise<LocalServer> {
  let opening: Promise<LocalService & { target: NodeTarget }> | undefined;
  // The port before the data: a start that cannot succeed must not touch what is kept. Early requests wait.
  const server = await listen(async (request, platform) => {
    const service = await opening;
    return service?.target.app.fetch(request, platform);
  }, options.port ?? 0);
  opening = openLocalService(options).then((service) => ({
    ...service,
    target: createNodeTarget(service.environment),
  }));
  try {
    const { target, admin, environment, close } = await opening;
    return {
      url: `http://127.0.0.1:${server.port}`,
      admin,
      environment,
      async close() {
        target.close();
        await server.close();
        await target.settle();
        await close();
      },
    };
  } catch (error) {
    await server.close();
    throw error;
  }
}

type NodeTarget = ReturnType<typeof createNodeTarget>;

async function listen(fetch: Parameters<typeof getRequestListener>[0], port: number) {
  const hostname = '127.0.0.1';
  const server = createServer(getRequestListener(fetch, { hostname, errorHandler: answerUnreadable }));
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  return new Promise<{ port: number; close(): Promise<void> }>((resolve, reject) => {
    server.listen(port, hostname, () => {
      resolve({
        port: (server.address() as AddressInfo).port,
        close: () =>
          new Promise((done) => {
            // A connection that was held becomes idle only after its answer, so look again until all are gone.
            const sweep = setInterval(() => server.closeIdleConnections(), 50);
            // One that was opened ahead and never asked anything does not count as idle.
            const cut = setTimeout(() => server.closeAllConnections(), LAST_ANSWERS_MS);
            server.close(() => {
              clearInterval(sweep);
              clearTimeout(cut);
              done();
            });
          }),
      });
    });
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'EADDRINUSE' ? portInUse(port) : error);
    });
  });
}
