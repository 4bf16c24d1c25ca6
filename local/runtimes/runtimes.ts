// The real runtimes of the targets on this machine, by the name that commands and tests know them under.
import { startDeno } from './deno.ts';
import { startEdgeRuntime } from './edge-runtime.ts';
import type { RuntimeProcess } from './runtime-process.ts';
import type { RuntimeStart } from './runtime-start.ts';
import { startVercel } from './vercel.ts';
import { startWorkerd } from './workerd.ts';

export type RuntimeName = 'cloudflare' | 'supabase' | 'vercel' | 'vercel-edge';

/** Each starts in well under a second and rejects, with nothing left running, when it cannot. */
export const RUNTIMES: Readonly<Record<RuntimeName, (start: RuntimeStart) => Promise<RuntimeProcess>>> = {
  cloudflare: startWorkerd,
  supabase: startDeno,
  vercel: startVercel,
  'vercel-edge': startEdgeRuntime,
};
