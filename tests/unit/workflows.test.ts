/** The workflows of GitHub Actions: GitHub's own parser accepts them, and they keep to what makes them safe to run. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { complaintsOf } from '../support/workflow-linter.ts';

interface Step {
  readonly id?: string;
  readonly name?: string;
  readonly if?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, unknown>>;
}

interface Job {
  readonly permissions?: Readonly<Record<string, string>>;
  /** Or where in the matrix it stands. */
  readonly 'timeout-minutes'?: number | string;
  readonly env?: Readonly<Record<string, unknown>>;
  readonly concurrency?: unknown;
  readonly steps: readonly Step[];
  readonly strategy?: {
    readonly matrix?: { readonly include?: readonly { readonly file?: string; readonly minutes?: number }[] };
    readonly [name: string]: unknown;
  };
}

interface Workflow {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly concurrency?: unknown;
  readonly jobs: Readonly<Record<string, Job>>;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FOLDER = join(ROOT, '.github', 'workflows');
const FILES = readdirSync(FOLDER);

const textOf = (file: string) => readFileSync(join(FOLDER, file), 'utf8');
const workflowOf = (file: string) => parse(textOf(file)) as Workflow;
const jobsOf = (file: string) => Object.entries(workflowOf(file).jobs);
const minutesOf = ({ 'timeout-minutes': minutes, strategy }: Job) =>
  typeof minutes === 'string' ? (strategy?.matrix?.include ?? []).map((each) => each.minutes) : [minutes];
const stepsOf = (file: string) => jobsOf(file).flatMap(([, job]) => job.steps.map((step) => ({ job, step })));

describe('the linter', () => {
  it.each([
    ['jobs:', 'jobss:'],
    ['timeout-minutes:', 'timeout:'],
    ['needs.plan.outputs', 'neds.plan.outputs'],
    ['github.token', 'github.token)'],
  ])('would notice %s written as %s', async (right, wrong) => {
    const spoilt = textOf('deploy.yml').replace(right, wrong);
    expect(await complaintsOf('deploy.yml', spoilt)).not.toEqual([]);
  });
});

describe.each(FILES)('%s', (file) => {
  it('is accepted by the parser of GitHub', async () => {
    expect(await complaintsOf(file, textOf(file))).toEqual([]);
  });

  it('may read the repository, and write nothing but the record of a deployment', () => {
    const { permissions, jobs } = workflowOf(file);
    expect(permissions).toEqual({ contents: 'read' });
    const writing = Object.entries(jobs).flatMap(([name, job]) =>
      Object.entries(job.permissions ?? {}).flatMap(([right, level]) =>
        level === 'read' ? [] : [`${file} ${name} ${right}: ${level}`],
      ),
    );
    expect(writing).toEqual(file === 'deploy.yml' ? ['deploy.yml target contents: write'] : []);
  });

  it('ends: every job has a time limit, and runs that overlap are settled', () => {
    const { concurrency, jobs } = workflowOf(file);
    expect([concurrency, ...Object.values(jobs).map((job) => job.concurrency)].some(Boolean)).toBe(true);
    // The proofs of the night take hours; GitHub itself ends what takes six.
    const longest = file === 'nightly.yml' ? 350 : 60;
    for (const [name, job] of jobsOf(file)) {
      const minutes = minutesOf(job);
      expect(minutes.length, name).toBeGreaterThan(0);
      for (const limit of minutes) expect(limit, name).toBeLessThanOrEqual(longest);
    }
  });

  it('pins every action to a commit, and says which version that is', () => {
    const lines = textOf(file)
      .split('\n')
      .filter((line) => /^\s*(- )?uses:/.test(line));
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) expect(line).toMatch(/uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  it('leaves no token in a checkout', () => {
    for (const { step } of stepsOf(file)) {
      if (step.uses?.startsWith('actions/checkout@')) expect(step.with?.['persist-credentials']).toBe(false);
    }
  });

  it('puts no expression into a script, where its value could be code', () => {
    for (const { step } of stepsOf(file)) expect(step.run ?? '').not.toContain('${{');
  });

  it('prints no secret, and keeps none in a file or an output', () => {
    for (const { job, step } of stepsOf(file)) {
      const secrets = Object.entries({ ...job.env, ...step.env })
        .filter(([, value]) => /\$\{\{\s*(secrets\.|github\.token)/.test(String(value)))
        .map(([name]) => name);
      for (const line of (step.run ?? '').split('\n')) {
        const shows = /\b(echo|printf|cat|tee|printenv|env)\b|set -x|>>|<<</.test(line);
        // A text that only names the variable shows nothing.
        for (const name of secrets) if (shows) expect(line).not.toMatch(new RegExp(`\\$\\{?${name}\\b`));
      }
      expect(step.run ?? '').not.toMatch(/set -x|\bprintenv\b/);
    }
  });

  it('runs only what there is: npm scripts, files, tools of package.json', () => {
    const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const scripts = Object.keys(manifest.scripts);
    for (const { step } of stepsOf(file)) {
      const run = step.run ?? '';
      for (const [, name] of run.matchAll(/npm run ([\w:-]+)/g)) expect(scripts).toContain(name);
      for (const [path] of run.matchAll(/\.\/[\w./-]+/g))
        expect(existsSync(join(ROOT, path)), path).toBe(true);
      // Without a version of its own, a tool is the one that the lock file pins.
      for (const [, tool] of run.matchAll(/npx (?:--yes )?([a-z][\w-]*)/g)) {
        expect(Object.keys(manifest.devDependencies)).toContain(tool);
      }
    }
    for (const { job } of stepsOf(file)) {
      for (const [name, tool] of Object.entries(job.env ?? {})) {
        if (name.endsWith('_CLI')) expect(tool).toMatch(/^[a-z]+@\d+\.\d+\.\d+$/);
      }
    }
  });

  it('takes no setting that docs/deploy.md does not name', () => {
    const guide = readFileSync(join(ROOT, 'docs', 'deploy.md'), 'utf8');
    const names = [...textOf(file).matchAll(/\b(?:secrets|vars)\.([A-Z_]+)/g)].map(([, name]) =>
      String(name),
    );
    expect(names.filter((name) => !guide.includes(`\`${name}\``))).toEqual([]);
  });
});

describe('a night', () => {
  it('has a job for each proof, which are left out of the quarters', () => {
    const { proof, soak } = workflowOf('nightly.yml').jobs;
    const named = (proof?.strategy?.matrix?.include ?? []).map((each) => each.file);
    const there = [
      ...readdirSync(join(ROOT, 'tests/simulation')).map((file) => `tests/simulation/${file}`),
      ...readdirSync(join(ROOT, 'tests/concurrency')).map((file) => `tests/concurrency/${file}`),
    ].filter((file) => /^tests\/simulation\/.*\.test\.ts$|-consistency\.test\.ts$/.test(file));
    expect([...named].sort()).toEqual(there.sort());
    expect(proof?.steps.at(-1)?.run).toContain('--project=proofs "$FILE"');
    expect(soak?.steps.at(-1)?.run).toContain("--project='!proofs'");
  });

  it('has the history and the tags by which a test finds the release before this one', () => {
    const { soak } = workflowOf('nightly.yml').jobs;
    const checkout = soak?.steps.find(({ uses = '' }) => uses.startsWith('actions/checkout@'));
    expect(checkout?.with?.['fetch-depth']).toBe(0);
  });
});

describe('a deployment', () => {
  const job = workflowOf('deploy.yml').jobs.target;
  const steps = job?.steps ?? [];
  const indexOf = (wanted: RegExp) => steps.findIndex(({ run = '' }) => wanted.test(run));
  const deploy = indexOf(/^npm run deploy -- "\$TARGET" --no-commit \$\{AGAIN:\+--again\}$/);

  it('is the same command as a person’s, with its gates, target after target until one fails', () => {
    expect(job?.strategy).toMatchObject({ 'max-parallel': 1, 'fail-fast': true });
    expect(deploy).toBeGreaterThan(0);
    expect(steps[deploy]?.if).toBeUndefined();
    // Whoever uploads beside the command goes around its gates.
    for (const { run = '' } of steps) expect(run).not.toMatch(/\b(wrangler|supabase|vercel)\b/i);
  });

  it('is alone, and what waits for it is cancelled by no other run: least by one that deploys nothing', () => {
    expect(job?.concurrency).toEqual({ group: 'deploy', 'cancel-in-progress': false, queue: 'max' });
    // A group of the whole workflow is entered before a run knows whether it has anything to do.
    expect(workflowOf('deploy.yml').concurrency).toBeUndefined();
  });

  it('has the proofs of ci before it, and a history to compare migrations with', () => {
    const proofs = indexOf(/gh run download .* --name records --dir \.records/);
    expect(proofs).toBeGreaterThan(0);
    expect(proofs).toBeLessThan(deploy);
    const checkout = steps.find(({ uses = '' }) => uses.startsWith('actions/checkout@'));
    expect(checkout?.with?.['fetch-depth']).toBe(0);
    const kept = stepsOf('ci.yml').filter(({ step }) => step.with?.name === 'records');
    expect(kept.map(({ step }) => step.with?.path)).toEqual(['.records']);
    expect(stepsOf('ci.yml').some(({ step }) => step.run === 'npm run monitor:proof')).toBe(true);
  });

  it('is recorded whatever became of it, knowing what the target before it recorded', () => {
    const known = indexOf(/git checkout --quiet FETCH_HEAD -- "\$file"/);
    const recorded = indexOf(/git push --quiet origin main/);
    expect(known).toBeGreaterThan(0);
    expect(known).toBeLessThan(deploy);
    expect(recorded).toBeGreaterThan(deploy);
    expect(steps[recorded]?.if).toBe('always()');
  });
});
