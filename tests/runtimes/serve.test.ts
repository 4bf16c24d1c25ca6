/** `npm run serve`, as a person uses it: it says where it listens, answers, and a Ctrl-C leaves nothing running. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, vi } from 'vitest';
import { createMigratedDatabase } from '../support/postgres-server.ts';

const BOOTSTRAP = fileURLToPath(new URL('../../local/bootstrap.mjs', import.meta.url));

it('serves the functions of Supabase in Deno, until a Ctrl-C', { timeout: 120_000 }, async () => {
  const database = await createMigratedDatabase();
  const data = await mkdtemp(join(tmpdir(), 'mmc-serve-'));
  const child = spawn(process.execPath, [BOOTSTRAP, 'serve', 'supabase', '--port', '0', '--data', data], {
    env: { ...process.env, DATABASE_URL: database.url, REDIS_URL: '' },
    // A group of its own, to which a terminal's Ctrl-C goes.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'close');
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  try {
    const url = await vi.waitFor(() => {
      const found = /supabase\S* on \S*?(http:\/\/127\.0\.0\.1:\d+)/.exec(output)?.[1];
      if (found === undefined) throw new Error(`it does not say where it listens:\n${output}`);
      return found;
    }, 60_000);
    const answer = await fetch(`${url}/functions/v1/health`);
    expect(await answer.json(), output).toMatchObject({ status: 'healthy', target: 'supabase' });

    process.kill(-(child.pid ?? 0), 'SIGINT');
    expect(await ended, output).toEqual([0, null]);
    await expect(fetch(`${url}/functions/v1/health/live`)).rejects.toThrow();
  } finally {
    child.kill('SIGKILL');
    await ended;
    await rm(data, { recursive: true, force: true });
    await database.drop();
  }
});
