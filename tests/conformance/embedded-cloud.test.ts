/** What the embedded cloud promises as a whole: data that stays, one owner per directory, a credential of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { neon, neonConfig } from '@neondatabase/serverless';
import { Redis } from '@upstash/redis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { lockDirectory } from '../../local/directory-lock.ts';
import { startEmbeddedCloud } from '../../local/embedded-cloud.ts';
import { createTestDatabase } from '../support/postgres-server.ts';

neonConfig.fetchEndpoint = (host, port) => `http://${host}:${port}/sql`;

const SCRIPT = fileURLToPath(new URL('../support/cloud-process.ts', import.meta.url));

/** For what needs no database: it would only be connected to at the first query. */
const databaseUrl = 'postgres://nobody@127.0.0.1:1/none';

let directory: string;
/** What a first start leaves, which takes seconds, for copies. */
let afterFirstStart: string;
const children: ChildProcess[] = [];

beforeAll(async () => {
  afterFirstStart = await mkdtemp(join(tmpdir(), 'mmc-cloud-'));
  const cloud = await startEmbeddedCloud({ dataDir: afterFirstStart });
  await cloud.close();
});
afterAll(() => rm(afterFirstStart, { recursive: true, force: true }));

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mmc-cloud-'));
});

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode === null && child.signalCode === null && child.kill('SIGKILL'))
      await once(child, 'close');
  }
  await rm(directory, { recursive: true, force: true });
});

const beginWithData = () => cp(afterFirstStart, directory, { recursive: true });

/** Starts the cloud in another process and gives its first line: a URL, or why it did not start. */
async function startElsewhere(): Promise<{ child: ChildProcess; line: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', SCRIPT, directory], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  return { child, line };
}

describe('data', () => {
  it('is there again after a restart', async () => {
    await beginWithData();
    const first = await startEmbeddedCloud({ dataDir: directory });
    const sql = neon(first.databaseUrl);
    await sql`CREATE TABLE kept (n int)`;
    await sql`INSERT INTO kept VALUES (7)`;
    await first.close();

    const second = await startEmbeddedCloud({ dataDir: directory });
    expect(await neon(second.databaseUrl)`SELECT n FROM kept`).toEqual([{ n: 7 }]);
    await second.close();
    expect(await readdir(directory)).toEqual(['postgres']);
  });

  it('that was answered survives the killing of its process, whose lock is then taken over', async () => {
    await beginWithData();
    const { child, line } = await startElsewhere();
    const sql = neon(line);
    await sql`CREATE TABLE kept (n int)`;
    for (let n = 1; n <= 50; n += 1) await sql`INSERT INTO kept VALUES (${n})`;
    child.kill('SIGKILL');
    await once(child, 'close');

    const cloud = await startEmbeddedCloud({ dataDir: directory });
    expect(await neon(cloud.databaseUrl)`SELECT count(*)::int AS n FROM kept`).toEqual([{ n: 50 }]);
    await cloud.close();
  });

  it('of two clouds without a directory is separate', async () => {
    const [first, second] = await Promise.all([startEmbeddedCloud(), startEmbeddedCloud()]);
    await first.driver.query({ query: 'CREATE TABLE own ()', params: [] });
    await second.driver.query({ query: 'CREATE TABLE own ()', params: [] });
    await first.close();
    await second.close();
  });
});

describe('one directory', () => {
  it('has one owner: a second process is told who that is, and harms nothing', async () => {
    await beginWithData();
    const { child, line } = await startElsewhere();
    expect(line).toMatch(/^postgresql:/);
    const refused = await startElsewhere();
    expect(refused.line).toContain(`in use by process ${child.pid}`);
    await expect(startEmbeddedCloud({ dataDir: directory })).rejects.toThrow(
      `in use by process ${child.pid}`,
    );
    expect(await neon(line)`SELECT 1 AS n`).toEqual([{ n: 1 }]);
  });

  it('has one owner within a process, too', async () => {
    await beginWithData();
    const first = await startEmbeddedCloud({ dataDir: directory });
    await expect(startEmbeddedCloud({ dataDir: directory })).rejects.toThrow(
      `in use by process ${process.pid}`,
    );
    await first.close();
    const second = await startEmbeddedCloud({ dataDir: directory });
    await second.close();
  });

  it.each([
    ['a process that is gone', '999999999-1'],
    ['a process with our number from before a restart', `${process.pid}-1`],
    ['a process whose number another one got', '1-1'],
    ['nobody', '0-'],
  ])('a lock of %s is taken over', async (_name, owner) => {
    const target = join(directory, 'database');
    await writeFile(`${target}.lock-${owner}`, 'holding');
    const unlock = await lockDirectory(target);
    await expect(lockDirectory(target)).rejects.toThrow('in use');
    await unlock();
    expect(await readdir(directory)).toEqual([]);
  });

  it('of processes that start together on a stale lock, one gets the directory', async () => {
    await writeFile(join(directory, 'postgres.lock-999999999-1'), 'holding');
    const started = await Promise.all([startElsewhere(), startElsewhere(), startElsewhere()]);
    expect(started.filter(({ line }) => line.startsWith('postgresql:'))).toHaveLength(1);
    expect(started.filter(({ line }) => line.includes('in use by process'))).toHaveLength(2);
  });
});

describe('credentials and servers', () => {
  it('every start has a token of its own, which both endpoints require', async () => {
    const [first, second] = await Promise.all([
      startEmbeddedCloud({ databaseUrl }),
      startEmbeddedCloud({ databaseUrl }),
    ]);
    expect(first.redisToken).not.toBe(second.redisToken);
    expect(first.redisToken.length).toBeGreaterThanOrEqual(43);
    await expect(
      neon(first.databaseUrl.replace(first.redisToken, second.redisToken))`SELECT 1`,
    ).rejects.toThrow('401');
    const stranger = new Redis({
      url: first.redisUrl,
      token: second.redisToken,
      enableTelemetry: false,
      retry: false,
    });
    await expect(stranger.get('a')).rejects.toThrow('WRONGPASS');
    await first.close();
    await second.close();
  });

  it('a given token is used', async () => {
    const cloud = await startEmbeddedCloud({ token: 'a token/with ?odd& characters' });
    expect(await neon(cloud.databaseUrl)`SELECT 1 AS n`).toEqual([{ n: 1 }]);
    const redis = new Redis({
      url: cloud.redisUrl,
      token: cloud.redisToken,
      enableTelemetry: false,
      retry: false,
    });
    expect(await redis.ping()).toBe('PONG');
    await cloud.close();
  });

  it('a postgres:// URL puts the endpoint before that server', async () => {
    const database = await createTestDatabase();
    const cloud = await startEmbeddedCloud({ databaseUrl: database.url });
    const [row] = await neon(cloud.databaseUrl)`SELECT current_database() AS name`;
    expect(row?.name).toBe(database.name);
    await cloud.close();
    await database.drop();
  });

  it('URLs of another kind are refused before anything is started', async () => {
    await expect(startEmbeddedCloud({ databaseUrl: 'mysql://localhost/x' })).rejects.toThrow('postgres://');
    await expect(startEmbeddedCloud({ redisUrl: 'https://example.test' })).rejects.toThrow('redis://');
  });

  it('closing twice is closing once', async () => {
    const cloud = await startEmbeddedCloud({ databaseUrl });
    await Promise.all([cloud.close(), cloud.close()]);
    await cloud.close();
    await expect(fetch(cloud.redisUrl)).rejects.toThrow();
  });
});
