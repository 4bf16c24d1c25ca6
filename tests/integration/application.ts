/** The application as a target builds it, over an embedded cloud of its own: no HTTP before it, everything behind it. */

import { saveAdmin } from '../../local/admin-accounts.ts';
import type { EmbeddedCloud } from '../../local/embedded-cloud.ts';
import { readConfig } from '../../src/lib/config.ts';
import { createDatabase } from '../../src/lib/database.ts';
import type { Services } from '../../src/lib/services.ts';
import { createNodeTarget } from '../../src/targets/node.ts';
import { startTestCloud } from '../support/test-cloud.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface SendOptions {
  readonly json?: unknown;
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** One instance of the application, as one process or isolate has it. */
export interface Instance {
  send(method: 'GET' | 'POST', path: string, options?: SendOptions): Promise<Answer>;
  /** What a server does before it stops. */
  close(): void;
}

export interface Application extends Instance {
  readonly cloud: EmbeddedCloud;
  readonly environment: Readonly<Record<string, string>>;
  /** A further instance on the same data; settings given here replace those of the first. */
  instance(settings?: Readonly<Record<string, string | undefined>>): Instance;
  /** An admin's token. */
  login(): Promise<string>;
  sql(query: string, params?: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

const ADMIN = { username: 'tester', password: 'a password for tests' };

export async function openApplication(settings: Readonly<Record<string, string>> = {}): Promise<Application> {
  const cloud = await startTestCloud();
  const environment = {
    DATABASE_URL: cloud.databaseUrl,
    UPSTASH_REDIS_REST_URL: cloud.redisUrl,
    UPSTASH_REDIS_REST_TOKEN: cloud.redisToken,
    JWT_SECRET: 'a secret for tests, of thirty-two characters',
    ENVIRONMENT: 'test',
    RATE_LIMITS: 'off',
    LOG_LEVEL: 'error',
    ...settings,
  };
  await saveAdmin(createDatabase(readConfig(environment)), ADMIN);
  const instance = (changed: Readonly<Record<string, string | undefined>> = {}) =>
    openInstance({ ...environment, ...changed });
  const own = instance();
  return {
    ...own,
    cloud,
    environment,
    instance,
    async login() {
      const { body } = await own.send('POST', '/api/v1/auth/login', { json: ADMIN });
      return String(body.token);
    },
    async sql(query, params = []) {
      await cloud.driver.query({ query, params: [...params] });
    },
    async stop() {
      own.close();
      await cloud.close();
    },
  };
}

/** An instance with exactly these settings, and with these parts in place of its own. */
export function openInstance(
  environment: Readonly<Record<string, string | undefined>>,
  replacements: Partial<Services> = {},
): Instance {
  // What an instance sends to Redis by itself, once a second, is not counted here.
  const { app, close } = createNodeTarget(environment, { sharedCounts: undefined, ...replacements });
  return {
    close: () => close(),
    async send(method, path, { json, token, headers = {}, signal } = {}) {
      const response = await app.request(
        path,
        {
          method,
          headers: {
            ...(json !== undefined && { 'Content-Type': 'application/json' }),
            ...(token !== undefined && { Authorization: `Bearer ${token}` }),
            ...headers,
          },
          ...(json !== undefined && { body: JSON.stringify(json) }),
          ...(signal && { signal }),
        },
        {},
      );
      const text = await response.text();
      return {
        status: response.status,
        headers: response.headers,
        body: text === '' ? {} : JSON.parse(text),
      };
    },
  };
}
