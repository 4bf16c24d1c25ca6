// `npm run switch -- TARGET`: another target takes the patients.
import { openCommandDatabase } from '../local/command-database.ts';
import { readFlags, refuseUsage, reportFailure } from '../local/command-line.ts';
import { bold, dim, green, red } from '../local/terminal.ts';
import { badEnvironment, readProxySecret } from '../src/lib/config.ts';
import { type SwitchResult, switchTarget } from './active-target.ts';
import { PROJECT, warnOfNewerRecords } from './command-tools.ts';
import { findCli } from './platform-cli.ts';
import { recordActive } from './record-active.ts';
import { openRepository } from './repository.ts';
import { databaseMisfit } from './same-database.ts';
import { smokeVerdict } from './smoke-verdict.ts';
import { deployedTargets, isTargetName, publicUrl, type Target } from './targets.ts';
import { vercelRoutes } from './vercel-routes.ts';

const HELP = `npm run switch -- TARGET [options]

Sends the public paths to another target: cloudflare, supabase, vercel or node. All targets stay deployed. Tests the
target first, then switches, tests through the public address, and switches back when that fails. For the active target
it looks whether the public address follows, and mends a switch that was cut off. Exit code 0 when the target is active
and passes, 1 when not, 2 when the command cannot be followed.

  --dry-run        tests the target and moves nobody
  --other-commit   allows another commit than the active target's
  --no-commit      writes the two files below without committing them
  --json           the result as JSON on standard output

What has the patients is written to deployment/versions.json and .last-stable-version, and committed.

From the environment: TARGETS (JSON: name to URL), PUBLIC_URL, DATABASE_URL (and DATABASE_HTTP_URL), FRONT (worker or
vercel-routes; worker unless told), PROXY_SECRET with the worker, VERCEL_PAGE_PROJECT_ID and VERCEL_ORG_ID with the
routes; METRICS_TOKEN for more checks.`;

const { values, positionals } = readFlags(
  {
    allowPositionals: true,
    options: {
      'dry-run': { type: 'boolean', default: false },
      'other-commit': { type: 'boolean', default: false },
      'no-commit': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  },
  HELP,
);

if (values.help) console.log(HELP);
else await run(targetOf(positionals)).catch(reportFailure);

async function run(to: Target): Promise<void> {
  const environment = process.env;
  const say = (text: string) => (values.json ? undefined : console.log(text));
  const address = publicUrl(environment);
  const targets = deployedTargets(environment);
  if (targets.length === 0) throw badEnvironment('TARGETS');
  if (!environment.DATABASE_URL) throw badEnvironment('DATABASE_URL');
  const route = routeOf(environment, (command) => say(dim(`  $ ${command}`)));
  say(`${bold(values['dry-run'] ? 'switch, dry run' : 'switch')} ${address} to ${to}\n`);
  const { database, runBatch, close } = await openCommandDatabase(environment, '.data');
  try {
    const result = await switchTarget({
      to,
      targets,
      database,
      publicUrl: address,
      route,
      smoke: (url, expected) => smokeVerdict({ url, ...expected, environment, waitMs: 0, readOnly: true }),
      databaseMisfit: (candidate, active) => databaseMisfit(candidate, active, runBatch),
      dryRun: values['dry-run'],
      otherCommit: values['other-commit'],
      onStep: (step) => say(`${dim('→')} ${step}`),
    });
    if (values.json) console.log(JSON.stringify(result, null, 2));
    else (result.ok ? console.log : console.error)(`\n${sentenceOf(result)}`);
    process.exitCode = result.ok ? 0 : 1;
    if (result.ok && !values['dry-run']) await record(to, say);
  } finally {
    await close();
  }
}

/** The patients are where they shall be; what git refuses is for a person to mend in peace. */
async function record(active: Target, say: (text: string) => void): Promise<void> {
  const warn = (text: string) => console.error(red(text));
  try {
    const repository = openRepository(PROJECT);
    warnOfNewerRecords(repository, warn);
    if (await recordActive(PROJECT, repository, active, { commit: !values['no-commit'] })) {
      say(dim('committed deployment/versions.json: git push origin main brings it to the others'));
    }
  } catch (error) {
    warn(`deployment/versions.json was not committed: ${error instanceof Error ? error.message : error}`);
  }
}

function routeOf(environment: typeof process.env, onCommand: (command: string) => void) {
  const { FRONT: front } = environment;
  if (!front || front === 'worker') {
    if (readProxySecret(environment) === undefined) throw badEnvironment('PROXY_SECRET');
    return undefined;
  }
  if (front !== 'vercel-routes') throw badEnvironment('FRONT', 'is neither worker nor vercel-routes');
  // The page's project, which is not the one that this folder deploys the API to.
  const { VERCEL_PAGE_PROJECT_ID: VERCEL_PROJECT_ID } = environment;
  if (!VERCEL_PROJECT_ID) throw badEnvironment('VERCEL_PAGE_PROJECT_ID');
  const page = { ...environment, VERCEL_PROJECT_ID };
  return vercelRoutes(findCli('vercel', { root: PROJECT, environment: page, onCommand }));
}

function sentenceOf({ outcome, from, to, problem, milliseconds }: SwitchResult): string {
  const times = dim(`(seen after ${milliseconds.seen ?? '-'} ms, ${milliseconds.total} ms in all)`);
  switch (outcome) {
    case 'switched':
      return `${green('✓')} ${bold(to)} has the patients ${times}`;
    case 'already-active':
      return `${green('✓')} ${bold(to)} has the patients already, and passes`;
    case 'would-switch':
      return `${green('✓')} Would switch from ${from} to ${bold(to)}`;
    case 'refused':
      return red(`Refused, nothing was changed: ${problem}`);
    case 'moved-back':
      return red(`Back on ${from}: ${problem} ${times}`);
    case 'overtaken':
      return red(`Overtaken: ${problem}`);
    case 'stuck':
      return red(`Look at it now: ${problem}`);
  }
}

function targetOf([name, ...more]: readonly string[]): Target {
  if (name === undefined || more.length > 0) return refuseUsage('Give one target', HELP);
  return isTargetName(name) ? name : refuseUsage(`There is no target ${name}`, HELP);
}
