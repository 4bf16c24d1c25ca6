// The way to Redis: disposable, so nothing a person does may fail because of it.
import { Redis } from '@upstash/redis';
import { BREAKER_CONFIGS, type BreakerSetup, CircuitBreaker } from './circuit-breaker.ts';
import type { Config } from './config.ts';

/** Milliseconds after which Redis counts as not answering. */
const TIMEOUT = 300;

export interface RedisPart {
  readonly breaker: CircuitBreaker;
  /**
   * Commands issued in one turn leave as ONE HTTP request, EVAL and EVALSHA together; on Workers never those of two
   * requests. Each fails after 300 ms, without retry, with a text that quotes its values: never log it. Replies are
   * texts. It knows no breaker: for a rate limiter that `run` calls, and for what must be tried all the same.
   */
  readonly client: Redis;
  /** Throws what `work` throws, or CircuitOpenError without calling it. */
  run<T>(work: (client: Redis) => Promise<T>): Promise<T>;
  /**
   * One HTTP request for as long as `signal` does not abort. Calls `opened` once messages are being heard. Settles when
   * no more will come, whatever the reason; knows no breaker.
   */
  subscribe(channel: string, handlers: SubscriptionHandlers, signal: AbortSignal): Promise<void>;
  /** Throws when Redis does not answer within 300 ms or its circuit is open. */
  ping(): Promise<void>;
}

export interface SubscriptionHandlers {
  readonly opened: () => void;
  readonly message: (payload: string) => void;
}

/** A client of the configured Redis, or undefined when none is configured. Opens nothing until the first call. */
export function createRedis(
  config: Pick<Config, 'redis'>,
  setup: BreakerSetup = {},
  timeout: number = TIMEOUT,
): RedisPart | undefined {
  if (!config.redis) return undefined;
  const { url, token } = config.redis;
  // One client for an isolate is safe on Workers too: its pipeline is sent within the microtasks that follow the
  // first command, before any other request can run, and nothing of it is awaited later.
  const client = new Redis({
    url,
    token,
    retry: { retries: 0 },
    // A function, since a fixed signal would resolve to null: a false miss.
    signal: () => AbortSignal.timeout(timeout),
    automaticDeserialization: false,
    responseEncoding: false,
    enableTelemetry: false,
    enableAutoPipelining: true,
  });
  const breaker = new CircuitBreaker(setup.config ?? BREAKER_CONFIGS.redis, {
    ...setup,
    isNeutral: isRefusedCommand,
  });
  const run = <T>(work: (client: Redis) => Promise<T>) => breaker.execute(() => work(client));
  return {
    breaker,
    client,
    run,
    subscribe: (channel, handlers, signal) => subscribe({ url, token }, channel, handlers, signal),
    ping: () =>
      run(async (redis) => {
        await redis.ping();
      }),
  };
}

/**
 * What is wrong with one command: a script's error, a wrong type, wrong arguments. It says nothing about Redis; what Redis
 * refuses because of its own state does (READONLY, OOM, LOADING, NOAUTH, a quota), and so does every failure that is thrown
 * under another text: silence, a status that is not 200, an answer that is no JSON.
 */
function isRefusedCommand(error: unknown): boolean {
  return (
    error instanceof Error && /^Command failed: (?:WRONGTYPE|NOSCRIPT|ERR(?! max )) /.test(error.message)
  );
}

/** The client's own subscriber does not tell when its stream has ended, and prints what broke it. */
async function subscribe(
  { url, token }: { readonly url: string; readonly token: string },
  channel: string,
  { opened, message }: SubscriptionHandlers,
  signal: AbortSignal,
): Promise<void> {
  const response = await fetch(`${url}/subscribe/${encodeURIComponent(channel)}`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, Accept: 'text/event-stream' },
    signal,
  });
  if (!response.ok || !response.body) throw new Error(`Redis refused to subscribe: ${response.status}`);
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (text + decoder.decode(value, { stream: true })).split('\n');
    text = lines.pop() ?? '';
    for (const line of lines) {
      const found = /^data: ?(\w+),[^,]*,(.*)$/.exec(line);
      if (found?.[1] === 'subscribe') opened();
      if (found?.[1] === 'message') message(found[2] ?? '');
    }
  }
}
