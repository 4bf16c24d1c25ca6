/**
 * The whole service in a process of its own, for tests that kill it. Prints its URL, and ends with its standard input.
 * It waits long for Redis: on a machine shared with others 300 ms pass without anything being wrong.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { getRequestListener } from '@hono/node-server';
import { openLocalService } from '../../local/local-service.ts';
import { createApp } from '../../src/app.ts';
import { readConfig } from '../../src/lib/config.ts';
import { createRedis } from '../../src/lib/redis.ts';
import { createServices } from '../../src/lib/services.ts';

/** Milliseconds. */
const REDIS_TIMEOUT = 20_000;

export interface ServerProcess {
  readonly url: string;
  /** Ends it at once, whatever it is doing. May be called twice. */
  kill(): Promise<void>;
}

export interface ServerProcessOptions {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly settings: Readonly<Record<string, string>>;
}

/** Starts it over these servers. Rejects when it ends before it serves. */
export async function startServerProcess(options: ServerProcessOptions): Promise<ServerProcess> {
  const child: ChildProcess = spawn(
    process.execPath,
    ['--import', 'tsx', fileURLToPath(import.meta.url), JSON.stringify(options)],
    { env: { PATH: process.env.PATH }, stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const { stdout } = child;
  if (!stdout) throw new Error('the process has no output');
  for await (const line of createInterface(stdout)) {
    const url = /^http:\/\/127\.0\.0\.1:\d+$/.exec(line)?.[0];
    if (url === undefined) continue;
    stdout.resume();
    return {
      url,
      async kill() {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        await ended;
      },
    };
  }
  throw new Error('the server did not start');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const options: ServerProcessOptions = JSON.parse(process.argv[2] ?? '');
  const { environment } = await openLocalService({ ...options, environment: 'test' });
  const config = readConfig(environment);
  const services = createServices('node', config, { redis: createRedis(config, {}, REDIS_TIMEOUT) });
  const app = createApp({ target: 'node', services: () => services, clientIp: () => '192.0.2.1' });
  const server = createServer(getRequestListener(app.fetch));
  server.listen(0, '127.0.0.1', () => {
    console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
  process.stdin.on('end', () => process.exit());
  process.stdin.resume();
}
