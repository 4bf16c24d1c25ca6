// `npm run status`: every target, and which one has the patients.
import { readFlags, reportFailure } from '../local/command-line.ts';
import { red } from '../local/terminal.ts';
import { activeTarget, PROJECT } from './command-tools.ts';
import { publicProblem } from './public-view.ts';
import { statusOf, statusTable } from './status.ts';
import { deployedTargets, publicUrl } from './targets.ts';

const HELP = `npm run status -- [--json]

Asks every target of TARGETS (JSON: name to URL): health, deployed version, commit, schema, median answer time; * is the
active one. With PUBLIC_URL, also whether people reach that one. Exit code 1 when the active target is not ready, or people
do not reach it.`;

const { values } = readFlags(
  {
    options: {
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  },
  HELP,
);

if (values.help) console.log(HELP);
else await show().catch(reportFailure);

async function show(): Promise<void> {
  const targets = deployedTargets(process.env);
  if (targets.length === 0)
    throw new Error('TARGETS is not set: it names the targets with their URLs, as JSON');
  const { target: active, doubt } = await activeTarget(process.env);
  if (doubt) console.error(red(doubt));
  const [rows, astray] = await Promise.all([
    statusOf(PROJECT, targets, active),
    process.env.PUBLIC_URL ? publicProblem(publicUrl(process.env), active) : undefined,
  ]);
  if (astray) console.error(red(astray));
  console.log(values.json ? JSON.stringify(rows, null, 2) : statusTable(rows));
  if (astray || rows.some(({ active, health }) => active && health !== 'ready')) process.exitCode = 1;
}
