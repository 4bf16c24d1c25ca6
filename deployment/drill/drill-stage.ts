// The stage of the drill: every target in its real runtime on one database and one Redis, and the front before them.
import type { NewAdmin } from '../../local/admin-accounts.ts';
import type { RuntimeProcess } from '../../local/runtimes/runtime-process.ts';
import { RUNTIMES } from '../../local/runtimes/runtimes.ts';
import { startFrontWorker } from '../../local/runtimes/workerd.ts';
import { newToken } from '../../local/secret.ts';
import { createDatabase, type Database } from '../../src/lib/database.ts';
import type { DeployedTarget, Target } from '../targets.ts';
import { startServiceProcess } from './service-process.ts';

export interface DrillStage {
  readonly targets: readonly DeployedTarget[];
  readonly publicUrl: string;
  readonly admin: NewAdmin;
  readonly database: Database;
  /** Ends a target as a machine that dies. */
  kill(target: Exclude<Target, 'node'>): Promise<void>;
  /** A deployment of Supabase with a setting that is wrong. */
  startBadVersion(): Promise<DeployedTarget>;
  close(): Promise<void>;
}

export interface DrillStageOptions {
  /** The folder of the outputs of a build, with both wrangler files. */
  readonly root: string;
  /** `postgres://…`; absent: the embedded one. */
  readonly databaseUrl?: string | undefined;
  /** `redis://…`; absent: the embedded one. */
  readonly redisUrl?: string | undefined;
}

/** Opens it. Rejects with nothing left running. */
export async function openDrillStage({
  root,
  databaseUrl,
  redisUrl,
}: DrillStageOptions): Promise<DrillStage> {
  const opened: (() => Promise<void>)[] = [];
  const close = async () => {
    for (const end of opened.splice(0).reverse()) await end();
  };
  try {
    const proxySecret = newToken();
    const service = await startServiceProcess({
      databaseUrl,
      redisUrl,
      settings: { RATE_LIMITS: 'off', PROXY_SECRET: proxySecret },
    });
    opened.push(service.stop);
    const { environment, admin } = service;
    if (!admin) throw new Error('The drill makes its own account and needs a database without any');
    const processes = new Map<Target, RuntimeProcess>();
    for (const name of ['cloudflare', 'supabase', 'vercel'] as const) {
      const runtime = await RUNTIMES[name]({ root, port: 0, environment });
      opened.push(runtime.stop);
      processes.set(name, runtime);
    }
    const at = (name: Target) => processes.get(name)?.url ?? service.url;
    const targets = (['node', 'cloudflare', 'supabase', 'vercel'] as const).map((name) => ({
      name,
      url: name === 'supabase' ? `${at(name)}/functions/v1` : at(name),
    }));
    const front = await startFrontWorker({
      root,
      port: 0,
      environment: {
        DATABASE_URL: environment.DATABASE_URL ?? '',
        PROXY_SECRET: proxySecret,
        TARGETS: JSON.stringify(Object.fromEntries(targets.map(({ name, url }) => [name, url]))),
      },
    });
    opened.push(front.stop);
    return {
      targets,
      publicUrl: front.url,
      admin,
      database: createDatabase({
        databaseUrl: environment.DATABASE_URL ?? '',
        databaseHttpUrl: undefined,
      }),
      kill: async (target) => processes.get(target)?.kill(),
      async startBadVersion() {
        const bad = await RUNTIMES.supabase({
          root,
          port: 0,
          environment: { ...environment, TIMEZONE: 'UTC' },
        });
        opened.push(bad.stop);
        return { name: 'supabase', url: `${bad.url}/functions/v1` };
      },
      close,
    };
  } catch (cause) {
    await close();
    throw cause;
  }
}
