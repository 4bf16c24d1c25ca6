/** The outputs of one build in a folder of the test's own, and the entries in them as their platforms load them. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { EdgeRuntime } from 'edge-runtime';
import { build } from 'esbuild';
import { type BuildResult, buildAll } from '../../deployment/build/build.ts';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export type Environment = Readonly<Record<string, string>>;

/** Settings that are well-formed; nothing listens at the address. */
export const SETTINGS: Environment = {
  DATABASE_URL: 'postgresql://user:password@127.0.0.1:1/none',
  JWT_SECRET: 'a secret for tests, of thirty-two characters',
  ENVIRONMENT: 'test',
  RATE_LIMITS: 'off',
  LOG_LEVEL: 'error',
};

export type Answering = (request: Request, environment: Environment) => Promise<Response>;

export interface Built extends BuildResult {
  readonly folder: string;
  /** Contents by path, without what this test added. */
  readonly files: ReadonlyMap<string, Buffer>;
  remove(): Promise<void>;
}

export async function buildInto(commit: string): Promise<Built> {
  const folder = await mkdtemp(join(tmpdir(), 'mmc-build-'));
  const result = await buildAll({ root: ROOT, into: folder, commit });
  const files = new Map<string, Buffer>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) files.set(relative(folder, path), await readFile(path));
  }
  // For Node, which takes a .js file outside of a package for CommonJS; the platforms do not.
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  return { ...result, folder, files, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** What a file imports or requires, in whichever way. */
export async function importsOf(path: string): Promise<string[]> {
  const { metafile } = await build({
    entryPoints: [path],
    bundle: true,
    external: ['*'],
    format: 'esm',
    platform: 'neutral',
    write: false,
    metafile: true,
    logLevel: 'silent',
  });
  return Object.values(metafile.outputs).flatMap(({ imports }) => imports.map(({ path: name }) => name));
}

interface CloudflareEntry {
  fetch(request: Request, environment: Environment, execution: { waitUntil(): void }): Promise<Response>;
  scheduled(event: object, environment: Environment, execution: { waitUntil(): void }): Promise<void>;
}

/** The Worker. */
export async function cloudflareEntry({ folder }: Built): Promise<CloudflareEntry> {
  const entry = await import(pathToFileURL(join(folder, 'dist/cloudflare/index.js')).href);
  return entry.default;
}

/** The Vercel function as the script with a fetch listener that `edge-runtime` loads. */
export async function vercelInEdgeRuntime({ folder }: Built): Promise<Answering> {
  const { outputFiles } = await build({
    stdin: {
      contents: `import entry from './index.mjs';
        addEventListener('fetch', (event) => event.respondWith(entry.fetch(event.request)));`,
      resolveDir: join(folder, '.vercel/output/functions/api.func'),
    },
    bundle: true,
    format: 'iife',
    platform: 'neutral',
    write: false,
  });
  const initialCode = outputFiles[0]?.text ?? '';
  return async ({ url, method, headers }, environment) => {
    const runtime = new EdgeRuntime({
      initialCode,
      extend: (context) => Object.assign(context, { process: { env: environment }, console }),
    });
    return runtime.dispatchFetch(url, { method, headers: [...headers] }) as unknown as Promise<Response>;
  };
}

let isolates = 0;

/** A generated function as Deno would load it, with these settings. */
export async function supabaseFunction(
  { folder }: Built,
  name: string,
  environment: Environment,
): Promise<(request: Request) => Promise<Response>> {
  let handler: ((request: Request) => Promise<Response>) | undefined;
  Reflect.set(globalThis, 'Deno', {
    env: { toObject: () => environment },
    serve: (given: typeof handler) => {
      handler = given;
    },
  });
  try {
    isolates += 1;
    const { href } = pathToFileURL(join(folder, 'supabase/functions', name, 'index.js'));
    // A module runs once; each isolate of the platform loads it anew.
    await import(`${href}?isolate=${isolates}`);
  } finally {
    Reflect.deleteProperty(globalThis, 'Deno');
  }
  if (!handler) throw new Error(`The function ${name} serves nothing`);
  return handler;
}
