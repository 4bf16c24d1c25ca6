/**
 * Keeps two processes from opening one PGlite directory, which would corrupt it: PGlite itself takes no lock.
 * Every process announces itself in a file of its own beside the directory, and looks for others afterwards: whoever
 * comes second sees the first, and removing a dead process' file can never hit a living one's.
 */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';

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
  if (held.has(target)) throw inUse(directory, process.pid);
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
  let rival = 0;
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    await writeFile(own, 'waiting');
    const other = (await livingOwners(target, own))[0];
    if (other === undefined) {
      await writeFile(own, 'holding');
      return;
    }
    rival = other.pid;
    await rm(own, { force: true });
    if (other.holding) break;
    await new Promise((wake) => setTimeout(wake, Math.random() * LONGEST_PAUSE_MS));
  }
  throw inUse(directory, rival);
}

interface Owner {
  readonly pid: number;
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
      owners.push({ pid, holding: state === 'holding' });
    } else {
      await rm(file, { force: true });
    }
  }
  return owners.sort((one, other) => Number(other.holding) - Number(one.holding));
}

/** A pid is used again after a restart (in a container always), so the moment its process started counts too. */
async function isAlive(pid: number, started: string): Promise<boolean> {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (cause) {
    if (!(cause instanceof Error && Reflect.get(cause, 'code') === 'EPERM')) return false;
  }
  return started === (await startedAt(pid));
}

/** Start time in clock ticks since boot where /proc tells it, and an empty text elsewhere. */
async function startedAt(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

function inUse(directory: string, pid: number): Error {
  return new Error(
    `The data directory ${directory} is in use by process ${pid}. Stop that process, or choose another directory.`,
  );
}
