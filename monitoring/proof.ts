// `npm run monitor:proof`: errors pass 2 %, the alert fires, clears, and pictures and a record show it.
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type MonitoringRecord, writeMonitoringRecord } from '../deployment/records.ts';
import { openRepository } from '../deployment/repository.ts';
import { buildWhenStale } from '../local/build-output.ts';
import { readFlags, reportFailure } from '../local/command-line.ts';
import { bold, dim, green } from '../local/terminal.ts';
import { ANSWERS, ERROR_SHARE, LATENCY_BY_TARGET } from './dashboard-panels.ts';
import { type AlertCourse, DRILL_WINDOW, DRILLED_ALERTS, runDrill } from './drill.ts';
import { openDrillTargets } from './drill-targets.ts';
import { requirePrograms } from './programs.ts';
import { pagesOf, takePicture } from './screenshot.ts';

const HELP = `npm run monitor:proof -- [--docs]

  --docs   writes the pictures to docs/monitoring-proof/, to be committed, and no record

Two targets, on Node and on workerd, lose their database for one request in eight; a real Prometheus with monitoring/*.yml,
thirty times as fast, fires HighErrorRate and High5xxErrorRate, Alertmanager tells, and both clear. Takes about a minute.
Writes the record of the committed files that npm run deploy asks for, .records/monitoring/<tree>.json, and the pictures beside it.
Debian packages: prometheus prometheus-alertmanager chromium.`;

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** What the pictures are called. */
const FIRING = 'alert-firing.png';
const GRAPHS = 'graphs.png';

const { values } = readFlags(
  { options: { docs: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } } },
  HELP,
);

if (values.help) {
  console.log(HELP);
} else {
  await prove().catch(reportFailure);
}

/** What the record says besides what a deployment asks for. */
interface ProofRecord extends MonitoringRecord {
  /** Both alerts on every target. */
  readonly courses: readonly AlertCourse[];
  /** The share of 5xx of each target that no alert minded. */
  readonly toleratedShares: readonly number[];
  readonly requests: number;
}

async function prove(): Promise<void> {
  requirePrograms('prometheus', 'prometheus-alertmanager', 'chromium');
  const tree = values.docs ? undefined : committedTree();
  await buildWhenStale();
  const pictures = await mkdtemp(join(tmpdir(), 'mmc-proof-'));
  const targets = await openDrillTargets({ root: ROOT });
  const began = performance.now();
  try {
    const { courses, toleratedShares, answers } = await runDrill(targets, {
      onFiring: async ({ prometheusUrl }) => {
        console.log(dim('  the alerts fire'));
        const url = new URL('alerts', await pagesOf(prometheusUrl)).href;
        await takePicture({ url, file: join(pictures, FIRING), width: 900, height: 1030 });
      },
      onResolved: async ({ prometheusUrl }) => {
        console.log(dim('  they are over'));
        const url = graphs(await pagesOf(prometheusUrl), Math.ceil((performance.now() - began) / 1000));
        await takePicture({ url, file: join(pictures, GRAPHS), width: 1000, height: 3080 });
      },
    });
    for (const { alert, target, pending, firing, resolved } of courses) {
      console.log(
        `  ${bold(alert)} on ${target}: pending ${pending}, firing ${firing}, resolved ${resolved}`,
      );
    }
    if (tree === undefined) return await keep(pictures, join('docs', 'monitoring-proof'));
    const [course] = courses;
    if (!course || committedTree() !== tree) throw new Error('Files changed meanwhile: nothing is recorded');
    const requests = [...answers.values()].flatMap((one) => [...one.values()]).reduce((a, b) => a + b, 0);
    const time = new Date().toISOString();
    const { alert, pending, firing, resolved } = course;
    const proof: ProofRecord = {
      tree,
      time,
      alert,
      pending,
      firing,
      resolved,
      courses,
      toleratedShares,
      requests,
    };
    const file = await writeMonitoringRecord(ROOT, proof);
    await keep(pictures, file.replace(/\.json$/, ''));
    console.log(`${green('✓')} ${file}`);
  } finally {
    await targets.close();
    await rm(pictures, { recursive: true, force: true });
  }
}

/** What a deployment would deploy. Throws when the files are others, since the proof would be theirs. */
function committedTree(): string {
  const repository = openRepository(ROOT);
  const [changed] = repository.changedFiles();
  if (changed === undefined) return repository.release().tree;
  throw new Error(
    `Not committed: ${changed}. A proof is recorded for committed files; --docs makes the pictures only`,
  );
}

/** Puts the pictures in this folder of the project, in place of those that are there. */
async function keep(pictures: string, folder: string): Promise<void> {
  await mkdir(join(ROOT, folder), { recursive: true });
  for (const name of [FIRING, GRAPHS]) await copyFile(join(pictures, name), join(ROOT, folder, name));
  console.log(`${green('✓')} ${folder}/: ${FIRING}, ${GRAPHS}`);
}

/** The page with the dashboard's main graphs over so many seconds, and the alerts through their states. */
function graphs(pages: string, seconds: number): string {
  const expressions = [
    ...[ERROR_SHARE, ANSWERS, LATENCY_BY_TARGET].flatMap(({ queries }) => queries.map(({ expr }) => expr)),
    `count by (alertname, alertstate) (ALERTS{alertname=~"${DRILLED_ALERTS.join('|')}"})`,
  ];
  const query = expressions.flatMap((expr, index) => [
    [`g${index}.expr`, expr.replaceAll('$target', '.+').replaceAll('$__rate_interval', DRILL_WINDOW)],
    [`g${index}.tab`, '0'],
    [`g${index}.range_input`, `${seconds}s`],
  ]);
  return new URL(`graph?${new URLSearchParams(query)}`, pages).href;
}
