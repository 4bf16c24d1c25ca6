// Two projects in the form of a build's output, for the same launchers: ours, and a bare Hono that says hello (and on
// one path asks Redis first, once: the least that a read from a shared cache can be).
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { EVERY_RUNTIME } from '../deployment/build/bundle.ts';
import { buildWhenStale } from '../local/build-output.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

const HELLO = `import { Hono } from 'hono';
const app = new Hono()
  .get('/api/hop', async (c) => {
    const headers = { Authorization: 'Bearer ' + REDIS_TOKEN };
    await (await fetch(REDIS_URL, { method: 'POST', headers, body: '["PING"]' })).text();
    return c.text('hello');
  })
  .get('*', (c) => c.text('hello'));`;

const FUNCTION = join('.vercel', 'output', 'functions', 'api.func');

/** Where each runtime finds its entry, and how the entry hands the application over. */
const ENTRIES: Readonly<Record<string, string>> = {
  [join('dist', 'cloudflare', 'index.js')]: 'export default { fetch: (request) => app.fetch(request) };',
  [join(FUNCTION, 'index.mjs')]: 'export default { fetch: (request) => app.fetch(request) };',
  [join('supabase', 'functions', 'api', 'index.js')]: 'Deno.serve((request) => app.fetch(request));',
};

/** What the local gateway before Supabase's functions asks for by name; nobody asks it for a page here. */
const NO_PAGES = 'export const createIsolate = () => ({});\n';

/** What both have in common besides the code. */
const SHARED_FILES = ['wrangler.toml', join(FUNCTION, '.vc-config.json'), join(FUNCTION, 'package.json')];

/** The function that a Supabase client calls, alone: the platform starts one function, not all twenty-eight. */
const OUR_FILES = [
  join('dist', 'cloudflare'),
  FUNCTION,
  join('supabase', 'functions', '_shared'),
  join('supabase', 'functions', 'api'),
];

export interface Projects {
  readonly ours: string;
  readonly hello: string;
  remove(): Promise<void>;
}

/** Writes both below the directory for temporary files; builds ours first when it is stale. */
export async function writeProjects(environment: Readonly<Record<string, string>>): Promise<Projects> {
  await buildWhenStale();
  const folder = await mkdtemp(join(tmpdir(), 'mmc-bench-'));
  const ours = join(folder, 'ours');
  const hello = join(folder, 'hello');
  const define = {
    REDIS_URL: JSON.stringify(environment.UPSTASH_REDIS_REST_URL),
    REDIS_TOKEN: JSON.stringify(environment.UPSTASH_REDIS_REST_TOKEN),
  };
  for (const [path, handOver] of Object.entries(ENTRIES)) {
    const contents = `${HELLO}\n${handOver}`;
    await build({
      ...EVERY_RUNTIME,
      define,
      stdin: { contents, resolveDir: ROOT },
      outfile: join(hello, path),
    });
  }
  await mkdir(join(hello, 'supabase', 'functions', '_shared'));
  await writeFile(join(hello, 'supabase', 'functions', '_shared', 'app.js'), NO_PAGES);
  for (const path of SHARED_FILES) await copy(path, hello);
  for (const path of [...OUR_FILES, ...SHARED_FILES]) await copy(path, ours);
  return { ours, hello, remove: () => rm(folder, { recursive: true, force: true }) };
}

async function copy(path: string, to: string): Promise<void> {
  await mkdir(dirname(join(to, path)), { recursive: true });
  await cp(join(ROOT, path), join(to, path), { recursive: true });
}
