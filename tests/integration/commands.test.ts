/** The commands as a person types them: each in a process of its own, judged by what it prints and its exit code. */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rememberRunning, runningDatabase } from '../../local/running-server.ts';

const BOOTSTRAP = fileURLToPath(new URL('../../local/bootstrap.mjs', import.meta.url));

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mmc-commands-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** Runs one npm script's command without npm. */
function command(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [BOOTSTRAP, ...args], { env: { ...process.env, ...environment } });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, output })));
}

describe('a command line that cannot be followed', () => {
  it.each([
    ['start', '--prot', '9000'],
    ['start', '--port', 'many'],
    ['start', 'now'],
    ['admin', 'create', 'aisha', '--dta', 'x'],
    ['db:migrate', '--dry'],
  ])('%s %s ends with one line, the help and exit code 2', async (...args) => {
    const { code, output } = await command(args);
    expect(code).toBe(2);
    const [first, blank, help] = output.split('\n');
    expect(first).toMatch(/--prot|--port|'now'|--dta|--dry/);
    expect(blank).toBe('');
    expect(help).toMatch(/^npm (start|run)/);
    expect(output).not.toMatch(/^\s+at /m);
  });
});

describe('npm run db:migrate', () => {
  it.each([
    ['TIMEZONE', 'Mars/Base'],
    ['SERVICE_DAY_START', '25:00'],
  ])('with a malformed %s names it and writes nothing', async (name, value) => {
    const data = join(directory, name);
    const { code, output } = await command(['db:migrate', '--data', data], {
      [name]: value,
      DATABASE_URL: '',
    });
    expect(code).toBe(1);
    expect(output.trim()).toBe(`The setting ${name} is missing or malformed`);
    expect(await readdir(directory)).not.toContain(name);
  });
});

describe('npm start', () => {
  it('does not throw embedded data away when another database is meant', async () => {
    const kept = join(directory, 'kept', 'postgres');
    await mkdir(kept, { recursive: true });
    const { code, output } = await command(['start', '--fresh', '--data', join(directory, 'kept')], {
      DATABASE_URL: 'postgres://nobody@127.0.0.1:9/none',
    });
    expect(code).toBe(1);
    expect(output).toContain('DATABASE_URL means another database');
    expect(await readdir(join(directory, 'kept'))).toEqual(['postgres']);
  });
});

describe('npm start --fresh', () => {
  it.each([
    ['TIMEZONE', 'Nowhere/Land', 'The setting TIMEZONE is missing or malformed'],
    ['JWT_SECRET', 'short', 'The setting JWT_SECRET is missing or malformed'],
    ['ADMIN_PASSWORD', 'short', 'A password has at least 10 characters'],
  ])('with a malformed %s throws nothing away', async (name, value, why) => {
    const data = join(directory, `fresh-${name}`);
    await mkdir(join(data, 'postgres'), { recursive: true });
    await writeFile(join(data, 'postgres', 'kept'), 'data');
    const { code, output } = await command(['start', '--fresh', '--port', '0', '--data', data], {
      DATABASE_URL: '',
      [name]: value,
    });
    expect(code).toBe(1);
    expect(output).toContain(why);
    expect(await readdir(join(data, 'postgres'))).toEqual(['kept']);
  });
});

describe('the note of a running server', () => {
  it('counts while its process lives, and not for another process with the same id', async () => {
    await rememberRunning(directory, 'postgres://its/address');
    expect(await runningDatabase(directory)).toBe('postgres://its/address');
    const note = { pid: process.pid, started: 'another moment', databaseUrl: 'postgres://its/address' };
    await writeFile(join(directory, 'running.json'), JSON.stringify(note));
    expect(await runningDatabase(directory)).toBeUndefined();
  });
});
