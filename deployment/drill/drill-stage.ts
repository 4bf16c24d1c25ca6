// The stage of the drill: every target in its real runtime on one database and one Redis, and the front before them.
import type { NewAdmin } from '../../local/admin-accounts.ts';
import type { RuntimeProcess } from '../../local/runtimes/runtime-process.ts';
import { RUNTIMES } from '../../local/runtimes/runtimes.ts';
import { startFrontWorker } from '../../local/runtimes/workerd.ts';
import { newToken } from '../../local/secret.ts';
import { createDatabase, type Database } from '../../src/lib/database.ts';
import type { DeployedTarget, Target } from '../targets.ts';
import type { BadVersion } from './bad-version.ts';
import { openMovableAddress } from './movable-address.ts';
import { readEvents } from './recorded-events.ts';
import { startServiceProcess } from './service-process.ts';

export interface DrillStage {
  readonly targets: readonly DeployedTarget[];
  readonly publicUrl: string;
  readonly admin: NewAdmin;
  readonly database: Database;
  /** Ends a target as a machine that dies. */
  kill(target: Exclude<Target, 'node'>): Promise<void>;
  /** Every event that a stream of a clinic must have heard, by clinic: the SSE ids in the order of the cursor. */
  events(): Promise<ReadonlyMap<string, readonly string[]>>;
  /** Gives Supabase's address to a version with a setting that is wrong. */
  deployBadVersion(): Promise<Omit<BadVersion, 'smoke'>>;
  close(): Promise<void>;
}

/** Where Supabase's functions begin. */
const FUNCTIONS = '/functions/v1';

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
    const supabase = await openMovableAddress(at('supabase'));
    opened.push(supabase.close);
    const targets = (['node', 'cloudflare', 'supabase', 'vercel'] as const).map((name) => ({
      name,
      url: name === 'supabase' ? `${supabase.url}${FUNCTIONS}` : at(name),
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
      events: () => readEvents(environment.DATABASE_URL ?? ''),
      async deployBadVersion() {
        const bad = await RUNTIMES.supabase({
          root,
          port: 0,
          environment: { ...environment, TIMEZONE: 'UTC' },
        });
        opened.push(bad.stop);
        supabase.pointTo(bad.url);
        return {
          target: { name: 'supabase', url: `${supabase.url}${FUNCTIONS}` },
          urls: { good: `${at('supabase')}${FUNCTIONS}`, bad: `${bad.url}${FUNCTIONS}` },
          pointTo: supabase.pointTo,
        };
      },
      close,
    };
  } catch (cause) {
    await close();
    throw cause;
  }
}
