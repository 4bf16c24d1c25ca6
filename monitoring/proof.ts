// `npm run monitor:proof`: errors pass 2 %, the alert fires, clears, and pictures and a record show it.
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildWhenStale } from '../local/build-output.ts';
import { readFlags, reportFailure } from '../local/command-line.ts';
import { bold, dim, green } from '../local/terminal.ts';
import { ANSWERS, ERROR_SHARE, LATENCY_BY_TARGET } from './dashboard-panels.ts';
import { DRILL_WINDOW, DRILLED_ALERTS, runDrill } from './drill.ts';
import { openDrillTargets } from './drill-targets.ts';
import { requirePrograms } from './programs.ts';
import { recordFile, treeHash, writeRecord } from './proof-record.ts';
import { pagesOf, takePicture } from './screenshot.ts';

const HELP = `npm run monitor:proof -- [--docs]

  --docs   writes the pictures to docs/monitoring-proof/, to be committed, and no record: the files are others then

Two targets, on Node and on workerd, lose their database for one request in eight; a real Prometheus with monitoring/*.yml,
thirty times as fast, fires HighErrorRate and High5xxErrorRate, Alertmanager tells, and both clear. Takes about a minute.
Writes .records/monitoring/<tree>.json, which the deployment asks for, and the pictures beside it.
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

async function prove(): Promise<void> {
  requirePrograms('prometheus', 'prometheus-alertmanager', 'chromium');
  const tree = await treeHash();
  await buildWhenStale();
  const records = dirname(recordFile(tree));
  await mkdir(records, { recursive: true });
  const pictures = await mkdtemp(join(records, 'pictures-'));
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
    for (const { alert, target, pendingAt, firingAt, resolvedAt } of courses) {
      console.log(
        `  ${bold(alert)} on ${target}: pending ${pendingAt}, firing ${firingAt}, resolved ${resolvedAt}`,
      );
    }
    if (values.docs) return await keep(pictures, join(ROOT, 'docs', 'monitoring-proof'));
    if ((await treeHash()) !== tree)
      throw new Error('Files changed meanwhile: this would be the proof of others');
    await keep(pictures, recordFile(tree).replace(/\.json$/, ''));
    const requests = [...answers.values()].flatMap((one) => [...one.values()]).reduce((a, b) => a + b, 0);
    await writeRecord({ tree, time: new Date().toISOString(), alerts: courses, toleratedShares, requests });
    console.log(`${green('✓')} .records/monitoring/${tree}.json`);
  } finally {
    await targets.close();
    await rm(pictures, { recursive: true, force: true });
  }
}

/** Puts the pictures in this folder, in place of those that are there. */
async function keep(pictures: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const name of [FIRING, GRAPHS]) await rename(join(pictures, name), join(folder, name));
  console.log(`${green('✓')} ${relative(ROOT, folder)}/: ${FIRING}, ${GRAPHS}`);
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
