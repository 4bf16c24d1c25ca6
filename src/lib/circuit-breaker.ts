// Stops calling a dependency that fails, so that its callers get their answer at once and it gets time to recover.

export enum CircuitState {
  CLOSED = 'CLOSED',
  OPEN = 'OPEN',
  HALF_OPEN = 'HALF_OPEN',
}

export interface CircuitBreakerConfig {
  /** Failures within the monitoring period that open the circuit. */
  readonly failureThreshold: number;
  /** Successful probes in HALF_OPEN that close it again; 1 when left out. */
  readonly successThreshold?: number;
  /** Milliseconds the circuit stays open before a probe is let through. */
  readonly timeout: number;
  /** Milliseconds after which a failure no longer counts; the timeout when left out. */
  readonly monitoringPeriod?: number;
}

/** The thresholds of the three dependencies: the plan's numbers. */
export const BREAKER_CONFIGS = {
  database: { failureThreshold: 5, successThreshold: 2, timeout: 60_000, monitoringPeriod: 60_000 },
  redis: { failureThreshold: 3, successThreshold: 2, timeout: 30_000, monitoringPeriod: 60_000 },
  external: { failureThreshold: 3, successThreshold: 2, timeout: 30_000, monitoringPeriod: 60_000 },
} as const satisfies Record<string, CircuitBreakerConfig>;

/** Thrown instead of calling a dependency whose circuit is open. */
export class CircuitOpenError extends Error {
  override readonly name = 'CircuitOpenError';

  constructor(readonly retryAfterMs: number) {
    super('Circuit breaker is OPEN');
  }
}

export interface CircuitBreakerOptions {
  /** Milliseconds on any steady scale. */
  readonly now?: () => number;
  /** Which errors are the dependency's own; all when left out. A wrong PIN or a broken constraint is not. */
  readonly isFailure?: (error: unknown) => boolean;
}

export class CircuitBreaker {
  #state = CircuitState.CLOSED;
  #failures: number[] = [];
  #successes = 0;
  #openedAt = 0;
  #probing = false;
  readonly #successThreshold: number;
  readonly #monitoringPeriod: number;
  readonly #now: () => number;
  readonly #isFailure: (error: unknown) => boolean;

  constructor(
    readonly config: CircuitBreakerConfig,
    options: CircuitBreakerOptions = {},
  ) {
    this.#successThreshold = config.successThreshold ?? 1;
    this.#monitoringPeriod = config.monitoringPeriod ?? config.timeout;
    this.#now = options.now ?? Date.now;
    this.#isFailure = options.isFailure ?? (() => true);
  }

  /**
   * Calls `fn` and passes its result or error on. Throws CircuitOpenError without calling it while the circuit is
   * open, or while another probe is under way in HALF_OPEN.
   */
  async execute<T>(fn: () => Promise<T>): Promise<T> {
    const probe = this.#admit();
    try {
      const result = await fn();
      this.#succeeded(probe);
      return result;
    } catch (error) {
      if (this.#isFailure(error)) this.#failed(probe);
      else this.#succeeded(probe);
      throw error;
    } finally {
      if (probe) this.#probing = false;
    }
  }

  getState(): CircuitState {
    return this.#state;
  }

  /** Closes the circuit and forgets everything counted. */
  reset(): void {
    this.#state = CircuitState.CLOSED;
    this.#failures = [];
    this.#successes = 0;
    this.#probing = false;
  }

  /** True when this call is the probe. */
  #admit(): boolean {
    if (this.#state === CircuitState.CLOSED) return false;
    const remaining = this.#openedAt + this.config.timeout - this.#now();
    if (this.#state === CircuitState.OPEN && remaining > 0) throw new CircuitOpenError(remaining);
    if (this.#probing) throw new CircuitOpenError(Math.max(1000, remaining));
    this.#state = CircuitState.HALF_OPEN;
    this.#probing = true;
    return true;
  }

  #succeeded(probe: boolean): void {
    if (this.#state === CircuitState.CLOSED) {
      this.#failures = [];
      return;
    }
    // A call that began before the circuit opened proves nothing about the dependency's recovery.
    if (!probe) return;
    this.#successes += 1;
    if (this.#successes >= this.#successThreshold) this.reset();
  }

  #failed(probe: boolean): void {
    if (this.#state !== CircuitState.CLOSED && !probe) return;
    const now = this.#now();
    this.#failures = this.#failures.filter((at) => at > now - this.#monitoringPeriod);
    this.#failures.push(now);
    if (this.#state === CircuitState.HALF_OPEN || this.#failures.length >= this.config.failureThreshold) {
      this.#state = CircuitState.OPEN;
      this.#openedAt = now;
      this.#successes = 0;
      this.#failures = [];
    }
  }
}
