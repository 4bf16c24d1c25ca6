/** A real `redis-server` for the conformance suite. No npm package brings one, so it is used where it is installed. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { freePort } from '../../local/free-port.ts';

export interface RedisServer {
  /** `redis://127.0.0.1:<port>` */
  readonly url: string;
  /** Kills it, and starts another one at the same port: everything it held is lost. */
  restart(): Promise<void>;
  /** Stops the server; it kept nothing on disk. May be called twice. */
  stop(): Promise<void>;
}

const START_ATTEMPTS = 3;

/** True when a `redis-server` is on the PATH. */
export function hasRedisServer(): boolean {
  return spawnSync('redis-server', ['--version'], { stdio: 'ignore' }).status === 0;
}

/** Starts a server without persistence on a free port of 127.0.0.1. Rejects with its output when it cannot start. */
export async function startRedisServer(): Promise<RedisServer> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOnce(await freePort());
    } catch (cause) {
      // Another process may have taken the port in between; everything else fails again.
      if (attempt === START_ATTEMPTS) throw cause;
    }
  }
}

async function startOnce(port: number): Promise<RedisServer> {
  let running = await launch(port);
  return {
    url: `redis://127.0.0.1:${port}`,
    async restart() {
      await running.end('SIGKILL');
      running = await launch(port);
    },
    stop: () => running.end('SIGTERM'),
  };
}

async function launch(port: number) {
  const child = spawn(
    'redis-server',
    ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', '/tmp'],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  await untilReady(child);
  return {
    async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
      process.removeListener('exit', kill);
      child.kill(signal);
      await ended;
    },
  };
}

function untilReady(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = '';
    const listen = (chunk: Buffer): void => {
      output += chunk.toString();
      if (output.includes('Ready to accept connections')) resolve();
    };
    child.stdout?.on('data', listen);
    child.stderr?.on('data', listen);
    child.once('error', reject);
    child.once('close', () => reject(new Error(`redis-server ended:\n${output}`)));
  });
}
