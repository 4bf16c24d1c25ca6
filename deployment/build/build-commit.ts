// Which commit a build is of: what an answer of /health says, and what a rollback compares.
import { spawnSync } from 'node:child_process';

/**
 * The commit that is checked out, with `-dirty` when files differ from it. Without a repository what the environment
 * of the build says, else `none`.
 */
export function buildCommit(root: string): string {
  const commit = git(root, 'rev-parse', 'HEAD');
  if (commit === undefined) return process.env.GITHUB_SHA || 'none';
  return git(root, 'status', '--porcelain') === '' ? commit : `${commit}-dirty`;
}

function git(root: string, ...args: string[]): string | undefined {
  const { status, stdout } = spawnSync('git', args, { cwd: root, encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}
