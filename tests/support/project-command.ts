/** The project's own commands as a person starts them: the real process, its output and its exit code. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface Finished {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

export interface Started {
  /** What it wrote to standard error by now. */
  errors(): string;
  /** Sends SIGINT, as Ctrl-C does. */
  interrupt(): void;
  readonly finished: Promise<Finished>;
}

/** Runs `npm run <args>` without npm, with these settings added to the environment, and waits for its end. */
export function runCommand(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<Finished> {
  return startCommand(args, environment).finished;
}

/** As runCommand, for a test that does something while it runs. */
export function startCommand(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Started {
  const bootstrap = fileURLToPath(new URL('../../local/bootstrap.mjs', import.meta.url));
  const child = spawn(process.execPath, [bootstrap, ...args], { env: { ...process.env, ...environment } });
  let [output, errors] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  return {
    errors: () => errors,
    interrupt: () => void child.kill('SIGINT'),
    finished: new Promise((resolve) => child.once('close', (code) => resolve({ code, output, errors }))),
  };
}
