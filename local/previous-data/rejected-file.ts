// The file of rejected entries, beside the export: written before the import begins and again when it ends, however.
import { open, rename, rm } from 'node:fs/promises';
import type { Rejected } from './ledger.ts';

/** Where the rejected entries of this export are. Those of a dry run are elsewhere: it must not replace a real run’s. */
export function rejectedFileOf(path: string, dryRun: boolean): string {
  return `${path}${dryRun ? '.dry-run' : ''}.rejected.jsonl`;
}

/**
 * Replaces the file by one with these, or takes it away when there are none. It appears complete or not at all, and only
 * its owner may read it: it holds data of patients. Throws when it cannot be written.
 */
export async function writeRejected(path: string, rejected: readonly Rejected[]): Promise<void> {
  const unfinished = `${path}.part`;
  await rm(unfinished, { force: true });
  const file = await open(unfinished, 'wx', 0o600);
  try {
    // One by one: all of them together may be longer than a string can be.
    for (const each of rejected) await file.write(`${JSON.stringify(each)}\n`);
  } finally {
    await file.close();
  }
  if (rejected.length > 0) await rename(unfinished, path);
  else await Promise.all([rm(unfinished), rm(path, { force: true })]);
}
