// Where a running `npm start` left its database's address, so that a command beside it reaches the same data.
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isAlive, startedAt } from './living-process.ts';

const fileIn = (dataDir: string) => join(dataDir, 'running.json');

/** Notes the address (with its token) for this user's eyes only. */
export async function rememberRunning(dataDir: string, databaseUrl: string): Promise<void> {
  const { pid } = process;
  const note = { pid, started: await startedAt(pid), databaseUrl };
  await writeFile(fileIn(dataDir), JSON.stringify(note), { mode: 0o600 });
}

export async function forgetRunning(dataDir: string): Promise<void> {
  await rm(fileIn(dataDir), { force: true });
}

/** The database of the server that runs on this data directory, or undefined when none does. */
export async function runningDatabase(dataDir: string): Promise<string | undefined> {
  try {
    const { pid, started, databaseUrl } = JSON.parse(await readFile(fileIn(dataDir), 'utf8'));
    return (await isAlive(pid, started)) ? databaseUrl : undefined;
  } catch {
    return undefined;
  }
}
