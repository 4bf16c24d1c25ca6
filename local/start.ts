// `npm start`: the whole API on this machine, with no account and no server to install.
import { announce, closeAtSignal } from './announce.ts';
import { portNumber, readFlags, reportFailure } from './command-line.ts';
import { startLocalServer } from './local-server.ts';
import { dim } from './terminal.ts';

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
    port: portNumber(values.port, HELP),
    dataDir: values.data,
    fresh: values.fresh,
    ...(databaseUrl && { databaseUrl }),
    ...(redisUrl && { redisUrl }),
    settings,
    onProgress: (step) => console.log(dim(`  migrated ${step}`)),
  });

  announce({
    name: 'mmc-mms-api',
    server,
    began,
    data: values.data,
    databaseUrl,
    redisUrl,
    ownPassword: Boolean(settings.ADMIN_PASSWORD),
  });
  closeAtSignal(() => server.close());
}
