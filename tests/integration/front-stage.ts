/** Three real targets in their runtimes on one database, and fronts before any of them. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { startFrontServer } from '../../local/front-server.ts';
import { openLocalService } from '../../local/local-service.ts';
import { RUNTIMES } from '../../local/runtimes/runtimes.ts';
import { startFrontWorker } from '../../local/runtimes/workerd.ts';
import type { CircuitBreakerConfig } from '../../src/lib/circuit-breaker.ts';
import { createDatabase, type Database } from '../../src/lib/database.ts';
import type { Target } from '../../src/lib/services.ts';
import { createNodeTarget } from '../../src/targets/node.ts';
import { createMigratedDatabase } from '../support/postgres-server.ts';
import { builtOutput } from '../support/shared-parts.ts';

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
  /** A front before these targets, the first one first in line; ends with the stage. Other breakers on Node only. */
  openFront(
    runtime: FrontRuntime,
    targets: Readonly<Record<string, string>>,
    options?: { readonly breaker?: CircuitBreakerConfig },
  ): Promise<string>;
  close(): Promise<void>;
}

/** Opens it. Rejects with nothing left running. */
export async function openStage(): Promise<Stage> {
  const opened: (() => Promise<void>)[] = [];
  const close = async () => {
    for (const end of opened.reverse()) await end();
  };
  try {
    const { url, drop } = await createMigratedDatabase();
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
      async openFront(runtime, targets, options = {}) {
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
          ...options,
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

/**
 * What a target of a script does: `well` answers; `page` has only its platform's error page left, `silent` breaks every
 * connection, `hung` accepts and never answers; `refusing` and `failing` live, but their platform answers the rest with
 * 404 or 502; `mute` has what it is asked done by the target behind it, and breaks before it tells.
 */
export type Behaviour = 'well' | 'page' | 'silent' | 'hung' | 'refusing' | 'failing' | 'mute';

export interface ScriptedTarget {
  readonly url: string;
  behaviour: Behaviour;
  /** `POST /api/v1/queue/enter` and the like, as they came. */
  readonly requests: string[];
  /** Those without the looks of the front itself. */
  ofClients(): readonly string[];
  /** Ends it as a process that is killed: open connections break, new ones are refused. */
  kill(): void;
  close(): Promise<void>;
}

interface Script {
  readonly name: Target;
  readonly behaviour?: Behaviour;
  /** Milliseconds that an answer takes while it is well. */
  readonly takes?: number;
  /** Who does what a `mute` one is asked. */
  readonly behind?: string;
}

/** A target that does as it is told. */
export async function startScriptedTarget({
  name,
  behaviour = 'well',
  takes = 0,
  behind = '',
}: Script): Promise<ScriptedTarget> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const asked = `${request.method} ${request.url}`;
    requests.push(asked);
    const platform = (status: number) =>
      response
        .writeHead(status, { 'Content-Type': 'text/html', 'X-Served-By': 'supabase-edge-runtime' })
        .end(`<h1>${status}</h1>`);
    const app = () =>
      setTimeout(() => {
        response.writeHead(200, { 'Content-Type': 'application/json', 'X-MMC-Target': name });
        response.end('{"success":true}');
      }, takes);
    const isLook = asked === LOOK;
    const acts: Record<Behaviour, () => unknown> = {
      well: app,
      page: () => platform(502),
      silent: () => request.socket.destroy(),
      hung: () => undefined,
      refusing: () => (isLook ? app() : platform(404)),
      failing: () => (isLook ? app() : platform(502)),
      mute: () => (isLook ? request.socket.destroy() : done().finally(() => request.socket.destroy())),
    };
    const body: Buffer[] = [];
    const done = async () => {
      const { 'content-length': _length, connection: _connection, ...headers } = request.headers;
      await fetch(`${behind}${request.url}`, {
        method: request.method ?? 'GET',
        headers: new Headers(headers as Record<string, string>),
        body: Buffer.concat(body),
      });
    };
    request.on('data', (bytes: Buffer) => body.push(bytes)).once('end', () => acts[target.behaviour]());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const kill = () => {
    server.close();
    server.closeAllConnections();
  };
  const target: ScriptedTarget = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    behaviour,
    requests,
    ofClients: () => requests.filter((asked) => asked !== LOOK),
    kill,
    close: async () => kill(),
  };
  return target;
}

/** How the front looks whether a target lives. */
const LOOK = 'GET /health/live';
