// When a target dies over a write, another one must be able to finish it, and nobody knows how far the first one came.
// So every write travels under an idempotency key: the client's, or one of the front's.
import { FRONT_KEY, honoursIdempotencyKey, IDEMPOTENCY_KEY } from '../lib/idempotent-request.ts';
import { NoVerdict } from './ask-target.ts';

/**
 * Milliseconds between two questions what became of the first attempt: short at first, since most end at once, and
 * growing, since each question counts against the limits of its client.
 */
const PAUSE_MS = { first: 200, growth: 2 };

/**
 * Gives a write the front's own key, unless it has one or goes where keys mean nothing (logins, which are harmless when
 * repeated). Those that change nothing the second time get one too: they answer otherwise then, and a wrong PIN counts.
 * True when it did.
 */
export function giveOwnKey(method: string, path: string, headers: Headers): boolean {
  if (headers.has(IDEMPOTENCY_KEY) || !honoursIdempotencyKey(method, path)) return false;
  headers.set(IDEMPOTENCY_KEY, FRONT_KEY + crypto.randomUUID());
  return true;
}

/**
 * The answer to a write under the front's own key, which its client need not know of. While a first attempt is still
 * running it asks again, each time with the milliseconds that are left of these; throws NoVerdict when they are over
 * before that is.
 */
export async function underOwnKey(
  ask: (milliseconds: number) => Promise<Response>,
  milliseconds: number,
): Promise<Response> {
  const deadline = performance.now() + milliseconds;
  for (let pause = PAUSE_MS.first; ; pause *= PAUSE_MS.growth) {
    const answer = await ask(deadline - performance.now());
    if (!(await isInProgress(answer))) {
      answer.headers.delete('Idempotency-Replayed');
      return answer;
    }
    if (performance.now() + pause > deadline) throw new NoVerdict('the first attempt is still running');
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

async function isInProgress(answer: Response): Promise<boolean> {
  if (answer.status !== 409) return false;
  const { code } = (await answer.clone().json()) as { readonly code?: unknown };
  return code === 'IDEMPOTENCY_IN_PROGRESS';
}
