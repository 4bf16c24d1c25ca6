// A target's real runtime on this machine, before the same data as `npm start` serves.
import { fileURLToPath } from 'node:url';
import { settingNames } from '../src/lib/config.ts';
import { freePort } from './free-port.ts';
import { type LocalService, type LocalServiceOptions, openLocalService } from './local-service.ts';
import type { RuntimeProcess } from './runtimes/runtime-process.ts';
import type { RuntimeStart } from './runtimes/runtime-start.ts';

export interface LocalRuntimeOptions extends LocalServiceOptions, Pick<RuntimeStart, 'onOutput'> {
  /** 0 or absent: any free port. */
  readonly port?: number;
  /** Where the build left its output; the project's folder when left out. */
  readonly root?: string;
}

export interface LocalRuntime extends LocalService, Pick<RuntimeProcess, 'url' | 'output'> {}

const PROJECT_ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Starts the data, then the runtime before it. Rejects, with nothing left open, when the port or the data is in use. */
export async function startLocalRuntime(
  startRuntime: (start: RuntimeStart) => Promise<RuntimeProcess>,
  { port = 0, root = PROJECT_ROOT, onOutput, ...options }: LocalRuntimeOptions = {},
): Promise<LocalRuntime> {
  // The port before the data: a start that cannot succeed must not touch what is kept.
  if (port !== 0) await freePort(port);
  const service = await openLocalService(options);
  try {
    // Of a shell's variables only the application's settings go on.
    const names = settingNames().filter((name) => service.environment[name] !== undefined);
    const environment = Object.fromEntries(names.map((name) => [name, service.environment[name] ?? '']));
    const runtime = await startRuntime({ root, port, environment, onOutput });
    return {
      ...service,
      url: runtime.url,
      output: runtime.output,
      async close() {
        await runtime.stop();
        await service.close();
      },
    };
  } catch (cause) {
    await service.close();
    throw cause;
  }
}
