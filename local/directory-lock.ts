/**
 * Keeps two processes from opening one PGlite directory, which would corrupt it: PGlite itself takes no lock. Each
 * process announces itself in a file of its own and looks for others afterwards, so whoever comes second sees the
 * first, and removing a dead process' file can never hit a living one's.
 */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { isAlive, startedAt } from './living-process.ts';

/** Directories this very process holds. */
const held = new Set<string>();

/** Two processes that announced themselves at once both step back and try again, at most this often. */
const ATTEMPTS = 20;
const LONGEST_PAUSE_MS = 100;

/**
 * Locks `directory` for this process and gives back the function that unlocks it. Rejects with a message naming the
 * owner's process id when a living process (this one included) holds it.
 */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  const target = resolve(directory);
  if (held.has(target)) throw inUse(directory, { pid: process.pid });
  held.add(target);
  const own = `${target}.lock-${process.pid}-${await startedAt(process.pid)}`;
  const unlock = async (): Promise<void> => {
    await rm(own, { force: true });
    held.delete(target);
  };
  try {
    await mkdir(dirname(target), { recursive: true });
    await acquire(directory, target, own);
    return unlock;
  } catch (cause) {
    await unlock();
    throw cause;
  }
}

async function acquire(directory: string, target: string, own: string): Promise<void> {
  let rival: Rival = { pid: 0 };
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    await writeFile(own, 'waiting');
    const other = (await livingOwners(target, own))[0];
    if (other === undefined) {
      await writeFile(own, 'holding');
      return;
    }
    rival = other;
    await rm(own, { force: true });
    if (other.holding) break;
    await new Promise((wake) => setTimeout(wake, Math.random() * LONGEST_PAUSE_MS));
  }
  throw inUse(directory, rival);
}

interface Rival {
  readonly pid: number;
  /** The file to delete by hand, where the system does not tell whether the pid was used again. */
  readonly doubtfulFile?: string;
}

interface Owner extends Rival {
  readonly holding: boolean;
}

/** The other living processes that announced themselves, holders first; files of dead ones are removed. */
async function livingOwners(target: string, own: string): Promise<Owner[]> {
  const prefix = `${basename(target)}.lock-`;
  const owners: Owner[] = [];
  for (const name of await readdir(dirname(target))) {
    const file = join(dirname(target), name);
    if (!name.startsWith(prefix) || file === own) continue;
    const [pidText = '', started = ''] = name.slice(prefix.length).split('-');
    const pid = Number(pidText);
    if (await isAlive(pid, started)) {
      const state = await readFile(file, 'utf8').catch(() => '');
      owners.push({ pid, holding: state === 'holding', ...(started === '' && { doubtfulFile: file }) });
    } else {
      await rm(file, { force: true });
    }
  }
  return owners.sort((one, other) => Number(other.holding) - Number(one.holding));
}

function inUse(directory: string, { pid, doubtfulFile }: Rival): Error {
  return new Error(
    `The data directory ${directory} is in use by process ${pid}. Stop that process, or choose another directory.` +
      (doubtfulFile === undefined ? '' : ` If no server of yours runs as ${pid}, delete ${doubtfulFile}`),
  );
}
