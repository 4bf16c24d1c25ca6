/**
 * The server under test: BASE_URL with ADMIN_USERNAME and ADMIN_PASSWORD (see vitest.config.ts beside this file), or
 * else one of the test file's own, on a database of its own, in the runtime that CONTRACT_TARGET names (Node without
 * it). JWT_SECRET, CRON_SECRET, METRICS_TOKEN and LONG_POLL_SECONDS say what a server elsewhere was given.
 */
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lockDirectory } from '../../local/directory-lock.ts';
import { startLocalRuntime } from '../../local/local-runtime.ts';
import { type LocalServer, startLocalServer } from '../../local/local-server.ts';
import type { LocalServiceOptions } from '../../local/local-service.ts';
import { RUNTIMES, type RuntimeName } from '../../local/runtimes/runtimes.ts';
import { newToken } from '../../local/secret.ts';
import { startPostgresServer } from '../support/postgres-process.ts';
import { createMigratedDatabase, type TestDatabase } from '../support/postgres-server.ts';
import { builtOutput } from '../support/shared-parts.ts';

export interface Target {
  readonly url: string;
  readonly admin: { readonly username: string; readonly password: string };
  /** Undefined where only the server knows it: tests that sign tokens are skipped then. */
  readonly jwtSecret: string | undefined;
  /** Undefined where the server has none or only the server knows it. */
  readonly cronSecret?: string | undefined;
  readonly metricsToken?: string | undefined;
  readonly longPollSeconds: number;
  /** What our own server was started with: for a direct look at its database. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
  /** What our own server wrote so far, where it is a process of its own. */
  readonly output?: (() => string) | undefined;
  close(): Promise<void>;
}

const {
  BASE_URL = '',
  ADMIN_USERNAME,
  ADMIN_PASSWORD,
  JWT_SECRET,
  LONG_POLL_SECONDS,
  CRON_SECRET,
  METRICS_TOKEN,
  CONTRACT_TARGET = 'node',
  CONTRACT_SHARE = '1',
} = process.env;

/** True when the server is one of our own, started with the settings below. */
export const isOwnServer = !/^https?:/.test(BASE_URL);

/** An origin of the page that our own server was told of. */
export const PAGE_ORIGIN = 'https://page.example';

/** For `beforeAll`: another file may be using the same server. */
export const TURN_TIMEOUT = 15 * 60_000;

/** The hold of `queue/position` when nobody sets one. */
const DEFAULT_LONG_POLL = 8;

type Settings = NonNullable<LocalServiceOptions['settings']>;

export type TargetName = 'node' | RuntimeName;

/** What a server of our own is started with. */
export const OWN_SETTINGS: Settings = {
  LONG_POLL_SECONDS: '2',
  PAGE_ORIGINS: PAGE_ORIGIN,
  RATE_LIMITS: 'off',
  CRON_SECRET: newToken(),
  METRICS_TOKEN: newToken(),
};

const PAUSE_MS = 200;

/** How often a random test repeats: in full, or by CONTRACT_SHARE where the same case ran in full on another runtime. */
export const repetitions = (full: number): number => Math.ceil(full * Number(CONTRACT_SHARE));

/** The one that the files of this process share; it ends with the process, and its database with the run. */
let shared: Promise<Target> | undefined;

/**
 * Opens it; one of our own is shared by the files of a process that do not ask for more, since a start costs more than
 * most of them. What others left in it they bear, as they would elsewhere.
 */
export async function openTarget(): Promise<Target> {
  if (!isOwnServer) return openFreshTarget();
  shared ??= ownServer(CONTRACT_TARGET as TargetName, OWN_SETTINGS);
  return { ...(await shared), close: async () => {} };
}

/** Opens it; one of our own anew, with these settings and nothing in it, elsewhere with what it has. */
export async function openFreshTarget(
  settings: Settings = OWN_SETTINGS,
  openDatabase: () => Promise<OwnDatabase> = createMigratedDatabase,
): Promise<Target> {
  if (isOwnServer) return ownServer(CONTRACT_TARGET as TargetName, settings, openDatabase);
  if (!ADMIN_USERNAME || !ADMIN_PASSWORD) throw new Error('BASE_URL needs ADMIN_USERNAME and ADMIN_PASSWORD');
  return {
    url: BASE_URL.replace(/\/$/, ''),
    admin: { username: ADMIN_USERNAME, password: ADMIN_PASSWORD },
    jwtSecret: JWT_SECRET || undefined,
    cronSecret: CRON_SECRET || undefined,
    metricsToken: METRICS_TOKEN || undefined,
    longPollSeconds: Number(LONG_POLL_SECONDS || DEFAULT_LONG_POLL),
    close: await takeTurn(BASE_URL),
  };
}

type OwnDatabase = Pick<TestDatabase, 'url' | 'drop'>;

/**
 * A Postgres that nobody else uses, for who asks when events are told: an event waits for the oldest transaction of
 * the whole server, and the other files' databases are being made on the shared one.
 */
export async function ownPostgres(): Promise<OwnDatabase> {
  const server = await startPostgresServer({ durable: false });
  return { url: server.adminUrl, drop: () => server.stop() };
}

/** Starts a target of our own on a copy of the migrated template. */
export async function ownServer(
  name: TargetName,
  settings: Settings,
  openDatabase: () => Promise<OwnDatabase> = createMigratedDatabase,
): Promise<Target> {
  const database = await openDatabase();
  try {
    const server = await start(name, { environment: 'test', databaseUrl: database.url, settings });
    if (!server.admin) throw new Error('a new server makes an account');
    const { environment } = server;
    return {
      url: server.url,
      admin: server.admin,
      jwtSecret: environment.JWT_SECRET,
      cronSecret: environment.CRON_SECRET,
      metricsToken: environment.METRICS_TOKEN,
      environment,
      output: server.output,
      longPollSeconds: Number(environment.LONG_POLL_SECONDS ?? DEFAULT_LONG_POLL),
      async close() {
        await server.close();
        await database.drop();
      },
    };
  } catch (cause) {
    await database.drop();
    throw cause;
  }
}

async function start(
  name: TargetName,
  options: LocalServiceOptions,
): Promise<LocalServer & { output?: () => string }> {
  if (name === 'node') return startLocalServer(options);
  return startLocalRuntime(RUNTIMES[name], { ...options, root: await builtOutput() });
}

/** Files that share one server come one after the other: they rotate its PINs and compare what it holds. */
async function takeTurn(url: string): Promise<() => Promise<void>> {
  const key = createHash('sha256').update(url).digest('hex').slice(0, 16);
  const deadline = Date.now() + TURN_TIMEOUT;
  for (;;) {
    try {
      return await lockDirectory(join(tmpdir(), `mmc-contract-${key}`));
    } catch (cause) {
      if (Date.now() > deadline) throw cause;
      await new Promise((wake) => setTimeout(wake, PAUSE_MS));
    }
  }
}
