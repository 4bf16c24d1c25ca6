// Back to the version before, on one target: no gate, no build, no migration.
import type { Platform } from './platforms/platform.ts';
import type { Repository } from './repository.ts';
import type { SmokeVerdict } from './smoke-verdict.ts';
import type { DeployedTarget, Target } from './targets.ts';
import {
  currentOf,
  type DeployedVersion,
  previousOf,
  readVersions,
  versionsOf,
  withRollback,
  writeVersions,
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
  readonly repository: Pick<Repository, 'commitRecords'>;
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
  readonly milliseconds: number;
}

/** What people and scripts look for. */
export const NOTHING_BEFORE = 'No previous version to rollback to';
export const ROLLED_BACK = 'Rollback completed successfully';

/** Rolls back. `current` and `previous` change places as soon as the platform has done it, whatever the smoke test says. */
export async function rollback(options: RollbackOptions, tools: RollbackTools): Promise<RollbackResult> {
  const began = performance.now();
  const { root, target, active, dryRun = false, onStep = () => {} } = options;
  const versions = await readVersions(root);
  const known = versionsOf(versions, target.name);
  const to = previousOf(known);
  const result = (ok: boolean, problem?: string): RollbackResult => ({
    ok,
    target: target.name,
    version: to?.version,
    commit: to?.commit,
    dryRun,
    problem,
    milliseconds: Math.round(performance.now() - began),
  });
  if (!to) return result(false, NOTHING_BEFORE);
  onStep(`${target.name}: back to ${to.version}`);
  try {
    await tools.platform().restore(to, currentOf(known), reasonOf(currentOf(known)));
  } catch (error) {
    return result(false, error instanceof Error ? error.message : String(error));
  }
  if (dryRun) return result(true);
  await writeVersions(root, withRollback(versions, target.name), active);
  if (options.commit !== false) {
    try {
      tools.repository.commitRecords(`Rolled ${target.name} back to ${to.version}`);
    } catch (error) {
      onStep(`not committed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  onStep(`smoke test of ${target.url}`);
  const { ok, problem } = await tools.smoke(target.url, to.commit);
  return ok ? result(true) : result(false, `rolled back, but the smoke test failed: ${problem}`);
}

function reasonOf(from: DeployedVersion | undefined): string {
  return from ? `Rolled back from ${from.version}` : 'Rolled back';
}
