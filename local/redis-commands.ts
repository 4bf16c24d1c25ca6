/**
 * Which commands the embedded Redis promises, and the checks that a real server makes and `ioredis-mock` does not.
 * The types of keys are not among them: GET of a hash or INCR of a text is an error on a real server only.
 */
import { type RedisCommand, RedisError } from './redis-driver.ts';

/** What a command's reply is made of: the mock mixes numbers, texts and booleans where Redis does not. */
export type ReplyKind = 'status' | 'integer' | 'bulk';

export interface CommandRule {
  /** As in Redis: words including the name; negative means 'at least'. */
  readonly arity: number;
  readonly reply: ReplyKind;
  /** Indexes in the command, the name being 0; 0 means 'none'. */
  readonly optionsFrom: number;
  readonly integerAt: number;
  readonly pairsFrom: number;
}

type Positions = Partial<Pick<CommandRule, 'optionsFrom' | 'integerAt' | 'pairsFrom'>>;

const rule =
  (reply: ReplyKind) =>
  (arity: number, { optionsFrom = 0, integerAt = 0, pairsFrom = 0 }: Positions = {}): CommandRule => ({
    arity,
    reply,
    optionsFrom,
    integerAt,
    pairsFrom,
  });
const status = rule('status');
const integer = rule('integer');
const bulk = rule('bulk');

/** Keys are command names in lower case, as the mock and its scripts call them. */
export const COMMAND_RULES: ReadonlyMap<string, CommandRule> = new Map([
  ['append', integer(3)],
  ['dbsize', integer(1)],
  ['decr', integer(2)],
  ['decrby', integer(3, { integerAt: 2 })],
  ['del', integer(-2)],
  ['echo', bulk(2)],
  ['exists', integer(-2)],
  ['expire', integer(3, { integerAt: 2 })],
  ['expireat', integer(3, { integerAt: 2 })],
  ['flushall', status(-1)],
  ['flushdb', status(-1)],
  ['get', bulk(2)],
  ['getdel', bulk(2)],
  ['getex', bulk(-2, { optionsFrom: 2 })],
  ['getset', bulk(3)],
  ['hdel', integer(-3)],
  ['hexists', integer(3)],
  ['hget', bulk(3)],
  ['hgetall', bulk(2)],
  ['hincrby', integer(4, { integerAt: 3 })],
  ['hincrbyfloat', bulk(4)],
  ['hkeys', bulk(2)],
  ['hlen', integer(2)],
  ['hmget', bulk(-3)],
  ['hmset', status(-4, { pairsFrom: 2 })],
  ['hset', integer(-4, { pairsFrom: 2 })],
  ['hsetnx', integer(4)],
  ['hvals', bulk(2)],
  ['incr', integer(2)],
  ['incrby', integer(3, { integerAt: 2 })],
  ['incrbyfloat', bulk(3)],
  ['keys', bulk(2)],
  ['llen', integer(2)],
  ['lpop', bulk(-2)],
  ['lpush', integer(-3)],
  ['lrange', bulk(4)],
  ['ltrim', status(4)],
  ['mget', bulk(-2)],
  ['mset', status(-3, { pairsFrom: 1 })],
  ['persist', integer(2)],
  ['pexpire', integer(3, { integerAt: 2 })],
  ['pexpireat', integer(3, { integerAt: 2 })],
  ['ping', status(-1)],
  ['psetex', status(4, { integerAt: 2 })],
  ['pttl', integer(2)],
  ['publish', integer(3)],
  ['rename', status(3)],
  ['rpop', bulk(-2)],
  ['rpush', integer(-3)],
  ['sadd', integer(-3)],
  ['scan', bulk(-2, { optionsFrom: 2 })],
  ['scard', integer(2)],
  ['set', status(-3, { optionsFrom: 3 })],
  ['setex', status(4, { integerAt: 2 })],
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
  ['zrange', bulk(-4, { optionsFrom: 4 })],
  ['zrangebyscore', bulk(-4, { optionsFrom: 4 })],
  ['zrem', integer(-3)],
  ['zremrangebyscore', integer(4)],
  ['zscore', bulk(3)],
]);

/** Options without a value, where options may stand. KEEPTTL is missing: the mock would drop the end of the key. */
export const FLAG_OPTIONS: readonly string[] = ['BYSCORE', 'GET', 'NX', 'PERSIST', 'REV', 'WITHSCORES', 'XX'];

/** Options followed by as many values; those of the ones that end a key must be positive integers. */
export const VALUE_OPTIONS: ReadonlyMap<string, number> = new Map([
  ['COUNT', 1],
  ['EX', 1],
  ['EXAT', 1],
  ['LIMIT', 2],
  ['MATCH', 1],
  ['PX', 1],
  ['PXAT', 1],
]);

const INTEGER = /^-?\d{1,18}$/;
const POSITIVE = /^[1-9]\d{0,17}$/;
const NOT_AN_INTEGER = 'ERR value is not an integer or out of range';

/** A command as the mock wants it. Throws `RedisError` for one that a server would refuse before running it. */
export function normaliseCommand(command: RedisCommand): { name: string; args: string[]; rule: CommandRule } {
  const [given = ''] = command;
  const name = given.toLowerCase();
  const found = COMMAND_RULES.get(name);
  if (found === undefined) throw new RedisError(`ERR unknown command '${given.slice(0, 128)}'`);
  const { arity, optionsFrom, integerAt, pairsFrom } = found;
  const count = command.length;
  if ((arity >= 0 ? count !== arity : count < -arity) || (pairsFrom > 0 && (count - pairsFrom) % 2 !== 0)) {
    throw new RedisError(`ERR wrong number of arguments for '${name}' command`);
  }
  if (integerAt > 0 && !INTEGER.test(command[integerAt] ?? '')) throw new RedisError(NOT_AN_INTEGER);
  const words = optionsFrom > 0 ? normaliseOptions(command, optionsFrom) : command;
  return { name, args: words.slice(1), rule: found };
}

function normaliseOptions(command: RedisCommand, from: number): string[] {
  const words = command.slice(0, from);
  for (let at = from; at < command.length; at += 1) {
    const option = (command[at] ?? '').toUpperCase();
    const values = VALUE_OPTIONS.get(option);
    if (values === undefined && !FLAG_OPTIONS.includes(option)) throw new RedisError('ERR syntax error');
    const given = command.slice(at + 1, at + 1 + (values ?? 0));
    if (given.length < (values ?? 0)) throw new RedisError('ERR syntax error');
    if (/^(EX|PX)/.test(option) && !given.every((value) => POSITIVE.test(value))) {
      throw new RedisError(NOT_AN_INTEGER);
    }
    words.push(option, ...given);
    at += given.length;
  }
  return words;
}
