// The build's output, made again where it is missing or older than what it is made of.
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildAll } from '../deployment/build/build.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** What the output is made of. */
const SOURCES = [
  'src',
  'supabase-adapter',
  'drizzle',
  'deployment/build',
  'vercel.json',
  'package-lock.json',
];

/** One file of each target. */
const OUTPUTS = [
  'dist/cloudflare/index.js',
  'supabase/functions/api/index.js',
  '.vercel/output/functions/api.func/index.mjs',
];

/** Builds all targets when one is missing or a source is newer. Their sizes are not looked at here. */
export async function buildWhenStale(): Promise<void> {
  const outputs = await Promise.all(OUTPUTS.map((path) => newest(join(ROOT, path))));
  const sources = await Promise.all(SOURCES.map((path) => newest(join(ROOT, path))));
  if (Math.min(...outputs) <= Math.max(...sources)) await buildAll({ root: ROOT });
}

/** When a file, or any file below a folder, was last written; 0 when there is none. Tests are not built. */
async function newest(path: string): Promise<number> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return 0;
  if (!found.isDirectory()) return path.endsWith('.test.ts') ? 0 : found.mtimeMs;
  const inside = await Promise.all((await readdir(path)).map((name) => newest(join(path, name))));
  return Math.max(0, ...inside);
}
