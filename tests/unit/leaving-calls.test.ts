/** What leaves the process does so through a circuit breaker: only these files can call out, and all of them say how. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const SOURCE = fileURLToPath(new URL('../../src', import.meta.url));

const FILES = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
  .map((path) => path.split(sep).join('/'))
  .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'));

/** Without comments. */
const CODE = new Map(
  FILES.map((path) => [
    path,
    readFileSync(join(SOURCE, path), 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|(?<!:)\/\/.*/g, ''),
  ]),
);

const filesWith = (pattern: RegExp) => FILES.filter((path) => pattern.test(CODE.get(path) ?? ''));

/** A call of the global function, or its use as a value; not the method of an application. */
const FETCH = /(?<![.\w])(?:globalThis\.|self\.)?fetch(?:\(|\s*[,;)}])/;

const OTHER_WAYS =
  /\b(?:WebSocket|EventSource|XMLHttpRequest|sendBeacon)\b|from '(?:node:)?(?:https?|net|tls)'/;

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

  it('is made by the clients of the database, of Redis and of the targets, and by nothing else', () => {
    expect(filesWith(FETCH).toSorted()).toStrictEqual([
      'front/ask-target.ts',
      'lib/database.ts',
      'lib/redis.ts',
    ]);
    expect(filesWith(OTHER_WAYS)).toStrictEqual([]);
  });

  it('needs a client, and each has one maker: nobody calls past it', () => {
    expect(filesWith(/import \{[^}]*\bneon\b[^}]*\} from '@neondatabase\/serverless'/)).toStrictEqual([
      'lib/database.ts',
    ]);
    expect(filesWith(/import \{ Redis\b[^}]*\} from '@upstash\/redis'/)).toStrictEqual(['lib/redis.ts']);
    expect(filesWith(/\baskTarget\(/).toSorted()).toStrictEqual(['front/ask-target.ts', 'front/front.ts']);
  });

  it('goes through the breaker of its dependency', () => {
    for (const path of ['lib/database.ts', 'lib/redis.ts', 'front/target-life.ts']) {
      expect(CODE.get(path), path).toMatch(/[bB]reaker\w*(?:\([^)]*\))?\s*\.execute\(/);
    }
    expect(CODE.get('front/front.ts')).toMatch(/failover\.firstAnswer\([^;]*askTarget\(/);
  });

  it('knows no breaker only where one would do harm: a floor, shared counts, a look of the front, a subscription', () => {
    // A floor must rise for those whose circuit is closed, and that one is open is what the counts tell the others.
    expect(filesWith(/\bredis\??\.client\b/).toSorted()).toStrictEqual([
      'lib/cache.ts',
      'lib/shared-counts.ts',
    ]);
    // What decides whether a circuit opens cannot ask behind it.
    expect(filesWith(/\bisAlive\(/).toSorted()).toStrictEqual([
      'front/ask-target.ts',
      'front/target-life.ts',
    ]);
    // It is held for minutes, and gives way to asking once a second.
    expect(filesWith(/\bredis\.subscribe\(/)).toStrictEqual(['lib/line-versions.ts']);
  });
});
