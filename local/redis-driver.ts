/**
 * The one thing the Redis endpoint needs from a Redis, so that the same endpoint stands before the embedded one and
 * before a real server.
 */

/** What a command answers: RESP2 without the difference between status and bulk strings, as Upstash's JSON has it. */
export type RedisReply = string | number | null | readonly RedisReply[];

/** What one command of a pipeline or transaction came to. */
export type RedisOutcome = { readonly result: RedisReply } | { readonly error: string };

/** Name and arguments; the name in any case. */
export type RedisCommand = readonly string[];

export interface SubscriptionHandlers {
  readonly onMessage: (payload: string) => void;
  /** The subscription ended without being asked to, and no message will come any more. */
  readonly onEnd: () => void;
}

export interface RedisDriver {
  /** Runs one command. Throws `RedisError` when Redis refuses it, anything else when Redis cannot be reached. */
  execute(command: RedisCommand): Promise<RedisReply>;
  /** Runs the commands in order, others may come between; one that fails does not stop the next. */
  pipeline(commands: readonly RedisCommand[]): Promise<RedisOutcome[]>;
  /** Runs the commands in order and alone. Throws `RedisError` when none of them ran. */
  transaction(commands: readonly RedisCommand[]): Promise<RedisOutcome[]>;
  /** Resolves once messages of `channel` are being heard, with the function that stops it. */
  subscribe(channel: string, handlers: SubscriptionHandlers): Promise<() => Promise<void>>;
  /** Ends connections and subscriptions. May be called twice. */
  close(): Promise<void>;
}

/** An error reply of Redis, for example `WRONGTYPE Operation against a key …`. */
export class RedisError extends Error {
  override readonly name = 'RedisError';
}

/** The outcome of a command that is being run; failures other than error replies are thrown on. */
export async function outcomeOf(reply: Promise<RedisReply>): Promise<RedisOutcome> {
  try {
    return { result: await reply };
  } catch (cause) {
    if (cause instanceof RedisError) return { error: cause.message };
    throw cause;
  }
}
