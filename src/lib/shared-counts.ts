// The counts of all isolates of a target together: one hash in Redis, since isolates come and go.
import { CircuitState } from './circuit-breaker.ts';
import type { Clock } from './clock.ts';
import type { Counts, Metrics } from './metrics.ts';
import type { RedisPart } from './redis.ts';

/** Milliseconds for which counts are gathered before they are sent: at most one pipeline of an isolate in this time. */
const WINDOW = 1_000;

/** How often a window is sent before its counts wait for the next request: each is a subrequest of a Worker, which has 50. */
const ATTEMPTS = 3;

/** Seconds for which the breakers of an isolate that says nothing more are believed. */
const BREAKERS_LIFE = 60;

/**
 * KEYS: counts, breakers, the last batch that this isolate added. ARGV: the isolate, its breakers (empty: all closed),
 * their seconds to live, '1' to read, then of each batch its number, how many series it has, and these with their counts.
 * A batch whose answer was lost comes again under its number, which is kept for an hour, and is not added twice.
 */
const EXCHANGE = `
local last = tonumber(redis.call('GET', KEYS[3]) or '0')
local at = 5
while at < #ARGV do
  local stop = at + 1 + 2 * tonumber(ARGV[at + 1])
  if tonumber(ARGV[at]) > last then
    for i = at + 2, stop, 2 do redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) end
    redis.call('SET', KEYS[3], ARGV[at], 'EX', 3600)
    last = tonumber(ARGV[at])
  end
  at = stop + 1
end
if ARGV[2] == '' then redis.call('HDEL', KEYS[2], ARGV[1])
else
  redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
  redis.call('EXPIRE', KEYS[2], ARGV[3])
end
if ARGV[4] == '' then return 0 end
return { redis.call('HGETALL', KEYS[1]), redis.call('HGETALL', KEYS[2]) }`;

export interface SharedCountsOptions {
  /** Asked whatever its breaker says: that it is open is what the others must hear. */
  readonly redis: RedisPart;
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** Stands before every key: environment and target, never a release, so that a deployment goes on counting. */
  readonly prefix: string;
  /** The states of this isolate's breakers, always in the same order. */
  readonly breakers: () => readonly CircuitState[];
}

/** What all isolates of a target have counted and, in the order of `breakers`, the states of each that has one not closed. */
export interface SharedState {
  readonly counts: Counts;
  readonly breakers: readonly (readonly string[])[];
}

interface Batch {
  readonly number: number;
  readonly counts: Counts;
}

export class SharedCounts {
  readonly #options: SharedCountsOptions;
  readonly #isolate = crypto.randomUUID();
  /** Sent, or about to be, and not confirmed; a second one is what was counted while the first was on its way. */
  #unconfirmed: Batch[] = [];
  #batches = 0;
  #dueUntil = 0;
  #isOpenPublished = false;

  constructor(options: SharedCountsOptions) {
    this.#options = options;
  }

  /** Has what is counted now sent within a second, whether or not more requests come. */
  sendSoon(later: (work: Promise<unknown>) => void): void {
    if (performance.now() >= this.#dueUntil) later(this.#sendAfterWindow(ATTEMPTS));
  }

  /** Sends what is counted, in one round trip. Throws when Redis does not answer; nothing is lost then. */
  async send(): Promise<void> {
    const isClosed = this.#options.breakers().every((state) => state === CircuitState.CLOSED);
    const hasCounts = this.#unconfirmed.length + this.#options.metrics.counts.size > 0;
    if (hasCounts || !isClosed || this.#isOpenPublished) await this.#exchange(false);
  }

  /** Sends what is counted and reads what all have, in one round trip. Throws when Redis does not answer. */
  async read(): Promise<SharedState> {
    const [counts, breakers] = (await this.#exchange(true)) as [string[], string[]];
    const now = this.#options.clock.now().getTime();
    const states = pairs(breakers).map(([, text]) => text.split(' '));
    return {
      counts: new Map(pairs(counts).map(([series, count]) => [series, Number(count)])),
      breakers: states.flatMap(([until, ...own]) => (Number(until) > now ? [own] : [])),
    };
  }

  /** What this isolate has counted and not seen arrive. */
  get unshared(): Counts {
    const sum = new Map<string, number>();
    for (const counts of [...this.#unconfirmed.map((batch) => batch.counts), this.#options.metrics.counts]) {
      for (const [series, count] of counts) sum.set(series, (sum.get(series) ?? 0) + count);
    }
    return sum;
  }

  async #sendAfterWindow(attempts: number): Promise<void> {
    // A Worker may be stopped in here: then a later request begins anew.
    this.#dueUntil = performance.now() + 3 * WINDOW;
    await new Promise((resolve) => setTimeout(resolve, WINDOW));
    // Before it is sent: what is counted from now on belongs to the next window.
    this.#dueUntil = 0;
    try {
      await this.send();
    } catch {
      if (attempts > 1 && this.#dueUntil === 0) await this.#sendAfterWindow(attempts - 1);
    }
  }

  async #exchange(read: boolean): Promise<unknown> {
    const { redis, metrics, clock, prefix, breakers } = this.#options;
    if (this.#unconfirmed.length < 2 && metrics.counts.size > 0) {
      this.#batches += 1;
      this.#unconfirmed.push({ number: this.#batches, counts: metrics.take() });
    }
    const sent = [...this.#unconfirmed];
    const states = breakers();
    const isOpen = states.some((state) => state !== CircuitState.CLOSED);
    const until = clock.now().getTime() + BREAKERS_LIFE * 1000;
    const reply = await redis.client.eval(
      EXCHANGE,
      [prefix, `${prefix}:breakers`, `${prefix}:${this.#isolate}`],
      [
        this.#isolate,
        isOpen ? `${until} ${states.join(' ')}` : '',
        String(BREAKERS_LIFE),
        read ? '1' : '',
        ...sent.flatMap(({ number, counts }) => [
          String(number),
          String(counts.size),
          ...[...counts].flatMap(([series, count]) => [series, String(count)]),
        ]),
      ],
    );
    this.#isOpenPublished = isOpen;
    this.#unconfirmed = this.#unconfirmed.filter((batch) => !sent.includes(batch));
    return reply;
  }
}

/** The fields of a hash with their values, as Lua lists them. */
function pairs(listed: readonly string[]): [string, string][] {
  return listed.flatMap((field, i) => (i % 2 === 0 ? [[field, listed[i + 1] ?? '']] : []));
}
