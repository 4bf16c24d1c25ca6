/** What all test files of a run share, each part made at its first use (global-setup.ts). */

/** The admin URL of the shared Postgres. */
export const sharedPostgresUrl = (): Promise<string> => part('/postgres');

/** The name of a database of it with our schema, for copies. Nobody connects to it. */
export const migratedTemplate = (): Promise<string> => part('/migrated-template');

/** The folder of a build of the sources as they are, which nothing else writes to. */
export const builtOutput = (): Promise<string> => part('/build');

async function part(path: string): Promise<string> {
  // Imported here, because Vitest refuses to be imported outside of a test: benchmarks give their own `adminUrl`.
  const { inject } = await import('vitest');
  const answer = await fetch(inject('sharedPartsUrl') + path);
  const text = await answer.text();
  if (!answer.ok) throw new Error(text);
  return text;
}
