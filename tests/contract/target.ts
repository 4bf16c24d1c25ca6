/**
 * The server under test: BASE_URL with ADMIN_USERNAME and ADMIN_PASSWORD (see vitest.config.ts beside this file), or
 * else one of the test file's own, in memory. JWT_SECRET, CRON_SECRET, METRICS_TOKEN and LONG_POLL_SECONDS say what a
 * server elsewhere was given.
 */
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lockDirectory } from '../../local/directory-lock.ts';
import { startLocalServer } from '../../local/local-server.ts';
import { newToken } from '../../local/secret.ts';

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
} = process.env;

/** True when the server is one of our own, started with the settings below. */
export const isOwnServer = !/^https?:/.test(BASE_URL);

/** An origin of the page that our own server was told of. */
export const PAGE_ORIGIN = 'https://page.example';

/** For `beforeAll`: another file may be using the same server. */
export const TURN_TIMEOUT = 15 * 60_000;

const OWN_LONG_POLL = 2;
const PAUSE_MS = 200;

export async function openTarget(): Promise<Target> {
  if (isOwnServer) return ownServer();
  if (!ADMIN_USERNAME || !ADMIN_PASSWORD) throw new Error('BASE_URL needs ADMIN_USERNAME and ADMIN_PASSWORD');
  return {
    url: BASE_URL.replace(/\/$/, ''),
    admin: { username: ADMIN_USERNAME, password: ADMIN_PASSWORD },
    jwtSecret: JWT_SECRET || undefined,
    cronSecret: CRON_SECRET || undefined,
    metricsToken: METRICS_TOKEN || undefined,
    longPollSeconds: Number(LONG_POLL_SECONDS || 8),
    close: await takeTurn(BASE_URL),
  };
}

async function ownServer(): Promise<Target> {
  const server = await startLocalServer({
    environment: 'test',
    settings: {
      LONG_POLL_SECONDS: String(OWN_LONG_POLL),
      PAGE_ORIGINS: PAGE_ORIGIN,
      RATE_LIMITS: 'off',
      CRON_SECRET: newToken(),
      METRICS_TOKEN: newToken(),
    },
  });
  if (!server.admin) throw new Error('a new server makes an account');
  return {
    url: server.url,
    admin: server.admin,
    jwtSecret: server.environment.JWT_SECRET,
    cronSecret: server.environment.CRON_SECRET,
    metricsToken: server.environment.METRICS_TOKEN,
    environment: server.environment,
    longPollSeconds: OWN_LONG_POLL,
    close: () => server.close(),
  };
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
