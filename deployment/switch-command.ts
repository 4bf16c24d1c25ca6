// `npm run switch -- TARGET`: another target takes the patients.
import { openCommandDatabase } from '../local/command-database.ts';
import { readFlags, refuseUsage, reportFailure } from '../local/command-line.ts';
import { bold, dim, green, red } from '../local/terminal.ts';
import { badEnvironment } from '../src/lib/config.ts';
import { type SwitchResult, switchTarget } from './active-target.ts';
import { PROJECT } from './command-tools.ts';
import { findCli } from './platform-cli.ts';
import { smokeVerdict } from './smoke-verdict.ts';
import { deployedTargets, isTargetName, publicUrl, type Target } from './targets.ts';
import { vercelRoutes } from './vercel-routes.ts';

const HELP = `npm run switch -- TARGET [options]

Sends the public paths to another target: cloudflare, supabase, vercel or node. All targets stay deployed. Tests the
target first, then switches, tests through the public address, and switches back when that fails. Exit code 0 when the
target is active, 1 when it is not, 2 when the command cannot be followed.

  --dry-run        tests the target and changes nothing
  --other-commit   allows another commit than the active target's
  --json           the result as JSON on standard output

From the environment: TARGETS (JSON: name to URL), PUBLIC_URL, DATABASE_URL (and DATABASE_HTTP_URL), FRONT (worker or
vercel-routes; worker unless told), METRICS_TOKEN, SMOKE_ADMIN_USERNAME and SMOKE_ADMIN_PASSWORD for more checks.`;

const { values, positionals } = readFlags(
  {
    allowPositionals: true,
    options: {
      'dry-run': { type: 'boolean', default: false },
      'other-commit': { type: 'boolean', default: false },
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
  const route = routeOf(environment.FRONT, (command) => say(dim(`  $ ${command}`)));
  say(`${bold(values['dry-run'] ? 'switch, dry run' : 'switch')} ${address} to ${to}\n`);
  const { database, close } = await openCommandDatabase(environment, '.data');
  try {
    const result = await switchTarget({
      to,
      targets,
      database,
      publicUrl: address,
      route,
      smoke: (url, expected) => smokeVerdict({ url, ...expected, environment, waitMs: 0, readOnly: true }),
      dryRun: values['dry-run'],
      otherCommit: values['other-commit'],
      onStep: (step) => say(`${dim('→')} ${step}`),
    });
    if (values.json) console.log(JSON.stringify(result, null, 2));
    else (result.ok ? console.log : console.error)(`\n${sentenceOf(result)}`);
    process.exitCode = result.ok ? 0 : 1;
  } finally {
    await close();
  }
}

function routeOf(front: string | undefined, onCommand: (command: string) => void) {
  if (!front || front === 'worker') return undefined;
  if (front !== 'vercel-routes') throw badEnvironment('FRONT', 'is neither worker nor vercel-routes');
  return vercelRoutes(findCli('vercel', { root: PROJECT, environment: process.env, onCommand }), process.env);
}

function sentenceOf({ outcome, from, to, problem, milliseconds }: SwitchResult): string {
  const times = dim(`(seen after ${milliseconds.seen ?? '-'} ms, ${milliseconds.total} ms in all)`);
  switch (outcome) {
    case 'switched':
      return `${green('✓')} ${bold(to)} has the patients ${times}`;
    case 'already-active':
      return `${green('✓')} ${bold(to)} has the patients already`;
    case 'would-switch':
      return `${green('✓')} Would switch from ${from} to ${bold(to)}`;
    case 'refused':
      return red(`Refused, nothing was changed: ${problem}`);
    case 'moved-back':
      return red(`Back on ${from}: ${problem} ${times}`);
    case 'stuck':
      return red(`Look at it now: ${problem}`);
  }
}

function targetOf([name, ...more]: readonly string[]): Target {
  if (name === undefined || more.length > 0) return refuseUsage('Give one target', HELP);
  return isTargetName(name) ? name : refuseUsage(`There is no target ${name}`, HELP);
}
