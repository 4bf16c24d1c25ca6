// Which versions went to which target: `deployment/versions.json` and `.last-stable-version`, both kept in git.
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
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
  readonly current: string | null;
  readonly previous: string | null;
}

/** The file: the three keys of the active target, and all targets. */
export interface Versions extends TargetVersions {
  readonly targets: Readonly<Partial<Record<Target, TargetVersions>>>;
}

const NONE: TargetVersions = { versions: [], current: null, previous: null };
const FILE = 'deployment/versions.json';
const STABLE_FILE = '.last-stable-version';

/** How many versions of a target are listed; the present and the previous one always are. */
const LISTED = 20;

/** Reads the file; empty when there is none yet. */
export async function readVersions(root: string): Promise<Versions> {
  const text = await readFile(join(root, FILE), 'utf8').catch(() => undefined);
  return text === undefined ? { ...NONE, targets: {} } : (JSON.parse(text) as Versions);
}

/** Writes both files. The three keys at the top, and the stable commit, are those of the active target. */
export async function writeVersions(
  root: string,
  { targets }: Pick<Versions, 'targets'>,
  active: Target,
): Promise<void> {
  const top = targets[active] ?? NONE;
  await replace(join(root, FILE), `${JSON.stringify({ ...top, targets }, null, 2)}\n`);
  const stable = currentOf(top);
  if (stable) await replace(join(root, STABLE_FILE), `${stable.commit}\n`);
}

/** The versions of one target. */
export function versionsOf({ targets }: Pick<Versions, 'targets'>, target: Target): TargetVersions {
  return targets[target] ?? NONE;
}

/** What serves, or undefined before the first deployment. */
export function currentOf({ versions, current }: TargetVersions): DeployedVersion | undefined {
  return versions.find(({ version }) => version === current);
}

/** What a rollback goes back to, or undefined when there is nothing. */
export function previousOf({ versions, previous }: TargetVersions): DeployedVersion | undefined {
  return versions.find(({ version }) => version === previous);
}

/** A name for a further version of this commit. */
export function nameOf({ versions }: TargetVersions, packageVersion: string, commit: string): string {
  const base = `${packageVersion}+${commit.slice(0, 12)}`;
  const again = versions.filter(({ version }) => version === base || version.startsWith(`${base}.`)).length;
  return again === 0 ? base : `${base}.${again + 1}`;
}

/** Adds a version, or replaces the one of its name. One that became stable is the present one from then on. */
export function withVersion(file: Versions, added: DeployedVersion): Versions {
  const known = versionsOf(file, added.target);
  const isNew = added.status === 'stable' && known.current !== added.version;
  const current = isNew ? added.version : known.current;
  const previous = isNew ? known.current : known.previous;
  const all = [...known.versions.filter(({ version }) => version !== added.version), added];
  const versions = all.filter(
    ({ version }, index) => index >= all.length - LISTED || version === current || version === previous,
  );
  return { ...file, targets: { ...file.targets, [added.target]: { versions, current, previous } } };
}

/** After a rollback the present and the previous version have changed places. */
export function withRollback(file: Versions, target: Target): Versions {
  const { versions, current, previous } = versionsOf(file, target);
  return {
    ...file,
    targets: { ...file.targets, [target]: { versions, current: previous, previous: current } },
  };
}

/** Nobody ever reads half a file. */
async function replace(path: string, text: string): Promise<void> {
  await writeFile(`${path}.tmp`, text);
  await rename(`${path}.tmp`, path);
}
