// Back to the version before, on one target: no gate, no build, no migration.
import { alone } from './checkout-lock.ts';
import type { Platform } from './platforms/platform.ts';
import type { Repository } from './repository.ts';
import type { SmokeVerdict } from './smoke-verdict.ts';
import { type DeployedTarget, fetchHealth, type Target } from './targets.ts';
import {
  commitVersions,
  currentOf,
  type DeployedVersion,
  openVersions,
  previousOf,
  type TargetVersions,
  versionsOf,
  withCurrentRestored,
  withRollback,
} from './versions.ts';

export interface RollbackOptions {
  readonly root: string;
  readonly target: DeployedTarget;
  readonly active: Target;
  readonly dryRun?: boolean;
  /** Commits the two files that record it; true unless told otherwise. */
  readonly commit?: boolean;
  readonly onStep?: (step: string) => void;
}

export interface RollbackTools {
  readonly repository: Pick<Repository, 'commitRecords' | 'newerRecords'>;
  readonly platform: () => Platform;
  /** GETs only: people are waiting. */
  readonly smoke: (url: string, commit: string) => Promise<SmokeVerdict>;
}

export interface RollbackResult {
  readonly ok: boolean;
  readonly target: Target;
  /** What serves now, or would. */
  readonly version: string | undefined;
  readonly commit: string | undefined;
  readonly dryRun: boolean;
  readonly problem: string | undefined;
  /** What a person must know although it succeeded. */
  readonly warning: string | undefined;
  readonly milliseconds: number;
}

/** What people and scripts look for. */
export const NOTHING_BEFORE = 'No previous version to rollback to';
export const ROLLED_BACK = 'Rollback completed successfully';

/** Milliseconds to learn what serves; a target that burns may not say it. */
const ASKED_MS = 2_000;

/**
 * Rolls back: to the previous version, which changes places with the present one; or to the present one, where something
 * else has the traffic. The records say so as soon as the platform has done it, whatever the smoke test says. Rejects
 * only when another command works on this target in this checkout, or the records cannot be read or written.
 */
export function rollback(options: RollbackOptions, tools: RollbackTools): Promise<RollbackResult> {
  return alone(options.root, options.target.name, () => rollbackAlone(options, tools));
}

async function rollbackAlone(options: RollbackOptions, tools: RollbackTools): Promise<RollbackResult> {
  const began = performance.now();
  const { root, target, active, dryRun = false, onStep = () => {} } = options;
  const records = await openVersions(root, active, tools.repository);
  const known = versionsOf(records.atFirst, target.name);
  const { to, instead } = await planOf(known, target);
  let warning: string | undefined;
  const result = (ok: boolean, problem?: string): RollbackResult => ({
    ok,
    target: target.name,
    version: to?.version,
    commit: to?.commit,
    dryRun,
    problem,
    warning,
    milliseconds: Math.round(performance.now() - began),
  });
  if (!to) return result(false, NOTHING_BEFORE);
  const isPresent = to.version === known.current;
  const why = isPresent ? ', which does not serve although it was the last to be proved' : '';
  onStep(`${target.name}: back to ${to.version}${why}`);
  try {
    warning = await tools.platform().restore(to, instead, reasonOf(instead));
  } catch (error) {
    return result(false, error instanceof Error ? error.message : String(error));
  }
  if (dryRun) return result(true);
  await records.update((file) =>
    isPresent ? withCurrentRestored(file, target.name) : withRollback(file, to),
  );
  if (options.commit !== false) {
    await commitVersions(root, tools.repository, `Rolled ${target.name} back to ${to.version}`, onStep);
  }
  onStep(`smoke test of ${target.url}`);
  const { ok, problem } = await tools.smoke(target.url, to.commit);
  return ok ? result(true) : result(false, `rolled back, but the smoke test failed: ${problem}`);
}

interface Plan {
  readonly to: DeployedVersion | undefined;
  /** What it takes the place of; undefined where nobody knows. */
  readonly instead: DeployedVersion | undefined;
}

/** A version that is not the present one may serve: then the present one is what is wanted, not the one before it. */
async function planOf(known: TargetVersions, target: DeployedTarget): Promise<Plan> {
  const [current, previous] = [currentOf(known), previousOf(known)];
  if (known.unfinished !== undefined) {
    return { to: current, instead: known.versions.find(({ version }) => version === known.unfinished) };
  }
  if (!current) return { to: previous, instead: undefined };
  const { servedBy, commit } = await fetchHealth(target, { timeoutMs: ASKED_MS });
  const isRecorded = [current?.commit, previous?.commit].includes(commit);
  if (servedBy !== target.name || commit === undefined || isRecorded) {
    return { to: previous, instead: current };
  }
  return { to: current, instead: known.versions.findLast((version) => version.commit === commit) };
}

function reasonOf(from: DeployedVersion | undefined): string {
  return from ? `Rolled back from ${from.version}` : 'Rolled back';
}
