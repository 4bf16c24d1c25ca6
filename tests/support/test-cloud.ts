/**
 * The embedded cloud as most test files want it: over a database of their own on the Postgres that all share, which has
 * our schema already. An embedded Postgres for each would be most of what they cost.
 */
import { type EmbeddedCloud, startEmbeddedCloud } from '../../local/embedded-cloud.ts';
import { createMigratedDatabase } from './postgres-server.ts';

export interface TestCloudOptions {
  /** `postgres://…`: this database, which stays, instead of one of its own. */
  readonly databaseUrl?: string | undefined;
  /** `redis://…`: a real server instead of the embedded one. */
  readonly redisUrl?: string | undefined;
}

/** Its database is gone once it is closed. */
export async function startTestCloud({
  databaseUrl,
  redisUrl,
}: TestCloudOptions = {}): Promise<EmbeddedCloud> {
  const redis = redisUrl === undefined ? {} : { redisUrl };
  if (databaseUrl !== undefined) return startEmbeddedCloud({ databaseUrl, ...redis });
  const database = await createMigratedDatabase();
  try {
    const cloud = await startEmbeddedCloud({ databaseUrl: database.url, ...redis });
    return {
      ...cloud,
      async close() {
        await cloud.close();
        await database.drop();
      },
    };
  } catch (cause) {
    await database.drop();
    throw cause;
  }
}
