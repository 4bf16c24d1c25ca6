// Counts in this isolate's memory, for when Redis does not answer: the same sliding window as there, and bounded.

/** Where a caller stands in one limit after a request. */
export interface Standing {
  readonly admitted: boolean;
  readonly limit: number;
  /** How many more are admitted in this window. */
  readonly remaining: number;
  /** Epoch milliseconds at which the next window begins. */
  readonly reset: number;
}

interface Window {
  readonly start: number;
  count: number;
  /** How many the window before admitted. */
  readonly before: number;
}

/** Largest number of callers that are remembered; the one that was quiet for longest is forgotten first. */
const MOST_KEYS = 10_000;

/** One limit's counts by caller. */
export class SlidingWindows {
  readonly #windows = new Map<string, Window>();

  constructor(
    readonly limit: number,
    readonly windowMs: number,
  ) {}

  /** Counts one request at `now` (epoch milliseconds) unless it is refused. */
  take(key: string, now: number): Standing {
    const start = now - (now % this.windowMs);
    const window = this.#windowAt(key, start);
    const share = 1 - (now - start) / this.windowMs;
    const used = window.count + Math.floor(window.before * share);
    const admitted = used < this.limit;
    if (admitted) window.count += 1;
    return {
      admitted,
      limit: this.limit,
      remaining: Math.max(0, this.limit - used - 1),
      reset: start + this.windowMs,
    };
  }

  #windowAt(key: string, start: number): Window {
    const last = this.#windows.get(key);
    const before = last?.start === start - this.windowMs ? last.count : 0;
    const window = last?.start === start ? last : { start, count: 0, before };
    // Put in anew, so that the order is the order of the last requests.
    this.#windows.delete(key);
    if (this.#windows.size >= MOST_KEYS) {
      for (const oldest of this.#windows.keys()) {
        this.#windows.delete(oldest);
        break;
      }
    }
    this.#windows.set(key, window);
    return window;
  }
}
