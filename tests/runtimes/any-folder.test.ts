/** A clone may lie anywhere: each runtime starts from a folder whose name needs care in a URL, a flag and a file. */
import { cp, mkdtemp, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RUNTIMES, type RuntimeName } from '../../local/runtimes/runtimes.ts';
import { builtOutput } from '../support/shared-parts.ts';

let directory: string;
/** Reached through a link, as the temporary folder of macOS is. */
let root: string;
beforeAll(async () => {
  directory = await realpath(await mkdtemp(join(tmpdir(), 'mmc-folder-')));
  const folder = join(directory, 'a clone, #1 of 100%20 (é)');
  await cp(await builtOutput(), folder, { recursive: true });
  root = join(directory, 'linked, too');
  await symlink(folder, root);
}, 180_000);
afterAll(() => rm(directory, { recursive: true, force: true }));

it.each(Object.keys(RUNTIMES) as RuntimeName[])('%s', async (name) => {
  const environment = {
    DATABASE_URL: 'postgresql://user:password@127.0.0.1:1/none',
    JWT_SECRET: 'a secret for tests, of thirty-two characters',
  };
  const { url, stop } = await RUNTIMES[name]({ root, port: 0, environment });
  try {
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
  } finally {
    await stop();
  }
});
