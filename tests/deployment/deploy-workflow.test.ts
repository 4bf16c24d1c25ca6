/**
 * The scripts of `.github/workflows/deploy.yml` around the deployment itself, run as GitHub's bash does: before a real
 * git with a remote, and a `gh` that notes what it is asked.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { Target } from '../../deployment/targets.ts';
import {
  type DeployedVersion,
  parseVersions,
  type Versions,
  withVersion,
} from '../../deployment/versions.ts';

interface Step {
  readonly name?: string;
  readonly run?: string;
}

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const { plan, target } = parse(readFileSync(join(PROJECT, '.github/workflows/deploy.yml'), 'utf8')).jobs;
const STEPS = [...plan.steps, ...target.steps] as readonly Step[];

const VERSIONS = 'deployment/versions.json';
const STABLE = '.last-stable-version';

/** Answers as GitHub's program does, and writes down with what it was called. */
const GH = `#!/usr/bin/env bash
echo "$*" >> "$GH_CALLS"
case "$1 $2" in
  'run list') if [[ " $* " == *" --commit $GH_PASSED "* ]]; then echo 42; fi ;;
  'run download') mkdir -p .records/tests && echo '{}' > .records/tests/tree.json ;;
esac
`;

/** Our programs are those of this project; the checkout that they work on is another. */
const NPX = `#!/usr/bin/env bash
exec "${PROJECT}/node_modules/.bin/$1" "${PROJECT}/$2" "\${@:3}"
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
  for (const [name, text] of Object.entries({ gh: GH, npx: NPX })) {
    writeFileSync(join(bin, name), text);
    chmodSync(join(bin, name), 0o755);
  }
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
  write(checkout, VERSIONS, recordsOf({}));
  release = commitAll(checkout, 'a release');
  git(checkout, 'push', '--quiet', 'origin', 'HEAD:main');
  // As GitHub checks a commit out.
  git(checkout, 'checkout', '--quiet', '--detach');
  git(checkout, 'branch', '--quiet', '--delete', '--force', 'main');
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

function commitAll(cwd: string, message: string): string {
  git(cwd, 'add', '--all');
  git(cwd, 'commit', '--quiet', '--message', message);
  return git(cwd, 'rev-parse', 'HEAD');
}

/** A file of records: per target the commits that went there, the last of which serves. */
function recordsOf(commits: Partial<Record<Target, readonly string[]>>, active?: Target): string {
  let file: Versions = parseVersions(undefined);
  for (const [target, deployed] of Object.entries(commits) as [Target, readonly string[]][]) {
    for (const commit of deployed) file = withVersion(file, versionOn(target, commit));
  }
  const top = active === undefined ? undefined : file.targets[active];
  return JSON.stringify({ ...file, ...top });
}

const versionOn = (target: Target, commit: string): DeployedVersion => ({
  version: `1.2.3+${commit}`,
  timestamp: '2026-01-05T10:00:00.000Z',
  commit,
  status: 'stable',
  health_check_url: 'https://example.com/health',
  target,
  checksum: commit,
  schema: '0000_first',
  deployment: commit,
});

/** Something that reaches `main` from elsewhere meanwhile. */
function pushFromElsewhere(path: string, text: string): void {
  const elsewhere = mkdtempSync(join(folder, 'elsewhere-'));
  git(folder, 'clone', '--quiet', remote, elsewhere);
  write(elsewhere, path, text);
  commitAll(elsewhere, `${path} from elsewhere`);
  git(elsewhere, 'push', '--quiet', 'origin', 'HEAD:main');
}

const runnerTemp = () => mkdtempSync(join(folder, 'runner-'));

/** Runs the script of the step of this name as GitHub does with `shell: bash`. */
function runStep(name: string, more: Readonly<Record<string, string>> = {}, temp = runnerTemp()) {
  const script = STEPS.find((step) => step.name === name)?.run;
  if (script === undefined) throw new Error(`There is no step ${name}`);
  const calls = join(temp, 'gh-calls');
  const output = join(temp, 'output');
  const { status, stdout } = spawnSync('bash', ['--noprofile', '--norc', '-eo', 'pipefail', '-c', script], {
    cwd: checkout,
    encoding: 'utf8',
    env: {
      ...environment(),
      RUNNER_TEMP: temp,
      GH_CALLS: calls,
      GH_PASSED: release,
      GITHUB_OUTPUT: output,
      GITHUB_REPOSITORY: 'owner/name',
      TARGET: 'vercel',
      ...more,
    },
  });
  const outputs = existsSync(output) ? readFileSync(output, 'utf8').trim() : '';
  return {
    status,
    stdout,
    outputs,
    asked: existsSync(calls) ? readFileSync(calls, 'utf8').trim().split('\n') : [],
  };
}

const onMain = (path: string) => git(checkout, 'show', `origin/main:${path}`);
const fetchMain = () => git(checkout, 'fetch', '--quiet', 'origin');

describe('the plan', () => {
  const planned = (more: Readonly<Record<string, string>> = {}) =>
    runStep('Which targets', {
      EVENT: 'workflow_run',
      COMMIT: git(checkout, 'rev-parse', 'HEAD'),
      WANTED: 'cloudflare vercel',
      ...more,
    });

  it('has the wanted targets for a release that none has had', () => {
    expect(planned().outputs).toBe('targets=["cloudflare","vercel"]');
    expect(planned({ WANTED: 'elsewhere' }).status).toBe(1);
  });

  it('has none after the record of a rollback was pushed: its release is the version that was gone back from', () => {
    write(checkout, VERSIONS, recordsOf({ cloudflare: [release, 'the-one-before'] }, 'cloudflare'));
    commitAll(checkout, 'Rolled cloudflare back');
    const { status, outputs, stdout } = planned();
    expect([status, outputs]).toEqual([0, 'targets=[]']);
    expect(stdout).toContain(`${release} was deployed before`);
    // A person may want it all the same, and the gates say more.
    expect(planned({ EVENT: 'workflow_dispatch' }).outputs).toBe('targets=["cloudflare","vercel"]');
  });

  it('has those of a release below the record of another one', () => {
    write(checkout, VERSIONS, recordsOf({ cloudflare: ['another'] }, 'cloudflare'));
    commitAll(checkout, 'Rolled cloudflare back');
    expect(planned().outputs).toBe('targets=["cloudflare","vercel"]');
  });
});

it('a target knows what the one before it recorded, and its tree stays the one that was tested', () => {
  const recorded = recordsOf({ cloudflare: [release] });
  pushFromElsewhere(VERSIONS, recorded);
  expect(runStep('What is deployed by now').status).toBe(0);
  expect(readFileSync(join(checkout, VERSIONS), 'utf8')).toBe(recorded);
  expect(git(checkout, 'rev-parse', 'HEAD')).toBe(release);
});

describe('the proofs', () => {
  const STEP = 'The proofs that ci kept of this tree';
  const DOWNLOAD = 'run download 42 --repo owner/name --name records --dir .records';
  const recorded = (): string => {
    write(checkout, VERSIONS, recordsOf({ cloudflare: [release] }));
    return commitAll(checkout, 'Deployment of cloudflare recorded');
  };

  it('are those of the release, also below a commit that only records a deployment', () => {
    recorded();
    const { status, asked } = runStep(STEP);
    expect([status, asked.at(-1)]).toEqual([0, DOWNLOAD]);
    expect(existsSync(join(checkout, '.records', 'tests', 'tree.json'))).toBe(true);
  });

  it('are those of the record that was pushed together with the release: ci ran on it alone', () => {
    const { status, asked } = runStep(STEP, { GH_PASSED: recorded() });
    expect([status, asked.at(-1)]).toEqual([0, DOWNLOAD]);
  });

  it('are missing where no run of ci passed, and there is no deployment', () => {
    recorded();
    const { status, stdout, asked } = runStep(STEP, { GH_PASSED: 'none' });
    expect(status).toBe(1);
    expect(stdout).toContain(`No run of ci passed for ${release}`);
    expect(asked).toHaveLength(2);
  });
});

describe('what was deployed', () => {
  const STEP = 'Commit what was deployed';
  let temp: string;
  beforeEach(() => {
    temp = runnerTemp();
    runStep('What is deployed by now', {}, temp);
  });
  const record = () => runStep(STEP, {}, temp);
  const servingOnMain = () => {
    fetchMain();
    const { targets, versions } = parseVersions(onMain(VERSIONS));
    const serving = Object.entries(targets).map(([name, known]) => [name, known.current]);
    return { active: versions.at(-1)?.target, ...Object.fromEntries(serving) };
  };
  const deployed = () => write(checkout, VERSIONS, recordsOf({ vercel: [release] }, 'vercel'));

  it('is committed on top of what came to main meanwhile', () => {
    pushFromElsewhere('src.ts', 'two');
    deployed();
    expect(record().status).toBe(0);
    expect(servingOnMain()).toEqual({ active: 'vercel', vercel: `1.2.3+${release}` });
    expect([onMain(STABLE), onMain('src.ts')]).toEqual([release, 'two']);
    expect(git(checkout, 'log', '-1', '--format=%s %an', 'origin/main')).toBe(
      'Deployment of vercel recorded github-actions[bot]',
    );
  });

  it('takes nothing from the other targets, and no switch, that others recorded meanwhile', () => {
    pushFromElsewhere(VERSIONS, recordsOf({ cloudflare: ['by-hand'] }, 'cloudflare'));
    deployed();
    expect(record().status).toBe(0);
    expect(servingOnMain()).toEqual({
      active: 'cloudflare',
      cloudflare: '1.2.3+by-hand',
      vercel: `1.2.3+${release}`,
    });
    expect(onMain(STABLE)).toBe('by-hand');
  });

  it('on a target that others changed meanwhile is recorded and said aloud', () => {
    pushFromElsewhere(VERSIONS, recordsOf({ vercel: ['by-hand'] }, 'vercel'));
    deployed();
    expect(record().stdout).toContain('::warning::vercel has other records on main');
    expect(servingOnMain()).toMatchObject({ vercel: `1.2.3+${release}` });
  });

  it('is nothing where the deployment was refused, whatever came to main meanwhile', () => {
    const others = recordsOf({ vercel: ['by-hand'] }, 'vercel');
    pushFromElsewhere(VERSIONS, others);
    expect(record().status).toBe(0);
    write(checkout, VERSIONS, `${recordsOf({})}\n`);
    expect(record().status).toBe(0);
    fetchMain();
    expect(onMain(VERSIONS)).toBe(others);
  });

  it('is said to be refused by a branch that takes no commit of the workflow', () => {
    write(remote, 'hooks/pre-receive', '#!/bin/sh\nexit 1\n');
    chmodSync(join(remote, 'hooks/pre-receive'), 0o755);
    deployed();
    const { status, stdout } = record();
    expect(status).toBe(1);
    expect(stdout).toContain('could not be pushed to main');
  });
});
