/** Switching targets by the library: in under a second, never to a bad one, back when it fails, whole when repeated. */
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { delimiter } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readActiveTarget, type SwitchOptions, switchTarget } from '../../deployment/active-target.ts';
import { CliFailure, findCli } from '../../deployment/platform-cli.ts';
import { runSmoke } from '../../deployment/smoke/run-smoke.ts';
import type { DeployedTarget } from '../../deployment/targets.ts';
import { RULES, vercelRoutes } from '../../deployment/vercel-routes.ts';
import { type Altered, type AlteringProxy, startAlteringProxy } from '../support/altering-proxy.ts';
import { until } from '../support/until.ts';
import { openVercelProject, PAGE, type Rule, type VercelProject } from '../support/vercel-project.ts';
import { openStage, type Stage } from './front-stage.ts';

const file = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8');

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
afterEach(() => {
  proxy.alter = undefined;
});
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

/** The smoke test, which fails at one address. */
const failingAt =
  (address: string, before: () => Promise<void> = async () => {}): SwitchOptions['smoke'] =>
  async (url) => {
    if (url === address) await before();
    return { ok: url !== address, problem: 'a check failed' };
  };

describe('switching', () => {
  it('goes to every target and back, each seen in public within a second', async () => {
    await stage.activate('node');
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

  it('is smoked in public once no isolate of the front can know the target before any more', async () => {
    await stage.activate('node');
    const shownByFront = async () => (await fetch(`${front}/health/live`)).headers.get('x-mmc-target');
    await until('the front follows', shownByFront, (shown) => shown === 'node');
    // At its own address the target is seen at once, while the front was asked just before the move.
    const publicUrl = stage.targets.cloudflare;
    const shown: (string | null)[] = [];
    const result = await switchTo('cloudflare', {
      publicUrl,
      smoke: async () => {
        shown.push(await shownByFront());
        return { ok: true, problem: '' };
      },
    });
    expect(result).toMatchObject({ ok: true, outcome: 'switched' });
    expect(shown).toEqual(['node', 'cloudflare']);
  });

  it('changes nothing in a dry run', async () => {
    await stage.activate('node');
    const before = await readActiveTarget(stage.database);
    expect(await switchTo('cloudflare', { dryRun: true })).toMatchObject({
      ok: true,
      outcome: 'would-switch',
    });
    expect(await readActiveTarget(stage.database)).toEqual(before);
  });

  it.each<[string, Altered | undefined, string]>([
    ['does not answer', undefined, 'unreachable'],
    ['answers a page', { status: 200, type: 'text/html', body: '<h1>Hello</h1>' }, 'smoke|HTML|answers'],
    ['is another target', { headers: { 'x-mmc-target': 'supabase' } }, 'supabase answers there'],
  ])('refuses a target that %s', async (_what, altered, problem) => {
    await stage.activate('node');
    proxy.alter = (path, text) =>
      altered && path.startsWith('/health') ? altered : altered && { body: text };
    const url = altered ? proxy.url : 'http://127.0.0.1:9';
    const result = await switchTo('cloudflare', {
      targets: [...targets.filter(({ name }) => name !== 'cloudflare'), { name: 'cloudflare', url }],
    });
    expect(result).toMatchObject({ ok: false, outcome: 'refused', problem: expect.stringMatching(problem) });
    expect(await active()).toBe('node');
  });

  it('refuses another commit and another database unless the first is wanted', async () => {
    await stage.activate('node');
    const commit = await switchTo('cloudflare', { otherCommit: false });
    expect(commit).toMatchObject({ outcome: 'refused', problem: expect.stringContaining('has commit') });
    const database = await switchTo('cloudflare', { databaseMisfit: async () => 'elsewhere' });
    expect(database).toMatchObject({ outcome: 'refused', problem: 'elsewhere' });
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

describe('a switch that fails in public', () => {
  it('moves back when the public address does not follow', async () => {
    await stage.activate('node');
    const result = await switchTo('cloudflare', { publicUrl: stage.targets.node, seenWithinMs: 500 });
    expect(result).toMatchObject({ ok: false, outcome: 'moved-back', from: 'node' });
    expect(await active()).toBe('node');
  });

  it('moves back when the smoke test there fails, and the one before stays the one to return to', async () => {
    await stage.activate('supabase');
    await stage.activate('node');
    const before = await readActiveTarget(stage.database);
    const result = await switchTo('cloudflare', { smoke: failingAt(front) });
    expect(result).toMatchObject({
      outcome: 'moved-back',
      problem: expect.stringContaining('a check failed'),
    });
    expect(await readActiveTarget(stage.database)).toMatchObject({
      target: 'node',
      previous: 'supabase',
      generation: (before?.generation ?? 0) + 2,
    });
  });

  it('leaves what somebody else chose meanwhile', async () => {
    await stage.activate('node');
    const result = await switchTo('cloudflare', {
      smoke: failingAt(front, () => stage.activate('supabase')),
    });
    expect(result).toMatchObject({
      ok: false,
      outcome: 'overtaken',
      problem: expect.stringContaining('supabase'),
    });
    expect(await active()).toBe('supabase');
  });

  it('a target that nobody has is no place to return to', async () => {
    const args = { target: 'node', generation: 1, previous: 'nowhere' };
    expect(await stage.database.call('set_active_target', args)).toMatchObject({
      ok: false,
      field: 'previous',
    });
  });
});

describe('a switch to the active target', () => {
  it('succeeds where the public address shows it and passes', async () => {
    await stage.activate('node');
    const before = await readActiveTarget(stage.database);
    expect(await switchTo('node')).toMatchObject({ ok: true, outcome: 'already-active' });
    expect(await readActiveTarget(stage.database)).toEqual(before);
  });

  it.each<[string, () => Partial<SwitchOptions>, string]>([
    [
      'the public address shows another',
      () => ({ publicUrl: stage.targets.cloudflare }),
      'did not show node',
    ],
    ['it fails there', () => ({ smoke: failingAt(front) }), 'a check failed'],
    [
      'it is dead',
      () => ({ targets: [{ name: 'node', url: 'http://127.0.0.1:9' }, ...targets.slice(1)] }),
      'unreachable',
    ],
  ])('is no success where %s', async (_what, more, problem) => {
    await stage.activate('node');
    const result = await switchTo('node', { seenWithinMs: 500, ...more() });
    expect(result).toMatchObject({
      ok: false,
      outcome: 'stuck',
      problem: expect.stringContaining(problem),
    });
    expect(await active()).toBe('node');
  });
});

describe("Vercel's routing rules", () => {
  let project: VercelProject;
  let made: Rule[];
  beforeAll(async () => {
    project = await openVercelProject();
    const { stdout, stderr, status } = spawnSync('bash', ['-e'], {
      input: await documentedCommands(),
      env: { PATH: `${project.folder}${delimiter}${process.env.PATH}`, VERCEL_TOKEN: project.token },
      encoding: 'utf8',
    });
    expect(status, `${stdout}${stderr}`).toBe(0);
    made = await project.rules();
  });
  beforeEach(async () => {
    await project.publish(pointedAt(stage.targets.node));
    await stage.activate('node');
    await project.commands();
  });
  afterAll(() => project?.close());

  /** The block of docs/deploy.md that makes the rules, without the command of ours at its end. */
  async function documentedCommands(): Promise<string> {
    const blocks = (await file('docs/deploy.md')).split('```sh\n').slice(1);
    const block = blocks
      .map((text) => text.split('```')[0] ?? '')
      .find((text) => text.includes('routes add'));
    return (block ?? '').replace(/^npm run .*$/m, '');
  }

  const pointedAt = (url: string): Rule[] =>
    made.map((rule) => (rule.dest === undefined ? rule : { ...rule, dest: `${url}/$1` }));

  const route = (environment: Readonly<Record<string, string>> = {}) =>
    vercelRoutes(
      findCli('vercel', {
        root: project.folder,
        environment: {
          PATH: `${project.folder}${delimiter}${process.env.PATH}`,
          VERCEL_TOKEN: project.token,
          DATABASE_URL: stage.databaseUrl,
          ...environment,
        },
      }),
    );

  const byRoute = (to: SwitchOptions['to'], more: Partial<SwitchOptions> = {}) =>
    switchTo(to, { route: route(), publicUrl: project.url, seenWithinMs: 2_000, ...more });

  const post = (path: string, headers: Readonly<Record<string, string>>, body: string) =>
    fetch(project.url + path, { method: 'POST', headers, body, redirect: 'manual' });

  it('as docs/deploy.md makes them, are those that a switch edits, by the pinned program', async () => {
    expect(made.map(({ name, src }) => ({ name, src }))).toEqual(
      Object.values(RULES).map(({ name, src }) => ({ name, src })),
    );
    const missing = () => findCli('vercel', { root: project.folder, environment: { PATH: '/nowhere' } });
    expect(missing).toThrow(CliFailure);
    const pinned = /vercel@[\d.]+/;
    let version: string | undefined;
    try {
      missing();
    } catch (error) {
      version = pinned.exec(String(error))?.[0];
    }
    const workflow = parse(await file('.github/workflows/deploy.yml'));
    expect(workflow.jobs.target.env.VERCEL_CLI).toBe(version);
    expect(new Set((await file('docs/deploy.md')).match(new RegExp(pinned, 'g')))).toEqual(
      new Set([version]),
    );
  });

  it('are edited and published with these very arguments, without the token', async () => {
    await route().point({ name: 'supabase', url: 'https://x.example/functions/v1' });
    const to = [
      '--action',
      'rewrite',
      '--dest',
      'https://x.example/functions/v1/$1',
      '--yes',
      '--non-interactive',
    ];
    expect(await project.commands()).toEqual([
      ['routes', 'edit', 'mmc-forms', ...to],
      ['routes', 'edit', 'mmc-api', ...to],
      ['routes', 'publish', '--yes'],
    ]);
  });

  it('move the public paths to Supabase and back, and never a refused login', async () => {
    for (const to of ['supabase', 'node'] as const) {
      expect(await byRoute(to)).toMatchObject({ ok: true, outcome: 'switched' });
      expect(await active()).toBe(to);
      expect((await fetch(`${project.url}/auth/denied`)).status).toBe(401);
      const form = { 'Content-Type': 'application/x-www-form-urlencoded', Origin: project.url };
      const login = await post('/admin/login', form, 'username=nobody&password=nothing');
      expect([login.status, login.headers.get('x-served-by')]).toEqual([401, to]);
      const page = await fetch(`${project.url}/admin/login`);
      expect([page.status, await page.text()]).toEqual([200, PAGE]);
    }
  });

  it.each<[string, () => Rule[]]>([
    ['there are none', () => []],
    ['a refused login would not be answered first', () => pointedAt(stage.targets.node).reverse()],
    [
      'the form takes the page away',
      () => pointedAt(stage.targets.node).map(({ has: _has, ...rule }) => rule),
    ],
  ])('are refused before anything is changed where %s', async (_what, rules) => {
    await project.publish(rules());
    const published = await project.rules();
    expect(await byRoute('cloudflare')).toMatchObject({
      outcome: 'refused',
      problem: expect.stringContaining('docs/deploy.md'),
    });
    expect([await active(), await project.rules()]).toEqual(['node', published]);
  });

  it('are refused without the right to change them', async () => {
    const result = await byRoute('cloudflare', { route: route({ VERCEL_TOKEN: '' }) });
    expect(result).toMatchObject({
      outcome: 'refused',
      problem: expect.stringContaining('No existing credentials'),
    });
    expect(await active()).toBe('node');
  });

  it('that match two rules of a name are not edited', async () => {
    await project.publish([
      ...pointedAt(stage.targets.node),
      { name: 'mmc-api-2', src: '^/x$', status: 404 },
    ]);
    await expect(route().point({ name: 'cloudflare', url: stage.targets.cloudflare })).rejects.toThrow(
      CliFailure,
    );
    expect(await fetch(`${project.url}/health/live`).then(({ headers }) => headers.get('x-served-by'))).toBe(
      'node',
    );
  });

  it('that cannot be published leave the target as it was', async () => {
    const result = await byRoute('cloudflare', { route: route({ VERCEL_FAILS: 'publish' }) });
    expect(result).toMatchObject({
      ok: false,
      outcome: 'stuck',
      problem: expect.stringContaining('The API is away'),
    });
    expect(await active()).toBe('node');
    const edits = (await project.commands()).filter(([, verb]) => verb === 'edit');
    expect(edits.map(([, , name, , , , dest]) => [name, dest])).toEqual(
      [stage.targets.cloudflare, stage.targets.node].flatMap((url) => [
        ['mmc-forms', `${url}/$1`],
        ['mmc-api', `${url}/$1`],
      ]),
    );
  });

  it('follow the row when a switch was cut off between the two, and it is typed again', async () => {
    await stage.activate('cloudflare');
    expect(await byRoute('cloudflare', { dryRun: true })).toMatchObject({ ok: false, outcome: 'stuck' });
    expect((await project.rules())[2]?.dest).toBe(`${stage.targets.node}/$1`);
    expect(await byRoute('cloudflare')).toMatchObject({ ok: true, outcome: 'switched' });
    expect((await project.rules())[2]?.dest).toBe(`${stage.targets.cloudflare}/$1`);
  });

  it('are not followed to an active target that fails its own smoke test', async () => {
    await stage.activate('cloudflare');
    const result = await byRoute('cloudflare', { smoke: failingAt(stage.targets.cloudflare) });
    expect(result).toMatchObject({ ok: false, outcome: 'stuck' });
    expect((await project.rules())[2]?.dest).toBe(`${stage.targets.node}/$1`);
  });

  it('follow whoever switched last, also when that was during our own move', async () => {
    const real = route();
    let others = 0;
    const overtaken = {
      ...real,
      async point(to: DeployedTarget) {
        if (others++ === 0) await stage.activate('supabase');
        await real.point(to);
      },
    };
    const result = await byRoute('cloudflare', { route: overtaken, smoke: failingAt(project.url) });
    expect(result).toMatchObject({ ok: false, outcome: 'overtaken' });
    expect(await active()).toBe('supabase');
    expect((await project.rules())[2]?.dest).toBe(`${stage.targets.supabase}/$1`);
  });
});
