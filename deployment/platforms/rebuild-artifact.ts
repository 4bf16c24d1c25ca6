// A build that was not kept here, made again from its commit: the same files give the same bytes on every machine.
import { spawnSync } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DeployedVersion } from '../versions.ts';
import { checksumOf } from './artifact-checksum.ts';

/**
 * Checks the version's commit out beside the project, installs what it pins, builds, and keeps `supabase/` of it. Throws
 * when the commit is not in this clone, or when the build has another checksum than the one that was deployed.
 */
export function rebuildArtifact(root: string) {
  return async ({ version, commit, checksum }: DeployedVersion, into: string): Promise<void> => {
    const checkout = await mkdtemp(join(tmpdir(), 'mmc-rebuild-'));
    const run = (file: string, args: readonly string[], cwd: string) => {
      const { status, stderr } = spawnSync(file, args, { cwd, encoding: 'utf8' });
      if (status !== 0) {
        throw new Error(
          `${version} is not kept here, and building it again failed: ${stderr.trim().slice(-200)}`,
        );
      }
    };
    try {
      run('git', ['worktree', 'add', '--detach', '--force', checkout, commit], root);
      run(process.execPath, ['local/bootstrap.mjs', 'build'], checkout);
      if ((await checksumOf(checkout)) !== checksum) {
        throw new Error(`${version} was built again and is not what was deployed: the checksums differ`);
      }
      await cp(join(checkout, 'supabase'), join(into, 'supabase'), { recursive: true });
    } finally {
      await rm(checkout, { recursive: true, force: true });
      spawnSync('git', ['worktree', 'prune'], { cwd: root });
    }
  };
}
