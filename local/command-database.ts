// The database that a command means: the one of DATABASE_URL, else the one of the running `npm start`, else the data
// it left behind.
import type { RunBatch } from '../drizzle/migrator.ts';
import { neonHttpBatch } from '../drizzle/neon-http-batch.ts';
import { createDatabase, type Database } from '../src/lib/database.ts';
import { driverBatch } from './driver-batch.ts';
import { startEmbeddedCloud } from './embedded-cloud.ts';
import { runningDatabase } from './running-server.ts';

export interface CommandDatabase {
  /** Which database this is, for people; without its password. */
  readonly where: string;
  readonly database: Database;
  readonly runBatch: RunBatch;
  close(): Promise<void>;
}

/** Opens it. A server that speaks SQL over HTTP (Neon, or one with DATABASE_HTTP_URL) is reached that way. */
export async function openCommandDatabase(
  environment: Readonly<Record<string, string | undefined>>,
  dataDir: string,
): Promise<CommandDatabase> {
  const { DATABASE_URL: databaseUrl, DATABASE_HTTP_URL: databaseHttpUrl } = environment;
  if (databaseUrl) {
    const { hostname } = new URL(databaseUrl);
    return databaseHttpUrl || hostname.endsWith('.neon.tech')
      ? overHttp(databaseUrl, databaseHttpUrl, `${hostname}, over HTTP`)
      : held({ databaseUrl }, hostname);
  }
  const running = await runningDatabase(dataDir);
  return running === undefined
    ? held({ dataDir }, `embedded, in ${dataDir}`)
    : overHttp(running, undefined, `embedded, in ${dataDir}, through the running server`);
}

function overHttp(databaseUrl: string, databaseHttpUrl: string | undefined, where: string): CommandDatabase {
  const database = createDatabase({ databaseUrl, databaseHttpUrl });
  return { where, database, runBatch: neonHttpBatch(databaseUrl), close: async () => {} };
}

async function held(
  source: { databaseUrl: string } | { dataDir: string },
  where: string,
): Promise<CommandDatabase> {
  const cloud = await startEmbeddedCloud(source);
  return {
    where,
    database: createDatabase({ databaseUrl: cloud.databaseUrl, databaseHttpUrl: undefined }),
    runBatch: driverBatch(cloud.driver),
    close: cloud.close,
  };
}
