/**
 * A Redis inside this process, so that `npm start` needs no server: `ioredis-mock` behind the checks and conversions
 * that make it answer like a real one for what the application uses. Its data ends with the process.
 */
import { randomUUID } from 'node:crypto';
import type { EventEmitter } from 'node:events';
import type { Redis } from 'ioredis';
import RedisMock from 'ioredis-mock';
import { type LuaMachine, openLuaMachine, type Script } from './lua-machine.ts';
import { type CommandRule, normaliseCommand } from './redis-commands.ts';
import {
  outcomeOf,
  type RedisCommand,
  type RedisDriver,
  RedisError,
  type RedisReply,
  type SubscriptionHandlers,
} from './redis-driver.ts';
import { BOOT, readScriptReply } from './redis-lua.ts';
import { scriptSha, withoutShebang } from './redis-script.ts';

/** The mock drops an expired key only when it is touched; rate-limit windows never are again. */
const SWEEP_EVERY_MS = 30_000;

/** Makes an empty Redis that shares nothing with any other one in this process. */
export function openEmbeddedRedis(): RedisDriver {
  // Instances of the mock with the same host share their data, which is also how its subscribers hear publishers.
  const host = `embedded-${randomUUID()}`;
  const redis = new RedisMock({ host });
  const machine = openLuaMachine(redis, BOOT);
  const scripts = new Map<string, Script>();
  const subscribers = new Set<Redis>();
  const { context } = redis as Redis & { readonly context: SharedContext };
  context.channels.setMaxListeners(0);
  context.modifiedKeyEvents.setMaxListeners(0);
  const sweeper = startSweeper(redis, context);
  let closed = false;

  const execute = async (command: RedisCommand): Promise<RedisReply> => {
    if (closed) throw new Error('the embedded Redis is closed');
    const [name = '', ...args] = command;
    switch (name.toUpperCase()) {
      case 'EVAL':
      case 'EVAL_RO':
        return evaluate(machine, loadScript(machine, scripts, wordAt(args, 0, 'eval')), args.slice(1));
      case 'EVALSHA':
      case 'EVALSHA_RO':
        return evaluate(machine, findScript(scripts, wordAt(args, 0, 'evalsha')), args.slice(1));
      case 'SCRIPT':
        return manageScripts(machine, scripts, args);
      default:
        return runCommand(redis, command);
    }
  };

  // Every command of the mock does its work before its promise is awaited, so commands begun in one turn run alone.
  const together = (commands: readonly RedisCommand[]) =>
    Promise.all(commands.map((command) => outcomeOf(execute(command))));

  return {
    execute,
    pipeline: together,
    transaction: together,
    subscribe: async (channel, handlers) => {
      const subscriber = new RedisMock({ host });
      subscribers.add(subscriber);
      return subscribeTo(subscriber, channel, handlers, () => subscribers.delete(subscriber));
    },
    close: async () => {
      if (closed) return;
      closed = true;
      clearInterval(sweeper);
      for (const subscriber of subscribers) subscriber.emit('end');
      await redis.flushall();
      redis.disconnect();
    },
  };
}

async function subscribeTo(
  subscriber: Redis,
  channel: string,
  { onMessage, onEnd }: SubscriptionHandlers,
  forget: () => void,
): Promise<() => Promise<void>> {
  subscriber.on('message', (_channel: string, payload: string) => onMessage(payload));
  subscriber.once('end', onEnd);
  await subscriber.subscribe(channel);
  return async () => {
    forget();
    subscriber.removeAllListeners();
    await subscriber.unsubscribe(channel);
    subscriber.disconnect();
  };
}

async function runCommand(redis: Redis, command: RedisCommand): Promise<RedisReply> {
  const { name, args, rule } = normaliseCommand(command);
  const method: unknown = Reflect.get(redis, name);
  if (typeof method !== 'function') throw new RedisError(`ERR unknown command '${name}'`);
  try {
    return toReply(await method.apply(redis, args), rule);
  } catch (cause) {
    throw new RedisError(cause instanceof Error ? cause.message : 'ERR the command failed');
  }
}

/** The mock gives objects for hashes, and numbers where Redis keeps text. */
function toReply(value: unknown, rule: CommandRule): RedisReply {
  if (value === null || value === undefined) return null;
  if (typeof value === 'number') return rule.reply === 'integer' ? value : String(value);
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.map((item: unknown) => toReply(item, rule));
  if (Buffer.isBuffer(value)) return value.toString('utf8');
  return Object.entries(value).flatMap(([field, content]) => [field, toReply(content, rule)]);
}

function loadScript(machine: LuaMachine, scripts: Map<string, Script>, text: string): Script {
  const sha = scriptSha(text);
  const known = scripts.get(sha);
  if (known !== undefined) return known;
  const script = machine.compile(withoutShebang(text));
  scripts.set(sha, script);
  return script;
}

function findScript(scripts: ReadonlyMap<string, Script>, sha: string): Script {
  const script = scripts.get(sha.toLowerCase());
  if (script === undefined) throw new RedisError('NOSCRIPT No matching script. Please use EVAL.');
  return script;
}

function manageScripts(
  machine: LuaMachine,
  scripts: Map<string, Script>,
  args: readonly string[],
): RedisReply {
  const [action = '', ...rest] = args;
  switch (action.toUpperCase()) {
    case 'LOAD': {
      const script = wordAt(rest, 0, 'script|load');
      loadScript(machine, scripts, script);
      return scriptSha(script);
    }
    case 'EXISTS':
      return rest.map((sha) => (scripts.has(sha.toLowerCase()) ? 1 : 0));
    case 'FLUSH':
      scripts.clear();
      return 'OK';
    default:
      throw new RedisError(`ERR unknown subcommand '${action.slice(0, 128)}'`);
  }
}

function evaluate(machine: LuaMachine, script: Script, args: readonly string[]): RedisReply {
  const keys = Number(wordAt(args, 0, 'eval'));
  if (!Number.isInteger(keys)) throw new RedisError('ERR value is not an integer or out of range');
  if (keys < 0) throw new RedisError("ERR Number of keys can't be negative");
  if (keys > args.length - 1) throw new RedisError("ERR Number of keys can't be greater than number of args");
  return readScriptReply(machine.run(script, args.slice(1, keys + 1), args.slice(keys + 1)));
}

function wordAt(args: readonly string[], index: number, command: string): string {
  const word = args[index];
  if (word === undefined) throw new RedisError(`ERR wrong number of arguments for '${command}' command`);
  return word;
}

/** What the mock shares between its instances; every instance listens, and Node warns beyond ten listeners. */
interface SharedContext {
  readonly channels: EventEmitter;
  readonly modifiedKeyEvents: EventEmitter;
}

/** Touches every key that was ever written until it is gone, which is what makes the mock drop the expired ones. */
function startSweeper(redis: Redis, context: SharedContext): NodeJS.Timeout {
  const written = new Set<string>();
  context.modifiedKeyEvents.on('modified', (key: string) => written.add(key));
  const timer = setInterval(() => {
    for (const key of written) {
      void redis.exists(key).then((found) => {
        if (found === 0) written.delete(key);
      });
    }
  }, SWEEP_EVERY_MS);
  return timer.unref();
}
