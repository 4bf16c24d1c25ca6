/**
 * Vitest's global setup: what all test files share, made when the first of them asks for it, so that a run of unit
 * tests alone does not wait for it, and removed at the end of the run.
 */
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';
import { type PostgresServer, startPostgresServer } from './postgres-process.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Answers a GET of one of the paths of `SHARED` with a text, making what it names first when need be. */
    sharedPartsUrl: string;
  }
}

/** Files that share a process leave servers open behind them, which keep theirs. */
const CONNECTIONS = 1_000;

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Called by Vitest once before all test files; gives back what it calls after the last one, also when tests failed. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  let postgres: Promise<PostgresServer> | undefined;
  const output = await mkdtemp(join(tmpdir(), 'mmc-build-'));
  const adminUrl = async () => {
    postgres ??= startPostgresServer({ durable: false, maxConnections: CONNECTIONS });
    return (await postgres).adminUrl;
  };
  const parts = new Map([
    ['/postgres', adminUrl],
    ['/migrated-template', once(async () => migratedTemplate(await adminUrl()))],
    ['/build', once(() => build(output))],
  ]);

  const server = createServer((request, response) => {
    const part = parts.get(request.url ?? '');
    Promise.resolve(part?.()).then(
      (text) => response.end(text),
      (cause: unknown) => {
        response.statusCode = 500;
        response.end(String(cause));
      },
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no TCP port');
  project.provide('sharedPartsUrl', `http://127.0.0.1:${address.port}`);

  return async () => {
    server.close();
    server.closeAllConnections();
    await rm(output, { recursive: true, force: true });
    await postgres?.then(
      (started) => started.stop(),
      () => undefined,
    );
  };
}

/** The name of a database with our schema, of which copies cost a fraction of its migrations. */
async function migratedTemplate(adminUrl: string): Promise<string> {
  // Imported here, so that a run of unit tests does not load a migrator.
  const { createTestDatabase } = await import('./postgres-server.ts');
  const { migrateUrl } = await import('./sql-database.ts');
  const { name, url } = await createTestDatabase({ adminUrl });
  await migrateUrl(url);
  return name;
}

/** Builds all targets into a folder of this run, with what says how they are deployed. */
async function build(into: string): Promise<string> {
  const { buildAll } = await import('../../deployment/build/build.ts');
  await buildAll({ root: ROOT, into });
  for (const name of ['wrangler.toml', 'wrangler.front.toml'])
    await copyFile(join(ROOT, name), join(into, name));
  return into;
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
