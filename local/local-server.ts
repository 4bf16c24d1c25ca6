// The whole service on this machine: embedded cloud, migrations, a first admin, and the Node target before it.
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { serve } from '@hono/node-server';
import { migrate, readMigrations } from '../drizzle/migrator.ts';
import { readConfig } from '../src/lib/config.ts';
import { createDatabase } from '../src/lib/database.ts';
import { createNodeTarget } from '../src/targets/node.ts';
import { ensureAdmin, type NewAdmin } from './admin-accounts.ts';
import { driverBatch } from './driver-batch.ts';
import { startEmbeddedCloud } from './embedded-cloud.ts';
import { forgetRunning, rememberRunning } from './running-server.ts';
import { newToken } from './secret.ts';

export interface LocalServerOptions {
  /** 0 or absent: any free port. */
  readonly port?: number;
  /** Where data stays between runs; absent: in memory. */
  readonly dataDir?: string;
  /** Throws the kept data away first. */
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
  const { dataDir, onProgress = () => {} } = options;
  if (options.fresh && dataDir !== undefined) await throwAway(dataDir);
  const cloud = await startEmbeddedCloud({
    ...(dataDir !== undefined && { dataDir }),
    ...(options.databaseUrl !== undefined && { databaseUrl: options.databaseUrl }),
    ...(options.redisUrl !== undefined && { redisUrl: options.redisUrl }),
  });
  try {
    const environment = {
      ...definedOnly(options.settings ?? {}),
      DATABASE_URL: cloud.databaseUrl,
      UPSTASH_REDIS_REST_URL: cloud.redisUrl,
      UPSTASH_REDIS_REST_TOKEN: cloud.redisToken,
      JWT_SECRET: options.settings?.JWT_SECRET ?? (await keptSecret(dataDir)),
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
    const admin = await ensureAdmin(createDatabase(config), options.settings ?? {});

    const target = createNodeTarget(environment);
    const server = await listen(target.app.fetch, options.port ?? 0);
    if (dataDir !== undefined) await rememberRunning(dataDir, cloud.databaseUrl);
    return {
      url: `http://127.0.0.1:${server.port}`,
      admin,
      environment,
      async close() {
        target.close();
        await server.close();
        if (dataDir !== undefined) await forgetRunning(dataDir);
        await cloud.close();
      },
    };
  } catch (error) {
    await cloud.close();
    throw error;
  }
}

async function listen(fetch: Parameters<typeof serve>[0]['fetch'], port: number) {
  return new Promise<{ port: number; close(): Promise<void> }>((resolve, reject) => {
    const server = serve({ fetch, hostname: '127.0.0.1', port }, (address) => {
      resolve({
        port: address.port,
        close: () =>
          new Promise((done) => {
            server.close(() => done());
            if ('closeIdleConnections' in server) server.closeIdleConnections();
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

/** Only what a start made is deleted, never a folder of somebody else. */
async function throwAway(dataDir: string): Promise<void> {
  await rm(join(dataDir, 'postgres'), { recursive: true, force: true });
  await rm(join(dataDir, 'jwt-secret'), { force: true });
}

/** The signing secret stays with the data, so that a restart logs nobody out. */
async function keptSecret(dataDir: string | undefined): Promise<string> {
  if (dataDir === undefined) return newToken();
  const file = join(dataDir, 'jwt-secret');
  const kept = await readFile(file, 'utf8').catch(() => undefined);
  if (kept !== undefined) return kept;
  const secret = newToken();
  await writeFile(file, secret, { mode: 0o600 });
  return secret;
}

function definedOnly(settings: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(settings).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
