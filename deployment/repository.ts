// The project's git repository as a deployment sees it, whatever the machine's own settings of git are.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a deployment itself writes and commits: part of no release, so that it does not make the next one another. */
export const RECORD_FILES = ['deployment/versions.json', '.last-stable-version'] as const;

export interface Release {
  /** The last commit that changed more than the records of deployments: two targets get the same one. */
  readonly commit: string;
  /** Its tree: what the tests ran on. */
  readonly tree: string;
}

/** A branch whose records say more than those that are checked out. */
export interface NewerRecords {
  readonly branch: string;
  /** False where both have news: a person must merge them. */
  readonly taken: boolean;
}

export interface Repository {
  /** What would be deployed. Throws outside of a repository with a commit. */
  release(): Release;
  /** Files that differ from the commit or are unknown to it, without the records. */
  changedFiles(): readonly string[];
  /** A file's text at a commit, or undefined when the commit does not have it. */
  fileAt(ref: string, path: string): string | undefined;
  hasCommit(ref: string): boolean;
  /** Does a word stand in a file below one of these paths at that commit? Letter case does not matter. Throws when git cannot tell. */
  mentions(ref: string, word: string, paths: readonly string[]): boolean;
  /**
   * Takes the records of the branch (main, or what this clone knows of it elsewhere) where it went on after what is
   * checked out; undefined when there is nothing newer, or when records here are not committed yet.
   */
  takeNewerRecords(): NewerRecords | undefined;
  /**
   * Commits the records and nothing else; false when they did not change. With a detached HEAD (a stable commit that was
   * checked out) the commit goes onto main, where it will be found.
   */
  commitRecords(message: string): boolean;
}

const WITHOUT_RECORDS = ['.', ...RECORD_FILES.map((path) => `:(exclude)${path}`)];

/** Where the records live. */
const BRANCH = 'main';

/** Milliseconds for one command of git, which may wait for a slow disk but for no person. */
const LIMIT_MS = 60_000;

/** Hooks and signatures of this machine may ask a person, and judge code; records are none. */
const COMMIT_ALONE = ['-c', 'core.hooksPath=/dev/null', '-c', 'commit.gpgSign=false'];

/** The repository that `root` lies in. */
export function openRepository(root: string): Repository {
  const runWith = (environment: Readonly<Record<string, string>>, args: readonly string[]) =>
    spawnSync('git', args, {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: LIMIT_MS,
      maxBuffer: 64 * 1024 * 1024,
    });
  const readWith = (environment: Readonly<Record<string, string>>, ...args: string[]): string => {
    const { status, stdout, stderr, error } = runWith(environment, args);
    if (status !== 0) {
      const verb = args.find((arg) => /^[a-z][a-z-]+$/.test(arg));
      throw new Error(`git ${verb} failed: ${error?.message ?? stderr.trim().split('\n')[0]}`);
    }
    return stdout.replace(/\n$/, '');
  };
  const run = (...args: string[]) => runWith({}, args);
  const read = (...args: string[]) => readWith({}, ...args);
  const holds = (...args: string[]): boolean => run(...args).status === 0;

  const changed = (paths: readonly string[]) =>
    read('status', '--porcelain', '--untracked-files=all', '--', ...paths)
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.slice(3));
  const changedRecords = () =>
    changed(RECORD_FILES).filter((path) => RECORD_FILES.some((known) => known === path));

  /** Onto a branch that is not checked out: its files stay, but for these. */
  function commitOnto(branch: string, paths: readonly string[], message: string): void {
    const folder = mkdtempSync(join(tmpdir(), 'mmc-index-'));
    const index = { GIT_INDEX_FILE: join(folder, 'index') };
    try {
      const before = read('rev-parse', branch);
      readWith(index, 'read-tree', before);
      readWith(index, 'add', '--', ...paths);
      const tree = readWith(index, 'write-tree');
      const commit = read('commit-tree', '--no-gpg-sign', tree, '-p', before, '-m', message);
      read('update-ref', `refs/heads/${branch}`, commit, before);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    // As on the branch now, which can be checked out without losing anything.
    read('add', '--', ...paths);
  }

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
    hasCommit: (ref) => holds('cat-file', '-e', `${ref}^{commit}`),
    mentions(ref, word, paths) {
      const { status, stderr } = run('grep', '-qiwF', '-e', word, ref, '--', ...paths);
      if (status !== 0 && status !== 1) throw new Error(`git grep failed: ${stderr.trim().split('\n')[0]}`);
      return status === 0;
    },
    takeNewerRecords() {
      if (changedRecords().length > 0) return undefined;
      const newer = ['@{upstream}', `origin/${BRANCH}`, BRANCH].filter((ref) => {
        const { status, stdout } = run('merge-base', 'HEAD', ref);
        return status === 0 && run('diff', '--quiet', stdout.trim(), ref, '--', ...RECORD_FILES).status === 1;
      });
      const ref = newer.find((one) =>
        newer.every((other) => holds('merge-base', '--is-ancestor', other, one)),
      );
      const tip = ref ?? newer[0];
      if (tip === undefined) return undefined;
      const branch = read('rev-parse', '--abbrev-ref', tip);
      const taken = ref !== undefined && holds('merge-base', '--is-ancestor', 'HEAD', ref);
      if (taken) {
        const there = read('ls-tree', '--name-only', ref, '--', ...RECORD_FILES).split('\n');
        read('checkout', ref, '--', ...there.filter((path) => path !== ''));
      }
      return { branch, taken };
    },
    commitRecords(message) {
      const paths = changedRecords();
      if (paths.length === 0) return false;
      const isDetached = !holds('symbolic-ref', '--quiet', 'HEAD');
      if (isDetached && holds('rev-parse', '--verify', '--quiet', `refs/heads/${BRANCH}`)) {
        if (holds('diff', '--quiet', BRANCH, '--', ...paths)) return false;
        commitOnto(BRANCH, paths, message);
        return true;
      }
      read('add', '--', ...paths);
      read(...COMMIT_ALONE, 'commit', '--quiet', '--message', message, '--only', '--', ...paths);
      return true;
    },
  };
}
