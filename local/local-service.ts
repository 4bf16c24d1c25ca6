// What a target on this machine stands on: the embedded cloud, migrated, with a first admin and the settings for it.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { migrate, readMigrations } from '../drizzle/migrator.ts';
import { readConfig } from '../src/lib/config.ts';
import { createDatabase } from '../src/lib/database.ts';
import { checkAdminSettings, ensureAdmin, type NewAdmin } from './admin-accounts.ts';
import { driverBatch } from './driver-batch.ts';
import { type EmbeddedCloud, startEmbeddedCloud } from './embedded-cloud.ts';
import { forgetRunning, rememberRunning } from './running-server.ts';
import { newToken } from './secret.ts';

export interface LocalServiceOptions {
  /** Where data stays between runs; absent: in memory. */
  readonly dataDir?: string;
  /** Throws the kept data away, once the data directory is this start's own. */
  readonly fresh?: boolean;
  /** `postgres://…`: a real server instead of the embedded one. */
  readonly databaseUrl?: string;
  /** `redis://…`: a real server instead of the embedded one. */
  readonly redisUrl?: string;
  readonly environment?: 'development' | 'test';
  /** Settings of the application, as in the environment of a deployed target. */
  readonly settings?: Readonly<Record<string, string | undefined>>;
  readonly onProgress?: (step: string) => void;
}

export interface LocalService {
  /** The account made or checked by this start; undefined when there were accounts already. */
  readonly admin: NewAdmin | undefined;
  /** What a target on this data takes as its environment. */
  readonly environment: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/** Opens it. Rejects, with nothing left open, when the data directory is in use. */
export async function openLocalService(options: LocalServiceOptions): Promise<LocalService> {
  if (options.fresh && options.databaseUrl !== undefined) {
    throw new Error(
      '--fresh throws away embedded data only, and DATABASE_URL means another database: drop one',
    );
  }
  const { dataDir, databaseUrl, redisUrl, fresh = false, settings = {}, onProgress = () => {} } = options;
  // A start whose settings are no good must not throw away what is kept.
  readConfig(environmentOf(options, NOWHERE_YET, settings.JWT_SECRET || newToken()));
  checkAdminSettings(settings);
  const cloud = await startEmbeddedCloud({
    fresh,
    ...(dataDir !== undefined && { dataDir }),
    ...(databaseUrl !== undefined && { databaseUrl }),
    ...(redisUrl !== undefined && { redisUrl }),
  });
  // Commands without DATABASE_URL mean the embedded data, also while a server on another database runs here.
  const ownsData = dataDir !== undefined && databaseUrl === undefined;
  try {
    const jwtSecret = settings.JWT_SECRET || (await keptSecret(dataDir, fresh));
    const environment = environmentOf(options, cloud, jwtSecret);
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

type Addresses = Pick<EmbeddedCloud, 'databaseUrl' | 'redisUrl' | 'redisToken'>;

/** Stands for the addresses that a start has once its cloud runs. */
const NOWHERE_YET: Addresses = {
  databaseUrl: 'postgres://127.0.0.1/',
  redisUrl: 'http://127.0.0.1',
  redisToken: 'none',
};

function environmentOf(
  { environment, settings = {} }: LocalServiceOptions,
  { databaseUrl, redisUrl, redisToken }: Addresses,
  jwtSecret: string,
): Record<string, string> {
  return {
    // Tests and the demo speak for themselves; a line for each of their requests would bury it.
    LOG_LEVEL: environment === 'test' ? 'error' : 'info',
    ...definedOnly(settings),
    DATABASE_URL: databaseUrl,
    // Empty counts as absent: SQL goes to the embedded cloud, whatever the shell says.
    DATABASE_HTTP_URL: '',
    UPSTASH_REDIS_REST_URL: redisUrl,
    UPSTASH_REDIS_REST_TOKEN: redisToken,
    JWT_SECRET: jwtSecret,
    ENVIRONMENT: environment ?? 'development',
  };
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
