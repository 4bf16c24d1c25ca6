// What each part of the application file costs: that it stays small must be somebody's decision, not luck.
import type { Metafile } from 'esbuild';

export interface Cost {
  readonly part: string;
  readonly raw: number;
  /** Its share of the compressed file. */
  readonly gzip: number;
}

/** Folders by the part that they belong to; the first that fits counts. */
const PARTS: readonly (readonly [part: string, folder: string])[] = [
  ['hono', 'node_modules/hono/'],
  ['hono', 'node_modules/@hono/'],
  ['drizzle', 'node_modules/drizzle-orm/'],
  ['neon', 'node_modules/@neondatabase/'],
  ['ratelimit', 'node_modules/@upstash/ratelimit/'],
  ['ratelimit', 'node_modules/@upstash/core-analytics/'],
  ['redis', 'node_modules/@upstash/'],
  ['redis', 'node_modules/uncrypto/'],
  ['zod', 'node_modules/zod/'],
  ['other packages', 'node_modules/'],
  ['own: API description', 'src/lib/api-description'],
  ['own: routes', 'src/routes/'],
  ['own: the rest', ''],
];

/** The parts, the most costly first. The compressed size is shared out by raw size, as far as compression is even. */
export function costsOf({ outputs }: Metafile, gzip: number): Cost[] {
  const sums = new Map<string, number>();
  for (const { inputs } of Object.values(outputs)) {
    for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
      const part = PARTS.find(([, folder]) => path.startsWith(folder))?.[0] ?? path;
      sums.set(part, (sums.get(part) ?? 0) + bytesInOutput);
    }
  }
  const total = [...sums.values()].reduce((sum, raw) => sum + raw, 0);
  return [...sums]
    .map(([part, raw]) => ({ part, raw, gzip: Math.round((raw / total) * gzip) }))
    .sort((one, other) => other.raw - one.raw);
}
