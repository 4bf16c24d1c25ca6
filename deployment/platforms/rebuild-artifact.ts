// A build that was not kept here, made again from its commit: the same files give the same bytes on every machine.
import { spawnSync } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cliEnvironment } from '../cli-environment.ts';
import type { DeployedVersion } from '../versions.ts';
import { checksumOf } from './artifact-checksum.ts';

export interface RebuildOptions {
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Milliseconds for each command (10 minutes): a rollback waits for it. */
  readonly limitMs?: number;
}

/**
 * Checks the version's commit out beside the project, installs what it pins, builds, and keeps `supabase/` of it. What is
 * installed runs scripts of its own: they see no secret. Throws when the commit is not in this clone, when a command
 * fails or takes too long, or when the build has another checksum than the one that was deployed.
 */
export function rebuildArtifact(
  root: string,
  { environment = process.env, limitMs = 10 * 60_000 }: RebuildOptions = {},
) {
  const env = cliEnvironment(undefined, environment);
  return async ({ version, commit, checksum }: DeployedVersion, into: string): Promise<void> => {
    const checkout = await mkdtemp(join(tmpdir(), 'mmc-rebuild-'));
    const run = (file: string, args: readonly string[], cwd: string) => {
      const { status, stderr, error } = spawnSync(file, args, {
        cwd,
        env,
        encoding: 'utf8',
        stdio: ['ignore', 'ignore', 'pipe'],
        timeout: limitMs,
        killSignal: 'SIGKILL',
      });
      if (status !== 0) {
        const why = error?.message ?? stderr.trim().slice(-200);
        throw new Error(`${version} is not kept here, and building it again failed: ${why}`);
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
      spawnSync('git', ['worktree', 'prune'], { cwd: root, env });
    }
  };
}
