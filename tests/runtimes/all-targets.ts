/** Every target in its real runtime, all on one database and one Redis: what the others see, each sees. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { openLocalService } from '../../local/local-service.ts';
import { RUNTIMES, type RuntimeName } from '../../local/runtimes/runtimes.ts';
import { createNodeTarget } from '../../src/targets/node.ts';
import { PAGE_ORIGIN, type Target } from '../contract/target.ts';
import { createMigratedDatabase } from '../support/postgres-server.ts';
import { builtOutput } from '../support/shared-parts.ts';

export interface NamedTarget extends Target {
  readonly name: 'node' | RuntimeName;
}

export interface AllTargets {
  /** Node first. */
  readonly targets: readonly NamedTarget[];
  /** `postgres://…` of the one database. */
  readonly databaseUrl: string;
  close(): Promise<void>;
}

const LONG_POLL_SECONDS = 8;
const CRON_SECRET = 'the-cron-secret-of-all-targets';
const METRICS_TOKEN = 'the-metrics-token-of-all-targets';

/** Starts them. Rejects with nothing left running. */
export async function openAllTargets(): Promise<AllTargets> {
  const opened: { close(): Promise<void> }[] = [];
  const close = async () => {
    for (const part of opened.reverse()) await part.close();
  };
  try {
    const database = await createMigratedDatabase();
    opened.push({ close: database.drop });
    const service = await openLocalService({
      environment: 'test',
      databaseUrl: database.url,
      settings: {
        LONG_POLL_SECONDS: String(LONG_POLL_SECONDS),
        PAGE_ORIGINS: PAGE_ORIGIN,
        RATE_LIMITS: 'off',
        CRON_SECRET,
        METRICS_TOKEN,
      },
    });
    opened.push(service);
    const { admin, environment } = service;
    if (!admin) throw new Error('a new database gets an account');
    const root = await builtOutput();
    const targets: NamedTarget[] = [];
    for (const name of ['node', ...Object.keys(RUNTIMES)] as NamedTarget['name'][]) {
      const { url, stop } = await (name === 'node'
        ? startNode(environment)
        : RUNTIMES[name]({ root, port: 0, environment }));
      opened.push({ close: stop });
      targets.push({
        name,
        url,
        admin,
        jwtSecret: environment.JWT_SECRET,
        cronSecret: CRON_SECRET,
        metricsToken: METRICS_TOKEN,
        longPollSeconds: LONG_POLL_SECONDS,
        environment,
        close: stop,
      });
    }
    return { targets, databaseUrl: database.url, close };
  } catch (cause) {
    await close();
    throw cause;
  }
}

async function startNode(environment: Readonly<Record<string, string>>) {
  const target = createNodeTarget(environment);
  const server = createServer(getRequestListener(target.app.fetch, { hostname: '127.0.0.1' }));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    stop: async () => {
      target.close();
      server.closeAllConnections();
      server.close();
    },
  };
}
