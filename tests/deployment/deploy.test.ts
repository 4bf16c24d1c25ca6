/** `npm run deploy`: every gate refuses with its reason and changes nothing; what fails its smoke test goes back by itself. */

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { platformOf } from '../../deployment/command-tools.ts';
import { type DeployResult, deploy } from '../../deployment/deploy.ts';
import { recordActive } from '../../deployment/record-active.ts';
import { openRepository } from '../../deployment/repository.ts';
import { NOTHING_BEFORE, type RollbackResult, rollback } from '../../deployment/rollback.ts';
import type { SmokeVerdict } from '../../deployment/smoke-verdict.ts';
import type { Target } from '../../deployment/targets.ts';
import { readVersions, type Versions, withVersion, writeVersions } from '../../deployment/versions.ts';
import {
  makeReleaseRepository,
  type RecordedCall,
  type ReleaseRepository,
} from '../support/release-repository.ts';

const SETTINGS = ['DATABASE_URL', 'JWT_SECRET', 'METRICS_TOKEN', 'CRON_SECRET', 'PAGE_ORIGINS'];
const OWN = { DATABASE_URL: 'postgres://nobody@127.0.0.1:9/none' };
const VERCEL = { VERCEL_TOKEN: 'secret-of-vercel' };
const SUPABASE = { SUPABASE_PROJECT_REF: 'abcdefghijklmnopqrst' };

let server: Server;
let url: string;
/** The commit that the target says it serves; empty where it says none. */
let serving = '';
beforeAll(async () => {
  server = createServer((_, response) =>
    response.setHeader('X-MMC-Target', 'cloudflare').end(JSON.stringify({ commit: serving || undefined })),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

let repository: ReleaseRepository;
beforeEach(async () => {
  repository = await makeReleaseRepository();
  serving = '';
});
afterEach(() => repository.remove());

interface Attempt {
  readonly target?: Target;
  readonly at?: string;
  readonly dryRun?: boolean;
  readonly again?: boolean;
  readonly environment?: Readonly<Record<string, string>>;
  /** What the smoke tests say, one after the other; passing when there is none left. */
  readonly smokes?: string[];
  /** Called before each smoke test with its address. */
  readonly onSmoke?: (where: string) => void | Promise<void>;
}

const done: string[] = [];
const versions = (): Promise<Versions> => readVersions(repository.root);

const smokeOf =
  (problems: string[], onSmoke: Attempt['onSmoke']) =>
  async (address: string): Promise<SmokeVerdict> => {
    const where = address.replace(url, 'TARGET');
    done.push(`smoke ${where}`);
    await onSmoke?.(where);
    const problem = problems.shift() ?? '';
    return { ok: problem === '', problem };
  };

/** What is built of a commit. */
const codeOf = (commit: string) => `// ${commit}`;
const checksumOf = (commit: string) => createHash('sha256').update(codeOf(commit)).digest('hex');

const toolsOf = ({
  target = 'cloudflare',
  environment = {},
  dryRun = false,
  smokes = [],
  onSmoke,
}: Attempt) => ({
  repository: openRepository(repository.root),
  platform: () =>
    platformOf(target, {
      root: repository.root,
      environment: { ...repository.environment, ...OWN, ...environment },
      dryRun,
      onCommand: (command) => done.push(command),
    }),
  smoke: smokeOf([...smokes], onSmoke),
});

async function attempt(options: Attempt = {}): Promise<DeployResult> {
  const { target = 'cloudflare', at = url, environment = {}, dryRun = false, again = false } = options;
  done.length = 0;
  return deploy(
    {
      root: repository.root,
      environment: { ...OWN, ...environment },
      target: { name: target, url: at },
      active: target,
      packageVersion: '1.2.3',
      dryRun,
      again,
    },
    {
      ...toolsOf(options),
      build: async (commit) => {
        await repository.write('supabase/functions/_shared/app.js', codeOf(commit));
        return { checksum: checksumOf(commit), schema: '0000_first' };
      },
      migrate: async () => {
        done.push('migrate');
        return [];
      },
    },
  );
}

async function back(options: Attempt = {}): Promise<RollbackResult> {
  const { target = 'cloudflare', at = url, dryRun = false } = options;
  done.length = 0;
  return rollback(
    { root: repository.root, target: { name: target, url: at }, active: target, dryRun },
    toolsOf(options),
  );
}

const secrets = (names: readonly string[] = SETTINGS): RecordedCall => ({
  program: 'wrangler',
  args: ['secret', 'list', '--format', 'json'],
  output: JSON.stringify(names.map((name) => ({ name, type: 'secret_text' }))),
});

/** What wrangler is called with for one version, in order. */
const cloudflareCalls = (commit: string, id: string): RecordedCall[] => [
  {
    program: 'wrangler',
    args: ['versions', 'upload', '--message', commit],
    record: { type: 'version-upload', version_id: id, preview_url: `https://${id}.example.workers.dev` },
  },
  { program: 'wrangler', args: ['versions', 'deploy', `${id}@100%`, '--yes', '--message', commit] },
  { program: 'wrangler', args: ['triggers', 'deploy'] },
];

const head = () => repository.git('rev-parse', 'HEAD');

/** A further version of the project, proved and with its calls known. */
async function newVersion(text: string, id: string, more: readonly RecordedCall[] = []): Promise<string> {
  await repository.write('src/app.ts', `select ticket from queues; ${text}\n`);
  const commit = repository.commit(text);
  await repository.prove();
  await repository.expectCalls([secrets(), ...cloudflareCalls(commit, id), ...more]);
  return commit;
}

describe('a deployment to Cloudflare', () => {
  it('migrates, tests the upload before it gets traffic, and records what serves', async () => {
    const commit = await newVersion('one', 'id-1');
    const result = await attempt();
    expect(result).toMatchObject({ ok: true, version: `1.2.3+${commit.slice(0, 12)}`, problem: undefined });
    expect(done).toEqual([
      'migrate',
      `wrangler versions upload --message ${commit}`,
      'smoke https://id-1.example.workers.dev',
      `wrangler versions deploy id-1@100% --yes --message ${commit}`,
      'wrangler triggers deploy',
      'smoke TARGET',
    ]);
    const { targets, ...top } = await versions();
    expect(top).toEqual(targets.cloudflare);
    expect(top).toEqual({
      versions: [
        {
          version: result.version,
          timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
          commit,
          status: 'stable',
          health_check_url: `${url}/health`,
          target: 'cloudflare',
          checksum: checksumOf(commit),
          schema: '0000_first',
          deployment: 'id-1',
        },
      ],
      current: result.version,
      previous: null,
    });
    expect(await readFile(join(repository.root, '.last-stable-version'), 'utf8')).toBe(`${commit}\n`);
  });

  it('leaves a clean tree, whose next deployment finds the same release with the same proofs', async () => {
    const commit = await newVersion('one', 'id-1');
    await attempt();
    expect(repository.git('status', '--porcelain')).toBe('');
    expect(repository.git('show', '--name-only', '--format=', 'HEAD').split('\n').sort()).toEqual([
      '.last-stable-version',
      'deployment/versions.json',
    ]);
    expect(head()).not.toBe(commit);
    expect((await attempt({ again: true })).commit).toBe(commit);
    expect((await versions()).current).toBe(`1.2.3+${commit.slice(0, 12)}.2`);
  });

  it('can be gone back to by name: the stable commit is a ref of git', async () => {
    const commit = await newVersion('one', 'id-1');
    await attempt();
    const ref = (await readFile(join(repository.root, '.last-stable-version'), 'utf8')).trim();
    repository.git('checkout', '--quiet', ref);
    expect(head()).toBe(commit);
    expect(openRepository(repository.root).release().commit).toBe(commit);
  });

  it('a dry run asks every gate, prints the commands and runs none of those that change something', async () => {
    const commit = await newVersion('one', 'id-1', [
      { program: 'wrangler', args: ['versions', 'upload', '--dry-run'] },
    ]);
    const result = await attempt({ dryRun: true });
    expect(result).toMatchObject({ ok: true, dryRun: true });
    expect(done).toEqual([
      `wrangler versions upload --message ${commit}`,
      `wrangler versions deploy UPLOADED@100% --yes --message ${commit}`,
      'wrangler triggers deploy',
    ]);
    expect((await repository.calls()).map(({ line }) => line)).toEqual([
      'wrangler secret list --format json',
      'wrangler versions upload --dry-run',
    ]);
    expect((await versions()).current).toBeNull();
    expect(head()).toBe(commit);
  });
});

describe('a gate', () => {
  /** Refused with this reason alone; the platform was asked for names at most, and nothing was written. */
  async function expectRefusal(reason: RegExp, options: Attempt = {}): Promise<void> {
    const [commit, before, made] = [head(), await versions(), (await repository.calls()).length];
    const result = await attempt(options);
    expect(result).toMatchObject({ ok: false, version: undefined, applied: [] });
    const refusals = result.gates.flatMap(({ refusal }) => refusal ?? []);
    expect(refusals).toHaveLength(1);
    expect(refusals[0]).toMatch(reason);
    expect(result.problem).toBe(refusals[0]);
    expect(done).toEqual([]);
    const changing = (await repository.calls()).slice(made).filter(({ line }) => !/ list | ls /.test(line));
    expect(changing).toEqual([]);
    expect([head(), await versions()]).toEqual([commit, before]);
  }

  it('refuses a tree whose tests did not pass', async () => {
    await repository.prove(['monitoring']);
    await repository.expectCalls([secrets()]);
    await expectRefusal(/^no result of the whole suite for the tree [0-9a-f]{12}: run npm test$/);
  });

  it('refuses a tree whose tests passed before it was changed', async () => {
    await repository.prove(['tests']);
    await repository.write('src/app.ts', 'changed');
    repository.commit('Changed');
    await repository.prove(['monitoring']);
    await repository.expectCalls([secrets()]);
    await expectRefusal(/^no result of the whole suite/);
  });

  it('refuses a tree for which the monitoring was not proved', async () => {
    await repository.prove(['tests']);
    await repository.expectCalls([secrets()]);
    await expectRefusal(/^no proof for the tree [0-9a-f]{12}: run npm run monitor:proof$/);
  });

  it.each([
    ['a changed file', 'src/app.ts'],
    ['a file unknown to git', 'src/new.ts'],
  ])('refuses %s', async (_what, path) => {
    await repository.prove();
    await repository.expectCalls([secrets()]);
    await repository.write(path, 'something else');
    await expectRefusal(new RegExp(`^not committed: ${path}$`));
  });

  it('refuses a platform without a required setting, and names it', async () => {
    await repository.prove();
    await repository.expectCalls([secrets(['DATABASE_URL', 'METRICS_TOKEN'])]);
    await expectRefusal(/^missing on the platform: JWT_SECRET$/);
  });

  it('refuses half of a pair of settings', async () => {
    await repository.prove();
    await repository.expectCalls([secrets([...SETTINGS, 'UPSTASH_REDIS_REST_URL'])]);
    await expectRefusal(/^missing on the platform: UPSTASH_REDIS_REST_TOKEN$/);
  });

  it("refuses a platform that does not know the front's secret, where there is one", async () => {
    await repository.prove();
    await repository.expectCalls([secrets()]);
    const environment = { PROXY_SECRET: 'x'.repeat(32) };
    await expectRefusal(/^missing on the platform: PROXY_SECRET$/, { environment });
  });

  it('refuses without the connection string of the migrations', async () => {
    await repository.prove();
    await repository.expectCalls([secrets()]);
    await expectRefusal(/^DATABASE_URL is not set$/, { environment: { DATABASE_URL: '' } });
  });

  it.each([
    ['ENVIRONMENT', 'test', 'ENVIRONMENT is test'],
    ['RATE_LIMITS', 'off', 'RATE_LIMITS is off'],
  ])('refuses %s=%s', async (name, value, reason) => {
    await repository.prove();
    await repository.expectCalls([secrets()]);
    await expectRefusal(new RegExp(`^${reason}$`), { environment: { [name]: value } });
  });

  it('refuses what is there, what was gone back from and what is older, unless a person wants it again', async () => {
    const one = await newVersion('one', 'id-1');
    await attempt();
    await repository.expectCalls([secrets()]);
    const [first, hint] = [one.slice(0, 12), `: --again deploys ${one.slice(0, 12)} all the same`];
    await expectRefusal(new RegExp(`^1\\.2\\.3\\+${first} is there already${hint}$`));

    const two = await newVersion('two', 'id-2');
    expect(await attempt()).toMatchObject({ ok: true });
    const second = two.slice(0, 12);
    repository.git('checkout', '--quiet', one);
    await repository.expectCalls([secrets()]);
    await expectRefusal(
      new RegExp(`^${first} is older than 1\\.2\\.3\\+${second}, which was deployed there${hint}$`),
    );
    repository.git('checkout', '--quiet', 'main');

    const args = ['rollback', 'id-1', '--yes', '--message', `Rolled back from 1.2.3+${second}`];
    const calls = [secrets(), ...cloudflareCalls(two, 'id-2'), { program: 'wrangler' as const, args }];
    await repository.expectCalls(calls);
    expect(await back()).toMatchObject({ ok: true, commit: one });
    const gone = `1\\.2\\.3\\+${second} was there and made way for 1\\.2\\.3\\+${first}`;
    await expectRefusal(new RegExp(`^${gone}: --again deploys ${second} all the same$`));
    expect(await attempt({ again: true })).toMatchObject({ ok: true, commit: two });
  });

  it('leaves a checkout that is behind as it was: no record of the branch is written, and none is missed', async () => {
    const one = await newVersion('one', 'id-1');
    await attempt();
    repository.git('update-ref', 'refs/remotes/origin/main', 'HEAD');
    repository.git('reset', '--quiet', '--hard', one);
    await repository.expectCalls([secrets()]);
    for (let tries = 0; tries < 2; tries += 1) {
      expect((await attempt()).problem).toContain('is there already');
      expect(repository.git('status', '--porcelain')).toBe('');
    }
  });

  it('refuses a target that was deployed and is away', async () => {
    await newVersion('one', 'id-1');
    await attempt();
    await newVersion('two', 'id-2');
    const calls = (await repository.calls()).length;
    const result = await attempt({ at: 'http://127.0.0.1:9' });
    expect(result.problem).toBe('http://127.0.0.1:9 is unreachable');
    expect((await repository.calls()).slice(calls).map(({ line }) => line)).toEqual([
      'wrangler secret list --format json',
    ]);
  });

  it('refuses where the platform cannot be asked, with the words of its program but not the secrets in them', async () => {
    await repository.prove();
    await repository.expectCalls([
      { ...secrets(), output: '', failure: 'Authentication failed for token-of-cloudflare' },
    ]);
    const environment = { CLOUDFLARE_API_TOKEN: 'token-of-cloudflare' };
    await expectRefusal(/^wrangler secret list --format … ended with 1: Authentication failed for \*\*\*$/, {
      environment,
    });
  });

  it('refuses without the program of the platform, and says how to get it', async () => {
    await repository.prove();
    const result = await attempt({ environment: { PATH: '/nowhere' } });
    expect(result.problem).toContain('wrangler is not installed: npm install --global wrangler@4.86.0');
    expect(result.ok).toBe(false);
  });

  it('refuses a migration that takes away what the running version uses', async () => {
    await newVersion('one', 'id-1');
    await attempt();
    await repository.write('drizzle/0001_next.sql', 'alter table queues drop column ticket;\n');
    const entries = [{ tag: '0000_first' }, { tag: '0001_next' }];
    await repository.write('drizzle/meta/_journal.json', JSON.stringify({ entries }));
    await newVersion('two', 'id-2');
    const result = await attempt();
    expect(result.problem).toMatch(/^0001_next takes away what [0-9a-f]{12} uses: drop column ticket$/);
    expect(done).toEqual([]);
  });

  it('refuses a migration that takes away what the version before uses: a rollback goes there', async () => {
    const one = await newVersion('one', 'id-1');
    await attempt();
    await repository.write('src/app.ts', 'select note from queues;');
    const two = repository.commit('two');
    await repository.prove();
    await repository.expectCalls([secrets(), ...cloudflareCalls(two, 'id-2')]);
    expect(await attempt()).toMatchObject({ ok: true });
    const drop = '-- contract: ticket\nalter table queues drop column ticket;\n';
    await repository.write('drizzle/0001_next.sql', drop);
    const entries = [{ tag: '0000_first' }, { tag: '0001_next' }];
    await repository.write('drizzle/meta/_journal.json', JSON.stringify({ entries }));
    repository.commit('three');
    await repository.prove();
    await repository.expectCalls([secrets()]);
    const result = await attempt();
    expect(result.problem).toBe(`0001_next takes away what ${one.slice(0, 12)} uses: drop column ticket`);
  });
});

describe('a version that fails its smoke test', () => {
  it('gets no traffic when it fails before', async () => {
    const one = await newVersion('one', 'id-1');
    await attempt();
    const two = await newVersion('two', 'id-2');
    const result = await attempt({ smokes: ['health: status is down'] });
    expect(result).toMatchObject({
      ok: false,
      problem: 'the smoke test failed: health: status is down',
      restored: undefined,
    });
    expect(done).toEqual([
      'migrate',
      `wrangler versions upload --message ${two}`,
      'smoke https://id-2.example.workers.dev',
    ]);
    const { current, previous, versions: listed } = await versions();
    expect([current, previous]).toEqual([`1.2.3+${one.slice(0, 12)}`, null]);
    expect(listed.map(({ status }) => status)).toEqual(['stable', 'failed']);
    expect(await readFile(join(repository.root, '.last-stable-version'), 'utf8')).toBe(`${one}\n`);
    expect(repository.git('status', '--porcelain')).toBe('');
  });

  it('loses it again when it fails after', async () => {
    const one = await newVersion('one', 'id-1');
    await attempt();
    const two = await newVersion('two', 'id-2');
    const before = `1.2.3+${two.slice(0, 12)}: smoke test failed`;
    await repository.expectCalls([
      secrets(),
      ...cloudflareCalls(two, 'id-2'),
      { program: 'wrangler', args: ['rollback', 'id-1', '--yes', '--message', before] },
    ]);
    const result = await attempt({ smokes: ['', 'stream: answered 500'] });
    expect(result).toMatchObject({ ok: false, restored: `1.2.3+${one.slice(0, 12)}`, stuck: false });
    expect(done.slice(-2)).toEqual([`wrangler rollback id-1 --yes --message ${before}`, 'smoke TARGET']);
    expect((await versions()).current).toBe(`1.2.3+${one.slice(0, 12)}`);
  });

  it('says so when there is nothing to go back to', async () => {
    await newVersion('one', 'id-1');
    const result = await attempt({ smokes: ['', 'x'] });
    expect(result.problem).toBe('the smoke test failed: x; there is no version before it to go back to');
    expect(await versions()).toMatchObject({ current: null, versions: [{ status: 'failed' }] });
  });
});

describe('a version without an address of its own', () => {
  it('gets no traffic, since nobody could test it', async () => {
    const commit = await newVersion('one', 'id-1');
    const [upload] = cloudflareCalls(commit, 'id-1');
    if (!upload) throw new Error('no call');
    await repository.expectCalls([
      secrets(),
      { ...upload, record: { type: 'version-upload', version_id: 'id-1' } },
    ]);
    const result = await attempt();
    expect(result.problem).toContain('set preview_urls = true in wrangler.toml');
    expect(done).toEqual(['migrate', `wrangler versions upload --message ${commit}`]);
  });
});

describe('a deployment to Vercel', () => {
  const target = 'vercel';
  const deployed = (name: string) => `https://mmc-${name}.vercel.app`;
  const calls = (name: string): RecordedCall[] => [
    {
      program: 'vercel',
      args: ['env', 'ls', 'production'],
      output: `  name  value  environments\n${SETTINGS.map((each) => `  ${each}  Encrypted  Production`).join('\n')}\n`,
    },
    {
      program: 'vercel',
      args: ['deploy', '--prebuilt', '--prod', '--skip-domain', '--yes'],
      output: `${deployed(name)}\n`,
    },
    { program: 'vercel', args: ['promote', deployed(name), '--yes'] },
  ];

  it('tests the deployment at its own address before the domain moves, goes back, and forth again', async () => {
    const attemptAs = { target, environment: VERCEL } as const;
    for (const name of ['one', 'two']) {
      await newVersion(name, name);
      await repository.expectCalls(calls(name));
      expect(await attempt(attemptAs)).toMatchObject({ ok: true });
      expect(done).toEqual([
        'migrate',
        'vercel deploy --prebuilt --prod --skip-domain --yes',
        `smoke ${deployed(name)}`,
        `vercel promote ${deployed(name)} --yes`,
        'smoke TARGET',
      ]);
    }
    await repository.expectCalls([
      { program: 'vercel', args: ['rollback', deployed('one'), '--yes'] },
      { program: 'vercel', args: ['promote', deployed('two'), '--yes'] },
    ]);
    expect(await back(attemptAs)).toMatchObject({ ok: true });
    expect(await back(attemptAs)).toMatchObject({ ok: true });
  });
});

describe('a deployment to Supabase', () => {
  const target = 'supabase';
  const remote = '--remote=abcdefghijklmnopqrst';
  const calls: RecordedCall[] = [
    {
      program: 'supabase',
      args: ['secrets', 'list', remote, '--output', 'json'],
      output: JSON.stringify(SETTINGS.map((name) => ({ name, value: 'digest' }))),
    },
    { program: 'supabase', args: ['functions', 'deploy', 'api-next', '--use-api', '--yes', remote] },
    { program: 'supabase', args: ['functions', 'deploy', '--use-api', '--yes', remote] },
  ];
  const attemptAs = { target, environment: SUPABASE } as const;

  it('tests the new code in a function of its own before the others get it, keeps it, and goes back to it', async () => {
    const commits: string[] = [];
    for (const name of ['one', 'two']) {
      commits.push(await newVersion(name, name));
      await repository.expectCalls(calls);
      expect(await attempt(attemptAs)).toMatchObject({ ok: true, problem: undefined });
      expect(done).toEqual([
        'migrate',
        `supabase functions deploy api-next --use-api --yes ${remote}`,
        'smoke TARGET/api-next',
        `supabase functions deploy --use-api --yes ${remote}`,
        'smoke TARGET',
      ]);
    }
    // Both from what is kept, which no later build can change.
    expect(new Set((await repository.calls()).slice(-2).map(({ cwd }) => cwd)).size).toBe(1);
    expect(await back(attemptAs)).toMatchObject({ ok: true, commit: commits[0] });
    const kept = (await repository.calls()).at(-1)?.cwd ?? '';
    expect(await readFile(join(kept, 'supabase/functions/_shared/app.js'), 'utf8')).toBe(
      codeOf(commits[0] ?? ''),
    );
  });

  it('gives no traffic to code that fails there: the 28 functions stay as they are', async () => {
    await newVersion('one', 'one');
    await repository.expectCalls(calls);
    const result = await attempt({ ...attemptAs, smokes: ['health: status is down'] });
    expect(result.problem).toBe('the smoke test failed: health: status is down');
    expect(done).toEqual([
      'migrate',
      `supabase functions deploy api-next --use-api --yes ${remote}`,
      'smoke TARGET/api-next',
    ]);
  });

  it('its program sees its own settings and no secret of the service', async () => {
    await newVersion('one', 'one');
    await repository.expectCalls(calls);
    await attempt({
      target,
      environment: {
        ...SUPABASE,
        SUPABASE_ACCESS_TOKEN: 'x',
        JWT_SECRET: 'x',
        VERCEL_TOKEN: 'x',
        FORCE_COLOR: '1',
      },
    });
    for (const { saw } of await repository.calls()) {
      expect(saw).toEqual(expect.arrayContaining(['PATH', 'SUPABASE_PROJECT_REF', 'SUPABASE_ACCESS_TOKEN']));
      // Nor what would colour the names that are read from its output.
      for (const other of ['DATABASE_URL', 'JWT_SECRET', 'VERCEL_TOKEN', 'FORCE_COLOR']) {
        expect(saw).not.toContain(other);
      }
    }
  });

  it('without its project says which setting is missing', async () => {
    await repository.prove();
    const result = await attempt({ target });
    expect(result.problem).toBe('SUPABASE_PROJECT_REF is not set');
  });

  it('a dry run keeps nothing', async () => {
    await repository.prove();
    await repository.expectCalls(calls);
    expect(await attempt({ ...attemptAs, dryRun: true })).toMatchObject({ ok: true });
    expect(existsSync(join(repository.root, '.records/artifacts'))).toBe(false);
  });
});

describe('a rollback', () => {
  it('without a version before says so and changes nothing', async () => {
    expect(await back()).toMatchObject({ ok: false, problem: NOTHING_BEFORE });
    await newVersion('one', 'id-1');
    await attempt();
    expect(await back()).toMatchObject({ ok: false, problem: NOTHING_BEFORE });
    expect(done).toEqual([]);
  });

  it('exchanges the present and the previous version, names the stable commit, and is committed', async () => {
    const one = await newVersion('one', 'id-1');
    await attempt();
    const two = await newVersion('two', 'id-2');
    await attempt();
    const [first, second] = [one, two].map((commit) => `1.2.3+${commit.slice(0, 12)}`);
    const args = ['rollback', 'id-1', '--yes', '--message', `Rolled back from ${second}`];
    await repository.expectCalls([{ program: 'wrangler', args }]);
    expect(await back({ dryRun: true })).toMatchObject({ ok: true, version: first });
    expect((await versions()).current).toBe(second);

    expect(await back()).toMatchObject({ ok: true, version: first, commit: one });
    expect(await versions()).toMatchObject({ current: first, previous: second });
    expect(await readFile(join(repository.root, '.last-stable-version'), 'utf8')).toBe(`${one}\n`);
    expect(repository.git('status', '--porcelain')).toBe('');
  });

  it('that brings replaced secrets back says so, and so does a deployment that goes back by itself', async () => {
    await newVersion('one', 'id-1');
    await attempt();
    const two = await newVersion('two', 'id-2');
    await attempt();
    // As wrangler 4.86 says it; nobody is there to be asked.
    const question = (
      id: string,
    ) => `? Are you sure you want to deploy this Worker Version to 100% of traffic?
🤖 Using fallback value in non-interactive context: yes
Performing rollback...
? The following secrets have changed since version ${id} was deployed. Please confirm you wish to continue with the rollback
  * JWT_SECRET
  * METRICS_TOKEN
🤖 Using fallback value in non-interactive context: yes
`;
    const rollbackTo = (id: string, reason: string): RecordedCall => ({
      program: 'wrangler',
      args: ['rollback', id, '--yes', '--message', reason],
      output: question(id),
    });
    const warning = /JWT_SECRET, METRICS_TOKEN on cloudflare: replaced since 1\.2\.3\+.* --target/;
    const name = (commit: string) => `1.2.3+${commit.slice(0, 12)}`;
    await repository.expectCalls([rollbackTo('id-1', `Rolled back from ${name(two)}`)]);
    expect(await back()).toMatchObject({ ok: true, warning: expect.stringMatching(warning) });

    const three = await newVersion('three', 'id-3');
    const calls = [secrets(), ...cloudflareCalls(three, 'id-3')];
    await repository.expectCalls([...calls, rollbackTo('id-1', `${name(three)}: smoke test failed`)]);
    const failed = await attempt({ smokes: ['', 'stream: answered 500'] });
    expect(failed).toMatchObject({ stuck: false, problem: expect.stringMatching(warning) });
  });

  it('that the platform refuses is reported, and the records stay as they are', async () => {
    await newVersion('one', 'id-1');
    await attempt();
    await newVersion('two', 'id-2');
    await attempt();
    await repository.expectCalls([]);
    const before = await versions();
    const result = await back();
    expect(result.ok).toBe(false);
    expect(result.problem).toMatch(/^wrangler rollback id-1 --yes … ended with 64: unexpected arguments/);
    expect(await versions()).toEqual(before);
  });
});

describe('a deployment that did not end', () => {
  const nameOf = (commit: string) => `1.2.3+${commit.slice(0, 12)}`;
  const rollbackTo = (id: string, from: string): RecordedCall => ({
    program: 'wrangler',
    args: ['rollback', id, '--yes', '--message', `Rolled back from ${from}`],
  });
  const file = () => join(repository.root, 'deployment/versions.json');

  async function deployed(...names: string[]): Promise<string[]> {
    const commits: string[] = [];
    for (const name of names) {
      commits.push(await newVersion(name, `id-${name}`));
      await attempt();
    }
    return commits;
  }

  it('and could not go back is gone back from by a rollback, to the version before and not to one before that', async () => {
    const [one = '', two = ''] = await deployed('one', 'two');
    const three = await newVersion('three', 'id-three');
    const result = await attempt({ smokes: ['', 'stream: answered 500'] });
    expect(result.problem).toContain(`going back to ${nameOf(two)} failed: wrangler rollback`);
    expect(result).toMatchObject({ stuck: true, restored: undefined });
    expect(await versions()).toMatchObject({ current: nameOf(two), previous: nameOf(one) });
    expect((await versions()).targets.cloudflare).toMatchObject({ unfinished: nameOf(three) });

    await repository.expectCalls([rollbackTo('id-two', nameOf(three))]);
    expect(await back()).toMatchObject({ ok: true, commit: two });
    const { targets, ...top } = await versions();
    expect(top).toEqual(targets.cloudflare);
    expect(top).toMatchObject({ current: nameOf(two), previous: nameOf(one) });
    expect(top.versions.map(({ status }) => status)).toEqual(['stable', 'stable', 'failed']);
    expect(await readFile(join(repository.root, '.last-stable-version'), 'utf8')).toBe(`${two}\n`);
  });

  it.each(['given the traffic', 'being tested'])(
    'because it was killed while it was %s is gone back from in the same way',
    async (when) => {
      const [one = '', two = ''] = await deployed('one', 'two');
      const three = await newVersion('three', 'id-three');
      // What the file says at this moment is what a killed process leaves.
      let left = '';
      await attempt({
        onSmoke: async (where) => {
          if (where === 'TARGET') left = await readFile(file(), 'utf8');
        },
        ...(when === 'given the traffic' && { smokes: ['', 'broken'] }),
      });
      await writeFile(file(), left);
      // It may not answer at all, and cannot say then what it is.
      await repository.expectCalls([rollbackTo('id-two', nameOf(three))]);
      expect(await back({ at: 'http://127.0.0.1:9' })).toMatchObject({ ok: true, commit: two });
      expect(await versions()).toMatchObject({ current: nameOf(two), previous: nameOf(one) });
    },
  );

  it('leaves nothing behind once a later one has ended', async () => {
    const [one = ''] = await deployed('one');
    await newVersion('two', 'id-two');
    await attempt({ smokes: ['', 'broken'] });
    const [three = ''] = await deployed('three');
    const { targets } = await versions();
    expect(targets.cloudflare).toMatchObject({ current: nameOf(three), previous: nameOf(one) });
    expect(targets.cloudflare).not.toHaveProperty('unfinished');
  });

  it('or that nobody recorded: a rollback brings the present version back', async () => {
    const [one = '', two = ''] = await deployed('one', 'two');
    serving = 'f'.repeat(40);
    await repository.expectCalls([
      { program: 'wrangler', args: ['rollback', 'id-two', '--yes', '--message', 'Rolled back'] },
    ]);
    expect(await back()).toMatchObject({ ok: true, commit: two });
    expect(await versions()).toMatchObject({ current: nameOf(two), previous: nameOf(one) });
  });

  it('a rollback that was killed half-way goes to the same version when it is repeated', async () => {
    const [one = '', two = ''] = await deployed('one', 'two');
    serving = one;
    await repository.expectCalls([rollbackTo('id-one', nameOf(two))]);
    expect(await back()).toMatchObject({ ok: true, commit: one });
    expect(await versions()).toMatchObject({ current: nameOf(one), previous: nameOf(two) });
  });
});

describe('a deployment where somebody went back without recording it here', () => {
  const nameOf = (commit: string) => `1.2.3+${commit.slice(0, 12)}`;
  const backTo = (id: string, from: string): RecordedCall => ({
    program: 'wrangler',
    args: ['rollback', id, '--yes', '--message', `${nameOf(from)}: smoke test failed`],
  });

  it('falls back to what served and not to what was gone back from', async () => {
    const one = await newVersion('one', 'id-1');
    await attempt();
    const two = await newVersion('two', 'id-2');
    await attempt();
    serving = one;
    const three = await newVersion('three', 'id-3');
    const calls = [secrets(), ...cloudflareCalls(three, 'id-3')];
    await repository.expectCalls([...calls, backTo('id-1', three)]);
    const result = await attempt({ smokes: ['', 'stream: answered 500'] });
    expect(result).toMatchObject({ ok: false, restored: nameOf(one), stuck: false });
    expect(await versions()).toMatchObject({ current: nameOf(one), previous: nameOf(two) });
    expect(await readFile(join(repository.root, '.last-stable-version'), 'utf8')).toBe(`${one}\n`);
  });

  it('leaves what served as the version before, also when it was gone back to while this one ran', async () => {
    const one = await newVersion('one', 'id-1');
    await attempt();
    const two = await newVersion('two', 'id-2');
    await attempt();
    serving = two;
    const three = await newVersion('three', 'id-3');
    const result = await attempt({
      onSmoke: (where) => {
        if (where !== 'TARGET') serving = one;
      },
    });
    expect(result.ok).toBe(true);
    expect(await versions()).toMatchObject({ current: nameOf(three), previous: nameOf(one) });
  });

  it('is refused where something serves that nobody recorded, unless a person wants it', async () => {
    const one = await newVersion('one', 'id-1');
    await attempt();
    const two = await newVersion('two', 'id-2');
    serving = 'f'.repeat(40);
    const refused = await attempt();
    expect(refused).toMatchObject({ ok: false, version: undefined, applied: [] });
    expect(refused.problem).toMatch(/^f{12} serves, which the records do not know: .*--again/);
    expect(done).toEqual([]);
    expect(await attempt({ again: true })).toMatchObject({ ok: true, commit: two });
    expect(await versions()).toMatchObject({ current: nameOf(two), previous: nameOf(one) });
  });

  it('gives no traffic where somebody deployed meanwhile', async () => {
    const one = await newVersion('one', 'id-1');
    await attempt();
    await newVersion('two', 'id-2');
    const result = await attempt({
      onSmoke: () => {
        serving = 'f'.repeat(40);
      },
    });
    expect(result).toMatchObject({
      ok: false,
      stuck: false,
      problem: expect.stringContaining('f'.repeat(12)),
    });
    expect(done.filter((line) => line.includes('versions deploy'))).toEqual([]);
    expect((await versions()).current).toBe(nameOf(one));
  });
});

describe('the same commit once more', () => {
  it('leaves a rollback other code to go back to', async () => {
    const one = await newVersion('one', 'id-1');
    await attempt();
    const two = await newVersion('two', 'id-2');
    await attempt();
    await repository.expectCalls([secrets(), ...cloudflareCalls(two, 'id-3')]);
    expect(await attempt({ again: true })).toMatchObject({ ok: true, commit: two });
    const [first, again] = [`1.2.3+${one.slice(0, 12)}`, `1.2.3+${two.slice(0, 12)}.2`];
    expect(await versions()).toMatchObject({ current: again, previous: first });
    const args = ['rollback', 'id-1', '--yes', '--message', `Rolled back from ${again}`];
    await repository.expectCalls([{ program: 'wrangler', args }]);
    expect(await back()).toMatchObject({ ok: true, commit: one });
  });
});

describe('two commands at once', () => {
  it('in one checkout: the second is refused and names the first, whatever it is', async () => {
    await newVersion('one', 'id-1');
    await attempt();
    await newVersion('two', 'id-2');
    const refused: string[] = [];
    const result = await attempt({
      onSmoke: async (where) => {
        if (where !== 'TARGET') return;
        for (const command of [
          () => attempt(),
          () => attempt({ target: 'vercel', environment: VERCEL }),
          () => back(),
        ]) {
          refused.push(await command().then(String, ({ message }: Error) => message));
        }
      },
    });
    expect(result.ok).toBe(true);
    const reason = (what: string) =>
      `process ${process.pid} works on ${what} in this checkout: wait for it, or stop it first`;
    expect(refused).toEqual([reason('the build'), reason('the build'), reason('cloudflare')]);
    expect(await attempt({ dryRun: true })).toMatchObject({ dryRun: true });
  });

  it('on two targets, and a switch: each leaves what the other recorded', async () => {
    await newVersion('one', 'id-1');
    await attempt();
    const [known] = (await versions()).versions;
    if (!known) throw new Error('no version');
    const elsewhere = { ...known, target: 'vercel', commit: 'e'.repeat(40) } as const;
    const two = await newVersion('two', 'id-2');
    const result = await attempt({
      onSmoke: async (where) => {
        if (where !== 'TARGET') return;
        await writeVersions(repository.root, withVersion(await versions(), elsewhere), 'cloudflare');
        await recordActive(repository.root, openRepository(repository.root), 'vercel');
      },
    });
    expect(result.ok).toBe(true);
    const { targets, ...top } = await versions();
    expect(targets.vercel?.current).toBe(elsewhere.version);
    expect(targets.cloudflare?.current).toBe(`1.2.3+${two.slice(0, 12)}`);
    expect(top).toEqual(targets.vercel);
  });
});
