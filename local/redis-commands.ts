/**
 * Which commands the embedded Redis promises, and the checks a real server makes that `ioredis-mock` does not: unknown
 * names, the number of arguments, and options in lower case, which the mock would ignore without a word.
 */
import { type RedisCommand, RedisError } from './redis-driver.ts';

/** What a command's reply is made of: the mock mixes numbers, texts and booleans where Redis does not. */
export type ReplyKind = 'status' | 'integer' | 'bulk';

export interface CommandRule {
  /** As in Redis: words including the name; negative means 'at least'. */
  readonly arity: number;
  readonly reply: ReplyKind;
  /** Index, name included, of the first word that may be an option. */
  readonly optionsFrom?: number;
}

const status = (arity: number, optionsFrom?: number): CommandRule => rule(arity, 'status', optionsFrom);
const integer = (arity: number, optionsFrom?: number): CommandRule => rule(arity, 'integer', optionsFrom);
const bulk = (arity: number, optionsFrom?: number): CommandRule => rule(arity, 'bulk', optionsFrom);

function rule(arity: number, reply: ReplyKind, optionsFrom?: number): CommandRule {
  return optionsFrom === undefined ? { arity, reply } : { arity, reply, optionsFrom };
}

/** Keys are command names in lower case, as the mock and its scripts call them. */
export const COMMAND_RULES: ReadonlyMap<string, CommandRule> = new Map([
  ['append', integer(3)],
  ['dbsize', integer(1)],
  ['decr', integer(2)],
  ['decrby', integer(3)],
  ['del', integer(-2)],
  ['echo', bulk(2)],
  ['exists', integer(-2)],
  ['expire', integer(3)],
  ['expireat', integer(3)],
  ['flushall', status(-1)],
  ['flushdb', status(-1)],
  ['get', bulk(2)],
  ['getdel', bulk(2)],
  ['getex', bulk(-2, 2)],
  ['getset', bulk(3)],
  ['hdel', integer(-3)],
  ['hexists', integer(3)],
  ['hget', bulk(3)],
  ['hgetall', bulk(2)],
  ['hincrby', integer(4)],
  ['hincrbyfloat', bulk(4)],
  ['hkeys', bulk(2)],
  ['hlen', integer(2)],
  ['hmget', bulk(-3)],
  ['hmset', status(-4)],
  ['hset', integer(-4)],
  ['hsetnx', integer(4)],
  ['hvals', bulk(2)],
  ['incr', integer(2)],
  ['incrby', integer(3)],
  ['incrbyfloat', bulk(3)],
  ['keys', bulk(2)],
  ['llen', integer(2)],
  ['lpop', bulk(-2)],
  ['lpush', integer(-3)],
  ['lrange', bulk(4)],
  ['ltrim', status(4)],
  ['mget', bulk(-2)],
  ['mset', status(-3)],
  ['persist', integer(2)],
  ['pexpire', integer(3)],
  ['pexpireat', integer(3)],
  ['ping', status(-1)],
  ['psetex', status(4)],
  ['pttl', integer(2)],
  ['publish', integer(3)],
  ['rename', status(3)],
  ['rpop', bulk(-2)],
  ['rpush', integer(-3)],
  ['sadd', integer(-3)],
  ['scan', bulk(-2, 2)],
  ['scard', integer(2)],
  ['set', status(-3, 3)],
  ['setex', status(4)],
  ['setnx', integer(3)],
  ['sismember', integer(3)],
  ['smembers', bulk(2)],
  ['srem', integer(-3)],
  ['strlen', integer(2)],
  ['time', bulk(1)],
  ['ttl', integer(2)],
  ['type', status(2)],
  ['unlink', integer(-2)],
  ['zadd', integer(-4)],
  ['zcard', integer(2)],
  ['zcount', integer(4)],
  ['zincrby', bulk(4)],
  ['zrange', bulk(-4, 4)],
  ['zrangebyscore', bulk(-4, 4)],
  ['zrem', integer(-3)],
  ['zremrangebyscore', integer(4)],
  ['zscore', bulk(3)],
]);

/** Words that are options where options may stand. */
export const OPTION_WORDS: readonly string[] = [
  'BYSCORE',
  'COUNT',
  'EX',
  'EXAT',
  'GET',
  'KEEPTTL',
  'LIMIT',
  'MATCH',
  'NX',
  'PERSIST',
  'PX',
  'PXAT',
  'REV',
  'WITHSCORES',
  'XX',
];

const optionWords = new Set(OPTION_WORDS);

/** A command as the mock wants it. Throws `RedisError` for one that a server would refuse before running it. */
export function normaliseCommand(command: RedisCommand): { name: string; args: string[]; rule: CommandRule } {
  const [given = '', ...args] = command;
  const name = given.toLowerCase();
  const found = COMMAND_RULES.get(name);
  if (found === undefined) throw new RedisError(`ERR unknown command '${given.slice(0, 128)}'`);
  if (found.arity >= 0 ? command.length !== found.arity : command.length < -found.arity) {
    throw new RedisError(`ERR wrong number of arguments for '${name}' command`);
  }
  const from = found.optionsFrom;
  const normalised = args.map((word, index) => {
    const upper = word.toUpperCase();
    return from !== undefined && index + 1 >= from && optionWords.has(upper) ? upper : word;
  });
  return { name, args: normalised, rule: found };
}
