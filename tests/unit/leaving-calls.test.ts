/** What leaves the process does so through a circuit breaker: only these files can call out, and all of them say how. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** All that runs on a target. */
const FILES = ['src', 'supabase-adapter'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .map((path) => `${folder}/${path.split(sep).join('/')}`)
    .filter((path) => /\.(?:ts|js|mjs)$/.test(path) && !path.endsWith('.test.ts')),
);

/** Without comments. */
const CODE = new Map(
  FILES.map((path) => [
    path,
    readFileSync(join(ROOT, path), 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|(?<!:)\/\/.*/g, ''),
  ]),
);

/** How often each file does this, of those that do. */
const placesOf = (pattern: RegExp) =>
  Object.fromEntries(
    FILES.map((path) => [path, CODE.get(path)?.match(new RegExp(pattern, 'g'))?.length ?? 0] as const)
      .filter(([, count]) => count > 0)
      .toSorted(([one], [other]) => (one < other ? -1 : 1)),
  );

const filesWith = (pattern: RegExp) => Object.keys(placesOf(pattern));

/** A call of the global function, or its use as a value; not the method of an application. */
const FETCH = /(?<![.\w])(?:globalThis\.|self\.)?fetch(?:\(|\s*[,;)}])/;

const OTHER_WAYS =
  /\b(?:WebSocket|EventSource|XMLHttpRequest|sendBeacon|Deno\.connect)\b|from '(?:node:)?(?:https?|net|tls)'/;

describe('a call that leaves the process', () => {
  it.each([
    'await fetch(url)',
    'return globalThis.fetch(url)',
    'const send = fetch;',
    'new Client({ url, fetch })',
  ])('is found: %s', (code) => expect(code).toMatch(FETCH));

  it.each(['app.fetch(request)', 'const { refetch } = this;', 'prefetch(url)'])('is not: %s', (code) =>
    expect(code).not.toMatch(FETCH),
  );

  it('is made by the clients of the database, of Redis and of the targets, at places that are known, and nowhere else', () => {
    expect(placesOf(FETCH)).toStrictEqual({
      // What a client asked, and the look at whether a target lives.
      'src/front/ask-target.ts': 2,
      'src/lib/database.ts': 1,
      // A subscription; commands leave through the client.
      'src/lib/redis.ts': 1,
    });
    expect(placesOf(OTHER_WAYS)).toStrictEqual({});
  });

  it('needs a client, and each has one maker: nobody calls past it', () => {
    expect(placesOf(/(?<!\w)neon\(/)).toStrictEqual({ 'src/lib/database.ts': 1 });
    expect(placesOf(/new Redis\(/)).toStrictEqual({ 'src/lib/redis.ts': 1 });
    expect(filesWith(/\baskTarget\(/)).toStrictEqual(['src/front/ask-target.ts', 'src/front/front.ts']);
  });

  it('goes through the breaker of its dependency', () => {
    for (const path of ['src/lib/database.ts', 'src/lib/redis.ts', 'src/front/target-life.ts']) {
      expect(CODE.get(path), path).toMatch(/[bB]reaker\w*(?:\([^)]*\))?\s*\.execute\(/);
    }
    expect(placesOf(/\b(?:db|client)\s*\.execute\(/)).toStrictEqual({ 'src/lib/database.ts': 1 });
    expect(CODE.get('src/front/front.ts')).toMatch(/failover\.firstAnswer\([^;]*askTarget\(/);
  });

  it('knows no breaker only where one would do harm: a floor, shared counts, a look of the front, a subscription', () => {
    // A floor must rise for those whose circuit is closed, and that one is open is what the counts tell the others.
    expect(filesWith(/\bredis\??\.client\b/)).toStrictEqual(['src/lib/cache.ts', 'src/lib/shared-counts.ts']);
    // What decides whether a circuit opens cannot ask behind it.
    expect(filesWith(/\bisAlive\(/)).toStrictEqual(['src/front/ask-target.ts', 'src/front/target-life.ts']);
    // It is held for minutes, and gives way to asking once a second.
    expect(filesWith(/\bredis\.subscribe\(/)).toStrictEqual(['src/lib/line-versions.ts']);
  });
});

describe('a write', () => {
  it('is possible in one place, which forgets what it touched: everybody else has a type without writes', () => {
    const makers = ['src/front/front.ts', 'src/lib/services.ts'];
    expect(filesWith(/\bcreateDatabase\(/)).toStrictEqual(['src/lib/database.ts', ...makers].toSorted());
    // Who makes one keeps it as one that reads.
    expect(placesOf(/(?<!function )\bcreateDatabase\(/)).toStrictEqual(
      placesOf(/\w: ReadingDatabase =\s*(?:[\w.]+ \?\?\s*)?createDatabase\(/),
    );
    // The type with the writes. What hands it on is called with it from there.
    expect(filesWith(/import (?:type )?\{[^}]*\bDatabase\b[^}]*\} from/)).toStrictEqual([
      'src/lib/idempotent-request.ts',
      'src/lib/request-context.ts',
    ]);
    expect(placesOf(/\bforgetOldValues\(/)).toStrictEqual({
      'src/lib/cache-invalidation.ts': 1,
      'src/lib/request-context.ts': 1,
    });
  });
});
