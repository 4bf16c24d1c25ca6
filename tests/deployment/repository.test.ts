/** What a deployment asks of git and leaves in it, whatever the machine's own settings are, and wherever HEAD is. */
import { existsSync } from 'node:fs';
import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { recordActive } from '../../deployment/record-active.ts';
import { openRepository, type Repository } from '../../deployment/repository.ts';
import { type DeployedVersion, readVersions, withVersion, writeVersions } from '../../deployment/versions.ts';
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

describe('a stable commit that is checked out', () => {
  let stable: string;
  beforeEach(async () => {
    stable = project.git('rev-parse', 'HEAD');
    await deployedTo('vercel');
    repository.commitRecords('Deployed to vercel');
    project.git('checkout', '--quiet', stable);
  });

  it('takes the records of the branch, and stays the release that it is', async () => {
    expect((await readVersions(project.root)).current).toBeNull();
    expect(repository.takeNewerRecords()).toEqual({ branch: 'main', taken: true });
    expect((await readVersions(project.root)).current).toBe('1.2.3+vercel');
    expect(repository.release().commit).toBe(stable);
    expect(repository.changedFiles()).toEqual([]);
    expect(repository.takeNewerRecords()).toBeUndefined();
  });

  it('commits what is deployed of it to the branch, where the next one finds it', async () => {
    repository.takeNewerRecords();
    await deployedTo('cloudflare');
    expect(repository.commitRecords('Deployed to cloudflare')).toBe(true);
    expect(repository.commitRecords('Deployed to cloudflare')).toBe(false);
    expect(project.git('rev-parse', 'HEAD')).toBe(stable);
    project.git('checkout', '--quiet', 'main');
    expect(project.git('log', '-2', '--format=%s')).toBe('Deployed to cloudflare\nDeployed to vercel');
    expect(project.git('status', '--porcelain')).toBe('');
    expect(Object.keys((await readVersions(project.root)).targets)).toEqual(['vercel', 'cloudflare']);
  });
});

describe('records of a branch elsewhere', () => {
  /** The remote's branch as this clone knows it: somebody deployed after this commit. */
  async function deployedElsewhere(): Promise<void> {
    await deployedTo('vercel');
    repository.commitRecords('Deployed to vercel');
    project.git('update-ref', 'refs/remotes/origin/main', 'HEAD');
    project.git('reset', '--quiet', '--hard', 'HEAD~1');
  }

  it('are taken where this clone is behind', async () => {
    await deployedElsewhere();
    expect(repository.takeNewerRecords()).toEqual({ branch: 'origin/main', taken: true });
    expect((await readVersions(project.root)).current).toBe('1.2.3+vercel');
  });

  it('are left alone where there are others here: a person must merge them', async () => {
    await deployedElsewhere();
    await deployedTo('cloudflare');
    expect(repository.takeNewerRecords()).toBeUndefined();
    repository.commitRecords('Deployed to cloudflare');
    expect(repository.takeNewerRecords()).toEqual({ branch: 'origin/main', taken: false });
    expect((await readVersions(project.root)).current).toBe('1.2.3+cloudflare');
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
