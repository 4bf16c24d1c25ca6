// How long a request waited for its parts, shown in `Server-Timing`, and how long it was held because it wished so.

export class Timing {
  readonly #spent = { db: 0, redis: 0, held: 0 };

  /** Runs `work` and adds its milliseconds to the part. Parallel calls of one part add up. */
  async measure<T>(part: 'db' | 'redis' | 'held', work: () => Promise<T>): Promise<T> {
    const start = performance.now();
    try {
      return await work();
    } finally {
      this.#spent[part] += performance.now() - start;
    }
  }

  /** Milliseconds spent waiting for the database. */
  get db(): number {
    return this.#spent.db;
  }

  /** Milliseconds spent waiting for Redis. */
  get redis(): number {
    return this.#spent.redis;
  }

  /** Milliseconds for which a long-poll waited for a change: no part of how long its answer took. */
  get held(): number {
    return this.#spent.held;
  }

  /** The value of `Server-Timing`; 0 for a part that was not used. */
  toString(): string {
    return `db;dur=${this.#spent.db.toFixed(1)}, redis;dur=${this.#spent.redis.toFixed(1)}`;
  }
}
