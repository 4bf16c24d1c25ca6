// The Supabase functions in Deno, behind what stands before them there.
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type RuntimeProcess, startRuntimeProcess } from './runtime-process.ts';
import { PROGRAMS, type RuntimeStart } from './runtime-start.ts';

const GATEWAY = fileURLToPath(new URL('./supabase-gateway.js', import.meta.url));

/** Serves `supabase/functions`: each by `/functions/v1/<name>`, and by the public paths as a front would hand them on. */
export function startDeno({ root, port, environment, onOutput }: RuntimeStart): Promise<RuntimeProcess> {
  const functions = join(root, 'supabase', 'functions');
  return startRuntimeProcess({
    command: PROGRAMS.deno(),
    args: [
      'run',
      '--quiet',
      '--no-remote',
      '--no-config',
      '--no-npm',
      '--no-lock',
      '--no-prompt',
      // The rights of a function there, and no other address than this machine's.
      '--allow-env',
      '--allow-net=127.0.0.1,localhost',
      // A comma separates folders there.
      `--allow-read=${functions.replaceAll(',', ',,')}`,
      GATEWAY,
      pathToFileURL(`${functions}/`).href,
      String(port),
    ],
    environment: { ...environment, DENO_NO_UPDATE_CHECK: '1' },
    onOutput,
  });
}
