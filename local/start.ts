// `npm start`: the whole API on this machine, with no account and no server to install.
import { readFlags, refuseUsage, reportFailure } from './command-line.ts';
import { startLocalServer } from './local-server.ts';
import { bold, dim, green } from './terminal.ts';

const HELP = `npm start -- [--port N] [--data DIR] [--fresh]

  --port N     where to listen on 127.0.0.1 (8787)
  --data DIR   where data stays between runs (.data)
  --fresh      begin anew: throws the kept data away (not together with DATABASE_URL)

DATABASE_URL=postgres://… and REDIS_URL=redis://… put real servers behind the same endpoints.`;

const { values } = readFlags(
  {
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
  await start().catch(reportFailure);
}

async function start(): Promise<void> {
  const began = performance.now();
  const { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl, ...settings } = process.env;
  const server = await startLocalServer({
    port: portNumber(values.port),
    dataDir: values.data,
    fresh: values.fresh,
    ...(databaseUrl && { databaseUrl }),
    ...(redisUrl && { redisUrl }),
    settings,
    onProgress: (step) => console.log(dim(`  migrated ${step}`)),
  });

  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(
    `${green('●')} ${bold('mmc-mms-api')} on ${bold(server.url)} ${dim(`(ready in ${seconds} s)`)}`,
  );
  console.log(
    `  database  ${databaseUrl ? 'the server of DATABASE_URL' : `embedded Postgres in ${values.data}`}`,
  );
  console.log(`  redis     ${redisUrl ? 'the server of REDIS_URL' : 'embedded, in memory'}`);
  if (server.admin) {
    const shown = settings.ADMIN_PASSWORD ? '(from ADMIN_PASSWORD)' : server.admin.password;
    console.log(`  admin     ${bold(server.admin.username)} / ${bold(shown)}`);
    if (!settings.ADMIN_PASSWORD) console.log(dim('            shown this once: only its hash is kept'));
  }

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      void server.close().finally(() => process.exit(0));
    });
  }
}

function portNumber(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65535) return port;
  return refuseUsage(`--port takes a number from 0 to 65535, not ${text}`, HELP);
}
