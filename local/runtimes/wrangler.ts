// The Cloudflare bundle under `wrangler dev`: workerd with what wrangler.toml says, cron triggers included.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../free-port.ts';
import { type RuntimeProcess, startRuntimeProcess } from './runtime-process.ts';
import { PROGRAMS, type RuntimeStart } from './runtime-start.ts';

/** Serves `wrangler.toml`'s Worker. Makes no connection to the outside. */
export async function startWrangler({
  root,
  port: wanted,
  environment,
  onOutput,
}: RuntimeStart): Promise<RuntimeProcess> {
  const directory = await mkdtemp(join(tmpdir(), 'mmc-wrangler-'));
  const port = await freePort(wanted);
  const settings = join(directory, 'settings.env');
  const remove = () => rm(directory, { recursive: true, force: true });
  try {
    await writeFile(settings, dotenv(environment), { mode: 0o600 });
    const runtime = await startRuntimeProcess({
      command: process.execPath,
      args: [
        PROGRAMS.wrangler(),
        'dev',
        `--config=${join(root, 'wrangler.toml')}`,
        `--env-file=${settings}`,
        `--persist-to=${directory}`,
        '--ip=127.0.0.1',
        `--port=${port}`,
        '--inspector-port=0',
        '--show-interactive-dev-session=false',
        '--log-level=log',
      ],
      environment: {
        // Its login, its caches and its log belong to whoever develops here.
        HOME: directory,
        CI: '1',
        // With the banner it asks the registry for a newer version.
        WRANGLER_HIDE_BANNER: 'true',
        WRANGLER_SEND_METRICS: 'false',
        CLOUDFLARE_CF_FETCH_ENABLED: 'false',
        NO_COLOR: '1',
      },
      portIn: (output) => (output.includes(`Ready on http://127.0.0.1:${port}`) ? port : undefined),
      onOutput,
    });
    const stop = async () => {
      await runtime.stop();
      await remove();
    };
    return { ...runtime, stop };
  } catch (cause) {
    await remove();
    throw cause;
  }
}

/** Single quotes keep a value as it is, which URLs and secrets need; they hold no quote themselves. */
function dotenv(environment: Readonly<Record<string, string>>): string {
  return Object.entries(environment)
    .map(([name, value]) => `${name}='${value}'\n`)
    .join('');
}
