// The project's git repository as a deployment sees it, whatever the machine's own settings of git are.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
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
  /** Its `deployment/versions.json`; undefined where both have news: a person must merge them. */
  readonly versions: string | undefined;
}

export interface Repository {
  /** What would be deployed. Throws outside of a repository with a commit. */
  release(): Release;
  /** Files that differ from the commit or are unknown to it, without the records. */
  changedFiles(): readonly string[];
  /** A file's text at a commit, or undefined when the commit does not have it. */
  fileAt(ref: string, path: string): string | undefined;
  hasCommit(ref: string): boolean;
  /** Is the commit in the history of another one, or that one itself? False where this clone lacks one of them. */
  isPartOf(commit: string, whole: string): boolean;
  /** Does a word stand in a file below one of these paths at that commit? Letter case does not matter. Throws when git cannot tell. */
  mentions(ref: string, word: string, paths: readonly string[]): boolean;
  /**
   * The records of the branch (main, or what this clone knows of it elsewhere) where it went on after what is checked
   * out; undefined when there is nothing newer. Changes nothing. Throws outside of a repository.
   */
  newerRecords(): NewerRecords | undefined;
  /**
   * Commits the records and nothing else; false when they did not change. The commit goes onto main, where it will be
   * found, whatever is checked out; but onto a branch that has records which main must merge first.
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

  /** Where the records live here and elsewhere, as far as there is something that is not checked out. */
  function refsAhead(): string[] {
    const places = [`refs/heads/${BRANCH}`, `refs/remotes/origin/${BRANCH}`];
    const ahead = read('for-each-ref', '--format=%(refname)', '--no-merged=HEAD', ...places);
    const { status, stdout } = run('rev-parse', '--symbolic-full-name', '@{upstream}');
    const refs = [...(status === 0 ? [stdout.trim()] : []), ...ahead.split('\n')];
    return [...new Set(refs.filter((ref) => ref !== ''))];
  }

  const isPartOf = (commit: string, whole: string) => holds('merge-base', '--is-ancestor', commit, whole);
  const hasNews = (since: string, ref: string) =>
    run('diff', '--quiet', since, ref, '--', ...RECORD_FILES).status === 1;
  /** Both have records that the other does not have. */
  function divergedFrom(ref: string): boolean {
    const base = read('merge-base', 'HEAD', ref);
    return hasNews(base, ref) && hasNews(base, 'HEAD');
  }

  /** What a commit onto main goes on top of: a branch that is only behind its remote one would have to merge it. */
  function tipOfMain(): string {
    const remote = `origin/${BRANCH}`;
    return read('rev-parse', isPartOf(BRANCH, remote) ? remote : BRANCH);
  }

  /** Onto main, which is not checked out: its files stay, but for these. */
  function commitOntoMain(parent: string, paths: readonly string[], message: string): void {
    const folder = mkdtempSync(join(tmpdir(), 'mmc-index-'));
    const index = { GIT_INDEX_FILE: join(folder, 'index') };
    try {
      const before = read('rev-parse', `refs/heads/${BRANCH}`);
      readWith(index, 'read-tree', parent);
      readWith(index, 'add', '--', ...paths);
      const tree = readWith(index, 'write-tree');
      const commit = read('commit-tree', '--no-gpg-sign', tree, '-p', parent, '-m', message);
      read('update-ref', `refs/heads/${BRANCH}`, commit, before);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** As this commit has them: what was written here is on main by now. */
  function putBack(paths: readonly string[]): void {
    for (const path of paths) {
      if (holds('cat-file', '-e', `HEAD:${path}`)) read('checkout', 'HEAD', '--', path);
      else rmSync(join(root, path));
    }
  }

  function fileAt(ref: string, path: string): string | undefined {
    const { status, stdout } = run('show', `${ref}:${path}`);
    return status === 0 ? stdout : undefined;
  }

  return {
    release() {
      const commit =
        read('log', '-1', '--first-parent', '--format=%H', '--', ...WITHOUT_RECORDS) ||
        read('rev-parse', 'HEAD');
      return { commit, tree: read('rev-parse', `${commit}^{tree}`) };
    },
    changedFiles: () => changed(WITHOUT_RECORDS),
    fileAt,
    hasCommit: (ref) => holds('cat-file', '-e', `${ref}^{commit}`),
    isPartOf,
    mentions(ref, word, paths) {
      const { status, stderr } = run('grep', '-qiwF', '-e', word, ref, '--', ...paths);
      if (status !== 0 && status !== 1) throw new Error(`git grep failed: ${stderr.trim().split('\n')[0]}`);
      return status === 0;
    },
    newerRecords() {
      const newer = refsAhead().filter((ref) => {
        const { status, stdout } = run('merge-base', 'HEAD', ref);
        return status === 0 && hasNews(stdout.trim(), ref);
      });
      const ref = newer.find((one) => newer.every((other) => isPartOf(other, one)));
      const tip = ref ?? newer[0];
      // The same news may lie here already, not committed.
      if (tip === undefined || holds('diff', '--quiet', tip, '--', ...RECORD_FILES)) return undefined;
      const fits = ref !== undefined && changedRecords().length === 0 && !divergedFrom(ref);
      return {
        branch: read('rev-parse', '--abbrev-ref', tip),
        versions: fits ? fileAt(ref, RECORD_FILES[0]) : undefined,
      };
    },
    commitRecords(message) {
      const paths = changedRecords();
      if (paths.length === 0) return false;
      const { stdout } = run('symbolic-ref', '--quiet', '--short', 'HEAD');
      const branch = stdout.trim();
      const hasMain = holds('rev-parse', '--verify', '--quiet', `refs/heads/${BRANCH}`);
      if (branch !== BRANCH && hasMain && (branch === '' || !divergedFrom(BRANCH))) {
        const parent = tipOfMain();
        // Also what is as in this commit: on main it may be another.
        const here = RECORD_FILES.filter((path) => existsSync(join(root, path)));
        const isThere = holds('diff', '--quiet', parent, '--', ...here);
        if (!isThere) commitOntoMain(parent, here, message);
        // Else they would get into this branch's next commit; without a branch they are as main has them.
        if (branch !== '') putBack(paths);
        else read('add', '--', ...paths);
        return !isThere;
      }
      read('add', '--', ...paths);
      read(...COMMIT_ALONE, 'commit', '--quiet', '--message', message, '--only', '--', ...paths);
      return true;
    },
  };
}
