/** What the platforms' programs are fed: a build that wrangler itself accepts, and an artifact that can be made again. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findCli } from '../../deployment/platform-cli.ts';
import { cloudflarePlatform } from '../../deployment/platforms/cloudflare.ts';
import { rebuildArtifact } from '../../deployment/platforms/rebuild-artifact.ts';
import { supabasePlatform } from '../../deployment/platforms/supabase.ts';
import { type DeployedVersion, readVersions, withVersion, writeVersions } from '../../deployment/versions.ts';
import { makeReleaseRepository, type ReleaseRepository } from '../support/release-repository.ts';
import { builtOutput } from '../support/shared-parts.ts';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

/** Nothing may leave this machine. */
const OFFLINE = { WRANGLER_SEND_METRICS: 'false', CLOUDFLARE_CF_FETCH_ENABLED: 'false', CI: '1' };

describe('wrangler itself, without an account', () => {
  it('accepts the upload that a dry run of npm run deploy tries', { timeout: 240_000 }, async () => {
    const output = await builtOutput();
    const environment = { ...process.env, ...OFFLINE };
    const { shown } = findCli('wrangler', { root: PROJECT, environment });
    expect(shown).toBe('wrangler');
    // The build of this run lies elsewhere than the project, which a person may be deploying meanwhile.
    const cli = findCli('wrangler', {
      root: output,
      environment: { ...environment, PATH: `${join(PROJECT, 'node_modules', '.bin')}:${process.env.PATH}` },
    });
    await cloudflarePlatform(cli).rehearse?.();
  });

  it('knows every flag that a deployment gives it', { timeout: 120_000 }, () => {
    const wrangler = join(PROJECT, 'node_modules', '.bin', 'wrangler');
    const help = (...command: string[]) =>
      spawnSync(wrangler, [...command, '--help'], {
        encoding: 'utf8',
        env: { ...process.env, ...OFFLINE },
      }).stdout;
    expect(help('versions', 'upload')).toMatch(/--message[\s\S]*--dry-run/);
    expect(help('versions', 'deploy')).toMatch(/version-specs[\s\S]*--message[\s\S]*--yes/);
    expect(help('rollback')).toMatch(/version-id[\s\S]*--message[\s\S]*--yes/);
    expect(help('secret', 'list')).toContain('--format');
  });
});

describe('an artifact of Supabase that is not kept here', () => {
  let repository: ReleaseRepository;
  beforeEach(async () => {
    repository = await makeReleaseRepository();
    // A build that only depends on the commit, as ours.
    await repository.write(
      'local/bootstrap.mjs',
      `import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
       mkdirSync('supabase/functions/_shared', { recursive: true });
       writeFileSync('supabase/functions/_shared/app.js', readFileSync('src/app.ts'));`,
    );
    await repository.write('src/app.ts', 'one');
    repository.commit('One');
  });
  afterEach(() => repository.remove());

  const versionOf = (commit: string, checksum: string): DeployedVersion => ({
    version: '1.2.3+one',
    timestamp: '2026-01-05T10:00:00.000Z',
    commit,
    status: 'stable',
    health_check_url: 'https://example.com/health',
    target: 'supabase',
    checksum,
    schema: '0000_first',
    deployment: '1.2.3+one',
  });
  const SHA_OF_ONE = '7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed';

  it('is built again from its commit, whatever is checked out', async () => {
    const commit = repository.git('rev-parse', 'HEAD');
    await repository.write('src/app.ts', 'two');
    repository.commit('Two');
    const into = join(repository.root, '.records', 'again');
    await rebuildArtifact(repository.root)(versionOf(commit, SHA_OF_ONE), into);
    expect(await readFile(join(into, 'supabase/functions/_shared/app.js'), 'utf8')).toBe('one');
    expect(await readFile(join(repository.root, 'src/app.ts'), 'utf8')).toBe('two');
    expect(repository.git('worktree', 'list').split('\n')).toHaveLength(1);
    expect(repository.git('status', '--porcelain')).toBe('');
  });

  it('is built without any secret, which what is installed for it could send along', async () => {
    await repository.write(
      'local/bootstrap.mjs',
      "import { writeFileSync } from 'node:fs';\nwriteFileSync(process.env.HOME + '/saw', Object.keys(process.env).join());",
    );
    const commit = repository.commit('Tells what it sees');
    const environment = { PATH: process.env.PATH, HOME: repository.root, JWT_SECRET: 'x', VERCEL_TOKEN: 'x' };
    const rebuild = rebuildArtifact(repository.root, { environment });
    await expect(rebuild(versionOf(commit, 'c0ffee'), '/nowhere')).rejects.toThrow('the checksums differ');
    const saw = (await readFile(join(repository.root, 'saw'), 'utf8')).split(',');
    expect(saw).toContain('PATH');
    for (const secret of ['JWT_SECRET', 'VERCEL_TOKEN']) expect(saw).not.toContain(secret);
  });

  it('that cannot be built says why, also when no program could be started or one never ends', async () => {
    const commit = repository.git('rev-parse', 'HEAD');
    const without = rebuildArtifact(repository.root, { environment: { PATH: '/nowhere' } });
    await expect(without(versionOf(commit, SHA_OF_ONE), '/nowhere')).rejects.toThrow(/failed: .*ENOENT/);
    await repository.write('local/bootstrap.mjs', 'setInterval(() => {}, 1_000);');
    const endless = repository.commit('Never ends');
    const rebuild = rebuildArtifact(repository.root, { limitMs: 3_000 });
    await expect(rebuild(versionOf(endless, SHA_OF_ONE), '/nowhere')).rejects.toThrow(/failed: .*ETIMEDOUT/);
    expect(repository.git('worktree', 'list').split('\n')).toHaveLength(1);
  });

  it('is refused when it is not byte for byte what was deployed', async () => {
    const commit = repository.git('rev-parse', 'HEAD');
    const into = join(repository.root, '.records', 'again');
    await expect(rebuildArtifact(repository.root)(versionOf(commit, 'c0ffee'), into)).rejects.toThrow(
      'the checksums differ',
    );
    expect(existsSync(into)).toBe(false);
  });
});

describe('the kept builds of Supabase', () => {
  let repository: ReleaseRepository;
  beforeEach(async () => {
    repository = await makeReleaseRepository();
  });
  afterEach(() => repository.remove());

  const artifacts = () => join(repository.root, '.records/artifacts/supabase');
  const keptApp = (name: string) => join(artifacts(), name, 'supabase/functions/_shared/app.js');
  const versionOf = (name: string): DeployedVersion => ({
    version: name,
    timestamp: '2026-01-05T10:00:00.000Z',
    commit: name,
    status: 'stable',
    health_check_url: 'https://x.example/functions/v1/health',
    target: 'supabase',
    checksum: createHash('sha256').update(name).digest('hex'),
    schema: '0000_first',
    deployment: name,
  });
  const rebuilt: string[] = [];
  /** Its program does nothing and fails nothing. */
  const platform = (build = 'builds again') =>
    supabasePlatform(
      { shown: 'supabase', read: async () => '', change: async () => '' },
      {
        root: repository.root,
        environment: { SUPABASE_PROJECT_REF: 'abcdefghijklmnopqrst' },
        async rebuild({ version }, into) {
          if (build !== 'builds again') throw new Error(build);
          rebuilt.push(version);
          await mkdir(join(into, 'supabase/functions/_shared'), { recursive: true });
          await writeFile(join(into, 'supabase/functions/_shared/app.js'), version);
        },
      },
    );
  async function upload(name: string) {
    await repository.write('supabase/functions/_shared/app.js', name);
    return platform().upload(versionOf(name));
  }

  it('are forgotten one by one, but for those that a rollback may need', async () => {
    let versions = await readVersions(repository.root);
    for (const name of ['one', 'two']) {
      expect(await upload(name)).toEqual({
        deployment: name,
        url: 'https://x.example/functions/v1/api-next',
      });
      versions = withVersion(versions, versionOf(name));
    }
    await writeVersions(repository.root, versions, 'supabase');
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) await upload(name);
    const kept = await readdir(artifacts());
    expect(kept).toEqual(expect.arrayContaining(['one', 'two', 'g']));
    expect(kept).toHaveLength(2 + 1 + 5);
  });

  it('are built again where the kept one is not what was deployed, and never left half', async () => {
    await upload('one');
    await platform().restore(versionOf('one'), undefined, '');
    expect(rebuilt).toEqual([]);
    await writeFile(keptApp('one'), 'on');
    await expect(platform('no such commit').restore(versionOf('one'), undefined, '')).rejects.toThrow(
      'no such commit',
    );
    expect(await readdir(artifacts())).toEqual(['one']);
    await platform().restore(versionOf('one'), undefined, '');
    expect(rebuilt).toEqual(['one']);
    expect(await readFile(keptApp('one'), 'utf8')).toBe('one');
  });

  it('are those that were built for this deployment: anything else is not uploaded', async () => {
    await repository.write('supabase/functions/_shared/app.js', 'of another build');
    await expect(platform().upload(versionOf('one'))).rejects.toThrow('is not the build of this deployment');
    expect(await readdir(artifacts())).toEqual([]);
  });
});

describe('deployment/rollback.sh', () => {
  it('runs the command, and says what scripts look for when there is nothing to go back to', () => {
    // To Node nothing is ever deployed by a command: this test must not roll anybody back.
    const { status, stderr } = spawnSync(
      'bash',
      [join(PROJECT, 'deployment/rollback.sh'), 'node', '--dry-run'],
      { env: { PATH: process.env.PATH, HOME: process.env.HOME }, encoding: 'utf8' },
    );
    expect(stderr).toContain('No previous version to rollback to');
    expect(status).toBe(1);
  });
});
