// The whole service on this machine: embedded cloud, migrations, a first admin, and the Node target before it.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { getRequestListener } from '@hono/node-server';
import { migrate, readMigrations } from '../drizzle/migrator.ts';
import { readConfig } from '../src/lib/config.ts';
import { createDatabase } from '../src/lib/database.ts';
import { createNodeTarget } from '../src/targets/node.ts';
import { ensureAdmin, type NewAdmin } from './admin-accounts.ts';
import { driverBatch } from './driver-batch.ts';
import { startEmbeddedCloud } from './embedded-cloud.ts';
import { forgetRunning, rememberRunning } from './running-server.ts';
import { newToken } from './secret.ts';
import { answerUnreadable } from './unreadable-request.ts';

export interface LocalServerOptions {
  /** 0 or absent: any free port. */
  readonly port?: number;
  /** Where data stays between runs; absent: in memory. */
  readonly dataDir?: string;
  /** Throws the kept data away, once the port and the data directory are this start's own. */
  readonly fresh?: boolean;
  /** `postgres://…`: a real server instead of the embedded one. */
  readonly databaseUrl?: string;
  /** `redis://…`: a real server instead of the embedded one. */
  readonly redisUrl?: string;
  readonly environment?: 'development' | 'test';
  /** Settings of the application, as in the environment of a deployed target. */
  readonly settings?: Readonly<Record<string, string | undefined>>;
  readonly onProgress?: (step: string) => void;
  readonly quiet?: boolean;
}

export interface LocalServer {
  readonly url: string;
  /** The account made or checked by this start; undefined when there were accounts already. */
  readonly admin: NewAdmin | undefined;
  /** What the application sees as its environment: for further targets on the same data. */
  readonly environment: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/** Starts everything on 127.0.0.1. Rejects, with nothing left open, when the port or the data directory is in use. */
export async function startLocalServer(options: LocalServerOptions = {}): Promise<LocalServer> {
  if (options.fresh && options.databaseUrl !== undefined) {
    throw new Error(
      '--fresh throws away embedded data only, and DATABASE_URL means another database: drop one',
    );
  }
  let opening: Promise<Service> | undefined;
  // The port before the data: a start that cannot succeed must not touch what is kept. Early requests wait.
  const server = await listen(async (request, platform) => {
    const service = await opening;
    return service?.target.app.fetch(request, platform);
  }, options.port ?? 0);
  opening = openService(options);
  try {
    const { target, admin, environment, close } = await opening;
    return {
      url: `http://127.0.0.1:${server.port}`,
      admin,
      environment,
      async close() {
        target.close();
        await server.close();
        await close();
      },
    };
  } catch (error) {
    await server.close();
    throw error;
  }
}

interface Service extends Pick<LocalServer, 'admin' | 'environment' | 'close'> {
  readonly target: ReturnType<typeof createNodeTarget>;
}

async function openService(options: LocalServerOptions): Promise<Service> {
  const { dataDir, databaseUrl, redisUrl, fresh = false, settings = {}, onProgress = () => {} } = options;
  const cloud = await startEmbeddedCloud({
    fresh,
    ...(dataDir !== undefined && { dataDir }),
    ...(databaseUrl !== undefined && { databaseUrl }),
    ...(redisUrl !== undefined && { redisUrl }),
  });
  // Commands without DATABASE_URL mean the embedded data, also while a server on another database runs here.
  const ownsData = dataDir !== undefined && databaseUrl === undefined;
  try {
    const environment = {
      ...definedOnly(settings),
      DATABASE_URL: cloud.databaseUrl,
      // Empty counts as absent: SQL goes to the embedded cloud, whatever the shell says.
      DATABASE_HTTP_URL: '',
      UPSTASH_REDIS_REST_URL: cloud.redisUrl,
      UPSTASH_REDIS_REST_TOKEN: cloud.redisToken,
      JWT_SECRET: settings.JWT_SECRET || (await keptSecret(dataDir, fresh)),
      ENVIRONMENT: options.environment ?? 'development',
    };
    const config = readConfig(environment);
    await migrate({
      runBatch: driverBatch(cloud.driver),
      migrations: await readMigrations(),
      timezone: config.timezone,
      serviceDayStart: config.serviceDayStart,
      onApplied: onProgress,
    });
    const admin = await ensureAdmin(createDatabase(config), settings);
    if (ownsData) await rememberRunning(dataDir, cloud.databaseUrl);
    return {
      target: createNodeTarget(environment),
      admin,
      environment,
      async close() {
        if (ownsData) await forgetRunning(dataDir);
        await cloud.close();
      },
    };
  } catch (error) {
    await cloud.close();
    throw error;
  }
}

async function listen(fetch: Parameters<typeof getRequestListener>[0], port: number) {
  const hostname = '127.0.0.1';
  const server = createServer(getRequestListener(fetch, { hostname, errorHandler: answerUnreadable }));
  return new Promise<{ port: number; close(): Promise<void> }>((resolve, reject) => {
    server.listen(port, hostname, () => {
      resolve({
        port: (server.address() as AddressInfo).port,
        close: () =>
          new Promise((done) => {
            // A connection that was held becomes idle only after its answer, so look again until all are gone.
            const sweep = setInterval(() => server.closeIdleConnections(), 50);
            server.close(() => {
              clearInterval(sweep);
              done();
            });
          }),
      });
    });
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE' ? new Error(`Port ${port} is in use. Choose another: --port N`) : error,
      );
    });
  });
}

/** The signing secret stays with the data, so that a restart logs nobody out. */
async function keptSecret(dataDir: string | undefined, fresh: boolean): Promise<string> {
  if (dataDir === undefined) return newToken();
  const file = join(dataDir, 'jwt-secret');
  const kept = fresh ? '' : await readFile(file, 'utf8').catch(() => '');
  if (kept !== '') return kept;
  const secret = newToken();
  await mkdir(dataDir, { recursive: true });
  await writeFile(file, secret, { mode: 0o600 });
  return secret;
}

function definedOnly(settings: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(settings).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
