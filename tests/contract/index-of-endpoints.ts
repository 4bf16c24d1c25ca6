/** The contract's index of endpoints, and the routes that the application really has. */
import { readFileSync } from 'node:fs';
import { methodsByPath } from '../../src/lib/known-paths.ts';
import { createNodeTarget } from '../../src/targets/node.ts';

export interface IndexRow {
  readonly id: number;
  readonly method: string;
  readonly path: string;
  readonly auth: 'public' | 'admin' | 'cron' | 'metrics';
  readonly write: boolean;
}

/** All rows, with the one that stands for every unknown path. */
export const WHOLE_INDEX: readonly IndexRow[] = JSON.parse(
  readFileSync(new URL('./endpoints.json', import.meta.url), 'utf8'),
);

/** All rows of endpoints. */
export const INDEX = WHOLE_INDEX.filter(({ path }) => !path.endsWith('*'));

/** `METHOD /path` of everything that the application answers, HEAD included. */
export function servedRoutes(): ReadonlySet<string> {
  const { app, close } = createNodeTarget({});
  close();
  return new Set(
    [...methodsByPath(app)].flatMap(([path, methods]) => [...methods].map((method) => `${method} ${path}`)),
  );
}
