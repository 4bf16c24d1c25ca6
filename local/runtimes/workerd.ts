// The Cloudflare bundle in workerd itself, without wrangler: what production runs, ready in a tenth of a second.
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type RuntimeProcess, startRuntimeProcess } from './runtime-process.ts';
import { PROGRAMS, type RuntimeStart } from './runtime-start.ts';

const EDGE = fileURLToPath(new URL('./cloudflare-edge.js', import.meta.url));

/**
 * Serves `dist/cloudflare` on the compatibility date and flags of wrangler.toml, behind what stands before a Worker at
 * Cloudflare: the client's address is in cf-connecting-ip, whatever the client sent.
 */
export const startWorkerd = (start: RuntimeStart): Promise<RuntimeProcess> =>
  startWorker(start, { folder: 'cloudflare', settings: 'wrangler.toml' });

/** Serves the front, `dist/front`, in the same way. */
export const startFrontWorker = (start: RuntimeStart): Promise<RuntimeProcess> =>
  startWorker(start, { folder: 'front', settings: 'wrangler.front.toml' });

interface Worker {
  /** In `dist`. */
  readonly folder: string;
  readonly settings: string;
}

async function startWorker(
  { root, port, environment, onOutput }: RuntimeStart,
  { folder, settings }: Worker,
): Promise<RuntimeProcess> {
  const bundle = join(root, 'dist', folder);
  const directory = await mkdtemp(join(tmpdir(), 'mmc-workerd-'));
  const config = join(directory, 'config.capnp');
  const remove = () => rm(directory, { recursive: true, force: true });
  try {
    await writeFile(
      config,
      configuration(
        await modulesOf(bundle),
        await compatibility(join(root, settings)),
        Object.keys(environment),
      ),
    );
    await copyFile(EDGE, join(directory, 'edge.js'));
    const runtime = await startRuntimeProcess({
      command: PROGRAMS.workerd(),
      args: [
        'serve',
        config,
        `--import-path=${bundle}`,
        `--socket-addr=http=127.0.0.1:${port}`,
        '--control-fd=1',
      ],
      environment,
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

/** The entry first, as workerd wants it. */
async function modulesOf(bundle: string): Promise<string[]> {
  const files = (await readdir(bundle)).filter((name) => name.endsWith('.js') && name !== 'index.js');
  return ['index.js', ...files];
}

interface Compatibility {
  readonly date: string;
  readonly flags: readonly string[];
}

async function compatibility(file: string): Promise<Compatibility> {
  const toml = await readFile(file, 'utf8');
  const date = /^compatibility_date\s*=\s*"([^"]+)"/m.exec(toml)?.[1];
  if (date === undefined) throw new Error(`${file} has no compatibility_date`);
  const flags = /^compatibility_flags\s*=\s*\[([^\]]*)\]/m.exec(toml)?.[1] ?? '';
  return { date, flags: [...flags.matchAll(/"([^"]+)"/g)].map(([, flag = '']) => flag) };
}

/** Values come from the process' environment: the file holds their names only. */
function configuration(
  modules: readonly string[],
  { date, flags }: Compatibility,
  names: readonly string[],
): string {
  const text = JSON.stringify;
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "edge", worker = .edge),
    (name = "main", worker = .worker),
    (name = "internet", network = (allow = ["public", "private", "local"], tlsOptions = (trustBrowserCas = true))),
  ],
  sockets = [(
    name = "http",
    service = "edge",
    http = (injectRequestHeaders = [(name = "cf-connecting-ip", value = "127.0.0.1")]),
  )],
);
const edge :Workerd.Worker = (
  modules = [(name = "edge.js", esModule = embed "edge.js")],
  bindings = [(name = "WORKER", service = "main")],
  compatibilityDate = ${text(date)},
);
const worker :Workerd.Worker = (
  modules = [${modules.map((name) => `(name = ${text(name)}, esModule = embed ${text(`/${name}`)})`).join(', ')}],
  bindings = [${names.map((name) => `(name = ${text(name)}, fromEnvironment = ${text(name)})`).join(', ')}],
  compatibilityDate = ${text(date)},
  compatibilityFlags = [${flags.map((flag) => text(flag)).join(', ')}],
);
`;
}
