/** A real Redis as a `RedisDriver`, over `ioredis`: what a developer with a server of their own and the tests use. */
import { Redis, ReplyError } from 'ioredis';
import {
  type RedisCommand,
  type RedisDriver,
  RedisError,
  type RedisOutcome,
  type RedisReply,
  type SubscriptionHandlers,
} from './redis-driver.ts';
import { hasUpstashShebang, scriptSha, withoutShebang } from './redis-script.ts';

const CONNECT_TIMEOUT_MS = 5_000;

/** Connects to `redis://…` in the background; while the server cannot be reached, commands fail after one retry. */
export function openRedisServerDriver(redisUrl: string): RedisDriver {
  const redis = connect(redisUrl);
  const subscribers = new Set<Redis>();
  /** From the SHA a client knows a script by to the SHA of what the server was given. */
  const shas = new Map<string, string>();
  let closing: Promise<void> | undefined;

  const close = async (): Promise<void> => {
    for (const subscriber of subscribers) subscriber.disconnect();
    redis.disconnect();
  };

  return {
    execute: async (command) => {
      const translated = translate(command, shas);
      const reply = await redis.call(translated.name, ...translated.args).catch(rethrow);
      return translated.reply ?? (reply as RedisReply);
    },
    pipeline: (commands) => runTogether(redis.pipeline(), commands, shas),
    transaction: (commands) => runTogether(redis.multi(), commands, shas),
    subscribe: async (channel, handlers) => {
      const subscriber = connect(redisUrl);
      subscribers.add(subscriber);
      return subscribeTo(subscriber, channel, handlers, () => subscribers.delete(subscriber));
    },
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

function connect(redisUrl: string): Redis {
  const redis = new Redis(redisUrl, {
    connectTimeout: CONNECT_TIMEOUT_MS,
    maxRetriesPerRequest: 1,
    // A command whose answer was lost may have run; running it again is the caller's decision.
    autoResendUnfulfilledCommands: false,
  });
  // Without a listener ioredis prints every failed connection; the commands' own errors tell it already.
  redis.on('error', () => undefined);
  return redis;
}

async function subscribeTo(
  subscriber: Redis,
  channel: string,
  { onMessage, onEnd }: SubscriptionHandlers,
  forget: () => void,
): Promise<() => Promise<void>> {
  subscriber.on('message', (_channel: string, payload: string) => onMessage(payload));
  try {
    await subscriber.subscribe(channel);
  } catch (cause) {
    forget();
    subscriber.disconnect();
    throw cause;
  }
  // ioredis would connect and subscribe again, and nobody would know that messages were missed meanwhile.
  subscriber.once('close', () => {
    subscriber.disconnect();
    onEnd();
  });
  return async () => {
    forget();
    subscriber.removeAllListeners('close');
    subscriber.disconnect();
  };
}

interface TranslatedCommand {
  /** Upper case: in lower case ioredis would turn some replies into objects. */
  readonly name: string;
  readonly args: string[];
  /** What to answer instead of the server's reply. */
  readonly reply?: string;
}

/** Takes Upstash's shebang out of scripts, while clients go on using the SHA of the text they know. */
function translate(command: RedisCommand, shas: Map<string, string>): TranslatedCommand {
  const [given = '', ...args] = command;
  const name = given.toUpperCase();
  const [first = ''] = args;
  if ((name === 'EVAL' || name === 'EVAL_RO') && hasUpstashShebang(first)) {
    return { name, args: [register(first, shas), ...args.slice(1)] };
  }
  if (name === 'EVALSHA' || name === 'EVALSHA_RO') {
    return { name, args: [shas.get(first.toLowerCase()) ?? first, ...args.slice(1)] };
  }
  if (name === 'SCRIPT' && first.toUpperCase() === 'LOAD' && hasUpstashShebang(args[1] ?? '')) {
    const script = args[1] ?? '';
    return { name, args: [first, register(script, shas)], reply: scriptSha(script) };
  }
  if (name === 'SCRIPT' && first.toUpperCase() === 'EXISTS') {
    return { name, args: [first, ...args.slice(1).map((sha) => shas.get(sha.toLowerCase()) ?? sha)] };
  }
  return { name, args };
}

function register(script: string, shas: Map<string, string>): string {
  const plain = withoutShebang(script);
  shas.set(scriptSha(script), scriptSha(plain));
  return plain;
}

async function runTogether(
  pipeline: ReturnType<Redis['pipeline']>,
  commands: readonly RedisCommand[],
  shas: Map<string, string>,
): Promise<RedisOutcome[]> {
  const translated = commands.map((command) => translate(command, shas));
  for (const { name, args } of translated) pipeline.call(name, ...args);
  const replies = (await pipeline.exec().catch(rethrow)) ?? [];
  return replies.map(([error, reply], index) => {
    if (error === null) return { result: translated[index]?.reply ?? (reply as RedisReply) };
    if (error instanceof ReplyError) return { error: error.message };
    throw error;
  });
}

function rethrow(cause: unknown): never {
  if (cause instanceof ReplyError) throw new RedisError((cause as Error).message);
  throw cause;
}
