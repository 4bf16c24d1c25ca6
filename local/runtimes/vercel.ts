// The Vercel function in Node, behind what Vercel's launcher does.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type RuntimeProcess, startRuntimeProcess } from './runtime-process.ts';
import type { RuntimeStart } from './runtime-start.ts';

const LAUNCHER = fileURLToPath(new URL('./vercel-launcher.mjs', import.meta.url));

/** Serves `.vercel/output/functions/api.func`, entered as its .vc-config.json says. */
export function startVercel({ root, port, environment, onOutput }: RuntimeStart): Promise<RuntimeProcess> {
  return startRuntimeProcess({
    command: process.execPath,
    args: [LAUNCHER, join(root, '.vercel', 'output', 'functions', 'api.func'), String(port)],
    environment,
    onOutput,
  });
}
