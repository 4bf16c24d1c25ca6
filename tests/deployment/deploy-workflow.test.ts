/**
 * The scripts of `.github/workflows/deploy.yml` around the deployment itself, run as GitHub's bash does: before a real
 * git with a remote, and a `gh` that notes what it is asked.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { parse } from 'yaml';

interface Step {
  readonly name?: string;
  readonly run?: string;
}

const WORKFLOW = fileURLToPath(new URL('../../.github/workflows/deploy.yml', import.meta.url));
const STEPS = parse(readFileSync(WORKFLOW, 'utf8')).jobs.target.steps as readonly Step[];

const VERSIONS = 'deployment/versions.json';
const STABLE = '.last-stable-version';

/** Answers as GitHub's program does, and writes down with what it was called. */
const GH = `#!/usr/bin/env bash
echo "$*" >> "$GH_CALLS"
case "$1 $2" in
  'run list') echo "$GH_RUN" ;;
  'run download') mkdir -p .records/tests && echo '{}' > .records/tests/tree.json ;;
esac
`;

let folder: string;
let remote: string;
let checkout: string;
let release: string;
let trial = 0;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mmc-workflow-'));
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'gh'), GH);
  chmodSync(join(bin, 'gh'), 0o755);
  writeFileSync(join(folder, 'gitconfig'), '[user]\nname = tester\nemail = tester@example.com\n');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeEach(() => {
  trial += 1;
  remote = join(folder, `remote-${trial}.git`);
  checkout = join(folder, `checkout-${trial}`);
  git(folder, 'init', '--quiet', '--bare', '--initial-branch=main', remote);
  git(folder, 'clone', '--quiet', remote, checkout);
  write(checkout, 'src.ts', 'one');
  write(checkout, VERSIONS, '"nothing"');
  commitAll(checkout, 'a release');
  git(checkout, 'push', '--quiet', 'origin', 'HEAD:main');
  release = git(checkout, 'rev-parse', 'HEAD');
});

function git(cwd: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync('git', args, { cwd, encoding: 'utf8', env: environment() });
  if (status !== 0) throw new Error(`git ${args.join(' ')}: ${stderr}`);
  return stdout.trim();
}

/** No settings of whoever runs the tests. */
function environment(): Record<string, string> {
  return {
    PATH: `${join(folder, 'bin')}:${process.env.PATH}`,
    HOME: folder,
    GIT_CONFIG_GLOBAL: join(folder, 'gitconfig'),
    GIT_CONFIG_NOSYSTEM: '1',
  };
}

function write(cwd: string, path: string, text: string): void {
  mkdirSync(dirname(join(cwd, path)), { recursive: true });
  writeFileSync(join(cwd, path), text);
}

function commitAll(cwd: string, message: string): void {
  git(cwd, 'add', '--all');
  git(cwd, 'commit', '--quiet', '--message', message);
}

/** Something that reaches `main` from elsewhere meanwhile. */
function pushFromElsewhere(path: string, text: string): void {
  const elsewhere = mkdtempSync(join(folder, 'elsewhere-'));
  git(folder, 'clone', '--quiet', remote, elsewhere);
  write(elsewhere, path, text);
  commitAll(elsewhere, `${path} from elsewhere`);
  git(elsewhere, 'push', '--quiet', 'origin', 'HEAD:main');
}

/** Runs the script of the step of this name as GitHub does with `shell: bash`. */
function runStep(name: string, more: Readonly<Record<string, string>> = {}) {
  const script = STEPS.find((step) => step.name === name)?.run;
  if (script === undefined) throw new Error(`There is no step ${name}`);
  const temp = mkdtempSync(join(folder, 'runner-'));
  const calls = join(temp, 'gh-calls');
  const { status, stdout } = spawnSync('bash', ['--noprofile', '--norc', '-eo', 'pipefail', '-c', script], {
    cwd: checkout,
    encoding: 'utf8',
    env: {
      ...environment(),
      RUNNER_TEMP: temp,
      GH_CALLS: calls,
      GH_RUN: '42',
      GITHUB_REPOSITORY: 'owner/name',
      TARGET: 'vercel',
      ...more,
    },
  });
  return { status, stdout, asked: existsSync(calls) ? readFileSync(calls, 'utf8').trim().split('\n') : [] };
}

const onMain = (path: string) => git(checkout, 'show', `origin/main:${path}`);
const fetchMain = () => git(checkout, 'fetch', '--quiet', 'origin');

it('a target knows what the one before it recorded, and its tree stays the one that was tested', () => {
  pushFromElsewhere(VERSIONS, '"the target before"');
  expect(runStep('What is deployed by now').status).toBe(0);
  expect(readFileSync(join(checkout, VERSIONS), 'utf8')).toBe('"the target before"');
  expect(git(checkout, 'rev-parse', 'HEAD')).toBe(release);
});

it('the proofs are those of the release, also below a commit that only records a deployment', () => {
  write(checkout, VERSIONS, '"recorded"');
  commitAll(checkout, 'Deployment of cloudflare recorded');
  const { status, asked } = runStep('The proofs that ci kept of this tree');
  expect(status).toBe(0);
  expect(asked[0]).toContain(`--commit ${release} `);
  expect(asked[1]).toBe('run download 42 --repo owner/name --name records --dir .records');
  expect(existsSync(join(checkout, '.records', 'tests', 'tree.json'))).toBe(true);
});

it('without a run of ci that passed there is no deployment', () => {
  const { status, stdout } = runStep('The proofs that ci kept of this tree', { GH_RUN: '' });
  expect(status).toBe(1);
  expect(stdout).toContain(`No run of ci passed for ${release}`);
});

it('what was deployed is committed on top of what came to main meanwhile', () => {
  pushFromElsewhere('src.ts', 'two');
  write(checkout, VERSIONS, '"deployed"');
  write(checkout, STABLE, `${release}\n`);
  expect(runStep('Commit what was deployed').status).toBe(0);
  fetchMain();
  expect([onMain(VERSIONS), onMain(STABLE), onMain('src.ts')]).toEqual(['"deployed"', release, 'two']);
  expect(git(checkout, 'log', '-1', '--format=%s %an', 'origin/main')).toBe(
    'Deployment of vercel recorded github-actions[bot]',
  );
});

it('a deployment that was refused records nothing', () => {
  const before = git(checkout, 'rev-parse', 'origin/main');
  expect(runStep('Commit what was deployed').status).toBe(0);
  fetchMain();
  expect(git(checkout, 'rev-parse', 'origin/main')).toBe(before);
});

it('a branch that takes no commit of the workflow is said to be the reason', () => {
  write(remote, 'hooks/pre-receive', '#!/bin/sh\nexit 1\n');
  chmodSync(join(remote, 'hooks/pre-receive'), 0o755);
  write(checkout, VERSIONS, '"deployed"');
  const { status, stdout } = runStep('Commit what was deployed');
  expect(status).toBe(1);
  expect(stdout).toContain('could not be pushed to main');
});
