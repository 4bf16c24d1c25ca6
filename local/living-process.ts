// Whether a process that wrote down its id still lives. A pid is used again after a restart (in a container always),
// so the moment its process started counts too.
import { readFile } from 'node:fs/promises';

/** Start time in clock ticks since boot where /proc tells it, and an empty text elsewhere. */
export async function startedAt(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

/** True when this pid lives and its process started at that moment. */
export async function isAlive(pid: number, started: string): Promise<boolean> {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (cause) {
    if (!(cause instanceof Error && Reflect.get(cause, 'code') === 'EPERM')) return false;
  }
  return started === (await startedAt(pid));
}
