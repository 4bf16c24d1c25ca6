/** The application over an embedded cloud of its own, at a moment that the test chooses: the database follows its clock. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { saveAdmin } from '../../local/admin-accounts.ts';
import type { EmbeddedCloud } from '../../local/embedded-cloud.ts';
import { createApp } from '../../src/app.ts';
import { readConfig } from '../../src/lib/config.ts';
import { createRedis } from '../../src/lib/redis.ts';
import { createServices, type Services } from '../../src/lib/services.ts';
import { type TcpProxy, tcpProxyTo } from './tcp-proxy.ts';
import { startTestCloud } from './test-cloud.ts';

export type Fields = Readonly<Record<string, unknown>>;

export interface Answer<Body = Fields> {
  readonly status: number;
  readonly body: Body;
}

export interface SendOptions {
  readonly json?: unknown;
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface SimulatedService {
  readonly cloud: EmbeddedCloud;
  readonly services: Services;
  /** Moves the clock. */
  setTime(iso: string): void;
  send<Body = Fields>(method: string, path: string, options?: SendOptions): Promise<Answer<Body>>;
  /** A new token of the only admin, valid for eight hours of the clock. */
  login(): Promise<string>;
  /** Rows as Postgres' texts by column. */
  rows(query: string, params?: readonly (string | null)[]): Promise<Record<string, string | null>[]>;
  stop(): Promise<void>;
}

export interface SimulatedOptions {
  /** ISO 8601: where the clock stands at first. */
  readonly at: string;
  readonly settings?: Readonly<Record<string, string>>;
  /** `postgres://…`: a real server instead of the embedded one. */
  readonly databaseUrl?: string;
  /** `redis://…`: likewise. */
  readonly redisUrl?: string;
}

export interface NetworkedService extends SimulatedService {
  readonly network: {
    /** Between the service and its Redis. */
    readonly redis: TcpProxy;
    /** A request that is answered, and whose answer is lost on the way to the caller. */
    sendUnheard(method: string, path: string, options?: SendOptions): Promise<void>;
  };
}

/** Milliseconds for which one that is asked over sockets waits for Redis: it may be taken away, but is never slow. */
const REDIS_TIMEOUT = 20_000;

const ADMIN = { username: 'tester', password: 'a password for tests' };

export async function openSimulatedService(options: SimulatedOptions): Promise<SimulatedService> {
  const { service, app } = await openApp(options, await startTestCloud(options));
  return withSender(service, async (path, init) => app.request(path, init));
}

/** The same over sockets, as callers and service reach each other and Redis elsewhere. */
export async function openNetworkedService(options: SimulatedOptions): Promise<NetworkedService> {
  const cloud = await startTestCloud(options);
  const redis = await tcpProxyTo(Number(new URL(cloud.redisUrl).port));
  const { service, app } = await openApp(options, cloud, `http://127.0.0.1:${redis.port}`);
  const server = createServer(getRequestListener(app.fetch));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const callers = await tcpProxyTo((server.address() as AddressInfo).port);
  const sender = withSender(service, (path, init) => fetch(`http://127.0.0.1:${callers.port}${path}`, init));
  return {
    ...sender,
    network: {
      redis,
      async sendUnheard(...request) {
        const answered = new Promise<void>((resolve) => {
          server.once('request', (_, response: ServerResponse) => response.once('close', resolve));
        });
        callers.mute();
        const heard = sender.send(...request).then(
          () => true,
          () => false,
        );
        await answered;
        await callers.restore();
        if (await heard) throw new Error('an answer came through');
        // Until the client knows of every connection that was cut.
        await new Promise((resolve) => setImmediate(resolve));
      },
    },
    async stop() {
      await callers.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await redis.close();
      await service.stop();
    },
  };
}

async function openApp({ at, settings = {} }: SimulatedOptions, cloud: EmbeddedCloud, wayToRedis?: string) {
  const config = readConfig({
    DATABASE_URL: cloud.databaseUrl,
    UPSTASH_REDIS_REST_URL: wayToRedis ?? cloud.redisUrl,
    UPSTASH_REDIS_REST_TOKEN: cloud.redisToken,
    JWT_SECRET: 'a secret for tests, of thirty-two characters',
    ENVIRONMENT: 'test',
    RATE_LIMITS: 'off',
    ...settings,
  });
  let now = new Date(at);
  const services = createServices('node', config, {
    clock: { now: () => new Date(now), simulated: true },
    log: () => {},
    ...(wayToRedis !== undefined && { redis: createRedis(config, {}, REDIS_TIMEOUT) }),
  });
  await saveAdmin(services.database, ADMIN);
  const app = createApp({ target: 'node', services: () => services, clientIp: () => '192.0.2.1' });

  return {
    app,
    service: {
      cloud,
      services,
      setTime(iso: string) {
        now = new Date(iso);
      },
      async rows(query: string, params: readonly (string | null)[] = []) {
        const { fields, rows } = await cloud.driver.query({ query, params: [...params] });
        return rows.map((row) => Object.fromEntries(fields.map(({ name }, i) => [name, row[i] ?? null])));
      },
      async stop() {
        services.waiting().wakeUps.close();
        await cloud.close();
      },
    },
  };
}

/** The service with whatever carries a request to it. */
function withSender(
  service: Omit<SimulatedService, 'send' | 'login'>,
  request: (path: string, init: RequestInit) => Promise<Response>,
): SimulatedService {
  async function send<Body = Fields>(
    method: string,
    path: string,
    { json, token, headers = {} }: SendOptions = {},
  ): Promise<Answer<Body>> {
    const response = await request(path, {
      method,
      headers: {
        ...(json !== undefined && { 'Content-Type': 'application/json' }),
        ...(token !== undefined && { Authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(json !== undefined && { body: JSON.stringify(json) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? {} : JSON.parse(text) };
  }

  return {
    ...service,
    send,
    async login() {
      const { body } = await send('POST', '/api/v1/auth/login', { json: ADMIN });
      return String(body.token);
    },
  };
}
