import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { copyFile, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BUDGET, overBudget } from '../../deployment/build/sizes.ts';
import { BUILT_FUNCTIONS } from '../../supabase-adapter/functions.ts';
import { type Built, buildInto, importsOf, ROOT } from './built.ts';

const COMMIT = '0123456789abcdef0123456789abcdef01234567';

const APPLICATIONS = [
  'dist/cloudflare/app.js',
  'supabase/functions/_shared/app.js',
  '.vercel/output/functions/api.func/app.js',
];

const ENTRIES = [
  'dist/cloudflare/index.js',
  'supabase/functions/_shared/adapter.js',
  '.vercel/output/functions/api.func/index.mjs',
];

let built: Built;
let again: Built;

beforeAll(async () => {
  built = await buildInto(COMMIT);
  again = await buildInto(COMMIT);
});
afterAll(async () => {
  await built?.remove();
  await again?.remove();
});

const text = (path: string): string => {
  const content = built.files.get(path);
  if (!content) throw new Error(`The build wrote no ${path}`);
  return content.toString();
};

const digest = (content: Uint8Array) => createHash('sha256').update(content).digest('hex');

describe('a build', () => {
  it('is reproducible: two of one commit are the same files, byte for byte', () => {
    const digests = ({ files }: Built) =>
      [...files].map(([path, content]) => `${path} ${digest(content)}`).sort();
    expect(built.files.size).toBeGreaterThan(30);
    expect(digests(again)).toEqual(digests(built));
  });

  it('runs the same code on every target: one application file, one sha256', () => {
    expect(new Set(APPLICATIONS.map((path) => digest(Buffer.from(text(path))))).size).toBe(1);
  });

  it('knows its commit, and the folder it was made in is nowhere in it', () => {
    expect(text('dist/cloudflare/app.js')).toContain(COMMIT);
    for (const [path, content] of built.files) expect(content.includes(ROOT), path).toBe(false);
  });

  it('leaves no import in the application, and none but the application in an entry', async () => {
    for (const path of APPLICATIONS) expect(await importsOf(join(built.folder, path)), path).toEqual([]);
    for (const path of ENTRIES) expect(await importsOf(join(built.folder, path)), path).toEqual(['./app.js']);
    for (const name of BUILT_FUNCTIONS) {
      const path = join(built.folder, 'supabase/functions', name, 'index.js');
      expect(await importsOf(path), name).toEqual(['../_shared/adapter.js']);
    }
  });

  it('says what it weighs and what each part costs, and keeps the budget', () => {
    expect(built.sizes.map(({ target }) => target)).toEqual(['cloudflare', 'supabase', 'vercel', 'front']);
    expect(overBudget(built.sizes)).toEqual([]);
    expect(built.costs.map(({ part }) => part)).toEqual(
      expect.arrayContaining(['hono', 'drizzle', 'neon', 'redis', 'ratelimit', 'zod', 'own: routes']),
    );
    const shares = built.costs.reduce((sum, { gzip }) => sum + gzip, 0);
    expect(Math.abs(shares - (built.sizes[0]?.gzip ?? 0))).toBeLessThan(1_000);
  });

  it('fails above the budget, not at it', () => {
    const sizes = [BUDGET, BUDGET + 1].map((gzip) => ({ target: 'vercel' as const, raw: 1, gzip }));
    expect(overBudget(sizes)).toEqual([sizes[1]]);
  });
});

describe('the Supabase functions', () => {
  it('are all 28 and the candidate, each with the platform’s token check off and its own entrypoint', () => {
    const folders = [...built.files.keys()].flatMap(
      (path) => /^supabase\/functions\/([^/]+)\/index\.js$/.exec(path)?.[1] ?? [],
    );
    expect(folders.sort()).toEqual([...BUILT_FUNCTIONS]);
    expect(folders).toHaveLength(29);
    const sections = text('supabase/config.toml').split('\n\n').slice(1);
    expect(sections.map((section) => section.trim())).toEqual(
      BUILT_FUNCTIONS.map(
        (name) => `[functions.${name}]\nverify_jwt = false\nentrypoint = "./functions/${name}/index.js"`,
      ),
    );
  });
});

describe('the Vercel output', () => {
  it('sends every path to one function of Node that streams, and has the crons and headers of vercel.json', async () => {
    const project = JSON.parse(await readFile(join(ROOT, 'vercel.json'), 'utf8'));
    const config = JSON.parse(text('.vercel/output/config.json'));
    expect(config.version).toBe(3);
    expect(config.crons).toEqual(project.crons);
    expect(config.crons).toEqual([{ path: '/api/system/tick', schedule: '* * * * *' }]);
    const [headers, everything] = config.routes;
    expect(headers).toEqual({ src: '^/(.*)$', headers: { 'X-Robots-Tag': 'noindex' }, continue: true });
    expect(everything).toEqual({ src: '/.*', dest: '/api' });
    expect(JSON.parse(text('.vercel/output/functions/api.func/.vc-config.json'))).toEqual({
      runtime: 'nodejs22.x',
      handler: 'index.mjs',
      launcherType: 'Nodejs',
      shouldAddHelpers: false,
      supportsResponseStreaming: true,
      maxDuration: 300,
    });
  });
});

describe('the Worker', () => {
  it('is what wrangler would upload, as it is and without Node’s modules', async () => {
    await copyFile(join(ROOT, 'wrangler.toml'), join(built.folder, 'wrangler.toml'));
    const wrangler = join(
      dirname(createRequire(import.meta.url).resolve('wrangler/package.json')),
      'bin/wrangler.js',
    );
    const child = spawn(process.execPath, [wrangler, 'deploy', '--dry-run', '--outdir', 'uploaded'], {
      cwd: built.folder,
      // The banner asks the registry, and warns of every newer version.
      env: { ...process.env, WRANGLER_HIDE_BANNER: 'true', WRANGLER_SEND_METRICS: 'false', CI: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let printed = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (piece: string) => {
        printed += piece;
      });
    }
    const [code] = await once(child, 'close');
    expect(code, printed).toBe(0);
    expect(printed).not.toMatch(/warning/i);
    for (const file of ['index.js', 'app.js']) {
      const uploaded = await readFile(join(built.folder, 'uploaded', file));
      expect(digest(uploaded), file).toBe(digest(Buffer.from(text(`dist/cloudflare/${file}`))));
    }
  });

  it('is configured for a date before Node’s modules are there by themselves, with a cron every minute', async () => {
    const toml = await readFile(join(ROOT, 'wrangler.toml'), 'utf8');
    const date = /^compatibility_date = "(\d{4}-\d\d-\d\d)"$/m.exec(toml)?.[1] ?? '';
    expect(date >= '2026-01-01' && date <= '2026-05-03').toBe(true);
    expect(toml.replace(/^#.*$/gm, '')).not.toContain('nodejs_compat');
    expect(toml).toContain('crons = ["* * * * *"]');
  });
});
