// What the build writes into supabase/ besides the bundle: a file for each function, and their configuration.
import { BUILT_FUNCTIONS } from './functions.ts';

/** The module of `_shared` that exports serveFunction. */
export const ADAPTER = 'adapter.js';

/** Texts by their path in `supabase/`. */
export function generatedFiles(): Map<string, string> {
  const files = new Map<string, string>();
  for (const name of BUILT_FUNCTIONS) {
    const text = `import { serveFunction } from '../_shared/${ADAPTER}';\nserveFunction('${name}');\n`;
    files.set(`functions/${name}/index.js`, text);
  }
  files.set('config.toml', configuration());
  return files;
}

/** The platform's own token check is off everywhere: the application authenticates, alike on every target. */
function configuration(): string {
  const sections = BUILT_FUNCTIONS.map(
    (name) => `[functions.${name}]\nverify_jwt = false\nentrypoint = "./functions/${name}/index.js"\n`,
  );
  return ['# Written by `npm run build`: do not edit.\nproject_id = "mmc-mms"\n', ...sections].join('\n');
}
