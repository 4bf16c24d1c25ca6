// Two targets in their real runtimes, on one database and one Redis, each with a way to the database that can be cut.
import { openLocalService } from '../local/local-service.ts';
import { RUNTIMES } from '../local/runtimes/runtimes.ts';
import { newToken } from '../local/secret.ts';
import { type TcpProxy, tcpProxyTo } from '../tests/support/tcp-proxy.ts';

/** workerd and Node, both with the bundle of one build. */
const NAMES = ['cloudflare', 'vercel'] as const;

export interface DrillTarget {
  /** As in the label `target`. */
  readonly name: (typeof NAMES)[number];
  readonly url: string;
  readonly wayToDatabase: TcpProxy;
}

export interface DrillTargets {
  readonly targets: readonly DrillTarget[];
  readonly metricsToken: string;
  close(): Promise<void>;
}

export interface DrillTargetsOptions {
  /** The folder with the build's output. */
  readonly root: string;
  /** `postgres://…`; absent: the embedded one. */
  readonly databaseUrl?: string;
  /** `redis://…`; absent: the embedded one. */
  readonly redisUrl?: string;
}

/** Starts them on 127.0.0.1, in good order: PINs are made and a tick has run. Rejects with nothing left running. */
export async function openDrillTargets({ root, ...servers }: DrillTargetsOptions): Promise<DrillTargets> {
  const opened: (() => Promise<void>)[] = [];
  const close = async () => {
    for (const end of opened.splice(0).reverse()) await end();
  };
  const [metricsToken, cronSecret] = [newToken(), newToken()];
  try {
    const { environment, close: closeService } = await openLocalService({
      ...servers,
      environment: 'test',
      settings: { RATE_LIMITS: 'off', METRICS_TOKEN: metricsToken, CRON_SECRET: cronSecret },
    });
    opened.push(closeService);
    const targets: DrillTarget[] = [];
    for (const name of NAMES) {
      const databaseUrl = new URL(environment.DATABASE_URL ?? '');
      const wayToDatabase = await tcpProxyTo(Number(databaseUrl.port));
      opened.push(wayToDatabase.close);
      databaseUrl.port = String(wayToDatabase.port);
      const { url, stop } = await RUNTIMES[name]({
        root,
        port: 0,
        environment: { ...environment, DATABASE_URL: databaseUrl.href },
      });
      opened.push(stop);
      targets.push({ name, url, wayToDatabase });
    }
    await tick(targets[0]?.url ?? '', cronSecret);
    return { targets, metricsToken, close };
  } catch (cause) {
    await close();
    throw cause;
  }
}

async function tick(url: string, cronSecret: string): Promise<void> {
  const answer = await fetch(`${url}/api/system/tick`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${cronSecret}` },
  });
  if (!answer.ok) throw new Error(`The tick was answered ${answer.status}: ${await answer.text()}`);
}
