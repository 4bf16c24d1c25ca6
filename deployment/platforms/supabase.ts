// Supabase Edge Functions: one set of functions, no versions and no rollback, so each deployed build is kept.
import { cp, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cli } from '../platform-cli.ts';
import type { DeployedVersion } from '../versions.ts';
import { deploymentOf, type Platform } from './platform.ts';

export interface SupabaseOptions {
  readonly root: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly dryRun?: boolean;
  /** Builds a commit again into a folder and throws unless it has this checksum. */
  readonly rebuild: (version: DeployedVersion, into: string) => Promise<void>;
}

/** How many builds are kept. */
const KEPT = 5;

/** The project of SUPABASE_PROJECT_REF, through its CLI. */
export function supabasePlatform(
  cli: Cli,
  { root, environment, dryRun, rebuild }: SupabaseOptions,
): Platform {
  const remote = () => {
    if (!environment.SUPABASE_PROJECT_REF) throw new Error('SUPABASE_PROJECT_REF is not set');
    return `--remote=${environment.SUPABASE_PROJECT_REF}`;
  };
  const artifacts = join(root, '.records', 'artifacts', 'supabase');
  const deploy = (cwd: string) =>
    cli.change(['functions', 'deploy', '--use-api', '--yes', remote()], { cwd });
  return {
    target: 'supabase',
    settings: ['DATABASE_URL', 'JWT_SECRET', 'METRICS_TOKEN', 'CRON_SECRET', 'PAGE_ORIGINS'],
    async settingNames() {
      const answer: unknown = JSON.parse(await cli.read(['secrets', 'list', remote(), '--output', 'json']));
      return (answer as { name: string }[]).map(({ name }) => name);
    },
    async upload({ version }) {
      if (dryRun) return undefined;
      const kept = join(artifacts, version);
      await cp(join(root, 'supabase'), join(kept, 'supabase'), { recursive: true });
      await removeOldest(artifacts);
      return { deployment: version, url: undefined };
    },
    async release() {
      await deploy(root);
    },
    async restore(version) {
      const kept = join(artifacts, deploymentOf(version));
      const isKept = await stat(join(kept, 'supabase', 'functions')).then(
        (found) => found.isDirectory(),
        () => false,
      );
      // Another machine deployed it, or it is too old: a build is the same bytes wherever it is made.
      if (!isKept && !dryRun) await rebuild(version, kept);
      await deploy(kept);
    },
  };
}

async function removeOldest(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const kept = await Promise.all(
    (await readdir(folder)).map(async (name) => ({ name, at: (await stat(join(folder, name))).mtimeMs })),
  );
  kept.sort((one, other) => other.at - one.at);
  for (const { name } of kept.slice(KEPT)) await rm(join(folder, name), { recursive: true, force: true });
}
