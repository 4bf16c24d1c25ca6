// Slows a caller down who asks the same again and again, without refusing anybody.

/** Most answers of one key in any PERIOD. */
const ANSWERS = 2;

/** Milliseconds. */
const PERIOD = 1_000;

/** Largest number of keys that are remembered; who is forgotten is only answered sooner. */
const MOST_KEYS = 10_000;

/** Two answers a second for each key, in this isolate. */
export class AnswerPace {
  readonly #answers = new Map<string, readonly number[]>();

  /**
   * Resolves when it is this caller's turn: `now` without a wait, `later` after one, `gone` when the signal aborts. Who is
   * gone has taken no turn, so nobody waits for callers that are not there any more.
   */
  async turn(key: string, signal: AbortSignal): Promise<'now' | 'later' | 'gone'> {
    for (let waited = false; ; waited = true) {
      if (signal.aborted) return 'gone';
      const wait = this.#take(key);
      if (wait <= 0) return waited ? 'later' : 'now';
      await pause(wait, signal);
    }
  }

  /** Milliseconds until the next turn is free; 0 when this one was, and is taken now. */
  #take(key: string): number {
    const now = performance.now();
    const last = (this.#answers.get(key) ?? []).filter((at) => at > now - PERIOD);
    const [oldest] = last;
    if (oldest !== undefined && last.length >= ANSWERS) return oldest + PERIOD - now;
    // Put in anew, so that the order is the order of the last answers.
    this.#answers.delete(key);
    if (this.#answers.size >= MOST_KEYS) {
      for (const quiet of this.#answers.keys()) {
        this.#answers.delete(quiet);
        break;
      }
    }
    this.#answers.set(key, [...last, now]);
    return 0;
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, Math.ceil(milliseconds));
    signal.addEventListener('abort', end);
  });
}
