// The truth about the active target is in the database; an isolate remembers it for less than a second.

import type { Target } from '../lib/services.ts';
import { isTargetName } from './front-targets.ts';

/** Milliseconds after which the next request asks anew; those beside it still use what is known. */
const RENEW_AFTER = 500;
/** Milliseconds for which what is known may be used, and after a failed look the pause before the next. */
const MAX_AGE = 1_000;
/** Milliseconds that a request waits for the database. */
const PATIENCE = 2_000;
/** Milliseconds between two glances at what another request is asking for: no request may await another's answer. */
const GLANCE = 25;

/** What `active_target` answers. */
export interface ActiveTargetAnswer {
  readonly active: { readonly target: unknown } | null;
}

/**
 * Gives the active target; without database, or with a row that names none, the last one known; undefined where none ever
 * was, so that the order of failover decides. Never rejects. One look at a time, unless one takes longer than half a second.
 */
export function createActiveTarget(
  read: () => Promise<ActiveTargetAnswer>,
  now: () => number = () => performance.now(),
): () => Promise<Target | undefined> {
  let known: { readonly target: Target | undefined; readonly at: number } | undefined;
  let askedAt = Number.NEGATIVE_INFINITY;
  let isAway = false;

  async function look(at: number, patience: number): Promise<void> {
    askedAt = at;
    const learn = ({ active }: ActiveTargetAnswer) => {
      isAway = false;
      // Of two looks that overlap, the one that began later knows more.
      if (known && known.at > at) return;
      known = { target: isTargetName(active?.target) ? active.target : known?.target, at };
    };
    try {
      // One that comes too late for this request still serves the next.
      await within(patience, read().then(learn));
    } catch {
      isAway = true;
    }
  }

  return async () => {
    const began = now();
    for (;;) {
      const at = now();
      const age = at - (known?.at ?? Number.NEGATIVE_INFINITY);
      if (age < RENEW_AFTER) return known?.target;
      if (at - askedAt >= (isAway ? MAX_AGE : RENEW_AFTER)) {
        await look(at, began + PATIENCE - at);
        return known?.target;
      }
      if (isAway || age < MAX_AGE) return known?.target;
      await pause(GLANCE);
    }
  };
}

const pause = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

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
