// What every runtime needs to start, and where the programs are.
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

export interface RuntimeStart {
  /** The folder with the build's output: the project's, or a copy of its own. */
  readonly root: string;
  /** 0: any free port. */
  readonly port: number;
  /** The target's settings, as on its platform; nothing else is in its environment. */
  readonly environment: Readonly<Record<string, string>>;
  readonly onOutput?: ((text: string) => void) | undefined;
}

const find = createRequire(import.meta.url);

/** The programs of installed packages, themselves where possible and not the scripts before them. */
export const PROGRAMS = {
  workerd: (): string => find('workerd').default,
  // As its own script finds it, which also does where npm runs no install scripts.
  deno: (): string => find('deno/install_api.cjs').runInstall(),
  wrangler: (): string => join(dirname(find.resolve('wrangler/package.json')), 'bin', 'wrangler.js'),
} as const;
