// Neon's driver is one prebuilt file with all of pg in it, for its WebSocket client: three quarters of it never run
// here, and no bundler can see that. This takes them out of the pinned version; the rest stays as it was published.
import { readFile } from 'node:fs/promises';
import type { Plugin } from 'esbuild';

interface Cut {
  readonly what: string;
  readonly find: RegExp;
  readonly put: string;
}

/** Each is found exactly once, or the build fails: a new version of the driver needs a new look. */
const CUTS: readonly Cut[] = [
  {
    what: 'Client, Pool and the package of pg; its types stay',
    find: /h\(\);var \w+=we\(ot\(\)\);h\(\);var \w+=we\(ot\(\)\);[\s\S]*?(?=var \w+="mjs";)/,
    put: 'var ct={types:Je()};',
  },
  {
    what: 'their exports',
    find: /var export_DatabaseError=[\s\S]*?(?=var export_types=)/,
    put: '',
  },
  {
    what: 'the list of exports',
    find: /export\{[\s\S]*?\};/,
    put: 'export{N as NeonDbError,ys as neon,pe as neonConfig,export_types as types};',
  },
  {
    what: 'hashes for passwords on a socket',
    find: /var \w+=\(fr\(\),O\(\w+\)\)(?=,\w+=tt\(\);)/,
    put: 'var Fu={}',
  },
  {
    what: 'the emitter under the socket, of which only the static settings are used',
    find: /(?<==)we\(ve\(\),1\)/,
    put: '{EventEmitter:class{}}',
  },
  {
    what: 'the Buffer for runtimes without one, for binary values: we send and get texts',
    find: /(?<=\?globalThis\.Buffer:)\s*oi\(\)\.Buffer/,
    put: 'Uint8Array',
  },
];

/** What the file calls at its top level without an effect that anybody needs: modules made later, and names. */
const PURE = [/(?<==)(?=(?:T|V|we)\()/g, /(?<![\w$.])(?=a\(\s*[\w$]+,\s*"(?:[^"\\]|\\.)*"\s*\))/g];

/** Bundles what of the driver speaks HTTP. */
export const neonOverHttp: Plugin = {
  name: 'neon-over-http',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]@neondatabase[\\/]serverless[\\/]index\.mjs$/ }, async ({ path }) => ({
      contents: withoutSockets(await readFile(path, 'utf8')),
    }));
  },
};

/** The published file without what only sockets need. Throws when it is not the file that the cuts were made for. */
export function withoutSockets(published: string): string {
  // The file is wrapped at a hundred columns, within its texts too.
  let text = published.replaceAll('\\\n', '');
  for (const { what, find, put } of CUTS) {
    const found = text.match(new RegExp(find, 'g'))?.length ?? 0;
    if (found !== 1) throw new Error(`Not cut out of the Neon driver (found ${found} times): ${what}`);
    text = text.replace(find, put);
  }
  for (const place of PURE) text = text.replace(place, '/*@__PURE__*/');
  return text;
}
