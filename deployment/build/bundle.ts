// esbuild: ONE application file, the same bytes for every target, and thin entries that import it.
import { join } from 'node:path';
import { type BuildOptions, build, type Metafile, type Plugin } from 'esbuild';
import { neonOverHttp } from './neon-over-http.ts';

export interface Bundle {
  /** The application: everything that the entries share. */
  readonly app: Uint8Array;
  /** The entries by name; each imports `./app.js` and nothing else. */
  readonly entries: Readonly<Record<EntryName, Uint8Array>>;
  /** The front, which stands alone: it shares no file with the application. */
  readonly front: Uint8Array;
  /** What the application file is made of. */
  readonly metafile: Metafile;
}

export type EntryName = keyof typeof ENTRIES;

/** The name under which entries import the application. */
export const APP = 'app.js';

const APP_MODULE = 'src/targets/isolate.ts';
const FRONT_MODULE = 'src/targets/front.ts';

const ENTRIES = {
  cloudflare: 'src/targets/cloudflare.ts',
  vercel: 'src/targets/vercel.ts',
  supabase: 'supabase-adapter/serve.ts',
} as const;

/** No platform's modules and no conditions of Node: what comes out runs on every runtime. */
export const EVERY_RUNTIME = {
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'neutral',
  target: 'es2022',
  mainFields: ['module', 'main'],
  conditions: ['workerd', 'worker', 'import'],
} satisfies BuildOptions;

const OPTIONS = {
  ...EVERY_RUNTIME,
  // This package names its CommonJS file only, of which nothing could be left out.
  alias: { '@upstash/ratelimit': '@upstash/ratelimit/dist/index.mjs' },
  charset: 'utf8',
  legalComments: 'none',
  write: false,
  logLevel: 'silent',
} satisfies BuildOptions;

/** Bundles the project in `root`. The same files and the same commit give the same bytes, wherever they lie. */
export async function bundle(root: string, commit: string): Promise<Bundle> {
  const whole = {
    ...OPTIONS,
    absWorkingDir: root,
    define: { BUILD_COMMIT: JSON.stringify(commit) },
    plugins: [englishOnly, neonOverHttp],
  };
  const { outputFiles, metafile } = await build({
    ...whole,
    entryPoints: [APP_MODULE],
    metafile: true,
    outfile: APP,
  });
  const front = await build({ ...whole, entryPoints: [FRONT_MODULE], outfile: join('front', 'index.js') });
  const entries = await Promise.all(
    Object.entries(ENTRIES).map(async ([name, path]) => [name, await entry(root, path)] as const),
  );
  return {
    app: onlyFile(outputFiles),
    entries: Object.fromEntries(entries) as Record<EntryName, Uint8Array>,
    front: onlyFile(front.outputFiles),
    metafile,
  };
}

async function entry(root: string, path: string): Promise<Uint8Array> {
  const { outputFiles } = await build({
    ...OPTIONS,
    // Supabase's CLI looks for `import {`, with the blank: it would not upload a file that is imported without.
    minify: false,
    minifySyntax: true,
    minifyIdentifiers: true,
    absWorkingDir: root,
    entryPoints: [path],
    plugins: [sharedApp],
    outfile: join('entry', 'index.js'),
  });
  return onlyFile(outputFiles);
}

function onlyFile(files: readonly { readonly contents: Uint8Array }[]): Uint8Array {
  const [file] = files;
  if (!file || files.length > 1) throw new Error(`The bundler wrote ${files.length} files instead of one`);
  return file.contents;
}

/** The application stays outside of an entry, which imports the shared file beside it. */
const sharedApp: Plugin = {
  name: 'shared-app',
  setup({ onResolve }) {
    onResolve({ filter: /\/isolate\.ts$/ }, () => ({ path: `./${APP}`, external: true }));
  },
};

/** zod's texts in fifty languages ride along wherever a library imports it whole; nobody sees them here. */
const englishOnly: Plugin = {
  name: 'english-only',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js';",
    }));
  },
};
