// Which target gets a request: the active one, then the others where that one fails or is known to be dead. Every request
// may be sent twice: reads, logins, and all other writes under an idempotency key (own-key.ts).
import { BREAKER_CONFIGS, type BreakerSetup, CircuitOpenError } from '../lib/circuit-breaker.ts';
import { DomainError } from '../lib/errors.ts';
import type { Target } from '../lib/services.ts';
import { NoVerdict, type Patience, TargetFailure } from './ask-target.ts';
import type { FrontTarget } from './front-targets.ts';
import { type Keep, TargetLife } from './target-life.ts';

/** Milliseconds for all targets together. */
const LIMIT = { held: 25_000, other: 8_000 };

/** Seconds a caller is asked to wait when no target answered. */
const RETRY_AFTER = 2;

/** One request, as it may be sent. */
export interface Sending {
  /** Is it answered only when something changes? */
  readonly isHeld: boolean;
  readonly keep: Keep;
  readonly ask: (target: FrontTarget, patience: Patience) => Promise<Response>;
}

export interface Failover {
  /**
   * The answer of the first of these targets that gives one; each behind its circuit breaker. Throws
   * DATABASE_UNAVAILABLE, the one code that says that the service is down, when none does.
   */
  firstAnswer(targets: readonly FrontTarget[], sending: Sending): Promise<Response>;
  /** To be told which target is the active one. Who switched to it has just tested it: what was known before is past. */
  follow(active: Target | undefined): void;
}

/** Failover with a breaker for each target, kept for the life of the isolate. */
export function createFailover(
  setupOf: (target: Target) => Pick<BreakerSetup, 'config' | 'onChange'> = () => ({}),
): Failover {
  const lives = new Map<Target, TargetLife>();
  let followed: Target | undefined;
  const lifeOf = (target: FrontTarget) => {
    const { config = BREAKER_CONFIGS.external, onChange } = setupOf(target.name);
    const life = lives.get(target.name) ?? new TargetLife(target, config, onChange);
    lives.set(target.name, life);
    return life;
  };
  const failover: Failover = {
    async firstAnswer(targets, sending) {
      const { isHeld, keep, ask } = sending;
      let wasSent = false;
      const deadline = performance.now() + LIMIT[isHeld ? 'held' : 'other'];
      const left = () => deadline - performance.now();
      for (const target of targets) {
        const life = lifeOf(target);
        if (!(await life.isReady(left())) || left() <= 0) continue;
        wasSent = true;
        const over = new AbortController();
        const unwatch = life.watch({ isHeld, keep, onDead: () => over.abort() });
        try {
          return await life.execute(() => ask(target, { milliseconds: left(), over: over.signal }));
        } catch (error) {
          if (error instanceof CircuitOpenError) continue;
          if (!(error instanceof TargetFailure) && !(error instanceof NoVerdict)) throw error;
          keep(life.doubt());
        } finally {
          unwatch();
        }
      }
      // Nobody is left: rather look again than refuse for as long as the circuits stay open.
      const [first] = targets;
      if (first && !wasSent && (await lifeOf(first).revive())) return failover.firstAnswer([first], sending);
      throw new DomainError('DATABASE_UNAVAILABLE', {
        message: 'The service does not answer',
        retryAfter: RETRY_AFTER,
      });
    },
    follow(active) {
      if (active === followed) return;
      followed = active;
      if (active !== undefined) lives.get(active)?.forgive();
    },
  };
  return failover;
}

/** The active target first, then the others in the order of failover. Before the first switch the order alone decides. */
export function inOrder(targets: readonly FrontTarget[], active: Target | undefined): readonly FrontTarget[] {
  return [...targets.filter(({ name }) => name === active), ...targets.filter(({ name }) => name !== active)];
}
