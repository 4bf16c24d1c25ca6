// The platforms' own command line programs: found, run, and quoted when they fail.
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { cliEnvironment } from './cli-environment.ts';

export type CliName = keyof typeof PACKAGES;

type Environment = Readonly<Record<string, string | undefined>>;

/** The packages that have them, with the versions that the tests and docs/deploy.md know. */
const PACKAGES = {
  wrangler: 'wrangler@4.86.0',
  supabase: 'supabase@3.1.0',
  vercel: 'vercel@60.1.3',
} as const;

export interface Cli {
  /** What it is started as, for people. */
  readonly shown: string;
  /** Runs what only looks; gives back its standard output. Throws a CliFailure. */
  read(args: readonly string[]): Promise<string>;
  /** Runs what changes something; in a dry run it only notes it, and gives back undefined. */
  change(args: readonly string[], options?: ChangeOptions): Promise<string | undefined>;
}

export interface ChangeOptions {
  /** Where it runs, when that is not the project's folder. */
  readonly cwd?: string;
  readonly environment?: Environment;
}

export interface CliOptions {
  readonly root: string;
  readonly environment: Environment;
  readonly dryRun?: boolean;
  /** Called with each command that changes something; secrets are in none. */
  readonly onCommand?: (command: string) => void;
}

/** A program that could not be found, or that failed; its last words are in the message. */
export class CliFailure extends Error {}

/** How long one command may take. */
const LIMIT_MS = 10 * 60_000;

/**
 * The program, which sees its own settings and no others: of this project, else on the PATH; with `WRANGLER_CLI`,
 * `SUPABASE_CLI` or `VERCEL_CLI` (a package, as in `supabase@3.1.0`) through npx. Throws a CliFailure that names what to
 * install.
 */
export function findCli(name: CliName, { root, environment, dryRun, onCommand }: CliOptions): Cli {
  const [file, ...first] = commandOf(name, root, environment);
  const start = (args: readonly string[], { cwd = root, environment: more = {} }: ChangeOptions = {}) =>
    run({
      file,
      args: [...first, ...args],
      cwd,
      environment: { ...cliEnvironment(name, environment), ...more },
      secrets: secretsOf(environment),
      name,
    });
  return {
    shown: [name, ...first.slice(1)].join(' '),
    read: (args) => start(args),
    async change(args, options) {
      onCommand?.([name, ...args].join(' '));
      return dryRun ? undefined : start(args, options);
    },
  };
}

function commandOf(name: CliName, root: string, environment: Environment): [string, ...string[]] {
  const wanted = environment[`${name.toUpperCase()}_CLI`];
  if (wanted) return ['npx', '--yes', wanted];
  const folders = [join(root, 'node_modules', '.bin'), ...(environment.PATH ?? '').split(delimiter)];
  const found = folders.map((folder) => join(folder, name)).find(isProgram);
  if (found) return [found];
  throw new CliFailure(
    `${name} is not installed: npm install --global ${PACKAGES[name]}, or set ${name.toUpperCase()}_CLI=${PACKAGES[name]}`,
  );
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

interface Run {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly environment: Environment;
  /** What its last words must not repeat. */
  readonly secrets: readonly string[];
  readonly name: CliName;
}

function run({ file, args, cwd, environment, secrets, name }: Run): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: LIMIT_MS,
    });
    let output = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    const fail = (why: string) => {
      const command = [name, ...args].slice(0, 4).join(' ');
      reject(new CliFailure(`${command} … ${why}${lastWords(errors || output, secrets)}`));
    };
    child.once('error', ({ message }) => fail(`could not be started: ${message}`));
    child.once('close', (code) => (code === 0 ? resolve(output) : fail(`ended with ${code ?? 'no code'}`)));
  });
}

function secretsOf(environment: Environment): string[] {
  return Object.entries(environment)
    .filter(([name, value]) => /TOKEN|SECRET|PASSWORD|_URL$/.test(name) && (value ?? '').length > 7)
    .map(([, value]) => value ?? '');
}

/** The end of what a program said, without colours and without any secret of the environment. */
function lastWords(text: string, secrets: readonly string[]): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape sequences of colours begin with one.
  const plain = text.replace(/\u001b\[[\d;]*m/g, '').trim();
  const safe = secrets.reduce((known, secret) => known.replaceAll(secret, '***'), plain);
  const lines = safe.split('\n').filter((line) => line.trim() !== '');
  return lines.length === 0 ? '' : `: ${lines.slice(-3).join(' | ').slice(0, 400)}`;
}
