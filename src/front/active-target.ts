// The truth about the active target is in the database; an isolate remembers it for less than a second.

import type { Target } from '../lib/services.ts';
import { isTargetName } from './front-targets.ts';

/** Milliseconds after which the next request asks anew; those beside it still use what is known. */
const RENEW_AFTER = 500;
/** Milliseconds for which what is known may be used, and after a failed look the pause before the next. */
const MAX_AGE = 1_000;
/** Milliseconds to wait for the database where something is known, and where nothing is. */
const PATIENCE = { known: 2_000, unknown: 5_000 };

/** What `active_target` answers. */
export interface ActiveTargetAnswer {
  readonly active: { readonly target: unknown } | null;
}

/** Gives the active target, or undefined before the first switch. Never rejects: without database the last one known. */
export function createActiveTarget(
  read: () => Promise<ActiveTargetAnswer>,
  now: () => number = () => performance.now(),
): () => Promise<Target | undefined> {
  let known: { readonly target: Target | undefined; readonly at: number } | undefined;
  let askedAt = Number.NEGATIVE_INFINITY;
  let isAway = false;

  return async () => {
    const at = now();
    if (known) {
      const age = at - known.at;
      const asked = at - askedAt;
      if (age < RENEW_AFTER || (age < MAX_AGE && asked < RENEW_AFTER)) return known.target;
      if (isAway && asked < MAX_AGE) return known.target;
    }
    askedAt = at;
    const learn = ({ active }: ActiveTargetAnswer) => {
      isAway = false;
      // Of two looks that overlap, the one that began later knows more.
      if (known && known.at > at) return;
      known = { target: isTargetName(active?.target) ? active.target : undefined, at };
    };
    try {
      // One that comes too late for this request still serves the next.
      await within(known ? PATIENCE.known : PATIENCE.unknown, read().then(learn));
    } catch {
      isAway = true;
    }
    return known?.target;
  };
}

async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('The database took too long')), milliseconds);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}
