// What requests wait with: for a line to change, and for news of the event stream.
import { type Changes, createEventHub, type EventHub, type Look } from './event-hub.ts';
import { createPollingWakeUps } from './polling-wake-ups.ts';
import type { Target } from './services.ts';
import { createSharedWakeUps, type ReadVersions, type SubscribeToLines, type WakeUps } from './wake-up.ts';

export interface Waiting {
  readonly wakeUps: WakeUps;
  readonly eventHub: EventHub;
}

export interface WaitingSources {
  readonly readVersions: ReadVersions;
  /** Absent where there is no Redis. */
  readonly subscribe: SubscribeToLines | undefined;
  readonly readChanges: (look: Look) => Promise<Changes>;
  /** The service day by the clock. */
  readonly today: () => string;
}

/**
 * Gives a request what it waits with. On Node all requests share one pair, so that one look serves them all; elsewhere
 * each has its own, since on Workers no request may await a promise or a timer of another.
 */
export function createWaiting(
  target: Target,
  { readVersions, subscribe, readChanges, today }: WaitingSources,
): () => Waiting {
  if (target === 'node') {
    const wakeUps = createSharedWakeUps(readVersions, { subscribe });
    const shared = { wakeUps, eventHub: createEventHub(readChanges, wakeUps, today) };
    return () => shared;
  }
  const over = (wakeUps: WakeUps) => ({
    wakeUps,
    eventHub: createEventHub(readChanges, wakeUps, today, readVersions),
  });
  // A stream of Supabase is short and its isolates are many: looking costs less there than a subscription each.
  if (target === 'supabase' || !subscribe) return () => over(createPollingWakeUps(readVersions));
  return () => over(createSharedWakeUps(readVersions, { subscribe, lookEvery: 1_000 }));
}
