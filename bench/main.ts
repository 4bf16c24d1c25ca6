// `npm run bench`: taking numbers and calling patients, measured against the least that is correct and against the
// migration plan's own functions, in one run: shared machines are noisy, so only ratios within a run mean anything.
import { availableParallelism, platform } from 'node:os';
import { parseArgs } from 'node:util';
import { dim, green, red } from '../local/terminal.ts';
import { ours, oursWithRoute } from './contenders.ts';
import { startBenchDatabase } from './database.ts';
import { createCalendar, createLoad, type Wave } from './load.ts';
import { measureMetricsCost } from './metrics-cost.ts';
import { MOST_CLIENTS, racesFor } from './races.ts';
import { type Row, rowsOf, runtimesTable, tableOf } from './report.ts';
import { measureRuntimes } from './runtimes.ts';
import { measureStartup } from './startup.ts';

const HELP = `npm run bench -- [--quick] [--rounds N] [--json] [--startup | --runtimes | --metrics]

  --quick     one short round of a few races; only duplicates fail
  --rounds N  rounds that are measured, after one that is not (15)
  --json      the figures as JSON
  --startup   instead: how soon \`npm start\` is ready, and how much memory it takes
  --runtimes  instead: cold start and warm CPU per request on each target's runtime, against a bare hello
  --metrics   instead: CPU of a cached read with and without its metrics`;

/** The share of the floor's speed that our functions shall keep. */
const GOAL = 0.7;

const QUICK_ROUNDS = 1;

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '15' },
    json: { type: 'boolean', default: false },
    startup: { type: 'boolean', default: false },
    runtimes: { type: 'boolean', default: false },
    metrics: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  console.log(HELP);
} else if (values.startup) {
  process.exitCode = await startup();
} else if (values.runtimes) {
  process.exitCode = await runtimes();
} else if (values.metrics) {
  process.exitCode = await metricsCost();
} else {
  const rounds = values.quick ? QUICK_ROUNDS : Number(values.rounds);
  if (Number.isInteger(rounds) && rounds > 0) {
    process.exitCode = await bench(rounds);
  } else {
    console.error(`--rounds takes a number from 1, not ${values.rounds}`);
    process.exitCode = 2;
  }
}

async function bench(rounds: number): Promise<number> {
  const db = await startBenchDatabase(MOST_CLIENTS);
  try {
    const nextDay = createCalendar();
    const races = racesFor(db.clinics, values.quick).map((race) => ({
      race,
      lanes: race.contenders.map((contender) => ({
        contender,
        load: createLoad(db.connections, contender, race.scenario, nextDay),
        waves: [] as Wave[],
      })),
    }));
    // Round 0 warms up. Whoever begins a round is another one each time: nobody runs always behind the same.
    for (let round = 0; round <= rounds; round += 1) {
      for (const { lanes } of races) {
        for (const turn of lanes.keys()) {
          const lane = lanes[(turn + round) % lanes.length];
          const wave = await lane?.load.wave();
          if (wave && round > 0) lane?.waves.push(wave);
        }
      }
      await db.purgeEvents();
      say(dim(round === 0 ? 'warmed up' : `round ${round} of ${rounds}`));
    }

    const rows = races.flatMap(({ race, lanes }) => rowsOf(race, lanes));
    const machine = { cores: availableParallelism(), platform: platform(), node: process.versions.node };
    if (values.json) console.log(JSON.stringify({ machine, server: db.server, rounds, rows }, null, 2));
    else {
      const { version, fsync, sharedBuffers } = db.server;
      console.log(tableOf(rows));
      console.log(
        `\nPostgreSQL ${version}, fsync ${fsync}, shared_buffers ${sharedBuffers}; ` +
          `Node ${machine.node}, ${machine.cores} cores, ${machine.platform}; medians of ${rounds} rounds`,
      );
    }
    return verdict(rows);
  } finally {
    await db.stop();
  }
}

/** 1 when a number was given twice, somebody called twice or lost, or (in a full run) the goal was missed. */
function verdict(rows: readonly Row[]): number {
  const own = rows.filter(({ contender }) => contender === ours.name || contender === oursWithRoute.name);
  const wrong = own.reduce((total, { duplicates, empty }) => total + duplicates + empty, 0);
  const tried = own.reduce((total, { operations }) => total + operations, 0);
  say(`\n${mark(wrong === 0)} ours: ${wrong} duplicates or losses in ${tried} operations`);
  if (values.quick) return wrong > 0 ? 1 : 0;

  const counting = own.filter(({ counts }) => counts);
  const slow = counting.filter(({ ratio }) => ratio < GOAL);
  const least = Math.min(...counting.map(({ ratio }) => ratio)).toFixed(2);
  say(
    `${mark(slow.length === 0)} ours, as sent: ${GOAL} of the floor or better in ${counting.length - slow.length} ` +
      `of ${counting.length} rows, ${least} at least`,
  );
  return wrong > 0 || slow.length > 0 ? 1 : 0;
}

async function startup(): Promise<number> {
  const report = await measureStartup();
  if (values.json) console.log(JSON.stringify(report, null, 2));
  for (const [name, { seconds, warmMb, peakMb }] of Object.entries(report.starts)) {
    say(
      `${name.padEnd(6)}  ready after ${seconds.toFixed(1)} s   ${warmMb.toFixed(0)} MB warm, ${peakMb.toFixed(0)} MB at most`,
    );
  }
  say(
    `${mark(report.ok)} within ${report.goal.seconds} s and ${report.goal.megabytes} MB; medians of ${report.runs} runs`,
  );
  return report.ok ? 0 : 1;
}

async function runtimes(): Promise<number> {
  const report = await measureRuntimes(values.quick, (runtime) => say(dim(runtime)));
  if (values.json) console.log(JSON.stringify(report, null, 2));
  else console.log(`\n${runtimesTable(report)}\n`);
  const { ok, goal, starts, rounds, requests } = report;
  say(
    `${mark(ok)} a cached read takes at most ${goal} hellos; medians of ${starts} starts, and of ${rounds} rounds ` +
      `of ${requests} requests`,
  );
  return ok || values.quick ? 0 : 1;
}

async function metricsCost(): Promise<number> {
  const report = await measureMetricsCost(values.quick);
  if (values.json) console.log(JSON.stringify(report, null, 2));
  const { ok, goal, rounds, requests, ratio, noise, without, counted } = report;
  say(
    `${mark(ok)} a counted request takes ${ratio.toFixed(3)} of one that is not (at most ${goal}), where that one takes ` +
      `${noise.toFixed(3)} of itself: ` +
      `${counted.toFixed(0)} and ${without.toFixed(0)} µs of CPU; medians of ${rounds} rounds of ${requests} requests`,
  );
  return ok || values.quick ? 0 : 1;
}

function mark(ok: boolean): string {
  return ok ? green('✓') : red('✗');
}

/** Words for a person; with --json they leave stdout to the figures. */
function say(text: string): void {
  (values.json ? console.error : console.log)(text);
}
