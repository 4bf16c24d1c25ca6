// The processes below one, as Linux shows them in /proc: what they hold in memory, and the time they were on a CPU.
import { readdir, readFile } from 'node:fs/promises';

/** The ids of a process and of all below it, with their status files. Empty where there is no /proc. */
export async function familyOf(root: number): Promise<ReadonlyMap<number, string>> {
  const statuses = await Promise.all(
    (await readdir('/proc').catch(() => []))
      .filter((name) => /^\d+$/.test(name))
      .map((pid) => readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')),
  );
  const family = new Set([root]);
  // A child's id may be below its parent's: look until nobody new turns up.
  for (let known = 0; known < family.size; ) {
    known = family.size;
    for (const status of statuses) {
      if (family.has(statusField(status, 'PPid'))) family.add(statusField(status, 'Pid'));
    }
  }
  return new Map(
    statuses.flatMap((status) => {
      const pid = statusField(status, 'Pid');
      return family.has(pid) ? [[pid, status]] : [];
    }),
  );
}

/** A number of a status file; NaN when it is not there. */
export function statusField(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
}

/** Milliseconds that these processes were on a CPU, all their threads together; NaN where Linux does not say. */
export async function cpuMs(pids: Iterable<number>): Promise<number> {
  let nanoseconds = 0;
  for (const pid of pids) {
    const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
    if (threads.length === 0) return Number.NaN;
    for (const thread of threads) {
      const text = await readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').catch(() => '0');
      nanoseconds += Number(text.split(' ')[0]);
    }
  }
  return nanoseconds / 1e6;
}
