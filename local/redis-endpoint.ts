/**
 * Upstash's REST protocol on loopback, so that the application talks to its Redis in development and tests exactly as
 * it does in production: through `@upstash/redis`, one POST a command, pipeline, transaction or subscription.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { HttpRefusal, listenOnLoopback, readBody, sendJson } from './loopback-server.ts';
import {
  type RedisCommand,
  type RedisDriver,
  RedisError,
  type RedisOutcome,
  type RedisReply,
} from './redis-driver.ts';
import { sameSecret } from './secret.ts';

export interface RedisEndpointOptions {
  readonly driver: RedisDriver;
  /** The bearer token a client must send. */
  readonly token: string;
  /** 0 or absent: any free port. */
  readonly port?: number;
}

export interface RedisEndpoint {
  /** What goes into UPSTASH_REDIS_REST_URL: `http://127.0.0.1:<port>`. */
  readonly url: string;
  readonly token: string;
  /** HTTP requests since the start, refused ones included: the round trips a benchmark counts. */
  requestCount(): number;
  /** Stops the server and its streams. The driver stays open: who made it closes it. */
  close(): Promise<void>;
}

/** Commands that change the connection or wait on it; over REST every request stands alone. */
const CONNECTION_COMMANDS = new Set(
  `AUTH BLMOVE BLMPOP BLPOP BRPOP BRPOPLPUSH BZMPOP BZPOPMAX BZPOPMIN CLIENT DISCARD EXEC HELLO MONITOR MULTI
   PSUBSCRIBE PUNSUBSCRIBE QUIT RESET SELECT SSUBSCRIBE SUBSCRIBE SUNSUBSCRIBE UNSUBSCRIBE UNWATCH WAIT WATCH`.split(
    /\s+/,
  ),
);

/** Starts the endpoint on 127.0.0.1. Rejects when the port is taken. */
export async function startRedisEndpoint(options: RedisEndpointOptions): Promise<RedisEndpoint> {
  const { driver, token, port = 0 } = options;
  let requests = 0;

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    requests += 1;
    const body = await readBody(request, { error: 'ERR max request size exceeded' });
    if (!sameSecret(request.headers.authorization ?? '', `Bearer ${token}`)) {
      throw new HttpRefusal(401, { error: 'WRONGPASS invalid or missing auth token' });
    }
    const path = (request.url ?? '/').split('?')[0] ?? '/';
    const channel = /^\/subscribe\/([^/]+)$/.exec(path)?.[1];
    if (channel !== undefined) return stream(driver, decode(channel), response);
    if (request.method !== 'POST') throw new HttpRefusal(405, { error: 'ERR method not allowed' });

    const encode = request.headers['upstash-encoding'] === 'base64' ? toBase64 : (reply: RedisReply) => reply;
    const encodeOutcome = (outcome: RedisOutcome) =>
      'error' in outcome ? outcome : { result: encode(outcome.result) };
    // One Redis has nothing to synchronise; the client only wants its token back.
    const headers = { 'upstash-sync-token': '0' };
    try {
      switch (path) {
        case '/':
          return sendJson(
            response,
            200,
            { result: encode(await driver.execute(parseCommand(parse(body)))) },
            headers,
          );
        case '/pipeline':
          return sendJson(
            response,
            200,
            (await driver.pipeline(parseCommands(body))).map(encodeOutcome),
            headers,
          );
        case '/multi-exec':
          return sendJson(
            response,
            200,
            (await driver.transaction(parseCommands(body))).map(encodeOutcome),
            headers,
          );
        default:
          throw new HttpRefusal(404, { error: 'ERR not found' });
      }
    } catch (cause) {
      if (cause instanceof RedisError) throw new HttpRefusal(400, { error: cause.message });
      throw cause;
    }
  };

  const server = await listenOnLoopback(port, handle, () => ({ error: 'ERR Redis cannot be reached' }));
  return {
    url: `http://127.0.0.1:${server.port}`,
    token,
    requestCount: () => requests,
    close: () => server.close(),
  };
}

/** Server-sent events of one channel, until the client goes or the subscription ends. */
async function stream(driver: RedisDriver, channel: string, response: ServerResponse): Promise<void> {
  const early: string[] = [];
  let write = (data: string): void => void early.push(data);
  const stop = await driver.subscribe(channel, {
    onMessage: (payload) => write(`message,${channel},${payload}`),
    onEnd: () => response.end(),
  });
  response.once('close', () => void stop());
  if (response.destroyed) return stop();
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  write = (data) => void response.write(`data: ${data}\n\n`);
  for (const data of [`subscribe,${channel},1`, ...early]) write(data);
}

/** A lone OK stays as it is; inside a list the client decodes every text, so there even OK must be encoded. */
function toBase64(reply: RedisReply): RedisReply {
  return reply === 'OK' ? reply : encodeTexts(reply);
}

function encodeTexts(reply: RedisReply): RedisReply {
  if (typeof reply === 'string') return Buffer.from(reply).toString('base64');
  return reply === null || typeof reply === 'number' ? reply : reply.map(encodeTexts);
}

function parseCommands(body: string): RedisCommand[] {
  const commands = parse(body);
  if (!Array.isArray(commands)) throw malformed();
  return commands.map(parseCommand);
}

/** Numbers and booleans become text, as on any Redis connection. */
function parseCommand(words: unknown): RedisCommand {
  if (!Array.isArray(words) || words.length === 0) throw malformed();
  const command = words.map((word: unknown) => {
    if (typeof word !== 'string' && typeof word !== 'number' && typeof word !== 'boolean') throw malformed();
    return String(word);
  });
  const name = (command[0] ?? '').toUpperCase();
  if (CONNECTION_COMMANDS.has(name)) throw new RedisError(`ERR Command is not available: '${name}'`);
  return command;
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw malformed();
  }
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw malformed();
  }
}

function malformed(): HttpRefusal {
  return new HttpRefusal(400, { error: 'ERR failed to parse command' });
}
