import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { COMMIT, SCHEMA_VERSION, SERVICE, VERSION } from './build-info.ts';

const readJson = async (path: string) => JSON.parse(await readFile(new URL(path, import.meta.url), 'utf8'));

describe('this build', () => {
  it('has the version of package.json', async () => {
    expect(VERSION).toBe((await readJson('../../package.json')).version);
  });

  it('expects the last migration there is', async () => {
    const { entries } = await readJson('../../drizzle/meta/_journal.json');
    expect(SCHEMA_VERSION).toBe(entries.at(-1).tag);
  });

  it('expects a migration that sorts behind all others, since versions are compared as texts', async () => {
    const { entries } = await readJson('../../drizzle/meta/_journal.json');
    const tags: string[] = entries.map(({ tag }: { tag: string }) => tag);
    expect([...tags].sort()).toEqual(tags);
    expect(new Set(tags).size).toBe(tags.length);
  });

  it('is called by its name, and without a build is one in development', () => {
    expect(SERVICE).toBe('mmc-mms');
    expect(COMMIT).toBe('development');
  });
});
