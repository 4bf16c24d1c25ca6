// `npm run bench`: taking numbers and calling patients, measured against the least that is correct and against the
// migration plan's own functions, in one run: shared machines are noisy, so only ratios within a run mean anything.
import { parseArgs } from 'node:util';
import { bold, dim, green, red } from '../local/terminal.ts';
import { type Contender, floor, ours, plan } from './contenders.ts';
import { startBenchDatabase } from './database.ts';
import { createCalendar, createLoad, type Load, type Scenario, type Stretch } from './load.ts';
import { countRepeated, median, medianRatio, percentile } from './statistics.ts';

const HELP = `npm run bench -- [--quick] [--rounds N] [--json]

  --quick     one short round of two scenarios; only duplicates fail
  --rounds N  rounds that are measured, after one that is not (5)
  --json      the figures as JSON`;

/** The share of the floor's speed that our functions shall keep. */
const GOAL = 0.7;

/** People a clinic sees in a day: the load moves to a new service day after as many. */
const PEOPLE_PER_LINE = 200;

const CONTENDERS = [ours, floor, plan];
const OPERATIONS = ['enter', 'call'] as const;

type Operation = (typeof OPERATIONS)[number];

/** A contender in a scenario, and what its rounds came to. */
interface Lane {
  readonly contender: Contender;
  readonly load: Load;
  readonly waves: Record<Operation, Stretch>[];
}

interface Row {
  readonly operation: Operation;
  readonly contender: Contender['name'];
  readonly clients: number;
  readonly clinics: number;
  readonly waitingBefore: number;
  readonly perSecond: number;
  readonly ratio: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly duplicates: number;
  readonly operations: number;
}

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) console.log(HELP);
else process.exitCode = await bench();

async function bench(): Promise<number> {
  const rounds = values.quick ? 1 : Number(values.rounds);
  const db = await startBenchDatabase(64);
  try {
    const nextDay = createCalendar();
    const races = scenariosFor(db.clinics, values.quick).map((scenario) => ({
      scenario,
      lanes: CONTENDERS.map((contender): Lane => {
        const load = createLoad(db.connections, contender, scenario, nextDay);
        return { contender, load, waves: [] };
      }),
    }));
    for (let round = values.quick ? 1 : 0; round <= rounds; round += 1) {
      for (const { load, waves } of races.flatMap(({ lanes }) => lanes)) {
        const wave = await load.wave();
        // The first round only warms up.
        if (round > 0) waves.push(wave);
      }
      await db.purgeEvents();
      if (!values.json) console.log(dim(round === 0 ? 'warmed up' : `round ${round} of ${rounds} done`));
    }
    const rows = races.flatMap(({ scenario, lanes }) => rowsOf(scenario, lanes));
    if (values.json) console.log(JSON.stringify({ server: db.server, rounds, rows }, null, 2));
    else print(rows, db.server);
    return verdict(rows);
  } finally {
    await db.stop();
  }
}

function scenariosFor(clinics: readonly string[], quick: boolean): Scenario[] {
  const usual = (clients: number, count: number, operations: number): Scenario => ({
    clients,
    clinics: clinics.slice(0, count),
    peoplePerLine: PEOPLE_PER_LINE,
    waitingBefore: 0,
    operations,
  });
  if (quick) return [usual(16, 1, 400), usual(64, clinics.length, 1300)];
  return [
    ...[1, clinics.length].flatMap((count) => [1, 16, 64].map((clients) => usual(clients, count, 2600))),
    // Far beyond a committee's day: what the count of those who wait costs.
    { ...usual(16, 1, 600), waitingBefore: 2000, peoplePerLine: 2600 },
  ];
}

function rowsOf({ clients, clinics, waitingBefore }: Scenario, lanes: readonly Lane[]): Row[] {
  const speeds = (lane: Lane | undefined, operation: Operation) =>
    (lane?.waves ?? []).map((wave) => wave[operation].handedOut.length / wave[operation].seconds);
  const baseline = lanes.find(({ contender }) => contender === floor);
  return OPERATIONS.flatMap((operation) =>
    lanes.map((lane) => {
      const latencies = lane.waves.flatMap((wave) => [...wave[operation].latenciesMs]);
      const handedOut = lane.waves.flatMap((wave) => [...wave[operation].handedOut]);
      return {
        operation,
        contender: lane.contender.name,
        clients,
        clinics: clinics.length,
        waitingBefore,
        perSecond: median(speeds(lane, operation)),
        ratio: medianRatio(speeds(lane, operation), speeds(baseline, operation)),
        p50Ms: percentile(latencies, 50),
        p95Ms: percentile(latencies, 95),
        duplicates: countRepeated(handedOut.filter((key) => key !== null)),
        operations: handedOut.length,
      };
    }),
  );
}

function print(
  rows: readonly Row[],
  server: { version: string; fsync: string; sharedBuffers: string },
): void {
  console.log(
    `\nPostgreSQL ${server.version}, fsync ${server.fsync}, shared_buffers ${server.sharedBuffers}; medians of the rounds\n`,
  );
  const head = [
    '',
    'contender',
    'clients',
    'clinics',
    'waiting',
    'ops/s',
    'of floor',
    'p50 ms',
    'p95 ms',
    'doubles',
    'tried',
  ];
  const table = rows.map((row) => [
    row.operation,
    row.contender,
    String(row.clients),
    String(row.clinics),
    String(row.waitingBefore),
    row.perSecond.toFixed(0),
    row.ratio.toFixed(2),
    row.p50Ms.toFixed(2),
    row.p95Ms.toFixed(2),
    String(row.duplicates),
    row.operations.toLocaleString('en'),
  ]);
  const widths = head.map((title, column) =>
    Math.max(title.length, ...table.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) =>
        column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ');
  console.log(bold(line(head)));
  for (const [index, cells] of table.entries()) {
    const text = line(cells);
    const { duplicates = 0, contender } = rows[index] ?? {};
    console.log(duplicates > 0 ? red(text) : contender === 'ours' ? text : dim(text));
  }
}

/** 1 when a number was given twice, a patient called twice, or (in a full run) the goal was missed. */
function verdict(rows: readonly Row[]): number {
  const own = rows.filter(({ contender }) => contender === 'ours');
  const doubles = own.reduce((total, { duplicates }) => total + duplicates, 0);
  const tried = own.reduce((total, { operations }) => total + operations, 0);
  const slow = values.quick
    ? []
    : own.filter(({ ratio, waitingBefore }) => waitingBefore === 0 && ratio < GOAL);
  const mark = (ok: boolean) => (ok ? green('✓') : red('✗'));
  const say = values.json ? console.error : console.log;
  say(`\n${mark(doubles === 0)} ours: ${doubles} doubles in ${tried.toLocaleString('en')} operations`);
  if (!values.quick) {
    const least = Math.min(...own.map(({ ratio }) => ratio));
    say(
      `${mark(slow.length === 0)} ours at ${GOAL} of the floor or better in ${own.length - slow.length} of ${own.length} rows (least ${least.toFixed(2)})`,
    );
  }
  return doubles > 0 || slow.length > 0 ? 1 : 0;
}
