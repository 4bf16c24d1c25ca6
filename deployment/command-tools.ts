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
import { openRepository, type Repository } from './repository.ts';
import { deployedTargets, isTargetName, type Target } from './targets.ts';
import { readNewestVersions, recordedActive } from './versions.ts';

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
  /** Why it may be another one, for a person; undefined when there is no reason to doubt it. */
  readonly doubt: string | undefined;
  /** True when not even the records name one, or another one than the front takes: a person must name it. */
  readonly isGuess: boolean;
}

/** Milliseconds for the question who has the patients: a rollback must not wait for a database that burns. */
const ASKED_MS = 3_000;

/**
 * Asks the database. Before the first switch it is the one that a front takes; when the database does not answer in
 * seconds, the one that the records name. Throws BAD_ENVIRONMENT for a malformed TARGETS, and never because of the database.
 */
export async function activeTarget(environment: Environment, root = PROJECT): Promise<KnownActive> {
  const { active, problem } = await switchOf(environment);
  if (active) return { target: active.target, doubt: undefined, isGuess: false };
  const recorded = recordedActive(await readNewestVersions(root, openRepository(root)));
  const inLine = deployedTargets(environment)[0]?.name;
  if (problem === undefined) {
    const target = inLine ?? recorded ?? FIRST;
    const isSame = recorded === undefined || recorded === target;
    const doubt = `nobody has switched yet: a front sends the patients to ${target}, the first in line, and deployment/versions.json names ${recorded}`;
    return { target, doubt: isSame ? undefined : doubt, isGuess: !isSame };
  }
  const target = recorded ?? inLine ?? FIRST;
  const why = recorded ? 'had the patients when deployment/versions.json was written' : 'is a guess';
  return { target, doubt: `${problem}; ${target} ${why}`, isGuess: recorded === undefined };
}

/** Who had the patients before the last switch. Throws when nobody had them, or nobody can tell. */
export async function previousTarget(environment: Environment): Promise<Target> {
  const { active, problem } = await switchOf(environment);
  if (active?.previous === undefined) {
    throw new Error(`${problem ?? 'Nobody had the patients before'}: give a target`);
  }
  return active.previous;
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

/** Says where the records that count come from, when not all of them lie here. Never throws. */
export function warnOfNewerRecords(repository: Repository, warn: (text: string) => void): void {
  try {
    const newer = repository.newerRecords();
    if (newer?.versions) warn(`the records of deployments are those of ${newer.branch}, which knows more`);
    else if (newer) warn(`${newer.branch} has other records of deployments: commit those here and merge it`);
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
