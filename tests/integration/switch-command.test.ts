/**
 * `npm run switch` as a person types it, on targets with the settings of production while Redis is away: what it refuses,
 * and what stands in the records and in git when it succeeded.
 */

import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { delimiter, join } from 'node:path';
import { getRequestListener } from '@hono/node-server';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { writeActiveTarget } from '../../deployment/active-row.ts';
import { readActiveTarget, type SwitchResult } from '../../deployment/active-target.ts';
import { databaseMisfit } from '../../deployment/same-database.ts';
import { smokeVerdict } from '../../deployment/smoke-verdict.ts';
import { fetchHealth, type Target } from '../../deployment/targets.ts';
import { RULES } from '../../deployment/vercel-routes.ts';
import type { DeployedVersion, Versions } from '../../deployment/versions.ts';
import { openCommandDatabase } from '../../local/command-database.ts';
import { freePort } from '../../local/free-port.ts';
import { startFrontServer } from '../../local/front-server.ts';
import { openLocalService } from '../../local/local-service.ts';
import { RUNTIMES } from '../../local/runtimes/runtimes.ts';
import { createDatabase, type Database } from '../../src/lib/database.ts';
import { createNodeTarget } from '../../src/targets/node.ts';
import { createMigratedDatabase } from '../support/postgres-server.ts';
import { copyProject, type ProjectCopy } from '../support/project-copy.ts';
import { builtOutput } from '../support/shared-parts.ts';
import { openVercelProject } from '../support/vercel-project.ts';

const PROXY_SECRET = 'the-secret-of-the-front-and-its-targets';
const SWITCH = 'deployment/switch-command.ts';

const opened: (() => Promise<unknown>)[] = [];
let project: ProjectCopy;
let database: Database;
let environment: Record<string, string>;
let settings: Record<string, string>;
let urls: Record<'cloudflare' | 'supabase', string>;
beforeAll(async () => {
  const { url, drop } = await createMigratedDatabase();
  opened.push(drop);
  const service = await openLocalService({ environment: 'test', databaseUrl: url });
  opened.push(service.close);
  settings = {
    ...service.environment,
    // What a test service says of itself refuses a switch.
    ENVIRONMENT: 'production',
    PROXY_SECRET,
    UPSTASH_REDIS_REST_URL: `http://127.0.0.1:${await freePort()}`,
  };
  const { DATABASE_URL = '' } = settings;
  database = createDatabase({ databaseUrl: DATABASE_URL, databaseHttpUrl: undefined });
  urls = {
    cloudflare: await runtime('cloudflare', settings),
    supabase: `${await runtime('supabase', settings)}/functions/v1`,
  };
  const TARGETS = JSON.stringify({ supabase: urls.supabase, cloudflare: urls.cloudflare });
  const front = await startFrontServer({ environment: { DATABASE_URL, TARGETS, PROXY_SECRET } });
  opened.push(front.close);
  project = await copyProject();
  opened.push(project.remove);
  environment = { TARGETS, PUBLIC_URL: front.url, DATABASE_URL: url, PROXY_SECRET };
}, 180_000);
beforeEach(async () => {
  const before = await readActiveTarget(database);
  await writeActiveTarget(database, 'supabase', before, { previous: undefined });
});
afterAll(async () => {
  for (const close of opened.reverse()) await close();
});

async function runtime(name: 'cloudflare' | 'supabase', values: Readonly<Record<string, string>>) {
  const { url, stop } = await RUNTIMES[name]({ root: await builtOutput(), port: 0, environment: values });
  opened.push(stop);
  return url;
}

async function startNode(values: Readonly<Record<string, string>>) {
  const target = createNodeTarget({ ...settings, ...values });
  const server = createServer(getRequestListener(target.app.fetch, { hostname: '127.0.0.1' }));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  opened.push(async () => {
    target.close();
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Runs the command and reads its result, which stands alone on the standard output. */
async function toCloudflare(more: Readonly<Record<string, string>> = {}) {
  const { code, output, errors } = await project.run(SWITCH, ['cloudflare', '--json'], {
    ...environment,
    ...more,
  });
  return { code, errors, result: JSON.parse(output) as SwitchResult };
}

const withCloudflareAt = (url: string) => ({
  TARGETS: JSON.stringify({ supabase: urls.supabase, cloudflare: url }),
});

function deployed(target: Target, commit: string): DeployedVersion {
  return {
    version: `0.1.0+${commit.slice(0, 12)}`,
    timestamp: '2026-01-01T00:00:00.000Z',
    commit,
    status: 'stable',
    health_check_url: `https://${target}.example/health`,
    target,
    checksum: 'c'.repeat(64),
    schema: '0027_repeated_writes',
    deployment: null,
  };
}

async function recordedFor(active: 'cloudflare' | 'supabase'): Promise<void> {
  const of = (target: 'cloudflare' | 'supabase', commit: string) => ({
    versions: [deployed(target, commit)],
    current: deployed(target, commit).version,
    previous: null,
  });
  const all = { supabase: of('supabase', 'a'.repeat(40)), cloudflare: of('cloudflare', 'b'.repeat(40)) };
  const file: Versions = { ...all[active], targets: all };
  await writeFile(join(project.root, 'deployment/versions.json'), `${JSON.stringify(file, null, 2)}\n`);
  project.git('add', '.');
  project.git('commit', '--quiet', '--allow-empty', '--message', 'deployed');
}

// Each case starts the command several times, and a busy machine takes seconds for each.
describe('npm run switch', { timeout: 240_000 }, () => {
  it('switches while Redis is away everywhere, and commits who has the patients', async () => {
    await recordedFor('supabase');
    const { code, result, errors } = await toCloudflare();
    expect(result, errors).toMatchObject({
      ok: true,
      outcome: 'switched',
      from: 'supabase',
      to: 'cloudflare',
    });
    expect(code).toBe(0);
    expect(await readActiveTarget(database)).toMatchObject({ target: 'cloudflare', previous: 'supabase' });
    const written = JSON.parse(await readFile(join(project.root, 'deployment/versions.json'), 'utf8'));
    expect(written.versions.at(-1)?.target).toBe('cloudflare');
    expect(await readFile(join(project.root, '.last-stable-version'), 'utf8')).toBe(`${'b'.repeat(40)}\n`);
    expect(project.git('status', '--porcelain')).toBe('');
    expect(project.git('log', '-1', '--format=%s')).toContain('cloudflare');

    const again = await toCloudflare();
    expect([again.code, again.result.outcome]).toEqual([0, 'already-active']);
  });

  it('rolls back to the target before, by a name or without one', async () => {
    expect((await toCloudflare()).code).toBe(0);
    const head = project.git('rev-parse', 'HEAD');
    const { code, output, errors } = await project.run(
      'deployment/rollback-command.ts',
      ['--target', '--json', '--no-commit'],
      environment,
    );
    expect(JSON.parse(output), errors).toMatchObject({ outcome: 'switched', to: 'supabase' });
    expect([code, (await readActiveTarget(database))?.target]).toEqual([0, 'supabase']);
    // Written, and left for a person to commit.
    expect(project.git('rev-parse', 'HEAD')).toBe(head);
    expect(project.git('status', '--porcelain')).toContain('deployment/versions.json');
    project.git('checkout', '--', '.');
  });

  it('refuses a target on another database, whose schema is the same', async () => {
    const { url, drop } = await createMigratedDatabase();
    opened.push(drop);
    const other = await openLocalService({ environment: 'test', databaseUrl: url });
    opened.push(other.close);
    const { DATABASE_URL = '' } = other.environment;
    const candidate = await runtime('cloudflare', { ...settings, DATABASE_URL });
    const schemas = await Promise.all(
      [candidate, urls.cloudflare].map((at) => fetchHealth({ name: 'cloudflare', url: at })),
    );
    expect(new Set(schemas.map(({ databaseSchema }) => databaseSchema)).size).toBe(1);
    const { code, result } = await toCloudflare(withCloudflareAt(candidate));
    expect(result).toMatchObject({
      outcome: 'refused',
      problem: expect.stringContaining('another database'),
    });
    expect([code, (await readActiveTarget(database))?.target]).toEqual([1, 'supabase']);
    // What was written to find that out is gone.
    const { runBatch, close } = await openCommandDatabase(environment, '.data');
    const [rows = []] = await runBatch([{ query: 'select * from qr_sessions', params: [] }]).finally(close);
    expect(rows).toEqual([]);
  });

  it('refuses a target with another JWT_SECRET: staff would be logged out, and what is sent again done twice', async () => {
    const candidate = await runtime('cloudflare', { ...settings, JWT_SECRET: 'mistyped'.repeat(5) });
    const { code, result } = await toCloudflare(withCloudflareAt(candidate));
    expect(result).toMatchObject({
      outcome: 'refused',
      problem: expect.stringContaining('cloudflare has another JWT_SECRET than supabase'),
    });
    expect([code, (await readActiveTarget(database))?.target]).toEqual([1, 'supabase']);
    // What is away cannot be compared, and is a reason to switch.
    const { runBatch, close } = await openCommandDatabase(environment, '.data');
    const dead = { name: 'supabase', url: `http://127.0.0.1:${await freePort()}` } as const;
    const misfit = await databaseMisfit({ name: 'cloudflare', url: candidate }, dead, runBatch).finally(
      close,
    );
    expect(misfit).toBeUndefined();
  });

  it('allows every step of a rotation of JWT_SECRET', async () => {
    const [old, next] = [settings.JWT_SECRET ?? '', 'the-next-secret'.repeat(4)];
    const steps = [
      { JWT_SECRET: old },
      { JWT_SECRET: old, JWT_SECRET_PREVIOUS: next },
      { JWT_SECRET: next, JWT_SECRET_PREVIOUS: old },
      { JWT_SECRET: next },
    ];
    const { runBatch, close } = await openCommandDatabase(environment, '.data');
    opened.push(close);
    const targets = await Promise.all(
      steps.map(async (step) => ({ name: 'node' as const, url: await startNode(step) })),
    );
    for (const [index, target] of targets.entries()) {
      const before = targets[index - 1] ?? target;
      expect(await databaseMisfit(target, before, runBatch)).toBeUndefined();
      expect(await databaseMisfit(before, target, runBatch)).toBeUndefined();
    }
  });

  it('refuses a target that does not believe the front, and to start without its secret', async () => {
    const stranger = await runtime('cloudflare', { ...settings, PROXY_SECRET: 'x'.repeat(32) });
    const { result } = await toCloudflare(withCloudflareAt(stranger));
    expect(result).toMatchObject({
      outcome: 'refused',
      problem: expect.stringContaining('it believes the front'),
    });
    for (const PROXY_SECRET of ['', 'short']) {
      const { code, errors } = await project.run(SWITCH, ['cloudflare'], { ...environment, PROXY_SECRET });
      expect([code, errors]).toEqual([1, expect.stringContaining('PROXY_SECRET')]);
    }
    expect((await readActiveTarget(database))?.target).toBe('supabase');
  });

  it("asks the page's project at Vercel, when that is the front", async () => {
    const page = await openVercelProject();
    opened.push(page.close);
    const dest = `${urls.supabase}/$1`;
    await page.publish(
      Object.values(RULES).map(({ name, src, ...rule }) => ({
        name,
        src,
        ...('status' in rule ? { status: rule.status } : { dest }),
        ...('has' in rule && { has: [{ type: 'header', key: rule.has }] }),
      })),
    );
    const vercel = {
      ...environment,
      PATH: `${page.folder}${delimiter}${process.env.PATH}`,
      FRONT: 'vercel-routes',
      PUBLIC_URL: page.url,
      PROXY_SECRET: '',
      VERCEL_TOKEN: page.token,
      VERCEL_PROJECT_ID: 'prj_api',
    };
    const without = await project.run(SWITCH, ['cloudflare', '--json'], vercel);
    expect([without.code, without.errors]).toEqual([1, expect.stringContaining('VERCEL_PAGE_PROJECT_ID')]);
    const { code, result } = await toCloudflare({ ...vercel, VERCEL_PAGE_PROJECT_ID: 'prj_page' });
    expect(result).toMatchObject({ outcome: 'switched', from: 'supabase' });
    expect(code).toBe(0);
  });

  it('answers what it cannot do with the setting or the help', async () => {
    const { PUBLIC_URL: _url, ...without } = environment;
    const missing = await project.run(SWITCH, ['cloudflare'], without);
    expect([missing.code, missing.errors]).toEqual([1, expect.stringContaining('PUBLIC_URL')]);
    for (const args of [['nowhere'], [], ['node', 'vercel']]) {
      expect((await project.run(SWITCH, args, environment)).code).toBe(2);
    }
  });
});

describe('the verdict on a target without Redis', { timeout: 120_000 }, () => {
  const verdict = async (targets: Readonly<Record<string, string>>) => {
    const { commit = '' } = await fetchHealth({ name: 'cloudflare', url: urls.cloudflare });
    return smokeVerdict({
      url: urls.cloudflare,
      target: 'cloudflare',
      commit,
      environment: { TARGETS: JSON.stringify(targets) },
      waitMs: 0,
      readOnly: true,
    });
  };

  it('is good while no target has it, and bad when another one does', async () => {
    expect(await verdict(urls)).toEqual({ ok: true, problem: '' });
    const node = await startNode(await withRedis());
    expect(await verdict({ ...urls, node })).toMatchObject({
      ok: false,
      problem: expect.stringContaining('another target'),
    });
  });

  async function withRedis() {
    const service = await openLocalService({ environment: 'test' });
    opened.push(service.close);
    const { UPSTASH_REDIS_REST_URL = '', UPSTASH_REDIS_REST_TOKEN = '' } = service.environment;
    return { UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN };
  }
});
