// `npm run deploy -- TARGET`: this commit to one target, if every gate is open.
import { readFlags, reportFailure } from '../local/command-line.ts';
import { bold, dim, green, red } from '../local/terminal.ts';
import { VERSION } from '../src/lib/build-info.ts';
import {
  activeTarget,
  buildRelease,
  chosenTarget,
  migrateDatabase,
  PROJECT,
  platformOf,
  warnOfNewerRecords,
} from './command-tools.ts';
import { type DeployResult, deploy } from './deploy.ts';
import { openRepository } from './repository.ts';
import { smokeVerdict } from './smoke-verdict.ts';
import { deployedTarget } from './targets.ts';

const HELP = `npm run deploy -- [TARGET] [options]

Deploys this commit to cloudflare, supabase or vercel; without TARGET to the active one. Refused unless the tests passed
and the monitoring was proved for this very tree. A version that fails its smoke test gets no traffic, or loses it again.

  --dry-run     asks every gate, builds, and prints the commands that would follow
  --again       also what is or was deployed there, or is older; and where something serves that is not recorded
  --no-commit   writes deployment/versions.json and .last-stable-version without committing them
  --json        the result as JSON on standard output

From the environment: TARGETS (JSON: name to URL), DATABASE_URL, METRICS_TOKEN and the settings of docs/deploy.md.`;

const { values, positionals } = readFlags(
  {
    allowPositionals: true,
    options: {
      'dry-run': { type: 'boolean', default: false },
      again: { type: 'boolean', default: false },
      'no-commit': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  },
  HELP,
);

/** How long a new version may take until it answers everywhere. */
const WAIT_MS = 120_000;

if (values.help) console.log(HELP);
else await run().catch(reportFailure);

async function run(): Promise<void> {
  const environment = process.env;
  const say = (text: string) => (values.json ? undefined : console.log(text));
  const warn = (text: string) => console.error(red(text));
  const dryRun = values['dry-run'];
  const repository = openRepository(PROJECT);
  warnOfNewerRecords(repository, warn);
  const { target: active, doubt, isGuess } = await activeTarget(environment);
  if (doubt) warn(doubt);
  if (isGuess && positionals.length === 0) throw new Error('Name the target');
  const target = deployedTarget(environment, chosenTarget(positionals, active, HELP));
  say(`${bold(dryRun ? 'deploy, dry run' : 'deploy')} ${target.name} ${target.url}\n`);
  const result = await deploy(
    {
      root: PROJECT,
      environment,
      target,
      active,
      packageVersion: VERSION,
      dryRun,
      again: values.again,
      commit: !values['no-commit'],
      onGate: ({ name, refusal, detail }) =>
        say(
          refusal === undefined
            ? `${green('✓')} ${name}${detail ? dim(`  ${detail}`) : ''}`
            : `${red('✗')} ${name}  ${red(refusal)}`,
        ),
      onStep: (step) => say(`${dim('→')} ${step}`),
    },
    {
      repository,
      platform: () =>
        platformOf(target.name, {
          root: PROJECT,
          environment,
          dryRun,
          onCommand: (command) => say(dim(`  $ ${command}`)),
        }),
      build: (commit) => buildRelease(PROJECT, commit),
      migrate: () => migrateDatabase(environment),
      smoke: (url, commit) =>
        smokeVerdict({ url, target: target.name, commit, environment, waitMs: WAIT_MS }),
    },
  );
  if (values.json) console.log(JSON.stringify(result, null, 2));
  else if (!result.ok && result.version === undefined) console.error(red('\nRefused: nothing was changed.'));
  else if (!result.ok) {
    console.error(red(`\n${result.problem}`));
    console.error(afterwards(result));
  } else say(`\n${green('✓')} ${dryRun ? 'Would deploy' : 'Deployed'} ${bold(result.version ?? '')}`);
  process.exitCode = result.ok ? 0 : 1;
}

function afterwards({ restored, stuck, target }: DeployResult): string {
  if (stuck)
    return red(`It may serve all the same: npm run rollback -- ${target}, or move everybody with --target`);
  return restored ? `Back on ${restored}.` : 'The version before keeps serving, if there is one.';
}
