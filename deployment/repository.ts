// The project's git repository as a deployment sees it.
import { spawnSync } from 'node:child_process';

/** What a deployment itself writes and commits: part of no release, so that it does not make the next one another. */
export const RECORD_FILES = ['deployment/versions.json', '.last-stable-version'] as const;

export interface Release {
  /** The last commit that changed more than the records of deployments: two targets get the same one. */
  readonly commit: string;
  /** Its tree: what the tests ran on. */
  readonly tree: string;
}

export interface Repository {
  /** What would be deployed. Throws outside of a repository with a commit. */
  release(): Release;
  /** Files that differ from the commit or are unknown to it, without the records. */
  changedFiles(): readonly string[];
  /** A file's text at a commit, or undefined when the commit does not have it. */
  fileAt(ref: string, path: string): string | undefined;
  hasCommit(ref: string): boolean;
  /** Does a word stand in a file below one of these paths at that commit? Letter case does not matter. */
  mentions(ref: string, word: string, paths: readonly string[]): boolean;
  /** Commits the records and nothing else; false when they did not change. */
  commitRecords(message: string): boolean;
}

const WITHOUT_RECORDS = ['.', ...RECORD_FILES.map((path) => `:(exclude)${path}`)];

/** The repository that `root` lies in. */
export function openRepository(root: string): Repository {
  const run = (...args: string[]) => spawnSync('git', args, { cwd: root, encoding: 'utf8' });
  const read = (...args: string[]): string => {
    const { status, stdout, stderr } = run(...args);
    if (status !== 0) throw new Error(`git ${args[0]} failed: ${stderr.trim().split('\n')[0]}`);
    return stdout.replace(/\n$/, '');
  };
  const changed = (paths: readonly string[]) =>
    read('status', '--porcelain', '--', ...paths)
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.slice(3));
  return {
    release() {
      const commit =
        read('log', '-1', '--first-parent', '--format=%H', '--', ...WITHOUT_RECORDS) ||
        read('rev-parse', 'HEAD');
      return { commit, tree: read('rev-parse', `${commit}^{tree}`) };
    },
    changedFiles: () => changed(WITHOUT_RECORDS),
    fileAt(ref, path) {
      const { status, stdout } = run('show', `${ref}:${path}`);
      return status === 0 ? stdout : undefined;
    },
    hasCommit: (ref) => run('cat-file', '-e', `${ref}^{commit}`).status === 0,
    mentions: (ref, word, paths) => run('grep', '-qiwF', '-e', word, ref, '--', ...paths).status === 0,
    commitRecords(message) {
      const paths = changed(RECORD_FILES).filter((path) => RECORD_FILES.some((known) => known === path));
      if (paths.length === 0) return false;
      read('add', '--', ...paths);
      read('commit', '--quiet', '--message', message, '--only', '--', ...paths);
      return true;
    },
  };
}
