// What the deployment commands are made of when a person runs them: this project, its git, the platforms' programs.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { migrate, readMigrations } from '../drizzle/migrator.ts';
import { openCommandDatabase } from '../local/command-database.ts';
import { refuseUsage } from '../local/command-line.ts';
import { readServiceDay } from '../src/lib/config.ts';
import { type ActiveTarget, readActiveTarget } from './active-target.ts';
import { buildAll } from './build/build.ts';
import { overBudget } from './build/sizes.ts';
import type { Build } from './deploy.ts';
import { type CliName, findCli } from './platform-cli.ts';
import { cloudflarePlatform } from './platforms/cloudflare.ts';
import type { Platform } from './platforms/platform.ts';
import { rebuildArtifact } from './platforms/rebuild-artifact.ts';
import { supabasePlatform } from './platforms/supabase.ts';
import { vercelPlatform } from './platforms/vercel.ts';
import { type DeployedTarget, deployedTarget, isTargetName, type Target } from './targets.ts';
import { readVersions } from './versions.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export const PROJECT = fileURLToPath(new URL('..', import.meta.url));

/** What the first deployment goes to. */
const FIRST: Target = 'supabase';

/** The platform of a target. Throws when its program is missing, and for Node: that is deployed by whoever runs it. */
export function platformOf(
  target: Target,
  options: { root: string; environment: Environment; dryRun: boolean; onCommand: (text: string) => void },
): Platform {
  const { root, environment, dryRun } = options;
  const cli = (name: CliName) => findCli(name, options);
  switch (target) {
    case 'cloudflare':
      return cloudflarePlatform(cli('wrangler'));
    case 'vercel':
      return vercelPlatform(cli('vercel'), environment);
    case 'supabase':
      return supabasePlatform(cli('supabase'), { root, environment, dryRun, rebuild: rebuildArtifact(root) });
    case 'node':
      throw new Error(
        'A Node server is deployed by whoever runs it: start the new version beside the old one',
      );
  }
}

/** Builds every target here. Throws when one is over its budget. */
export async function buildRelease(root: string, commit: string): Promise<Build> {
  const { sizes } = await buildAll({ root, commit });
  const heavy = overBudget(sizes).map(({ target }) => target);
  if (heavy.length > 0) throw new Error(`over the size budget: ${heavy.join(', ')}`);
  const app = await readFile(join(root, 'dist', 'cloudflare', 'app.js'));
  const migrations = await readMigrations();
  return {
    checksum: createHash('sha256').update(app).digest('hex'),
    schema: migrations.at(-1)?.version ?? '',
  };
}

/** Brings the database of DATABASE_URL to the schema of this build. */
export async function migrateDatabase(environment: Environment): Promise<string[]> {
  const opened = await openCommandDatabase(environment, '.data');
  try {
    return await migrate({
      runBatch: opened.runBatch,
      migrations: await readMigrations(),
      ...readServiceDay(environment),
    });
  } finally {
    await opened.close();
  }
}

/**
 * The target that has the patients. When the database does not say so within seconds, the one that the last deployment
 * knew: a rollback must not wait for a database that burns.
 */
export async function activeTarget(environment: Environment, root = PROJECT): Promise<Target> {
  return (await switchOf(environment))?.target ?? (await readVersions(root)).versions.at(-1)?.target ?? FIRST;
}

/** Who had the patients before, or undefined when nobody can tell. */
export async function previousTarget(environment: Environment): Promise<Target | undefined> {
  return (await switchOf(environment))?.previous;
}

async function switchOf(environment: Environment): Promise<ActiveTarget | undefined> {
  if (!environment.DATABASE_URL) return undefined;
  const opened = await openCommandDatabase(environment, '.data').catch(() => undefined);
  try {
    return opened && (await readActiveTarget(opened.database));
  } catch {
    return undefined;
  } finally {
    await opened?.close();
  }
}

/** The target that a command line names, else the active one. Ends the process for a name that is none. */
export function chosenTarget(
  environment: Environment,
  [name, ...more]: readonly string[],
  active: Target,
  help: string,
): DeployedTarget {
  if (more.length > 0) return refuseUsage('Give one target', help);
  const chosen = name ?? active;
  if (!isTargetName(chosen)) return refuseUsage(`There is no target ${chosen}`, help);
  return deployedTarget(environment, chosen);
}
