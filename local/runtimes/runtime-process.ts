// A runtime as a child process: started, awaited until it listens, its output kept, ended with its parent.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface RuntimeProcess {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** Everything that it wrote to stdout and stderr, its own lines and the application's log. */
  output(): string;
  /** Ends it and all that it started. May be called twice. */
  stop(): Promise<void>;
  /** Ends it at once, whatever it is doing, as a machine that dies. */
  kill(): Promise<void>;
}

export interface RuntimeCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** The only variables that it sees, besides those without which no program starts. */
  readonly environment: Readonly<Record<string, string>>;
  /** Finds the port in the output, once it listens. By default in the line of `"event":"listen"`. */
  readonly portIn?: (output: string) => number | undefined;
  /** Called with each piece of output. */
  readonly onOutput?: ((text: string) => void) | undefined;
}

/** Milliseconds until a runtime that does not listen is given up: generous, for machines with other work. */
const START_WITHIN = 30_000;

const GUARD = fileURLToPath(new URL('./guard.mjs', import.meta.url));
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What programs need of the shell's environment. Nothing else passes, so that no setting slips in. */
const PASSED_ON = ['PATH', 'HOME', 'TMPDIR', 'TEMP', 'TMP', 'SystemRoot', 'USERPROFILE', 'LOCALAPPDATA'];

/** Starts it. Rejects with its output when it ends or does not listen in time; nothing is left running then. */
export async function startRuntimeProcess(start: RuntimeCommand): Promise<RuntimeProcess> {
  const { command, args, environment, portIn = listenEvent, onOutput } = start;
  const inherited = PASSED_ON.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  });
  const child = spawn(process.execPath, [GUARD, command, ...args], {
    cwd: ROOT,
    env: { ...Object.fromEntries(inherited), ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // The guard may be gone already when its stdin is closed.
  child.stdin.on('error', () => {});
  const ended = once(child, 'close');
  let output = '';
  let look = () => {};
  const listen = (chunk: string) => {
    output += chunk;
    onOutput?.(chunk);
    look();
  };
  child.stdout.setEncoding('utf8').on('data', listen);
  child.stderr.setEncoding('utf8').on('data', listen);
  const stop = async () => {
    child.stdin.end();
    await ended;
  };

  const port = await new Promise<number | undefined>((resolve) => {
    const timer = setTimeout(() => resolve(undefined), START_WITHIN);
    const settle = (found: number | undefined) => {
      clearTimeout(timer);
      look = () => {};
      resolve(found);
    };
    look = () => {
      const found = portIn(output);
      if (found !== undefined) settle(found);
    };
    void ended.then(() => settle(undefined));
  });
  if (port === undefined) {
    await stop();
    throw new Error(`The runtime did not start: ${command}\n${output.trim()}`);
  }
  const kill = async () => {
    child.stdin.write('kill\n');
    await ended;
  };
  return { url: `http://127.0.0.1:${port}`, output: () => output, stop, kill };
}

/** The line that workerd writes to its control file, and that our own launchers write too. */
function listenEvent(output: string): number | undefined {
  const found = /"event":"listen".*?"port":(\d+)/.exec(output);
  return found ? Number(found[1]) : undefined;
}
