/** `npm run status`: what each target answers, what was deployed to it, and who has the patients. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { publicProblem } from '../../deployment/public-view.ts';
import { statusOf, statusTable } from '../../deployment/status.ts';
import type { Target } from '../../deployment/targets.ts';
import { type DeployedVersion, readVersions, withVersion, writeVersions } from '../../deployment/versions.ts';
import { makeReleaseRepository, type ReleaseRepository } from '../support/release-repository.ts';

const RIGHT = 'a'.repeat(40);
const OTHER = 'b'.repeat(40);

let repository: ReleaseRepository;
const servers: Server[] = [];

beforeAll(async () => {
  repository = await makeReleaseRepository();
  let versions = await readVersions(repository.root);
  for (const target of ['cloudflare', 'vercel'] as const) versions = withVersion(versions, versionOn(target));
  await writeVersions(repository.root, versions, 'cloudflare');
});
afterAll(async () => {
  for (const server of servers) server.close();
  await repository.remove();
});

const versionOn = (target: Target): DeployedVersion => ({
  version: '1.2.3+aaaaaaaaaaaa',
  timestamp: '2026-01-05T10:00:00.000Z',
  commit: RIGHT,
  status: 'stable',
  health_check_url: 'https://example.com/health',
  target,
  checksum: 'c0ffee',
  schema: '0025_import',
  deployment: 'id-1',
});

async function serving(target: Target, commit: string): Promise<string> {
  const body = JSON.stringify({ commit, schema_version: '0025_import', schema_version_db: '0025_import' });
  const server = createServer((_, response) => response.setHeader('X-MMC-Target', target).end(body));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

it('shows each target as it answers, and marks a commit that nobody deployed there', async () => {
  const rows = await statusOf(
    repository.root,
    [
      { name: 'cloudflare', url: await serving('cloudflare', RIGHT) },
      { name: 'vercel', url: await serving('vercel', OTHER) },
      { name: 'supabase', url: 'http://127.0.0.1:9' },
    ],
    'cloudflare',
  );
  expect(rows).toMatchObject([
    { target: 'cloudflare', active: true, health: 'ready', version: '1.2.3+aaaaaaaaaaaa', differs: false },
    { target: 'vercel', active: false, health: 'ready', commit: OTHER, differs: true },
    { target: 'supabase', active: false, health: 'unreachable', version: null, p50_ms: null },
  ]);
  expect(rows[0]?.p50_ms).toBeGreaterThan(0);
  const [head, first, second, third] = statusTable(rows).split('\n');
  expect(head).toMatch(/^ +target +health +version +commit +schema +p50 +url$/);
  expect(first).toMatch(/^\* +cloudflare +ready +1\.2\.3\+a{12} +a{12} +0025_import +[\d.]+ ms +http/);
  expect(second).toContain('bbbbbbbbbbbb!');
  expect(third).toMatch(/^ +supabase +unreachable +- +- +- +- +http/);
});

it('says when people do not reach the active target at the public address', async () => {
  const front = await serving('vercel', RIGHT);
  expect(await publicProblem(front, 'vercel')).toBeUndefined();
  expect(await publicProblem(front, undefined)).toBeUndefined();
  expect(await publicProblem(front, 'cloudflare')).toBe(`${front} shows vercel, not cloudflare`);
  expect(await publicProblem('http://127.0.0.1:9', 'cloudflare')).toContain('look at the front');
});
