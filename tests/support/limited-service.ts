/** The application with its limits on, in as many instances as a test wants, over one database and one Redis. */
import { saveAdmin } from '../../local/admin-accounts.ts';
import type { EmbeddedCloud } from '../../local/embedded-cloud.ts';
import { createApp } from '../../src/app.ts';
import { readConfig } from '../../src/lib/config.ts';
import { createDatabase } from '../../src/lib/database.ts';
import { familiesOf } from '../../src/lib/metrics.ts';
import { createServices } from '../../src/lib/services.ts';
import { type TcpProxy, tcpProxyTo } from './tcp-proxy.ts';
import { startTestCloud } from './test-cloud.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface Sent {
  readonly json?: unknown;
  readonly token?: string;
  /** The address that the target says the request came from. */
  readonly ip?: string;
}

export interface Isolate {
  send(method: string, path: string, sent?: Sent): Promise<Answer>;
  /** How often each policy refused here. */
  rejections(): Readonly<Record<string, number>>;
}

export interface LimitedService {
  readonly cloud: EmbeddedCloud;
  readonly databaseProxy: TcpProxy;
  readonly redisProxy: TcpProxy;
  /** A further isolate; settings given here replace those of the service. */
  isolate(settings?: Readonly<Record<string, string | undefined>>): Isolate;
  stop(): Promise<void>;
}

export const ADMIN = { username: 'tester', password: 'a password for tests' };

export interface LimitedOptions {
  /** A real server instead of the embedded one. */
  readonly redisUrl?: string | undefined;
  readonly settings?: Readonly<Record<string, string>>;
}

export async function openLimitedService(options: LimitedOptions = {}): Promise<LimitedService> {
  const { redisUrl, settings = {} } = options;
  const cloud = await startTestCloud({ redisUrl });
  const databaseProxy = await tcpProxyTo(Number(new URL(cloud.databaseUrl).port));
  const redisProxy = await tcpProxyTo(Number(new URL(cloud.redisUrl).port));
  const through = (url: string, { port }: TcpProxy) => {
    const changed = new URL(url);
    changed.port = String(port);
    return changed.href;
  };
  const environment = {
    DATABASE_URL: through(cloud.databaseUrl, databaseProxy),
    UPSTASH_REDIS_REST_URL: through(cloud.redisUrl, redisProxy),
    UPSTASH_REDIS_REST_TOKEN: cloud.redisToken,
    JWT_SECRET: 'a secret for tests, of thirty-two characters',
    ENVIRONMENT: 'test',
    LOG_LEVEL: 'error',
    ...settings,
  };
  await saveAdmin(createDatabase(readConfig(environment)), ADMIN);
  const closing: (() => void)[] = [];

  return {
    cloud,
    databaseProxy,
    redisProxy,
    isolate(changed = {}) {
      // What an isolate sends to Redis by itself, once a second, is not counted here.
      const services = createServices('node', readConfig({ ...environment, ...changed }), {
        sharedCounts: undefined,
      });
      closing.push(() => services.waiting().wakeUps.close());
      const app = createApp({
        target: 'node',
        services: () => services,
        clientIp: (request) => request.headers.get('X-Test-Address') ?? '192.0.2.1',
      });
      return {
        async send(method, path, { json, token, ip } = {}) {
          const response = await app.request(path, {
            method,
            headers: {
              ...(json !== undefined && { 'Content-Type': 'application/json' }),
              ...(token !== undefined && { Authorization: `Bearer ${token}` }),
              ...(ip !== undefined && { 'X-Test-Address': ip }),
            },
            ...(json !== undefined && { body: JSON.stringify(json) }),
          });
          const text = await response.text();
          const isJson = response.headers.get('Content-Type')?.startsWith('application/json');
          return {
            status: response.status,
            headers: response.headers,
            body: isJson && text !== '' ? JSON.parse(text) : {},
          };
        },
        rejections() {
          const family = familiesOf(services.metrics.counts).find(
            ({ name }) => name === 'rate_limit_rejections_total',
          );
          return Object.fromEntries(
            (family?.samples ?? []).map(({ labels, value }) => [labels.policy ?? '', value]),
          );
        },
      };
    },
    async stop() {
      for (const close of closing) close();
      await databaseProxy.close();
      await redisProxy.close();
      await cloud.close();
    },
  };
}

/** Waits until a window of `windowMs` has at least `left` milliseconds to go: what follows then counts in one window. */
export async function withinOneWindow(left: number, windowMs = 60_000): Promise<void> {
  const remaining = windowMs - (Date.now() % windowMs);
  if (remaining < left) await new Promise((wake) => setTimeout(wake, remaining + 5));
}
