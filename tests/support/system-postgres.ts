/** A Postgres that this system has installed, for the extensions that npm's does not bring. */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { freePort } from '../../local/free-port.ts';
import { until } from './until.ts';

const run = promisify(execFile);

function installed(question: string): string | undefined {
  try {
    return execFileSync('pg_config', [question], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return undefined;
  }
}

/** The ids of a system account, or undefined: a server refuses to run as root. */
function account(name: string): { uid: number; gid: number } | undefined {
  try {
    const id = (flag: string) =>
      Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
    return { uid: id('-u'), gid: id('-g') };
  } catch {
    return undefined;
  }
}

const bindir = installed('--bindir') ?? '';
const sharedir = installed('--sharedir') ?? '';
const isRoot = process.getuid?.() === 0;
const serverUser = isRoot ? account('postgres') : undefined;

/** True when a server with this extension can be started here. */
export function hasExtension(name: string): boolean {
  return (
    (!isRoot || serverUser !== undefined) &&
    existsSync(join(bindir, 'initdb')) &&
    existsSync(join(sharedir, 'extension', `${name}.control`))
  );
}

/** Starts it with these settings; gives the URL of a superuser, and what stops it and removes its files. */
export async function startSystemPostgres(settings: readonly string[]) {
  const directory = await mkdtemp(join(tmpdir(), 'mmc-system-postgres-'));
  if (serverUser) await chown(directory, serverUser.uid, serverUser.gid);
  const data = join(directory, 'data');
  const port = await freePort();
  await run(
    join(bindir, 'initdb'),
    ['-D', data, '-U', 'tester', '-A', 'trust', '-E', 'UTF8', '--no-locale'],
    {
      ...serverUser,
      cwd: directory,
    },
  );
  const options = [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    `port=${port}`,
    'timezone=UTC',
    'fsync=off',
    ...settings,
  ];
  const server = spawn(
    join(bindir, 'postgres'),
    ['-D', data, ...options.flatMap((option) => ['-c', option])],
    {
      ...serverUser,
      cwd: directory,
      stdio: 'ignore',
    },
  );
  const ended = once(server, 'exit');
  // However the tests end, the server ends with them.
  process.once('exit', () => server.kill('SIGQUIT'));
  const stop = async () => {
    server.kill('SIGINT');
    await ended;
    await rm(directory, { recursive: true, force: true });
  };
  const url = `postgres://tester@127.0.0.1:${port}/postgres`;
  try {
    await until('the server takes connections', () => answers(url), Boolean);
  } catch (cause) {
    await stop();
    throw cause;
  }
  return { url, stop };
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url });
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}
