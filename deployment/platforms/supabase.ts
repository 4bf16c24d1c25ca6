// Supabase Edge Functions: one set of functions, no versions and no rollback. So each deployed build is kept, and a
// function that nobody calls shows the new code before the others get it.
import { randomUUID } from 'node:crypto';
import { cp, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CANDIDATE } from '../../supabase-adapter/functions.ts';
import type { Cli } from '../platform-cli.ts';
import { currentOf, type DeployedVersion, previousOf, readVersions, versionsOf } from '../versions.ts';
import { checksumOf } from './artifact-checksum.ts';
import { deploymentOf, type Platform } from './platform.ts';

export interface SupabaseOptions {
  readonly root: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly dryRun?: boolean;
  /** Builds a commit again into a folder and throws unless it has this checksum. */
  readonly rebuild: (version: DeployedVersion, into: string) => Promise<void>;
}

/** How many builds are kept besides those that a rollback may need. */
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
  const keptAt = (version: DeployedVersion) => join(artifacts, deploymentOf(version));
  // What is kept and not what was built: no later build changes it on its way.
  const deploy = (cwd: string, ...names: string[]) =>
    cli.change(['functions', 'deploy', ...names, '--use-api', '--yes', remote()], { cwd });
  return {
    target: 'supabase',
    settings: ['DATABASE_URL', 'JWT_SECRET', 'METRICS_TOKEN', 'CRON_SECRET', 'PAGE_ORIGINS'],
    async settingNames() {
      const answer: unknown = JSON.parse(await cli.read(['secrets', 'list', remote(), '--output', 'json']));
      return (answer as { name: string }[]).map(({ name }) => name);
    },
    async upload({ version, checksum, health_check_url }) {
      const kept = join(artifacts, version);
      if (!dryRun) {
        await replaceWhole(kept, async (folder) => {
          await cp(join(root, 'supabase'), join(folder, 'supabase'), { recursive: true });
          if ((await checksumOf(folder)) !== checksum) {
            throw new Error(
              'supabase/ is not the build of this deployment any more: what built there meanwhile?',
            );
          }
        });
        await removeOldest(artifacts, [version, ...(await neededBuilds(root))]);
      }
      const output = await deploy(kept, CANDIDATE);
      if (output === undefined) return undefined;
      return { deployment: version, url: health_check_url.replace(/health$/, CANDIDATE) };
    },
    async release(version) {
      await deploy(keptAt(version));
    },
    async restore(version) {
      const kept = keptAt(version);
      // Another machine deployed it, it is too old, or it was damaged: a build is the same bytes wherever it is made.
      if (!dryRun && (await checksumOf(kept)) !== version.checksum) {
        await replaceWhole(kept, (folder) => rebuild(version, folder));
      }
      await deploy(kept);
      return undefined;
    },
  };
}

/** A folder is there whole or not at all, whenever this is cut off. */
async function replaceWhole(folder: string, make: (unfinished: string) => Promise<void>): Promise<void> {
  const unfinished = join(dirname(folder), `.${basename(folder)}-${randomUUID()}`);
  try {
    await mkdir(unfinished, { recursive: true });
    await make(unfinished);
    await rm(folder, { recursive: true, force: true });
    await rename(unfinished, folder);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/** The builds that a rollback may deploy again. */
async function neededBuilds(root: string): Promise<string[]> {
  const known = versionsOf(await readVersions(root), 'supabase');
  return [currentOf(known), previousOf(known)].flatMap((version) => version?.deployment ?? []);
}

async function removeOldest(folder: string, needed: readonly string[]): Promise<void> {
  const others = (await readdir(folder)).filter((name) => !needed.includes(name));
  const kept = await Promise.all(
    others.map(async (name) => ({ name, at: (await stat(join(folder, name))).mtimeMs })),
  );
  kept.sort((one, other) => other.at - one.at);
  for (const { name } of kept.slice(KEPT)) await rm(join(folder, name), { recursive: true, force: true });
}
