/** Switching targets by the library and by the command: in under a second, never to a bad one, back when it fails. */
import { spawn } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readActiveTarget, type SwitchOptions, switchTarget } from '../../deployment/active-target.ts';
import { CliFailure, findCli } from '../../deployment/platform-cli.ts';
import { runSmoke } from '../../deployment/smoke/run-smoke.ts';
import type { DeployedTarget } from '../../deployment/targets.ts';
import { PUBLIC_PATHS, vercelRoutes } from '../../deployment/vercel-routes.ts';
import { type Altered, type AlteringProxy, startAlteringProxy } from '../support/altering-proxy.ts';
import { openStage, type Stage } from './front-stage.ts';

const BOOTSTRAP = fileURLToPath(new URL('../../local/bootstrap.mjs', import.meta.url));

let stage: Stage;
let front: string;
let targets: DeployedTarget[];
let proxy: AlteringProxy;
beforeAll(async () => {
  stage = await openStage();
  targets = Object.entries(stage.targets).map(([name, url]) => ({ name, url }) as DeployedTarget);
  front = await stage.openFront('workerd', stage.targets);
  proxy = await startAlteringProxy(stage.targets.node);
}, 120_000);
afterAll(async () => {
  await proxy?.close();
  await stage?.close();
});

const smoke: SwitchOptions['smoke'] = async (url, expect) => {
  const { ok, checks } = await runSmoke({ url, readOnly: true, expect });
  return {
    ok,
    problem: checks
      .filter(({ outcome }) => outcome === 'failed')
      .map(({ name }) => name)
      .join(),
  };
};

const switchTo = (to: SwitchOptions['to'], more: Partial<SwitchOptions> = {}) =>
  // The outputs of the build bake a commit in; Node from source calls itself 'development'.
  switchTarget({
    to,
    targets,
    database: stage.database,
    publicUrl: front,
    smoke,
    otherCommit: true,
    ...more,
  });

const active = async () => (await readActiveTarget(stage.database))?.target;

describe('switching', () => {
  it('goes to every target and back, each seen in public within a second', async () => {
    const times: number[] = [];
    for (const to of ['cloudflare', 'supabase', 'node'] as const) {
      const result = await switchTo(to);
      expect(result).toMatchObject({ ok: true, outcome: 'switched', to });
      expect(await active()).toBe(to);
      times.push(result.milliseconds.seen ?? Number.POSITIVE_INFINITY);
    }
    console.log(`switches seen after ${times.join(', ')} ms`);
    expect(Math.max(...times)).toBeLessThan(1_500);
  });

  it('says so when the target is active already, and changes nothing in a dry run', async () => {
    await stage.activate('node');
    expect(await switchTo('node')).toMatchObject({ ok: true, outcome: 'already-active' });
    expect(await switchTo('cloudflare', { dryRun: true })).toMatchObject({
      ok: true,
      outcome: 'would-switch',
    });
    expect(await active()).toBe('node');
  });

  it.each<[string, Altered | undefined, string]>([
    ['does not answer', undefined, 'unreachable'],
    ['answers a page', { status: 200, type: 'text/html', body: '<h1>Hello</h1>' }, 'smoke|HTML|answers'],
    ['is another target', { headers: { 'x-served-by': 'supabase' } }, 'supabase answers there'],
  ])('refuses a target that %s', async (_what, altered, problem) => {
    await stage.activate('node');
    proxy.alter = (path, text) =>
      altered && path.startsWith('/health') ? altered : altered && { body: text };
    const url = altered ? proxy.url : 'http://127.0.0.1:9';
    const result = await switchTo('cloudflare', {
      targets: [...targets.filter(({ name }) => name !== 'cloudflare'), { name: 'cloudflare', url }],
    });
    proxy.alter = undefined;
    expect(result).toMatchObject({ ok: false, outcome: 'refused', problem: expect.stringMatching(problem) });
    expect(await active()).toBe('node');
  });

  it('refuses another commit and another schema unless that is wanted', async () => {
    await stage.activate('node');
    const result = await switchTo('cloudflare', { otherCommit: false });
    expect(result).toMatchObject({ outcome: 'refused', problem: expect.stringContaining('has commit') });
  });

  it('moves back by itself when the public address does not follow', async () => {
    await stage.activate('node');
    const result = await switchTo('cloudflare', { publicUrl: stage.targets.node, seenWithinMs: 500 });
    expect(result).toMatchObject({ ok: false, outcome: 'moved-back', from: 'node' });
    expect(await active()).toBe('node');
  });

  it('moves back by itself when the smoke test through the public address fails', async () => {
    await stage.activate('node');
    const result = await switchTo('cloudflare', {
      smoke: async (url) => ({ ok: url !== front, problem: 'a check failed' }),
    });
    expect(result).toMatchObject({
      outcome: 'moved-back',
      problem: expect.stringContaining('a check failed'),
    });
    expect(await active()).toBe('node');
  });

  it('of two at once one is refused', async () => {
    await stage.activate('node');
    const results = await Promise.all([switchTo('cloudflare'), switchTo('supabase')]);
    const won = results.filter(({ ok }) => ok);
    expect(won.length).toBe(1);
    expect(await active()).toBe(won[0]?.to);
    expect(results.find(({ ok }) => !ok)).toMatchObject({ outcome: 'refused' });
  });
});

describe("Vercel's routing rules", () => {
  let folder: string;
  let log: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mmc-vercel-'));
    log = join(folder, 'log');
    await writeFile(
      join(folder, 'vercel'),
      `#!/usr/bin/env node
require('node:fs').appendFileSync(${JSON.stringify(log)}, JSON.stringify(process.argv.slice(2)) + '\\n');
if (process.env.FAKE_FAILS === process.argv[3]) { console.error('Error: No route found'); process.exit(1); }
`,
    );
    await chmod(join(folder, 'vercel'), 0o755);
  });
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  function routes(environment: Readonly<Record<string, string>> = {}) {
    const PATH = `${folder}${delimiter}${process.env.PATH}`;
    const all = { PATH, ...environment };
    return vercelRoutes(findCli('vercel', { root: folder, environment: all }), all);
  }

  async function commands(): Promise<string[][]> {
    const text = await readFile(log, 'utf8').catch(() => '');
    await rm(log, { force: true });
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  }

  it('one rule is edited and published, with these very arguments', async () => {
    await routes({ VERCEL_TOKEN: 'token-of-the-test' }).point({
      name: 'supabase',
      url: 'https://x.example/functions/v1',
    });
    const token = ['--token', 'token-of-the-test'];
    expect(await commands()).toEqual([
      [
        'routes',
        'edit',
        'mmc-api',
        '--action',
        'rewrite',
        '--dest',
        'https://x.example/functions/v1/$1',
        '--yes',
        ...token,
      ],
      ['routes', 'publish', '--yes', ...token],
    ]);
  });

  it('a rule that cannot be moved leaves the target as it was', async () => {
    await stage.activate('node');
    const result = await switchTo('cloudflare', { route: routes({ FAKE_FAILS: 'publish' }) });
    expect(result).toMatchObject({ ok: false, problem: expect.stringContaining('No route found') });
    expect(result.outcome).toBe('stuck');
    expect(await active()).toBe('node');
    const tried = await commands();
    expect(tried.filter(([, verb]) => verb === 'edit').map((args) => args[6])).toEqual([
      `${stage.targets.cloudflare}/$1`,
      `${stage.targets.node}/$1`,
    ]);
  });

  it('without the program, the error names what to install', () => {
    expect(() => findCli('vercel', { root: folder, environment: { PATH: '/nowhere' } })).toThrow(CliFailure);
  });

  it('the pattern holds every public path and none of the page', () => {
    const pattern = new RegExp(PUBLIC_PATHS);
    for (const path of [
      '/api/v1/queue',
      '/auth/denied',
      '/config/clinic-pins',
      '/health',
      '/health/ready',
      '/admin/login',
    ])
      expect(pattern.test(path), path).toBe(true);
    for (const path of ['/', '/admin', '/qr', '/apis', '/healthy', '/docs/x'])
      expect(pattern.test(path), path).toBe(false);
  });
});

describe('npm run switch', () => {
  async function run(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    const child = spawn(process.execPath, [BOOTSTRAP, 'switch', ...args], {
      env: { PATH: process.env.PATH ?? '', NO_COLOR: '1', ...environment },
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (text) => {
        output += text;
      });
    const code = await new Promise((resolve) => child.on('close', resolve));
    return { code, output };
  }

  it('answers as JSON and refuses what it cannot do, naming the setting', async () => {
    await stage.activate('node');
    const environment = {
      TARGETS: JSON.stringify(stage.targets),
      PUBLIC_URL: front,
      DATABASE_URL: stage.databaseUrl,
      // The embedded endpoint before the real server.
      DATABASE_HTTP_URL: `${stage.databaseUrl.replace(/^postgres(ql)?:\/\/[^@]*@/, 'http://').replace(/\/[^/]*$/, '')}/sql`,
    };
    const refused = await run(['cloudflare', '--json'], environment);
    // The targets of this test call themselves a test: no switch goes to one.
    expect(JSON.parse(refused.output)).toMatchObject({ ok: false, outcome: 'refused' });
    expect(refused.code).toBe(1);
    const { PUBLIC_URL: _url, ...without } = environment;
    const missing = await run(['cloudflare'], without);
    expect([missing.code, missing.output]).toEqual([1, expect.stringContaining('PUBLIC_URL')]);
    expect((await run(['nowhere'], environment)).code).toBe(2);
    expect(await active()).toBe('node');
  });
});
