/**
 * A rollback switches code, not data: the release before this one passes its own contract suite on the schema of this
 * one. In the soak: that of the newest tag `v…`, else the stable one; PREVIOUS_RELEASE names any other, and runs it alone.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { report } from '../support/sql-report.ts';
import { soak } from '../support/volume.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TIMEOUT = 20 * 60_000;

/** Fewer cases than these are not the suite. */
const LEAST_CASES = 500;

/** The records of deployments are no part of a release: a commit that only records one is the release below it. */
const NO_RECORDS = ['.', ':(exclude)deployment/versions.json', ':(exclude).last-stable-version'];

const named = process.env.PREVIOUS_RELEASE;
const release = named || (soak ? (lastTag() ?? lastStable()) : undefined);
if (release === undefined)
  console.info(
    'skipped: no PREVIOUS_RELEASE, and no soak, or neither a tag nor a stable version before this commit',
  );

/** The newest tag below this release; a tag of this very release is no previous one. */
function lastTag(): string | undefined {
  return answerOf('describe', '--tags', '--abbrev=0', '--match', 'v*', `${releaseOf('HEAD')}^`);
}

/** The commit to return to, as the last deployment wrote it down, unless it is this release. */
function lastStable(): string | undefined {
  const commit = answerOf('show', 'HEAD:.last-stable-version');
  if (commit === undefined) return undefined;
  const stable = releaseOf(commit);
  return stable === releaseOf('HEAD') ? undefined : stable;
}

/** The last commit that changed more than records, up to this one; undefined where there is no such commit. */
function releaseOf(commit: string): string | undefined {
  return answerOf('log', '-1', '--first-parent', '--format=%H', commit, '--', ...NO_RECORDS);
}

/** What git says; undefined where it says nothing or refuses. */
function answerOf(...args: string[]): string | undefined {
  const { status, stdout } = git(...args);
  return (status === 0 && stdout.trim()) || undefined;
}

function git(...args: string[]) {
  return spawnSync('git', args, { cwd: ROOT, encoding: 'utf8' });
}

async function run(command: string, args: readonly string[], cwd: string): Promise<string> {
  const child = spawn(command, args, {
    cwd,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, CONTRACT_SHARE: '0.1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  await once(child, 'close');
  return output;
}

/** Checks the release out, with the packages that it pins and the migrations of this one. */
async function checkOut(ref: string, folder: string): Promise<void> {
  const { status, stderr } = git('worktree', 'add', '--detach', '--force', folder, ref);
  if (status !== 0) throw new Error(stderr);
  const lockOf = (root: string) => readFile(join(root, 'package-lock.json'), 'utf8');
  if ((await lockOf(folder)) === (await lockOf(ROOT))) {
    await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  } else {
    await run('npm', ['ci', '--include=dev', '--no-audit', '--no-fund'], folder);
  }
  for (const name of await readdir(join(ROOT, 'drizzle'))) {
    if (!name.endsWith('.sql') && name !== 'meta') continue;
    await cp(join(ROOT, 'drizzle', name), join(folder, 'drizzle', name), { recursive: true });
  }
}

it.runIf(soak && !named)('the history is there in which the release before this one is found', () => {
  expect(answerOf('rev-parse', '--is-shallow-repository')).toBe('false');
});

it.runIf(release !== undefined)(
  'the release before this one passes its contract suite on the schema of this one',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'mmc-previous-'));
    try {
      await checkOut(release ?? '', folder);
      const results = join(folder, 'results.json');
      const output = await run(
        process.execPath,
        [
          join('node_modules', 'vitest', 'vitest.mjs'),
          // Without a BASE_URL: on Node servers of its own.
          ...['run', '--config', join('tests', 'contract', 'vitest.config.ts')],
          ...['--reporter=json', `--outputFile.json=${results}`],
        ],
        folder,
      );
      const text = await readFile(results, 'utf8').catch(() => {
        throw new Error(output.slice(-2_000));
      });
      const { numPassedTests, testResults } = JSON.parse(text) as {
        numPassedTests: number;
        testResults: { assertionResults: { status: string; fullName: string }[] }[];
      };
      const cases = testResults.flatMap(({ assertionResults }) => assertionResults);
      expect(cases.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName)).toEqual([]);
      expect(numPassedTests).toBeGreaterThan(LEAST_CASES);
      report(`cases of ${release} passed on the schema of this commit`, numPassedTests);
    } finally {
      await rm(folder, { recursive: true, force: true });
      git('worktree', 'prune');
    }
  },
  TIMEOUT,
);
