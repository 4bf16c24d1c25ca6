// `npm run import -- FILE`: the data of the previous backend, from its key-value export.
import { readFile } from 'node:fs/promises';
import { openCommandDatabase } from '../command-database.ts';
import { readFlags, refuseUsage, reportFailure } from '../command-line.ts';
import { bold, dim, green, red } from '../terminal.ts';
import { readExport } from './export-file.ts';
import { type ImportReport, importPrevious } from './import-previous.ts';
import { progressLine } from './progress-line.ts';
import { rejectedFileOf, writeRejected } from './rejected-file.ts';

const HELP = `npm run import -- FILE [options]

Reads a key-value export of the previous backend into the database: patients, lines, today's PINs, routes, intervals.
FILE holds JSON lines of {"key", "value"}, one array of them, or one object of keys and values. Repeating it changes
nothing. What cannot be taken over as it is goes to FILE.rejected.jsonl with its line and the reason, but without passwords and
PINs. Keep FILE until those are dealt with.

  --dry-run     works everything out and writes no row; its file is FILE.dry-run.rejected.jsonl
  --json        the report as JSON on standard output
  --data DIR    the data of npm start, when there is no DATABASE_URL (.data)

Accounts of staff are not imported: make them with npm run admin.`;

const { values, positionals } = readFlags(
  {
    allowPositionals: true,
    options: {
      'dry-run': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      data: { type: 'string', default: '.data' },
      help: { type: 'boolean', default: false },
    },
  },
  HELP,
);

if (values.help) {
  console.log(HELP);
} else {
  const [path, ...more] = positionals;
  if (path === undefined || more.length > 0) refuseUsage('Give one file', HELP);
  else await importFile(path).catch(reportFailure);
}

async function importFile(path: string): Promise<void> {
  const file = readExport(await readFile(path));
  const rejectedFile = rejectedFileOf(path, values['dry-run']);
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      interrupted.abort();
      console.error(dim('Interrupted: it ends after the transaction under way.'));
    });
  }
  const opened = await openCommandDatabase(process.env, values.data);
  try {
    if (!values.json) {
      console.log(`${bold(values['dry-run'] ? 'import, dry run' : 'import')} ${path} → ${opened.where}`);
    }
    const report = await importPrevious({
      runBatch: opened.runBatch,
      file,
      dryRun: values['dry-run'],
      signal: interrupted.signal,
      onRead: (rejected) => writeRejected(rejectedFile, rejected),
      ...(!values.json && { onProgress: progressLine(process.stderr) }),
    });
    try {
      await writeRejected(rejectedFile, report.rejected);
    } finally {
      console.log(values.json ? asJson(report, rejectedFile) : tableOf(report, rejectedFile));
      if (report.stopped !== undefined) {
        process.exitCode = 1;
        console.error(red(`Stopped: ${report.stopped}. Repeat the command: it goes on where it stopped.`));
      }
    }
  } finally {
    await opened.close();
  }
}

function asJson({ rejected, ...report }: ImportReport, rejectedFile: string): string {
  return JSON.stringify(
    { ...report, rejected: rejected.length, rejectedFile: rejected.length > 0 ? rejectedFile : null },
    null,
    2,
  );
}

function tableOf(report: ImportReport, file: string): string {
  const { keys, fates, parts, skipped, rejected, dryRun, milliseconds } = report;
  const row = (cells: readonly (string | number)[]) =>
    cells.map((cell, index) => (index === 0 ? String(cell).padEnd(12) : String(cell).padStart(10))).join('');
  const left = Object.entries(skipped).map(([kind, count]) => `${kind} ${count}`);
  return [
    '',
    dim(row(['rows', 'read', 'added', 'changed', 'here', 'failed', 'repaired'])),
    ...Object.entries(parts).map(([name, part]) =>
      row([name, part.read, part.added, part.changed, part.present, part.failed, part.repaired]),
    ),
    '',
    `${keys} keys in ${(milliseconds / 1_000).toFixed(1)} s${dryRun ? '; nothing was written' : ''}: ` +
      `${fates.imported} imported, ${fates.present} here already, ${fates.skipped} left out on purpose, ${fates.rejected} rejected`,
    ...(left.length > 0 ? [`Left out on purpose: ${left.join(', ')}`] : []),
    rejected.length > 0
      ? red(`${rejected.length} could not be taken over as they are: ${file}`)
      : green('Everything else was taken over.'),
  ].join('\n');
}
