/** The application over an embedded cloud of its own, at a moment that the test chooses: the database follows its clock. */
import { migrate, readMigrations } from '../../drizzle/migrator.ts';
import { saveAdmin } from '../../local/admin-accounts.ts';
import { driverBatch } from '../../local/driver-batch.ts';
import { type EmbeddedCloud, startEmbeddedCloud } from '../../local/embedded-cloud.ts';
import { createApp } from '../../src/app.ts';
import { readConfig } from '../../src/lib/config.ts';
import { createServices, type Services } from '../../src/lib/services.ts';

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
}

const ADMIN = { username: 'tester', password: 'a password for tests' };

export async function openSimulatedService(options: SimulatedOptions): Promise<SimulatedService> {
  const { at, settings = {}, databaseUrl } = options;
  const cloud = await startEmbeddedCloud(databaseUrl === undefined ? {} : { databaseUrl });
  const config = readConfig({
    DATABASE_URL: cloud.databaseUrl,
    UPSTASH_REDIS_REST_URL: cloud.redisUrl,
    UPSTASH_REDIS_REST_TOKEN: cloud.redisToken,
    JWT_SECRET: 'a secret for tests, of thirty-two characters',
    ENVIRONMENT: 'test',
    RATE_LIMITS: 'off',
    ...settings,
  });
  await migrate({
    runBatch: driverBatch(cloud.driver),
    migrations: await readMigrations(),
    timezone: config.timezone,
    serviceDayStart: config.serviceDayStart,
  });

  let now = new Date(at);
  const services = createServices('node', config, {
    clock: { now: () => new Date(now), simulated: true },
    log: () => {},
  });
  await saveAdmin(services.database, ADMIN);
  const app = createApp({ target: 'node', services: () => services, clientIp: () => '192.0.2.1' });

  async function send<Body = Fields>(
    method: string,
    path: string,
    { json, token, headers = {} }: SendOptions = {},
  ): Promise<Answer<Body>> {
    const response = await app.request(path, {
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
    cloud,
    services,
    send,
    setTime(iso) {
      now = new Date(iso);
    },
    async login() {
      const { body } = await send('POST', '/api/v1/auth/login', { json: ADMIN });
      return String(body.token);
    },
    async rows(query, params = []) {
      const { fields, rows } = await cloud.driver.query({ query, params: [...params] });
      return rows.map((row) => Object.fromEntries(fields.map(({ name }, i) => [name, row[i] ?? null])));
    },
    async stop() {
      services.waiting().wakeUps.close();
      await cloud.close();
    },
  };
}
