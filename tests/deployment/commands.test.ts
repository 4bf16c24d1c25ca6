/**
 * The commands as people type them, from the first deployment to the rollback: in a copy of this project, on a real
 * database, with a recorded program of the platform behind which real Denos serve what it deploys.
 */
import { spawn } from 'node:child_process';
import { cp, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readVersions } from '../../deployment/versions.ts';
import { type LocalService, openLocalService } from '../../local/local-service.ts';
import { createMigratedDatabase, type TestDatabase } from '../support/postgres-server.ts';
import { makeReleaseRepository, type ReleaseRepository } from '../support/release-repository.ts';
import { openSupabaseProject, type SupabaseProject } from '../support/supabase-project.ts';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

/** What the commands are made of and what they build. */
const PARTS = ['deployment', 'drizzle', 'local', 'src', 'supabase-adapter'];
const FILES = ['package.json', 'package-lock.json', 'tsconfig.json', 'vercel.json', '.gitignore'];

const METRICS_TOKEN = 'the-token-of-prometheus';
const REMOTE = '--remote=abcdefghijklmnopqrst';
const SETTINGS = ['DATABASE_URL', 'JWT_SECRET', 'METRICS_TOKEN', 'CRON_SECRET', 'PAGE_ORIGINS'];

let database: TestDatabase;
let service: LocalService;
let supabase: SupabaseProject;
let project: ReleaseRepository;
beforeEach(async () => {
  database = await createMigratedDatabase();
  service = await openLocalService({ databaseUrl: database.url, settings: { METRICS_TOKEN } });
  supabase = await openSupabaseProject(service.environment);
  project = await makeReleaseRepository(copyOfThisProject);
}, 120_000);
afterEach(async () => {
  await project?.remove();
  await supabase?.close();
  await service?.close();
  await database?.drop();
});

async function copyOfThisProject({ root, write }: ReleaseRepository): Promise<void> {
  for (const path of [...PARTS, ...FILES])
    await cp(join(PROJECT, path), join(root, path), { recursive: true });
  const nothing = { versions: [], current: null, previous: null, targets: {} };
  await write('deployment/versions.json', JSON.stringify(nothing));
  // Each package by a link of its own: whatever removes them removes links.
  await mkdir(join(root, 'node_modules'));
  const mark = '.package-lock.json';
  for (const name of await readdir(join(PROJECT, 'node_modules'))) {
    if (name !== mark) await symlink(join(PROJECT, 'node_modules', name), join(root, 'node_modules', name));
  }
  // Newer than the lock file: nothing needs to be installed.
  await writeFile(join(root, 'node_modules', mark), '{}');
}

/** Runs a program of the copy with the settings of a person who deploys, and nothing of this test's own. */
async function run(command: readonly string[], settings: Readonly<Record<string, string>> = {}) {
  const [file = '', ...args] = command;
  const child = spawn(file, args, {
    cwd: project.root,
    env: {
      ...project.environment,
      HOME: process.env.HOME,
      NO_COLOR: '1',
      TARGETS: JSON.stringify({ supabase: supabase.url }),
      DATABASE_URL: database.url,
      METRICS_TOKEN,
      SUPABASE_PROJECT_REF: 'abcdefghijklmnopqrst',
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [output, errors] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, output, errors };
}

const npmRun = (command: readonly string[], settings?: Readonly<Record<string, string>>) =>
  run([process.execPath, 'local/bootstrap.mjs', ...command], settings);

async function servedCommit(): Promise<unknown> {
  const answer = await fetch(`${supabase.url}/health`);
  return ((await answer.json()) as { commit?: unknown }).commit;
}

it('deploy, status and rollback do what they say, one after the other', { timeout: 600_000 }, async () => {
  const deploying = { program: 'supabase', platform: supabase.platform } as const;
  await project.expectCalls([
    {
      program: 'supabase',
      args: ['secrets', 'list', REMOTE, '--output', 'json'],
      output: JSON.stringify(SETTINGS.map((name) => ({ name }))),
    },
    { ...deploying, args: ['functions', 'deploy', 'api-next', '--use-api', '--yes', REMOTE] },
    { ...deploying, args: ['functions', 'deploy', '--use-api', '--yes', REMOTE] },
  ]);
  const one = project.git('rev-parse', 'HEAD');

  const early = await run(['bash', 'deployment/rollback.sh']);
  expect([early.code, early.errors]).toEqual([
    1,
    expect.stringContaining('No previous version to rollback to'),
  ]);
  const refused = await npmRun(['deploy']);
  expect([refused.code, refused.output]).toEqual([1, expect.stringContaining('run npm test')]);
  expect(refused.errors).toContain('Refused: nothing was changed.');

  // Without a name: the target of the first deployment.
  await project.prove();
  const first = await npmRun(['deploy']);
  expect(first.code, first.output + first.errors).toBe(0);
  const firstVersion = `0.1.0+${one.slice(0, 12)}`;
  expect(first.output).toContain(`✓ Deployed ${firstVersion}`);
  expect(first.output).toContain('$ supabase functions deploy api-next');
  expect(await servedCommit()).toBe(one);
  expect((await readVersions(project.root)).current).toBe(firstVersion);
  expect(project.git('log', '-1', '--format=%s')).toBe(`Deployed ${firstVersion} to supabase`);
  expect(project.git('status', '--porcelain')).toBe('');

  await project.write('tsconfig.json', `${await readFile(join(PROJECT, 'tsconfig.json'), 'utf8')}\n`);
  const two = project.commit('Two');
  await project.prove();
  const second = await npmRun(['deploy', 'supabase', '--json']);
  expect(second.code, second.output + second.errors).toBe(0);
  expect(JSON.parse(second.output)).toMatchObject({ ok: true, commit: two, applied: [] });
  expect(await servedCommit()).toBe(two);

  const table = await npmRun(['status']);
  expect([table.code, table.errors]).toEqual([0, '']);
  expect(table.output).toMatch(
    new RegExp(`^\\* +supabase +ready +0\\.1\\.0\\+${two.slice(0, 12)} +${two.slice(0, 12)} `, 'm'),
  );

  const back = await run(['bash', 'deployment/rollback.sh']);
  expect(back.code, back.output + back.errors).toBe(0);
  expect(back.output).toMatch(
    new RegExp(`✓ Rollback completed successfully \\(${firstVersion.replace(/[.+]/g, '\\$&')}, [\\d.]+ s\\)`),
  );
  expect(await servedCommit()).toBe(one);
  const secondVersion = `0.1.0+${two.slice(0, 12)}`;
  expect(await readVersions(project.root)).toMatchObject({ current: firstVersion, previous: secondVersion });
  expect(await readFile(join(project.root, '.last-stable-version'), 'utf8')).toBe(`${one}\n`);
  expect(project.git('log', '-1', '--format=%s')).toBe(`Rolled supabase back to ${firstVersion}`);

  const status = await npmRun(['status', '--json']);
  expect(JSON.parse(status.output)).toMatchObject([
    { target: 'supabase', active: true, health: 'ready', version: firstVersion, commit: one, differs: false },
  ]);

  // The database burns, and nobody can say who has the patients: the records do, and it is said aloud.
  const inTheDark = await npmRun(['rollback', '--dry-run'], { DATABASE_URL: 'postgres://x@127.0.0.1:9/x' });
  expect(inTheDark.code, inTheDark.errors).toBe(0);
  expect(inTheDark.errors).toContain(
    'the database does not say which target has the patients; supabase had the patients',
  );
  expect(inTheDark.output).toContain(`Would go back to ${secondVersion}`);

  // A front would send the patients elsewhere: nobody is moved by mistake.
  const TARGETS = JSON.stringify({ cloudflare: 'https://cloudflare.example', supabase: supabase.url });
  for (const command of [
    ['rollback', '--dry-run'],
    ['deploy', '--dry-run'],
  ]) {
    const { code, errors } = await npmRun(command, { TARGETS });
    expect([code, errors]).toEqual([
      1,
      expect.stringMatching(/patients to cloudflare[\s\S]*Name the target/),
    ]);
  }
});
