// Vercel's Build Output API, version 3: one function for every path. What vercel.json says of crons and headers is
// said here again, since a prebuilt deployment reads this folder only. The limits of the function stand here alone: what
// vercel.json says under `functions` must match source files in api/, and fails the platform's own build otherwise.

/** The part of vercel.json that a deployment from this folder needs. */
export interface VercelProject {
  readonly crons: readonly { readonly path: string; readonly schedule: string }[];
  readonly headers: readonly {
    readonly source: string;
    readonly headers: readonly { readonly key: string; readonly value: string }[];
  }[];
}

/** Seconds a request may take: above the 280 s after which a stream ends by itself. */
const MAX_DURATION = 300;

/** `config.json`. */
export function vercelConfiguration({ crons, headers }: VercelProject) {
  return {
    version: 3,
    routes: [
      ...headers.map(({ source, headers: pairs }) => ({
        src: `^${source}$`,
        headers: Object.fromEntries(pairs.map(({ key, value }) => [key, value])),
        continue: true,
      })),
      { src: '/.*', dest: '/api' },
    ],
    crons,
  };
}

/** `.vc-config.json`: Node hands the entry a Request and sends its Response, also one that streams. */
export function vercelFunction() {
  return {
    runtime: 'nodejs22.x',
    handler: 'index.mjs',
    launcherType: 'Nodejs',
    shouldAddHelpers: false,
    supportsResponseStreaming: true,
    maxDuration: MAX_DURATION,
  };
}
