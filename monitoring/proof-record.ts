// The record that the monitoring was seen to work for exactly these files. A deployment asks for it by the tree's hash.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { AlertCourse } from './drill.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

export interface ProofRecord {
  /** Git's hash of the files that were running: of a clean checkout, `git rev-parse HEAD^{tree}`. */
  readonly tree: string;
  /** When it was made, ISO 8601. */
  readonly time: string;
  readonly alerts: readonly AlertCourse[];
  /** The share of 5xx of each target that no alert minded. */
  readonly toleratedShares: readonly number[];
  readonly requests: number;
}

/** `.records/monitoring/<tree>.json`; its pictures are in the folder beside it, without the `.json`. */
export const recordFile = (tree: string): string => join(ROOT, '.records', 'monitoring', `${tree}.json`);

/** Writes it to its place. */
export async function writeRecord(record: ProofRecord): Promise<void> {
  const file = recordFile(record.tree);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify(record, null, 2)}\n`);
}

/** Git's hash of a checkout's files as they are now, committed or not, without the ignored ones. Changes nothing in it. */
export async function treeHash(checkout = ROOT): Promise<string> {
  const git = async (args: readonly string[], environment: Record<string, string> = {}) => {
    const env = { ...process.env, ...environment };
    const { stdout } = await promisify(execFile)('git', args, { cwd: checkout, env });
    return stdout.trim();
  };
  const directory = await mkdtemp(join(tmpdir(), 'mmc-tree-'));
  try {
    const objects = await git(['rev-parse', '--path-format=absolute', '--git-path', 'objects']);
    const environment = {
      GIT_INDEX_FILE: join(directory, 'index'),
      GIT_OBJECT_DIRECTORY: directory,
      GIT_ALTERNATE_OBJECT_DIRECTORIES: objects,
    };
    await git(['read-tree', 'HEAD'], environment);
    await git(['add', '--all'], environment);
    return await git(['write-tree'], environment);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
