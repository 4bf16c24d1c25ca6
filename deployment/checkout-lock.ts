// Two deployment commands in one checkout must not get into each other's way: they share the build's folders, and each
// target's traffic. Other machines are kept apart by who may deploy, not by this.
import { join } from 'node:path';
import { lockDirectory } from '../local/directory-lock.ts';

const LOOK_EVERY_MS = 50;

export interface LockOptions {
  /** Milliseconds to wait for whoever holds it; 0 unless told. */
  readonly withinMs?: number;
}

/**
 * Runs `work` while nobody else does something of this name in this checkout. Throws, naming the process that does,
 * when it does not get its turn; a process that died holds nothing.
 */
export async function alone<T>(
  root: string,
  name: string,
  work: () => Promise<T>,
  { withinMs = 0 }: LockOptions = {},
): Promise<T> {
  const unlock = await lock(root, name, performance.now() + withinMs);
  try {
    return await work();
  } finally {
    await unlock();
  }
}

async function lock(root: string, name: string, deadline: number): Promise<() => Promise<void>> {
  for (;;) {
    try {
      return await lockDirectory(join(root, '.records', 'locks', name));
    } catch (error) {
      // Anything else than another owner is no reason to wait.
      const owner = /is in use by process (\d+)/.exec(error instanceof Error ? error.message : '')?.[1];
      if (owner === undefined) throw error;
      if (performance.now() >= deadline) {
        throw new Error(`process ${owner} works on ${name} in this checkout: wait for it, or stop it first`);
      }
      await new Promise((wake) => setTimeout(wake, LOOK_EVERY_MS));
    }
  }
}
