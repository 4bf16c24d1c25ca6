// The Vercel function as an edge function, in `edge-runtime`: Vercel's default is Node, and this keeps the other open.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { type RuntimeProcess, startRuntimeProcess } from './runtime-process.ts';
import type { RuntimeStart } from './runtime-start.ts';

const LAUNCHER = fileURLToPath(new URL('./edge-runtime-launcher.mjs', import.meta.url));

/** Serves the same output as Vercel's Node function, as the script with a fetch listener that this runtime loads. */
export async function startEdgeRuntime({
  root,
  port,
  environment,
  onOutput,
}: RuntimeStart): Promise<RuntimeProcess> {
  const directory = await mkdtemp(join(tmpdir(), 'mmc-edge-runtime-'));
  const script = join(directory, 'function.js');
  const remove = () => rm(directory, { recursive: true, force: true });
  try {
    await build({
      stdin: {
        contents: `import entry from './index.mjs';
          addEventListener('fetch', (event) => event.respondWith(entry.fetch(event.request)));`,
        resolveDir: join(root, '.vercel', 'output', 'functions', 'api.func'),
      },
      bundle: true,
      format: 'iife',
      platform: 'neutral',
      outfile: script,
      logLevel: 'silent',
    });
    const runtime = await startRuntimeProcess({
      command: process.execPath,
      args: [LAUNCHER, script, String(port)],
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
