/**
 * Vitest's global setup: one real Postgres for all test files, started when the first of them asks for it, so that a
 * run of unit tests alone does not wait for it, and removed at the end of the run.
 */
import { createServer } from 'node:http';
import type { TestProject } from 'vitest/node';
import { type PostgresServer, startPostgresServer } from './postgres-process.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Answers a GET with the admin URL of the shared Postgres, starting it first when need be. */
    postgresStarterUrl: string;
  }
}

/** Called by Vitest once before all test files; gives back what it calls after the last one, also when tests failed. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  let starting: Promise<PostgresServer> | undefined;
  const starter = createServer((_request, response) => {
    starting ??= startPostgresServer({ durable: false });
    starting.then(
      (server) => response.end(server.adminUrl),
      (cause: unknown) => {
        response.statusCode = 500;
        response.end(String(cause));
      },
    );
  });
  await new Promise<void>((resolve) => starter.listen(0, '127.0.0.1', resolve));
  const address = starter.address();
  if (address === null || typeof address === 'string') throw new Error('no TCP port');
  project.provide('postgresStarterUrl', `http://127.0.0.1:${address.port}/`);

  return async () => {
    starter.close();
    starter.closeAllConnections();
    await starting?.then(
      (server) => server.stop(),
      () => undefined,
    );
  };
}
