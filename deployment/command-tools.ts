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
import type { Repository } from './repository.ts';
import { isTargetName, type Target } from './targets.ts';
import { readVersions, recordedActive } from './versions.ts';

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
      return vercelPlatform(cli('vercel'));
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

/** The target that has the patients, as far as a command can tell. */
export interface KnownActive {
  readonly target: Target;
  /** Why it may be another one, for a person; undefined when the database said it. */
  readonly doubt: string | undefined;
  /** True when not even the records name one. */
  readonly isGuess: boolean;
}

/** Milliseconds for the question who has the patients: a rollback must not wait for a database that burns. */
const ASKED_MS = 3_000;

/** Asks the database; when it does not answer in seconds, the one that the records name. Never rejects because of it. */
export async function activeTarget(environment: Environment, root = PROJECT): Promise<KnownActive> {
  const said = await switchOf(environment);
  const recorded = recordedActive(await readVersions(root));
  const target = said.active?.target ?? recorded ?? FIRST;
  if (said.active || said.problem === undefined) return { target, doubt: undefined, isGuess: false };
  const why = recorded ? 'had the patients when deployment/versions.json was written' : 'is a guess';
  return { target, doubt: `${said.problem}; ${target} ${why}`, isGuess: recorded === undefined };
}

/** Who had the patients before, or undefined when nobody can tell. */
export async function previousTarget(environment: Environment): Promise<Target | undefined> {
  return (await switchOf(environment)).active?.previous;
}

interface Said {
  /** Undefined before the first switch. */
  readonly active: ActiveTarget | undefined;
  /** Why the database said nothing. */
  readonly problem: string | undefined;
}

async function switchOf(environment: Environment): Promise<Said> {
  if (!environment.DATABASE_URL) return { active: undefined, problem: 'DATABASE_URL is not set' };
  let limit: NodeJS.Timeout | undefined;
  const tooLate = new Promise<undefined>((resolve) => {
    limit = setTimeout(resolve, ASKED_MS, undefined);
  });
  const answer = await Promise.race([rowOf(environment).catch(() => undefined), tooLate]);
  clearTimeout(limit);
  return answer ?? { active: undefined, problem: 'the database does not say which target has the patients' };
}

async function rowOf(environment: Environment): Promise<Said> {
  const opened = await openCommandDatabase(environment, '.data');
  try {
    return { active: await readActiveTarget(opened.database), problem: undefined };
  } finally {
    await opened.close();
  }
}

/** Takes what the branch knows of deployments that this checkout does not have yet, and says so. Never throws. */
export function takeNewerRecords(repository: Repository, warn: (text: string) => void): void {
  try {
    const newer = repository.takeNewerRecords();
    if (newer?.taken) warn(`deployment/versions.json is taken from ${newer.branch}, which knows more`);
    else if (newer) warn(`${newer.branch} has other records of deployments: merge it, here is only a part`);
  } catch (error) {
    warn(
      `nobody knows whether the records are the newest: ${error instanceof Error ? error.message : error}`,
    );
  }
}

/** The target that a command line names, else the active one. Ends the process for a name that is none. */
export function chosenTarget([name, ...more]: readonly string[], active: Target, help: string): Target {
  if (more.length > 0) return refuseUsage('Give one target', help);
  const chosen = name ?? active;
  return isTargetName(chosen) ? chosen : refuseUsage(`There is no target ${chosen}`, help);
}
