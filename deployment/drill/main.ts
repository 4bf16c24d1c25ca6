// `npm run drill`: what a switch, a death and a bad version do to people who are waiting. Everything runs here.
import { randomInt } from 'node:crypto';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readFlags, refuseUsage, reportFailure } from '../../local/command-line.ts';
import { bold, dim, green, red } from '../../local/terminal.ts';
import { buildAll } from '../build/build.ts';
import { type DrillReport, runDrill } from './run-drill.ts';

const HELP = `npm run drill -- [options]

Builds, starts Node, workerd, Deno and the Vercel output on one database behind the front, and sends patients through
their day while the targets are switched, one is killed and a bad version is refused. Exit code 0 when nobody was lost.

  --patients N    how many patients come, each with a stream open (100)
  --seconds S     time within which they arrive (60)
  --seed S        seed of the day (random, printed)
  --json          the report as JSON on standard output

From the environment: DATABASE_URL of an empty database (postgres://…) and REDIS_URL (redis://…) of a server of its own;
without them the embedded ones.`;

const { values } = readFlags(
  {
    options: {
      patients: { type: 'string', default: '100' },
      seconds: { type: 'string', default: '60' },
      seed: { type: 'string', default: String(randomInt(2 ** 31)) },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  },
  HELP,
);

if (values.help) console.log(HELP);
else await run().catch(reportFailure);

async function run(): Promise<void> {
  const project = fileURLToPath(new URL('../..', import.meta.url));
  const root = await mkdtemp(join(tmpdir(), 'mmc-drill-'));
  const say = (text: string) => (values.json ? undefined : console.log(text));
  const [patients, seconds, seed] = [number('patients', 1), number('seconds', 1), number('seed', 0)];
  say(`${bold('drill')} ${patients} patients within ${seconds} s, seed ${seed}\n`);
  try {
    await buildAll({ root: project, into: root });
    for (const name of ['wrangler.toml', 'wrangler.front.toml'])
      await copyFile(join(project, name), join(root, name));
    const report = await runDrill({
      root,
      databaseUrl: process.env.DATABASE_URL || undefined,
      redisUrl: process.env.REDIS_URL || undefined,
      patients,
      windowMs: seconds * 1_000,
      seed,
      onStep: (step) => say(`${dim('→')} ${step}`),
    });
    console.log(values.json ? JSON.stringify(report, null, 2) : textOf(report));
    process.exitCode = report.ok ? 0 : 1;
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

function textOf({
  verdicts,
  phases,
  streams,
  requests,
  switches,
  badVersion,
  kill,
  ok,
}: DrillReport): string {
  const seen = switches.map(({ milliseconds }) => milliseconds.seen ?? Number.POSITIVE_INFINITY);
  return [
    '',
    `switches seen after ${seen.join(', ')} ms; rolled back after ${badVersion.rolledBackMs} ms`,
    `killed with ${kill.underWay} requests under way: reads after ${kill.firstAnswer} ms, switched away after ${kill.switched} ms`,
    `${requests} requests; ${streams.open} streams heard ${streams.events} events, reconnected ${streams.reconnects} times`,
    ...Object.entries(phases).map(
      ([name, { answers, errors, broken }]) =>
        `${name}: ${answers} answers, ${errors} errors, ${broken} broken`,
    ),
    '',
    ...verdicts.map(({ title, held, detail, findings }) =>
      held
        ? `${green('✓')} ${title} ${dim(detail)}`
        : red(`✗ ${title} ${detail}\n    ${findings.slice(0, 5).join('\n    ')}`),
    ),
    '',
    ok ? green('Nobody was lost.') : red('The drill failed.'),
  ].join('\n');
}

function number(flag: 'patients' | 'seconds' | 'seed', min: number): number {
  const value = Number(values[flag]);
  return Number.isSafeInteger(value) && value >= min
    ? value
    : refuseUsage(`--${flag} takes a whole number`, HELP);
}
