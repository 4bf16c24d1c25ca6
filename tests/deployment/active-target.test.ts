/** Who has the patients, as far as a command can tell: the database, else the records, else nobody knows. */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { activeTarget } from '../../deployment/command-tools.ts';
import { readVersions, withVersion, writeVersions } from '../../deployment/versions.ts';
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

it('where neither tells, it is called a guess', async () => {
  const known = await activeTarget({}, repository.root);
  expect(known).toEqual({
    target: 'supabase',
    doubt: 'DATABASE_URL is not set; supabase is a guess',
    isGuess: true,
  });
});
