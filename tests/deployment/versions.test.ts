/** The file of versions: short, whatever was deployed, and never without what a rollback needs. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Target } from '../../deployment/targets.ts';
import {
  type DeployedVersion,
  nameOf,
  previousOf,
  readVersions,
  versionsOf,
  withRollback,
  withUnfinished,
  withVersion,
  writeVersions,
} from '../../deployment/versions.ts';
import { makeReleaseRepository, type ReleaseRepository } from '../support/release-repository.ts';

let repository: ReleaseRepository;
beforeEach(async () => {
  repository = await makeReleaseRepository();
});
afterEach(() => repository.remove());

const made = (target: Target, version: string, status: DeployedVersion['status'] = 'stable') => ({
  version,
  timestamp: '2026-01-05T10:00:00.000Z',
  commit: `commit-of-${version}`,
  status,
  health_check_url: 'https://example.com/health',
  target,
  checksum: `checksum-of-${version}`,
  schema: '0000_first',
  deployment: version,
});

it('forgets old versions, but neither the present nor the previous one', async () => {
  let versions = await readVersions(repository.root);
  for (const name of ['one', 'two']) versions = withVersion(versions, made('vercel', name));
  for (let index = 0; index < 40; index += 1) {
    versions = withVersion(versions, made('vercel', `failed-${index}`, 'failed'));
  }
  const known = versionsOf(versions, 'vercel');
  expect([known.current, known.previous, previousOf(known)?.deployment]).toEqual(['two', 'one', 'one']);
  expect(known.versions).toHaveLength(22);
});

it('has the versions of the active target at its top, whichever that is', async () => {
  let versions = await readVersions(repository.root);
  versions = withVersion(versions, made('vercel', 'here'));
  versions = withVersion(versions, made('cloudflare', 'there'));
  for (const [active, current] of [
    ['cloudflare', 'there'],
    ['vercel', 'here'],
  ] as const) {
    await writeVersions(repository.root, versions, active);
    const { targets, ...top } = await readVersions(repository.root);
    expect(top).toEqual(targets[active]);
    const stable = await readFile(join(repository.root, '.last-stable-version'), 'utf8');
    expect(stable).toBe(`commit-of-${current}\n`);
  }
});

it('a rollback twice is where it began', async () => {
  let versions = await readVersions(repository.root);
  for (const name of ['one', 'two']) versions = withVersion(versions, made('vercel', name));
  const back = withRollback(versions, made('vercel', 'one'));
  expect(versionsOf(back, 'vercel')).toMatchObject({ current: 'one', previous: 'two' });
  expect(withRollback(back, made('vercel', 'two'))).toEqual(versions);
});

it('names every deployment of one commit differently', async () => {
  let versions = await readVersions(repository.root);
  const names = ['a', 'b', 'c'].map(() => {
    const name = nameOf(versionsOf(versions, 'vercel'), '1.2.3', 'f'.repeat(40));
    versions = withVersion(versions, made('vercel', name));
    return name;
  });
  expect(names).toEqual(['1.2.3+ffffffffffff', '1.2.3+ffffffffffff.2', '1.2.3+ffffffffffff.3']);
});

it('names a deployment as no other, also where the list was cut', async () => {
  let versions = await readVersions(repository.root);
  const names = Array.from({ length: 30 }, () => {
    const name = nameOf(versionsOf(versions, 'vercel'), '1.2.3', 'f'.repeat(40));
    versions = withVersion(versions, made('vercel', name, 'failed'));
    return name;
  });
  expect(new Set(names).size).toBe(30);
  expect(names.at(-1)).toBe('1.2.3+ffffffffffff.30');
});

it('keeps the three keys of the plan at its top, also while a deployment is not finished', async () => {
  let versions = withVersion(await readVersions(repository.root), made('vercel', 'one'));
  versions = withUnfinished(withVersion(versions, made('vercel', 'two', 'candidate')), made('vercel', 'two'));
  await writeVersions(repository.root, versions, 'vercel');
  const { targets, ...top } = await readVersions(repository.root);
  expect(Object.keys(top)).toEqual(['versions', 'current', 'previous']);
  expect(targets.vercel).toMatchObject({ current: 'one', unfinished: 'two' });
  expect(await readFile(join(repository.root, '.last-stable-version'), 'utf8')).toBe('commit-of-one\n');
});
