// `npm run serve`: one target in its real runtime on this machine, before the data of `npm start`, cron included.
import { announce, closeAtSignal } from './announce.ts';
import { buildWhenStale } from './build-output.ts';
import { portNumber, readFlags, refuseUsage, reportFailure } from './command-line.ts';
import { startLocalRuntime } from './local-runtime.ts';
import { type LocalServer, startLocalServer } from './local-server.ts';
import type { LocalServiceOptions } from './local-service.ts';
import { everyMinute } from './minute.ts';
import { RUNTIMES } from './runtimes/runtimes.ts';
import { startWrangler } from './runtimes/wrangler.ts';
import { newToken } from './secret.ts';
import { dim } from './terminal.ts';

const HELP = `npm run serve -- TARGET [--port N] [--data DIR] [--fresh]

  TARGET       cloudflare    workerd, through wrangler dev
               supabase      Deno: /functions/v1/<name>, and the public paths as a front sends them
               vercel        Node, as Vercel's launcher runs the function (vercel-edge: edge-runtime)
               node          Node, as npm start
  --port N     where to listen on 127.0.0.1 (8787)
  --data DIR   where data stays between runs (.data)
  --fresh      begin anew: throws the kept data away (not together with DATABASE_URL)

Builds first when the output is missing or older than the sources. Ticks once a minute, as the platform's cron does.
DATABASE_URL=postgres://… and REDIS_URL=redis://… put real servers behind the same endpoints.`;

const TARGETS = ['cloudflare', 'supabase', 'vercel', 'vercel-edge', 'node'] as const;
type TargetName = (typeof TARGETS)[number];

const { values, positionals } = readFlags(
  {
    allowPositionals: true,
    options: {
      port: { type: 'string', default: '8787' },
      data: { type: 'string', default: '.data' },
      fresh: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  },
  HELP,
);

if (values.help) {
  console.log(HELP);
} else {
  await serve().catch(reportFailure);
}

async function serve(): Promise<void> {
  const target = TARGETS.find((name) => name === positionals[0]);
  if (target === undefined || positionals.length > 1) return refuseUsage('Name one target', HELP);
  const began = performance.now();
  const { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl, ...shell } = process.env;
  const settings = { ...shell, CRON_SECRET: shell.CRON_SECRET || newToken() };
  const server = await start(target, {
    dataDir: values.data,
    fresh: values.fresh,
    ...(databaseUrl && { databaseUrl }),
    ...(redisUrl && { redisUrl }),
    settings,
    onProgress: (step) => console.log(dim(`  migrated ${step}`)),
  });
  const ownPassword = Boolean(shell.ADMIN_PASSWORD);
  announce({ name: target, server, began, data: values.data, databaseUrl, redisUrl, ownPassword });
  const stopCron = everyMinute(() => tick(target, server), reportFailedTick);
  closeAtSignal(async () => {
    stopCron();
    await server.close();
  });
}

async function start(target: TargetName, options: LocalServiceOptions): Promise<LocalServer> {
  const port = portNumber(values.port, HELP);
  if (target === 'node') return startLocalServer({ ...options, port });
  await buildWhenStale();
  const runtime = target === 'cloudflare' ? startWrangler : RUNTIMES[target];
  return startLocalRuntime(runtime, {
    ...options,
    port,
    onOutput: (text) => void process.stderr.write(text),
  });
}

/** What the platform's scheduler does: an event of the runtime on Cloudflare, a request elsewhere. */
async function tick(target: TargetName, { url, environment }: LocalServer): Promise<void> {
  const answer =
    target === 'cloudflare'
      ? await fetch(`${url}/cdn-cgi/handler/scheduled?cron=*+*+*+*+*`)
      : await fetch(`${url}/api/system/tick`, {
          headers: { Authorization: `Bearer ${environment.CRON_SECRET}` },
        });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
}

function reportFailedTick(cause: unknown): void {
  console.error(`The tick failed: ${cause instanceof Error ? cause.message : cause}`);
}
