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

/** What can fail outside of this process. */
export type Dependency = 'database' | 'redis' | 'external';

export type BreakerConfigs = Readonly<Record<Dependency, CircuitBreakerConfig>>;

/** The thresholds of the three dependencies: the plan's numbers. */
export const BREAKER_CONFIGS: BreakerConfigs = {
  database: { failureThreshold: 5, successThreshold: 2, timeout: 60_000, monitoringPeriod: 60_000 },
  redis: { failureThreshold: 3, successThreshold: 2, timeout: 30_000, monitoringPeriod: 60_000 },
  external: { failureThreshold: 3, successThreshold: 2, timeout: 30_000, monitoringPeriod: 60_000 },
};

/**
 * Milliseconds after which a probe that has not ended counts as gone: more than any call may take. A Worker that is
 * cancelled with its client leaves its calls without an end, and the circuit must not wait for one for ever.
 */
const PROBE_LIMIT = 10_000;

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
  /** Which errors say nothing about the dependency, e.g. that the caller left: they neither count nor prove. Asked first. */
  readonly isNeutral?: (error: unknown) => boolean;
  /** Called at each change of state; must not throw. */
  readonly onChange?: BreakerListener;
  /** Called after each call that was let through, with its milliseconds; must not throw. */
  readonly onCall?: (milliseconds: number) => void;
}

/** What whoever builds a dependency's client may say about its breaker. */
export interface BreakerSetup extends Pick<CircuitBreakerOptions, 'now' | 'onChange' | 'onCall'> {
  readonly config?: CircuitBreakerConfig;
}

export type BreakerListener = (from: CircuitState, to: CircuitState) => void;

export class CircuitBreaker {
  #state = CircuitState.CLOSED;
  #failures: number[] = [];
  #successes = 0;
  #openedAt = 0;
  /** When the probe under way began. */
  #probe: number | undefined;
  readonly #successThreshold: number;
  readonly #monitoringPeriod: number;
  readonly #now: () => number;
  readonly #isFailure: (error: unknown) => boolean;
  readonly #isNeutral: (error: unknown) => boolean;
  readonly #onChange: BreakerListener | undefined;
  readonly #onCall: ((milliseconds: number) => void) | undefined;

  constructor(
    readonly config: CircuitBreakerConfig,
    options: CircuitBreakerOptions = {},
  ) {
    this.#successThreshold = config.successThreshold ?? 1;
    this.#monitoringPeriod = config.monitoringPeriod ?? config.timeout;
    this.#now = options.now ?? (() => performance.now());
    this.#isFailure = options.isFailure ?? (() => true);
    this.#isNeutral = options.isNeutral ?? (() => false);
    this.#onChange = options.onChange;
    this.#onCall = options.onCall;
  }

  /**
   * Calls `fn` and passes its result or error on. Throws CircuitOpenError without calling it while the circuit is
   * open, or while another probe is under way in HALF_OPEN.
   */
  async execute<T>(fn: () => Promise<T>): Promise<T> {
    const probe = this.#admit();
    const start = performance.now();
    try {
      const result = await fn();
      this.#succeeded(probe);
      return result;
    } catch (error) {
      if (!this.#isNeutral(error)) {
        if (this.#isFailure(error)) this.#failed(probe);
        else this.#succeeded(probe);
      }
      throw error;
    } finally {
      this.#onCall?.(performance.now() - start);
      if (this.#isCurrent(probe)) this.#probe = undefined;
    }
  }

  getState(): CircuitState {
    return this.#state;
  }

  /** Closes the circuit and forgets everything counted. */
  reset(): void {
    this.#failures = [];
    this.#successes = 0;
    this.#probe = undefined;
    this.#enter(CircuitState.CLOSED);
  }

  /** When this call began, if it is the probe. */
  #admit(): number | undefined {
    if (this.#state === CircuitState.CLOSED) return undefined;
    const now = this.#now();
    const remaining = this.#openedAt + this.config.timeout - now;
    if (this.#state === CircuitState.OPEN && remaining > 0) throw new CircuitOpenError(remaining);
    if (this.#probe !== undefined && now < this.#probe + PROBE_LIMIT) {
      throw new CircuitOpenError(Math.max(1000, remaining));
    }
    this.#probe = now;
    this.#enter(CircuitState.HALF_OPEN);
    return now;
  }

  #isCurrent(probe: number | undefined): boolean {
    return probe !== undefined && probe === this.#probe;
  }

  #succeeded(probe: number | undefined): void {
    if (this.#state === CircuitState.CLOSED) {
      this.#failures = [];
      return;
    }
    // A call that began before the circuit opened proves nothing about the dependency's recovery.
    if (!this.#isCurrent(probe)) return;
    this.#successes += 1;
    if (this.#successes >= this.#successThreshold) this.reset();
  }

  #failed(probe: number | undefined): void {
    if (this.#state !== CircuitState.CLOSED && !this.#isCurrent(probe)) return;
    const now = this.#now();
    this.#failures = this.#failures.filter((at) => at > now - this.#monitoringPeriod);
    this.#failures.push(now);
    if (this.#state === CircuitState.HALF_OPEN || this.#failures.length >= this.config.failureThreshold) {
      this.#openedAt = now;
      this.#successes = 0;
      this.#failures = [];
      this.#enter(CircuitState.OPEN);
    }
  }

  #enter(state: CircuitState): void {
    const from = this.#state;
    this.#state = state;
    if (from !== state) this.#onChange?.(from, state);
  }
}
