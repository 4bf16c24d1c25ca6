/** Three real targets in their runtimes on one database, and fronts before any of them. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { startFrontServer } from '../../local/front-server.ts';
import { openLocalService } from '../../local/local-service.ts';
import { RUNTIMES } from '../../local/runtimes/runtimes.ts';
import { startFrontWorker } from '../../local/runtimes/workerd.ts';
import { createDatabase, type Database } from '../../src/lib/database.ts';
import type { Target } from '../../src/lib/services.ts';
import { createNodeTarget } from '../../src/targets/node.ts';
import { createTestDatabase } from '../support/postgres-server.ts';
import { builtOutput, migratedTemplate } from '../support/shared-parts.ts';

export const PROXY_SECRET = 'the-secret-of-the-front-and-its-targets';
export const PAGE_ORIGIN = 'https://page.example';

export type FrontRuntime = 'node' | 'workerd';

export interface Stage {
  readonly targets: Readonly<Record<'node' | 'cloudflare' | 'supabase', string>>;
  readonly admin: { readonly username: string; readonly password: string };
  readonly databaseUrl: string;
  readonly database: Database;
  /** Makes it the active target, whatever was. */
  activate(target: Target): Promise<void>;
  /** A front before these targets, the first one first in line; ends with the stage. */
  openFront(runtime: FrontRuntime, targets: Readonly<Record<string, string>>): Promise<string>;
  close(): Promise<void>;
}

/** Opens it. Rejects with nothing left running. */
export async function openStage(): Promise<Stage> {
  const opened: (() => Promise<void>)[] = [];
  const close = async () => {
    for (const end of opened.reverse()) await end();
  };
  try {
    const { url, drop } = await createTestDatabase({ template: await migratedTemplate() });
    opened.push(drop);
    const service = await openLocalService({
      environment: 'test',
      databaseUrl: url,
      settings: { RATE_LIMITS: 'off', PROXY_SECRET, PAGE_ORIGINS: PAGE_ORIGIN, LONG_POLL_SECONDS: '3' },
    });
    opened.push(service.close);
    const { environment, admin } = service;
    if (!admin) throw new Error('a new database gets an account');
    const root = await builtOutput();
    const start = { root, port: 0, environment };
    const worker = await RUNTIMES.cloudflare(start);
    opened.push(worker.stop);
    const deno = await RUNTIMES.supabase(start);
    opened.push(deno.stop);
    const node = await startNode(environment);
    opened.push(node.stop);

    const databaseUrl = environment.DATABASE_URL ?? '';
    const database = createDatabase({ databaseUrl, databaseHttpUrl: undefined });
    return {
      targets: { node: node.url, cloudflare: worker.url, supabase: `${deno.url}/functions/v1` },
      admin,
      databaseUrl,
      database,
      async activate(target) {
        const { active } = (await database.call('active_target', {})) as {
          active: { generation: number } | null;
        };
        const moved = await database.call('set_active_target', {
          target,
          generation: active?.generation ?? 0,
        });
        if (!(moved as { changed?: boolean }).changed) throw new Error('somebody else moved the target');
      },
      async openFront(runtime, targets) {
        const settings = {
          DATABASE_URL: databaseUrl,
          TARGETS: JSON.stringify(targets),
          PROXY_SECRET,
          PAGE_ORIGINS: PAGE_ORIGIN,
        };
        if (runtime === 'workerd') {
          const front = await startFrontWorker({ root, port: 0, environment: settings });
          opened.push(front.stop);
          return front.url;
        }
        const front = await startFrontServer({
          environment: settings,
          // What a platform would put there: what the client sent under any other name must not count.
          clientIp: (request) => request.headers.get('cf-connecting-ip') ?? '127.0.0.1',
        });
        opened.push(front.close);
        return front.url;
      },
      close,
    };
  } catch (cause) {
    await close();
    throw cause;
  }
}

async function startNode(environment: Readonly<Record<string, string>>) {
  const target = createNodeTarget(environment);
  const server = createServer(getRequestListener(target.app.fetch, { hostname: '127.0.0.1' }));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      target.close();
      server.closeAllConnections();
      server.close();
    },
  };
}

export interface BrokenTarget {
  readonly url: string;
  /** `POST /api/v1/queue/enter` and the like, as they came. */
  readonly requests: string[];
  close(): Promise<void>;
}

/** A platform whose application is gone: it answers a page of its own, or with `silent` breaks every connection. */
export async function startBrokenTarget({ silent = false } = {}): Promise<BrokenTarget> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    if (silent) {
      request.socket.destroy();
      return;
    }
    response.writeHead(502, { 'Content-Type': 'text/html' }).end('<h1>502 Bad Gateway</h1>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
