/** What a deployment asks of git and leaves in it, whatever the machine's own settings are, and wherever HEAD is. */
import { existsSync } from 'node:fs';
import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { recordActive } from '../../deployment/record-active.ts';
import { openRepository, type Repository } from '../../deployment/repository.ts';
import {
  type DeployedVersion,
  openVersions,
  readNewestVersions,
  readVersions,
  withVersion,
  writeVersions,
} from '../../deployment/versions.ts';
import { makeReleaseRepository, type ReleaseRepository } from '../support/release-repository.ts';

const VERSIONS = 'deployment/versions.json';

let project: ReleaseRepository;
let repository: Repository;
beforeEach(async () => {
  project = await makeReleaseRepository();
  repository = openRepository(project.root);
});
afterEach(() => project.remove());

const versionOn = (target: DeployedVersion['target']): DeployedVersion => ({
  version: `1.2.3+${target}`,
  timestamp: '2026-01-05T10:00:00.000Z',
  commit: `commit-on-${target}`,
  status: 'stable',
  health_check_url: 'https://example.com/health',
  target,
  checksum: 'c0ffee',
  schema: '0000_first',
  deployment: 'id-1',
});

/** A deployment's records, not committed. */
async function deployedTo(target: DeployedVersion['target']): Promise<void> {
  const versions = withVersion(await readVersions(project.root), versionOn(target));
  await writeVersions(project.root, versions, target);
}

describe("whatever the machine's settings are", () => {
  it('a file that git was told not to show makes the tree dirty', async () => {
    project.git('config', 'status.showUntrackedFiles', 'no');
    await project.write('src/new/file.ts', 'new');
    expect(repository.changedFiles()).toEqual(['src/new/file.ts']);
  });

  it('records are committed without the hooks and the signature that people want of code', async () => {
    for (const hook of ['pre-commit', 'prepare-commit-msg', 'commit-msg', 'post-commit']) {
      await project.write(`.git/hooks/${hook}`, `#!/bin/sh\ntouch "${project.root}/ran"\nexit 1\n`);
      await chmod(join(project.root, '.git/hooks', hook), 0o755);
    }
    project.git('config', 'commit.gpgSign', 'true');
    project.git('config', 'gpg.program', '/nowhere/gpg');
    await deployedTo('vercel');
    expect(repository.commitRecords('Deployed')).toBe(true);
    expect(project.git('log', '-1', '--format=%s')).toBe('Deployed');
    expect(existsSync(join(project.root, 'ran'))).toBe(false);
    expect(repository.commitRecords('Deployed')).toBe(false);
  });
});

const newest = () => readNewestVersions(project.root, repository);

/** As a command does it: on top of what is known by now. */
async function deploying(
  target: DeployedVersion['target'],
  message = `Deployed to ${target}`,
): Promise<boolean> {
  const records = await openVersions(project.root, target, repository);
  await records.update((file) => withVersion(file, versionOn(target)));
  return repository.commitRecords(message);
}

describe('a stable commit that is checked out', () => {
  let stable: string;
  beforeEach(async () => {
    stable = project.git('rev-parse', 'HEAD');
    await deploying('vercel');
    project.git('checkout', '--quiet', stable);
  });

  it('knows the records of the branch, stays the release that it is, and is left as it was', async () => {
    expect((await readVersions(project.root)).current).toBeNull();
    expect(repository.newerRecords()).toMatchObject({ branch: 'main' });
    expect((await newest()).current).toBe('1.2.3+vercel');
    expect(repository.release().commit).toBe(stable);
    expect(project.git('status', '--porcelain')).toBe('');
  });

  it('commits what is deployed of it to the branch, where the next one finds it', async () => {
    expect(await deploying('cloudflare')).toBe(true);
    expect(repository.commitRecords('Deployed to cloudflare')).toBe(false);
    expect(repository.newerRecords()).toBeUndefined();
    expect(project.git('rev-parse', 'HEAD')).toBe(stable);
    project.git('checkout', '--quiet', 'main');
    expect(project.git('log', '-2', '--format=%s')).toBe('Deployed to cloudflare\nDeployed to vercel');
    expect(project.git('status', '--porcelain')).toBe('');
    expect(Object.keys((await readVersions(project.root)).targets)).toEqual(['vercel', 'cloudflare']);
  });
});

describe('another branch than main', () => {
  beforeEach(async () => {
    project.git('checkout', '--quiet', '-b', 'repair');
    await project.write('src/app.ts', 'repaired');
    project.commit('Repaired');
    project.git('checkout', '--quiet', 'main');
    await deploying('vercel');
    project.git('checkout', '--quiet', 'repair');
  });

  it('knows the records of main, and commits to main what is deployed from it', async () => {
    const repair = project.git('rev-parse', 'HEAD');
    expect((await newest()).current).toBe('1.2.3+vercel');
    expect(await deploying('cloudflare')).toBe(true);
    expect(project.git('rev-parse', 'HEAD')).toBe(repair);
    // Nothing that would get into the next commit of this branch; and the next command knows it all the same.
    expect(project.git('status', '--porcelain')).toBe('');
    expect(Object.keys((await newest()).targets)).toEqual(['vercel', 'cloudflare']);
    expect(project.git('log', '-2', '--format=%s', 'main')).toBe(
      'Deployed to cloudflare\nDeployed to vercel',
    );
    expect(project.git('show', 'main:.last-stable-version')).toBe('commit-on-cloudflare');
    expect(project.git('show', 'main:src/app.ts')).not.toBe('repaired');
  });

  it('commits on top of the remote main where the one here is only behind: it can be pushed as it is', async () => {
    project.git('update-ref', 'refs/remotes/origin/main', 'main');
    project.git('branch', '--quiet', '--force', 'main', 'main~1');
    await deploying('cloudflare');
    expect(project.git('log', '-1', '--format=%H', 'main~1')).toBe(project.git('rev-parse', 'origin/main'));
    expect(Object.keys((await newest()).targets)).toEqual(['vercel', 'cloudflare']);
  });

  it('keeps on itself what main must merge first: nothing of main gets lost', async () => {
    await deployedTo('cloudflare');
    project.git('add', '--all');
    project.git('commit', '--quiet', '--message', 'Records of its own');
    const main = project.git('rev-parse', 'main');
    await deployedTo('supabase');
    expect(repository.commitRecords('Deployed to supabase')).toBe(true);
    expect(project.git('rev-parse', 'main')).toBe(main);
    expect(project.git('log', '-1', '--format=%s')).toBe('Deployed to supabase');
  });
});

describe('records of a branch elsewhere', () => {
  /** The remote's branch as this clone knows it: somebody deployed after this commit. */
  async function deployedElsewhere(): Promise<void> {
    await deploying('vercel');
    project.git('update-ref', 'refs/remotes/origin/main', 'HEAD');
    project.git('reset', '--quiet', '--hard', 'HEAD~1');
  }

  it('are known where this clone is behind, whatever was asked, and written with the first change', async () => {
    await deployedElsewhere();
    for (let ask = 0; ask < 2; ask += 1) {
      expect(repository.newerRecords()).toMatchObject({ branch: 'origin/main' });
      expect((await newest()).current).toBe('1.2.3+vercel');
      expect(project.git('status', '--porcelain')).toBe('');
    }
    await deploying('cloudflare');
    expect(Object.keys((await readVersions(project.root)).targets)).toEqual(['vercel', 'cloudflare']);
  });

  it('are known to a commit that nobody pushed yet', async () => {
    await deployedElsewhere();
    await project.write('src/app.ts', 'newer');
    project.commit('Newer');
    expect((await newest()).current).toBe('1.2.3+vercel');
  });

  it('are left alone where there are others here, committed or not: a person must merge them', async () => {
    await deployedElsewhere();
    await deployedTo('cloudflare');
    for (const committed of [false, true]) {
      if (committed) repository.commitRecords('Deployed to cloudflare');
      expect(repository.newerRecords()).toEqual({ branch: 'origin/main', versions: undefined });
      expect((await newest()).current).toBe('1.2.3+cloudflare');
    }
  });
});

describe('after a switch', () => {
  it('the records name the versions of the target that has the patients, and are committed', async () => {
    await deployedTo('vercel');
    await deployedTo('cloudflare');
    repository.commitRecords('Deployed');
    expect(await recordActive(project.root, repository, 'vercel')).toBe(true);
    const { targets, ...top } = await readVersions(project.root);
    expect(top).toEqual(targets.vercel);
    expect(await readFile(join(project.root, '.last-stable-version'), 'utf8')).toBe('commit-on-vercel\n');
    expect(project.git('status', '--porcelain')).toBe('');
    expect(project.git('log', '-1', '--format=%s')).toBe('vercel has the patients');
    expect(await recordActive(project.root, repository, 'vercel')).toBe(false);
  });

  it('to a target without a version the file names none, and keeps all that it knows', async () => {
    await deployedTo('vercel');
    await recordActive(project.root, repository, 'node');
    const { targets, ...top } = await readVersions(project.root);
    expect(top).toEqual({ versions: [], current: null, previous: null });
    expect(targets.vercel?.current).toBe('1.2.3+vercel');
    expect(project.git('show', `HEAD:${VERSIONS}`)).toContain('"current": null');
  });
});
