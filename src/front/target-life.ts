// What one isolate knows of one target's life: its circuit breaker, and looks of its own at `/health/live`, so that a dead
// target is known within one round trip, and no client's request is the one that finds out.
import { CircuitBreaker, type CircuitBreakerConfig, CircuitState } from '../lib/circuit-breaker.ts';
import { isAlive, LIFE_LIMIT, TargetFailure } from './ask-target.ts';
import type { FrontTarget } from './front-targets.ts';

/** Milliseconds after an answer in which nobody looks without a failure. */
const CERTAIN_MS = 1_000;
/** Milliseconds of silence after which somebody looks; a held request is silent by itself. */
const SILENT_MS = { held: 10_000, other: 2_000 };
/** Milliseconds between two glances of a request that waits. */
const GLANCE_MS = 250;

/** Hands the platform work that outlives the answer. */
export type Keep = (work: Promise<unknown>) => void;

export interface Wait {
  readonly isHeld: boolean;
  readonly keep: Keep;
  /** Called when the target turned out dead. */
  readonly onDead: () => void;
}

export class TargetLife {
  readonly #target: FrontTarget;
  readonly #breaker: CircuitBreaker;
  /** When it last answered; never, after a failure. */
  #provenAt = Number.NEGATIVE_INFINITY;
  /** When the look under way began. */
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(
    target: FrontTarget,
    config: CircuitBreakerConfig,
    onChange?: (from: CircuitState, to: CircuitState) => void,
  ) {
    this.#target = target;
    this.#breaker = new CircuitBreaker(config, {
      ...(onChange && { onChange }),
      // Only an answer is a success: a client who leaves says nothing of a target that hangs.
      isNeutral: (error) => !(error instanceof TargetFailure),
    });
  }

  /** Is the circuit closed? */
  get isTrusted(): boolean {
    return this.#breaker.getState() === CircuitState.CLOSED;
  }

  /**
   * May a request go there? After the breaker's timeout looks of our own close the circuit, if these milliseconds
   * suffice for one. Never rejects.
   */
  async isReady(milliseconds: number): Promise<boolean> {
    if (!this.isTrusted && milliseconds < LIFE_LIMIT) return false;
    while (!this.isTrusted) {
      try {
        await this.#breaker.execute(() => this.#signOfLife());
      } catch {
        return false;
      }
    }
    return true;
  }

  /** Counts the outcome, and passes it on. Throws CircuitOpenError without asking where the circuit opened meanwhile. */
  async execute(ask: () => Promise<Response>): Promise<Response> {
    try {
      const answer = await this.#breaker.execute(ask);
      this.#provenAt = performance.now();
      return answer;
    } catch (error) {
      if (error instanceof TargetFailure) this.#provenAt = Number.NEGATIVE_INFINITY;
      throw error;
    }
  }

  /** Looks whether it lives, unless it just answered or somebody is looking; a dead one's circuit opens. Never rejects. */
  async doubt(): Promise<void> {
    if (!this.isTrusted || this.#age(this.#provenAt) < CERTAIN_MS || this.#age(this.#lookedAt) < LIFE_LIMIT)
      return;
    this.#lookedAt = performance.now();
    await this.#look();
    this.#lookedAt = Number.NEGATIVE_INFINITY;
  }

  /** Has an eye on it while a request waits longer than one should. Gives what ends that. */
  watch({ isHeld, keep, onDead }: Wait): () => void {
    const began = performance.now();
    const timer = setInterval(() => {
      if (!this.isTrusted) onDead();
      else if (this.#age(began) > SILENT_MS[isHeld ? 'held' : 'other']) keep(this.doubt());
    }, GLANCE_MS);
    return () => clearInterval(timer);
  }

  /** Looks once more at one whose circuit is open, where nobody did for a while; true when it lives. Never rejects. */
  async revive(): Promise<boolean> {
    if (this.#age(this.#lookedAt) < LIFE_LIMIT) return false;
    this.#lookedAt = performance.now();
    if (!(await isAlive(this.#target))) return false;
    this.forgive();
    return true;
  }

  /** Forgets all that speaks against it. */
  forgive(): void {
    this.#breaker.reset();
  }

  async #signOfLife(): Promise<void> {
    if (!(await isAlive(this.#target))) throw new TargetFailure(`${this.#target.name} gives no sign of life`);
    this.#provenAt = performance.now();
  }

  /** Opens the circuit of one that gives no sign of life, whatever was counted before. */
  async #look(): Promise<void> {
    try {
      await this.#signOfLife();
    } catch (failure) {
      for (let missing = this.#breaker.config.failureThreshold; missing > 0 && this.isTrusted; missing -= 1) {
        await this.#breaker.execute(() => Promise.reject(failure)).catch(() => undefined);
      }
    }
  }

  #age(at: number): number {
    return performance.now() - at;
  }
}
