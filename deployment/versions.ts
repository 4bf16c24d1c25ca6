// Which versions went to which target: `deployment/versions.json` and `.last-stable-version`, both kept in git.
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { alone } from './checkout-lock.ts';
import type { Repository } from './repository.ts';
import type { Target } from './targets.ts';

export interface DeployedVersion {
  /** Unique within its target: package version, commit, and a count where one commit went there again. */
  readonly version: string;
  /** ISO 8601. */
  readonly timestamp: string;
  readonly commit: string;
  /** `candidate` until the smoke test passed with all traffic on it. */
  readonly status: 'candidate' | 'stable' | 'failed';
  readonly health_check_url: string;
  readonly target: Target;
  /** SHA-256 of the application file, `app.js`: the same for every target that got this commit. */
  readonly checksum: string;
  /** The migration that it expects. */
  readonly schema: string;
  /** What its platform calls it: a version of a Worker, the URL of a deployment, a kept artifact. */
  readonly deployment: string | null;
}

export interface TargetVersions {
  /** The newest last. */
  readonly versions: readonly DeployedVersion[];
  /** What serves, proved by its smoke test; behind `unfinished`, what a rollback goes back to. */
  readonly current: string | null;
  readonly previous: string | null;
  /**
   * What was given the traffic and is not proved: a deployment that was cut off, or that failed and could not go back.
   * Absent otherwise.
   */
  readonly unfinished?: string;
}

/** The file: the three keys of the active target, and all targets. */
export interface Versions extends Pick<TargetVersions, 'versions' | 'current' | 'previous'> {
  readonly targets: Readonly<Partial<Record<Target, TargetVersions>>>;
}

/** The file as one command changes it. */
export interface VersionsFile {
  /** What it said when the command began. */
  readonly atFirst: Versions;
  /** Changes what it says by now, which others may have written. */
  update(change: (now: Versions) => Versions): Promise<void>;
}

const NONE: TargetVersions = { versions: [], current: null, previous: null };
const FILE = 'deployment/versions.json';
const STABLE_FILE = '.last-stable-version';

/** How many versions of a target are listed; those that a rollback may need always are. */
const LISTED = 20;

/** Milliseconds that another command may take for the records: it reads, writes and commits. */
const RECORDS_WITHIN_MS = 60_000;

/** What a text of the file says; nothing where there is none yet. Throws when it is none. */
export function parseVersions(text: string | undefined): Versions {
  return text === undefined ? { ...NONE, targets: {} } : (JSON.parse(text) as Versions);
}

/** Reads the file; empty when there is none yet. */
export async function readVersions(root: string): Promise<Versions> {
  return parseVersions(await readFile(join(root, FILE), 'utf8').catch(() => undefined));
}

/** As `readVersions`, but what the branch knows where this checkout is behind it. Without git, what is here. */
export async function readNewestVersions(
  root: string,
  repository: Pick<Repository, 'newerRecords'>,
): Promise<Versions> {
  let newer: string | undefined;
  try {
    newer = repository.newerRecords()?.versions;
  } catch {
    // Who is in a hurry goes on with what lies here.
  }
  return newer === undefined ? readVersions(root) : parseVersions(newer);
}

/** Writes both files. The three keys at the top, and the stable commit, are those of the active target. */
export async function writeVersions(
  root: string,
  { targets }: Pick<Versions, 'targets'>,
  active: Target,
): Promise<void> {
  const { versions, current, previous } = targets[active] ?? NONE;
  const file: Versions = { versions, current, previous, targets };
  await replace(join(root, FILE), `${JSON.stringify(file, null, 2)}\n`);
  const stable = currentOf(file);
  if (stable) await replace(join(root, STABLE_FILE), `${stable.commit}\n`);
}

/** Runs what reads and writes the records, or commits them, while no other command of this checkout does. */
export function withRecords<T>(root: string, work: () => Promise<T>): Promise<T> {
  return alone(root, 'records', work, { withinMs: RECORDS_WITHIN_MS });
}

/** Commits both files and says how it went; what was deployed is deployed, also when git refuses. */
export async function commitVersions(
  root: string,
  repository: Pick<Repository, 'commitRecords'>,
  message: string,
  onStep: (step: string) => void,
): Promise<void> {
  try {
    const committed = await withRecords(root, async () => repository.commitRecords(message));
    if (committed) onStep('committed deployment/versions.json: git push origin main brings it to the others');
  } catch (error) {
    onStep(`not committed: ${error instanceof Error ? error.message : error}`);
  }
}

/**
 * Opens the file, as the branch knows it where this checkout is behind, for a command that took `active` for the active
 * target. A switch recorded meanwhile stays. Nothing is written before the first update.
 */
export async function openVersions(
  root: string,
  active: Target,
  repository: Pick<Repository, 'newerRecords'>,
): Promise<VersionsFile> {
  const atFirst = await readNewestVersions(root, repository);
  return {
    atFirst,
    update: (change) =>
      withRecords(root, async () => {
        const now = await readNewestVersions(root, repository);
        await writeVersions(root, change(now), activeOf(now, atFirst, active));
      }),
  };
}

/** Puts what was recorded of one target here into what others recorded meanwhile, in both files. Their switch stays. */
export async function writeTarget(
  root: string,
  target: Target,
  { theirs, before, here }: Readonly<Record<'theirs' | 'before' | 'here', Versions>>,
): Promise<void> {
  const targets = { ...theirs.targets, [target]: versionsOf(here, target) };
  await writeVersions(root, { targets }, activeOf(theirs, before, recordedActive(here) ?? target));
}

/** The active target that the records get: `known`, unless others recorded a switch since `before`. */
function activeOf(now: Versions, before: Versions, known: Target): Target {
  const recorded = recordedActive(now);
  return recorded !== undefined && recorded !== recordedActive(before) ? recorded : known;
}

/** The active target that the file knows; undefined where nothing was deployed to it. */
export function recordedActive({ versions }: Versions): Target | undefined {
  return versions.at(-1)?.target;
}

/** The versions of one target. */
export function versionsOf({ targets }: Pick<Versions, 'targets'>, target: Target): TargetVersions {
  return targets[target] ?? NONE;
}

/** What serves and is proved, or undefined before the first deployment. */
export function currentOf({
  versions,
  current,
}: Pick<TargetVersions, 'versions' | 'current'>): DeployedVersion | undefined {
  return versions.find(({ version }) => version === current);
}

/** The version before the present one, or undefined when there is none. */
export function previousOf({ versions, previous }: TargetVersions): DeployedVersion | undefined {
  return versions.find(({ version }) => version === previous);
}

/** A name for a further version of this commit: above all that are listed, since the list is cut. */
export function nameOf({ versions }: TargetVersions, packageVersion: string, commit: string): string {
  const base = `${packageVersion}+${commit.slice(0, 12)}`;
  const counts = versions
    .filter(({ version }) => version === base || version.startsWith(`${base}.`))
    .map(({ version }) => Number(version.slice(base.length + 1) || 1));
  return counts.length === 0 ? base : `${base}.${Math.max(...counts) + 1}`;
}

/**
 * Adds a version, or replaces the one of its name. One that became stable is the present one from then on. The same code
 * once more takes nothing's place: a rollback still goes to other code.
 */
export function withVersion(file: Versions, added: DeployedVersion): Versions {
  return changed(file, added.target, (known) => {
    const versions = [...known.versions.filter(({ version }) => version !== added.version), added];
    if (added.status !== 'stable') return { ...known, versions };
    const isSameCode = currentOf(known)?.checksum === added.checksum;
    return {
      versions,
      current: added.version,
      previous: isSameCode || known.current === added.version ? known.previous : known.current,
    };
  });
}

/** Forgets a version that never reached its platform. */
export function withoutVersion(file: Versions, { target, version: name }: DeployedVersion): Versions {
  return changed(file, target, (known) => ({
    ...known,
    versions: known.versions.filter(({ version }) => version !== name),
  }));
}

/** Just before a version gets the traffic: from then on nobody knows which one serves until it is proved. */
export function withUnfinished(file: Versions, { target, version }: DeployedVersion): Versions {
  return changed(file, target, (known) => ({ ...known, unfinished: version }));
}

/** The present version serves again: what took its place has failed. */
export function withCurrentRestored(file: Versions, target: Target): Versions {
  return changed(file, target, ({ unfinished, versions, ...known }) => ({
    ...known,
    versions: versions.map((each) =>
      each.version === unfinished ? { ...each, status: 'failed' as const } : each,
    ),
  }));
}

/** A proved version serves again; the present one, if it is another, made way for it. */
export function withRollback(file: Versions, { target, version }: DeployedVersion): Versions {
  return changed(file, target, ({ versions, current, previous }) => ({
    versions,
    current: version,
    previous: version === current ? previous : current,
  }));
}

function changed(
  file: Versions,
  target: Target,
  change: (known: TargetVersions) => TargetVersions,
): Versions {
  const known = change(versionsOf(file, target));
  const kept = [known.current, known.previous, known.unfinished];
  const versions = known.versions.filter(
    ({ version }, index, all) => index >= all.length - LISTED || kept.includes(version),
  );
  return { ...file, targets: { ...file.targets, [target]: { ...known, versions } } };
}

/** Nobody ever reads half a file. */
async function replace(path: string, text: string): Promise<void> {
  await writeFile(`${path}.tmp`, text);
  await rename(`${path}.tmp`, path);
}
