// The command line of the demo: what may be said, and what is refused with a clear sentence.

import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';

export const HELP = `npm run demo -- [options]

A committee day over HTTP: patients log in, get a route, take numbers, wait, are called, leave with the
PIN, and finish, while the staff of all clinics call. Ends with a table and a verdict; exit code 1 when
an invariant was broken.

  --patients N         how many patients come (default 200, at most 5000)
  --seed S             seed of the day, 0 to 4294967295 (default random; always printed)
  --minutes M          time within which they arrive, in minutes
  --duration SECONDS   the same in seconds (default 0.3 s per patient: 60 s for 200)
  --url URL            a running server; without it the demo starts its own, in memory
  --admin-user NAME    admin account on that server (or ADMIN_USERNAME)
  --admin-password PW  its password (or ADMIN_PASSWORD, which other users of the machine cannot see)
  --json               the report as JSON on standard output, progress on standard error
  --help               this text
`;

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

export interface DemoOptions {
  readonly patients: number;
  readonly seed: number;
  /** The time within which all patients arrive. */
  readonly windowMs: number;
  readonly json: boolean;
  /** A running server; undefined: the demo starts its own. */
  readonly server: { readonly url: string; readonly admin: Credentials } | undefined;
}

/** A command line that cannot be followed; its message is for the person who typed it. */
export class UsageError extends Error {}

function numberOf(flag: string, text: string, min: number, max: number, whole: boolean): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max) || (whole && !Number.isInteger(value))) {
    const kind = whole ? 'a whole number' : 'a number';
    throw new UsageError(`--${flag} must be ${kind} from ${min} to ${max}, not '${text}'`);
  }
  return value;
}

function parseFlags(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      strict: true,
      allowPositionals: false,
      options: {
        patients: { type: 'string' },
        seed: { type: 'string' },
        minutes: { type: 'string' },
        duration: { type: 'string' },
        url: { type: 'string' },
        'admin-user': { type: 'string' },
        'admin-password': { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function windowOf(minutes: string | undefined, duration: string | undefined, patients: number): number {
  if (minutes !== undefined && duration !== undefined) {
    throw new UsageError('--minutes and --duration say the same thing: give one of them');
  }
  if (minutes !== undefined) return numberOf('minutes', minutes, 0.01, 600, false) * 60_000;
  if (duration !== undefined) return numberOf('duration', duration, 1, 36_000, false) * 1000;
  return Math.max(3000, patients * 300);
}

function serverOf(
  url: string | undefined,
  username: string | undefined,
  password: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): DemoOptions['server'] {
  if (url === undefined) {
    if (username !== undefined || password !== undefined) {
      throw new UsageError(
        "--admin-user and --admin-password belong to --url: the demo's own server makes its own",
      );
    }
    return undefined;
  }
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new UsageError(`--url must be an http or https address, not '${url}'`);
  }
  const admin = {
    username: username ?? environment.ADMIN_USERNAME ?? '',
    password: password ?? environment.ADMIN_PASSWORD ?? '',
  };
  if (admin.username === '' || admin.password === '') {
    throw new UsageError(
      '--url needs --admin-user and --admin-password, or ADMIN_USERNAME and ADMIN_PASSWORD',
    );
  }
  return { url: url.replace(/\/+$/, ''), admin };
}

/** Reads the command line; 'help' when that was asked for. Throws UsageError. */
export function readOptions(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): DemoOptions | 'help' {
  const flags = parseFlags(args);
  if (flags.help === true) return 'help';
  const patients = flags.patients === undefined ? 200 : numberOf('patients', flags.patients, 1, 5000, true);
  return {
    patients,
    seed:
      flags.seed === undefined ? randomInt(0, 2 ** 32) : numberOf('seed', flags.seed, 0, 2 ** 32 - 1, true),
    windowMs: windowOf(flags.minutes, flags.duration, patients),
    json: flags.json === true,
    server: serverOf(flags.url, flags['admin-user'], flags['admin-password'], environment),
  };
}
