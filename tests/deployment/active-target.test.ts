/** Who has the patients, as far as a command can tell: the database, else the records, else nobody knows. */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { activeTarget, previousTarget } from '../../deployment/command-tools.ts';
import { readVersions, withVersion, writeVersions } from '../../deployment/versions.ts';
import { createMigratedDatabase, type TestDatabase } from '../support/postgres-server.ts';
import { makeReleaseRepository, type ReleaseRepository } from '../support/release-repository.ts';

let repository: ReleaseRepository;
let server: Server;
let hung: string;
const sockets: Socket[] = [];
beforeEach(async () => {
  repository = await makeReleaseRepository();
  server = createServer((socket) => sockets.push(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  hung = `postgres://nobody@127.0.0.1:${(server.address() as AddressInfo).port}/none`;
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server.close();
  await repository.remove();
});

async function deployedToVercel(): Promise<void> {
  const versions = withVersion(await readVersions(repository.root), {
    version: '1.2.3+one',
    timestamp: '2026-01-05T10:00:00.000Z',
    commit: 'one',
    status: 'stable',
    health_check_url: 'https://example.com/health',
    target: 'vercel',
    checksum: 'c0ffee',
    schema: '0000_first',
    deployment: 'id-1',
  });
  await writeVersions(repository.root, versions, 'vercel');
}

it('a database that accepts and never answers is not waited for: the records tell, with a doubt', async () => {
  await deployedToVercel();
  // Its own limit would be the driver's ten seconds; the socket is open all the while.
  const known = await activeTarget({ DATABASE_URL: hung }, repository.root);
  expect(sockets.some((socket) => !socket.destroyed)).toBe(true);
  expect(known).toEqual({
    target: 'vercel',
    doubt: expect.stringContaining('vercel had the patients when deployment/versions.json was written'),
    isGuess: false,
  });
});

describe('before the first switch', () => {
  const targets = (...names: string[]) =>
    JSON.stringify(Object.fromEntries(names.map((name) => [name, `https://${name}.example`])));
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createMigratedDatabase();
  }, 60_000);
  afterAll(() => database?.drop());

  const known = (settings: Readonly<Record<string, string>>) =>
    activeTarget({ DATABASE_URL: database.url, ...settings }, repository.root);

  it('it is the first in line, as for the front', async () => {
    const TARGETS = targets('cloudflare', 'vercel');
    expect(await known({ TARGETS })).toEqual({ target: 'cloudflare', doubt: undefined, isGuess: false });
    await deployedToVercel();
    const FAILOVER_ORDER = 'vercel,cloudflare';
    expect(await known({ TARGETS, FAILOVER_ORDER })).toEqual({
      target: 'vercel',
      doubt: undefined,
      isGuess: false,
    });
    // Without a front no setting is needed.
    expect(await known({})).toEqual({ target: 'vercel', doubt: undefined, isGuess: false });
  });

  it('where the records name another one a person must name it', async () => {
    await deployedToVercel();
    expect(await known({ TARGETS: targets('cloudflare', 'vercel') })).toEqual({
      target: 'cloudflare',
      doubt: expect.stringMatching(/a front sends the patients to cloudflare.* names vercel$/),
      isGuess: true,
    });
  });

  it('nobody had the patients before; without the database nobody can tell', async () => {
    await expect(previousTarget({ DATABASE_URL: database.url })).rejects.toThrow('Nobody had the patients');
    await expect(previousTarget({ DATABASE_URL: 'postgres://x@127.0.0.1:9/x' })).rejects.toThrow(
      'the database does not say which target has the patients: give a target',
    );
  });
});

it('where neither tells, it is called a guess', async () => {
  const known = await activeTarget({}, repository.root);
  expect(known).toEqual({
    target: 'supabase',
    doubt: 'DATABASE_URL is not set; supabase is a guess',
    isGuess: true,
  });
});
