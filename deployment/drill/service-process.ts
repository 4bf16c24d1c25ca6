// A process of its own for what the targets of the drill stand on, and the Node target: so that the clients of the drill
// do not slow down what they measure. Prints one line when it listens, and ends with its standard input.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { getRequestListener } from '@hono/node-server';
import { type LocalService, openLocalService } from '../../local/local-service.ts';
import { KEEP_ALIVE_MS } from '../../local/loopback-server.ts';
import { startRuntimeProcess } from '../../local/runtimes/runtime-process.ts';
import { createNodeTarget } from '../../src/targets/node.ts';

export interface ServiceProcess extends Pick<LocalService, 'admin' | 'environment'> {
  /** Of the Node target. */
  readonly url: string;
  stop(): Promise<void>;
}

interface Start {
  readonly databaseUrl: string | undefined;
  readonly redisUrl: string | undefined;
  readonly settings: Readonly<Record<string, string>>;
}

type Listening = Pick<LocalService, 'admin' | 'environment'> & {
  readonly event: 'listen';
  readonly port: number;
};

const FILE = fileURLToPath(import.meta.url);

/** Starts it. Rejects when it ends before it serves. */
export async function startServiceProcess(start: Start): Promise<ServiceProcess> {
  const { url, output, stop } = await startRuntimeProcess({
    command: process.execPath,
    args: ['--import', 'tsx', FILE],
    environment: { DRILL: JSON.stringify(start) },
  });
  const line =
    output()
      .split('\n')
      .find((each) => each.startsWith('{"event":"listen"')) ?? '';
  const { admin, environment } = JSON.parse(line) as Listening;
  return { url, admin, environment, stop };
}

async function serve({ databaseUrl, redisUrl, settings }: Start): Promise<void> {
  const { admin, environment } = await openLocalService({
    environment: 'test',
    ...(databaseUrl !== undefined && { databaseUrl }),
    ...(redisUrl !== undefined && { redisUrl }),
    settings,
  });
  const { app } = createNodeTarget(environment);
  const server = createServer(getRequestListener(app.fetch, { hostname: '127.0.0.1' }));
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo;
    // The port last: whoever waits for it then has the whole line.
    const listening: Listening = { event: 'listen', ...(admin && { admin }), environment, port } as Listening;
    console.log(JSON.stringify(listening));
  });
}

if (process.argv[1] === FILE) await serve(JSON.parse(process.env.DRILL ?? '{}') as Start);
