// Which target patients reach at the public address, as far as a command can see it from here.
import { TARGET_HEADER } from '../src/lib/answer-headers.ts';
import type { Target } from './targets.ts';

const LOOK_EVERY_MS = 50;
/** Isolates of a front learn of a switch one by one: so many answers in a row must be the target's. */
const IN_A_ROW = 3;

/** Does the public address show this target within so many milliseconds? Never rejects. */
export async function isSeenInPublic(publicUrl: string, target: Target, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  let inARow = 0;
  while (inARow < IN_A_ROW) {
    const left = deadline - performance.now();
    if (left <= 0) return false;
    const servedBy = await servedByAt(publicUrl, left);
    inARow = servedBy === target ? inARow + 1 : 0;
    if (inARow === 0) await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  return true;
}

async function servedByAt(publicUrl: string, withinMs: number): Promise<string | null> {
  try {
    const answer = await fetch(`${publicUrl}/health/live`, {
      redirect: 'manual',
      signal: AbortSignal.timeout(Math.ceil(withinMs)),
    });
    await answer.body?.cancel();
    return answer.status === 200 ? answer.headers.get(TARGET_HEADER) : null;
  } catch {
    return null;
  }
}
