/** What Supabase's CLI uploads of a function: the files that it finds by reading imports with an expression of its own. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { BUILT_FUNCTIONS } from '../../supabase-adapter/functions.ts';
import { builtOutput } from '../support/shared-parts.ts';

/** As in its version 3.1.0: `import{` without a blank is no import to it. */
const IMPORT = /(?:import|export)\s+(?:type\s+)?(?:{[^{}]+}|.*?)\s*(?:from)?\s*['"](.*?)['"]/g;

let functions: string;
beforeAll(async () => {
  functions = join(await builtOutput(), 'supabase', 'functions');
}, 180_000);

/** The files that the CLI finds from this one on. */
function uploaded(file: string, found = new Set<string>()): string[] {
  if (found.has(file)) return [];
  found.add(file);
  for (const [, path = ''] of readFileSync(file, 'utf8').matchAll(IMPORT)) {
    if (path.startsWith('.')) uploaded(join(dirname(file), path), found);
  }
  return [...found].map((each) => relative(functions, each)).sort();
}

describe('the upload of a function to Supabase', () => {
  it.each(BUILT_FUNCTIONS)('%s takes everything along that it runs', (name) => {
    const shared = readdirSync(join(functions, '_shared')).map((file) => join('_shared', file));
    const wanted = [...shared, join(name, 'index.js')].sort();
    expect(uploaded(join(functions, name, 'index.js'))).toEqual(wanted);
  });
});
