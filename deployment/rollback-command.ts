// `npm run rollback`: what to type when it burns.
import { readFlags, refuseUsage, reportFailure } from '../local/command-line.ts';
import { bold, dim, green, red } from '../local/terminal.ts';
import {
  activeTarget,
  chosenTarget,
  PROJECT,
  platformOf,
  previousTarget,
  warnOfNewerRecords,
} from './command-tools.ts';
import { openRepository } from './repository.ts';
import { ROLLED_BACK, rollback } from './rollback.ts';
import { smokeVerdict } from './smoke-verdict.ts';
import { type DeployedTarget, deployedTargets, type Target } from './targets.ts';
import { currentOf, readNewestVersions, type Versions, versionsOf } from './versions.ts';

const HELP = `npm run rollback -- [TARGET] [options]
npm run rollback -- --target [NAME] [options]

Back to the last stable version on the active target, or on TARGET. With --target: to another target, which keeps its
own version; the same as npm run switch. Asks no gate and touches no data.

  --target [NAME] moves everybody to this target, or to the one before the last switch
  --dry-run       prints what would be done
  --no-commit     writes deployment/versions.json and .last-stable-version without committing them
  --json          the result as JSON on standard output

From the environment: TARGETS (JSON: name to URL), DATABASE_URL.`;

const { values, positionals } = readFlags(
  {
    args: withNames(process.argv.slice(2)),
    allowPositionals: true,
    options: {
      target: { type: 'string' },
      'dry-run': { type: 'boolean', default: false },
      'no-commit': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  },
  HELP,
);

/** How long the older version may take until it answers everywhere. */
const WAIT_MS = 60_000;

/** The address of a target to which nothing was deployed: then nothing is asked there. */
const NOWHERE = '';

if (values.help) console.log(HELP);
else if (values.target !== undefined) await toTarget(values.target).catch(reportFailure);
else await toVersion().catch(reportFailure);

async function toVersion(): Promise<void> {
  const environment = process.env;
  const say = (text: string) => (values.json ? undefined : console.log(text));
  const warn = (text: string) => console.error(red(text));
  const dryRun = values['dry-run'];
  const repository = openRepository(PROJECT);
  warnOfNewerRecords(repository, warn);
  const { target: active, doubt, isGuess } = await activeTarget(environment);
  const versions = await readNewestVersions(PROJECT, repository);
  const target = whereIs(chosenTarget(positionals, active, HELP), versions);
  // Where nothing was deployed at all, there is nothing to go back to on any of them.
  const isCertain = positionals.length > 0 || Object.keys(versions.targets).length === 0;
  if (doubt && !isCertain) warn(doubt);
  if (isGuess && !isCertain) throw new Error('Name the target');
  const result = await rollback(
    {
      root: PROJECT,
      target,
      active,
      dryRun,
      commit: !values['no-commit'],
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
      smoke: (url, commit) =>
        smokeVerdict({ url, target: target.name, commit, environment, waitMs: WAIT_MS, readOnly: true }),
    },
  );
  process.exitCode = result.ok ? 0 : 1;
  if (result.warning !== undefined) warn(result.warning);
  if (values.json) console.log(JSON.stringify(result, null, 2));
  else if (!result.ok) console.error(red(result.problem ?? ''));
  else if (dryRun) console.log(`Would go back to ${bold(result.version ?? '')}; nothing was changed`);
  else {
    const seconds = (result.milliseconds / 1_000).toFixed(1);
    console.log(`${green('✓')} ${ROLLED_BACK} ${dim(`(${result.version}, ${seconds} s)`)}`);
  }
}

/** Where TARGETS says, else where its last deployment was: in a hurry no setting is needed for it. */
function whereIs(name: Target, versions: Versions): DeployedTarget {
  const current = currentOf(versionsOf(versions, name));
  const listed = deployedTargets(process.env).find((known) => known.name === name);
  if (listed && current) return listed;
  return { name, url: current?.health_check_url.replace(/\/health$/, '') ?? NOWHERE };
}

/** The way of `npm run switch`, with its checks; the other target may have another version: that is why one goes there. */
async function toTarget(name: string): Promise<void> {
  if (positionals.length > 0) refuseUsage('Give a target or --target, not both', HELP);
  const to = name === '' ? await previousTarget(process.env) : name;
  const flags = (['dry-run', 'no-commit', 'json'] as const).filter((flag) => values[flag]);
  process.argv.splice(2, process.argv.length, to, '--other-commit', ...flags.map((flag) => `--${flag}`));
  await import('./switch-command.ts');
}

/** `--target` without a name is allowed, which `parseArgs` is not told of. */
function withNames(args: readonly string[]): string[] {
  return args.map((arg, index) => {
    const next = args[index + 1];
    return arg === '--target' && (next === undefined || next.startsWith('-')) ? '--target=' : arg;
  });
}
