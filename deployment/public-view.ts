// Which target patients reach at the public address, as far as a command can see it from here.
import { TARGET_HEADER } from '../src/lib/answer-headers.ts';
import type { Target } from './targets.ts';

const LOOK_EVERY_MS = 50;
/** Milliseconds. */
const ANSWER_WITHIN_MS = 5_000;
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

/** Why people at the public address may not be where the record says; undefined when they are. Never rejects. */
export async function publicProblem(
  publicUrl: string,
  active: Target | undefined,
): Promise<string | undefined> {
  const shown = await servedByAt(publicUrl, ANSWER_WITHIN_MS);
  if (shown === null) return `${publicUrl} gives no answer of a target: look at the front, or at its route`;
  return active && shown !== active ? `${publicUrl} shows ${shown}, not ${active}` : undefined;
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
