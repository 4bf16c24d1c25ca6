// Which target gets a request: the active one, and for what is safe to repeat the others when that one fails.
import {
  BREAKER_CONFIGS,
  type BreakerSetup,
  CircuitBreaker,
  CircuitOpenError,
} from '../lib/circuit-breaker.ts';
import { DomainError } from '../lib/errors.ts';
import type { Target } from '../lib/services.ts';
import { TargetFailure } from './ask-target.ts';
import type { FrontTarget } from './front-targets.ts';

/** Seconds a caller is asked to wait when no target answered. */
const RETRY_AFTER = 2;

export interface Failover {
  /**
   * The answer of the first of these targets that gives one; each behind its circuit breaker. Throws
   * DATABASE_UNAVAILABLE, the one code that says that the service is down, when none does.
   */
  firstAnswer(
    targets: readonly FrontTarget[],
    ask: (target: FrontTarget) => Promise<Response>,
  ): Promise<Response>;
}

/** Failover with a breaker for each target, kept for the life of the isolate. */
export function createFailover(setupOf: (target: Target) => BreakerSetup = () => ({})): Failover {
  const breakers = new Map<Target, CircuitBreaker>();
  const breakerOf = (target: Target) => {
    const setup = setupOf(target);
    const breaker =
      breakers.get(target) ??
      new CircuitBreaker(setup.config ?? BREAKER_CONFIGS.external, {
        ...setup,
        isFailure: (error) => error instanceof TargetFailure,
      });
    breakers.set(target, breaker);
    return breaker;
  };
  return {
    async firstAnswer(targets, ask) {
      for (const target of targets) {
        try {
          return await breakerOf(target.name).execute(() => ask(target));
        } catch (error) {
          if (!(error instanceof TargetFailure) && !(error instanceof CircuitOpenError)) throw error;
        }
      }
      throw new DomainError('DATABASE_UNAVAILABLE', {
        message: 'The service does not answer',
        retryAfter: RETRY_AFTER,
      });
    },
  };
}

/** The active target first, then the others in the order of failover. Before the first switch the order alone decides. */
export function inOrder(targets: readonly FrontTarget[], active: Target | undefined): readonly FrontTarget[] {
  return [...targets.filter(({ name }) => name === active), ...targets.filter(({ name }) => name !== active)];
}
