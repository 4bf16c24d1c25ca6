/** What the platforms' programs are fed: a build that wrangler itself accepts, and an artifact that can be made again. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findCli } from '../../deployment/platform-cli.ts';
import { cloudflarePlatform } from '../../deployment/platforms/cloudflare.ts';
import { rebuildArtifact } from '../../deployment/platforms/rebuild-artifact.ts';
import type { DeployedVersion } from '../../deployment/versions.ts';
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

  it('is refused when it is not byte for byte what was deployed', async () => {
    const commit = repository.git('rev-parse', 'HEAD');
    const into = join(repository.root, '.records', 'again');
    await expect(rebuildArtifact(repository.root)(versionOf(commit, 'c0ffee'), into)).rejects.toThrow(
      'the checksums differ',
    );
    expect(existsSync(into)).toBe(false);
  });
});

describe('deployment/rollback.sh', () => {
  it('runs the command, and says what scripts look for when there is nothing to go back to', () => {
    const environment = {
      ...process.env,
      // Never deployed by a command, so there never is a version: this test must not roll anybody back.
      TARGETS: '{"node":"http://127.0.0.1:9"}',
      DATABASE_URL: '',
    };
    const { status, stderr } = spawnSync(
      'bash',
      [join(PROJECT, 'deployment/rollback.sh'), 'node', '--dry-run'],
      {
        env: environment,
        encoding: 'utf8',
      },
    );
    expect(stderr).toContain('No previous version to rollback to');
    expect(status).toBe(1);
  });
});
