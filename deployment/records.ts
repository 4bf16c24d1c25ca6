// What was shown about a tree before it may be deployed. The records lie outside of git, named by the hash of the tree, so
// that they are found again after any checkout of the same files.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Written by the whole test suite when all of it passed. */
export interface TestRecord {
  readonly tree: string;
  readonly commit: string;
  /** ISO 8601. */
  readonly time: string;
  readonly node: string;
  readonly files: number;
  readonly passed: number;
  readonly skipped: number;
}

/** Written by `npm run monitor:proof`: the alert on errors was seen to come and to go. */
export interface MonitoringRecord {
  readonly tree: string;
  readonly time: string;
  readonly alert: string;
  readonly pending: string;
  readonly firing: string;
  readonly resolved: string;
}

const pathOf = (root: string, kind: string, tree: string) => join(root, '.records', kind, `${tree}.json`);

/** Keeps the result of a whole run of the tests. */
export async function writeTestRecord(root: string, record: TestRecord): Promise<void> {
  const path = pathOf(root, 'tests', record.tree);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${JSON.stringify(record, null, 2)}\n`);
}

/** Keeps the proof, and gives its path in the project. */
export async function writeMonitoringRecord(root: string, record: MonitoringRecord): Promise<string> {
  const path = pathOf('', 'monitoring', record.tree);
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), `${JSON.stringify(record, null, 2)}\n`);
  return path;
}

/** The result kept for this tree, or undefined: without one, or with one that says something else. */
export async function readTestRecord(root: string, tree: string): Promise<TestRecord | undefined> {
  const record = await read<TestRecord>(root, 'tests', tree);
  return record && record.passed > 0 ? record : undefined;
}

/** The proof kept for this tree, or undefined: without one, or when the alert did not come and go in it. */
export async function readMonitoringRecord(
  root: string,
  tree: string,
): Promise<MonitoringRecord | undefined> {
  const record = await read<MonitoringRecord>(root, 'monitoring', tree);
  if (!record) return undefined;
  const [pending, firing, resolved] = [record.pending, record.firing, record.resolved].map((time) =>
    Date.parse(String(time)),
  );
  return Number(pending) <= Number(firing) && Number(firing) < Number(resolved) ? record : undefined;
}

async function read<T extends { readonly tree: string }>(
  root: string,
  kind: string,
  tree: string,
): Promise<T | undefined> {
  try {
    const record = JSON.parse(await readFile(pathOf(root, kind, tree), 'utf8')) as T;
    return record.tree === tree ? record : undefined;
  } catch {
    return undefined;
  }
}
