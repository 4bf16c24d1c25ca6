/** The smoke test of a deployed target: it passes on a healthy one, notices a broken one, and leaves nothing behind. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { runSmoke, type SmokeReport } from '../../deployment/smoke/run-smoke.ts';
import { removeSyntheticPatient } from '../../deployment/smoke/synthetic-patient.ts';
import { freePort } from '../../local/free-port.ts';
import { type LocalServer, startLocalServer } from '../../local/local-server.ts';
import { COMMIT, SCHEMA_VERSION } from '../../src/lib/build-info.ts';
import { type Altered, type AlteringProxy, startAlteringProxy } from '../support/altering-proxy.ts';
import { openEmptyDatabase, type SqlDatabase } from '../support/sql-database.ts';

const METRICS_TOKEN = 'metrics-token-of-the-smoke-test';
const PROXY_SECRET = 'the-secret-of-the-front-and-its-targets';
const ADMIN = { username: 'smoke-staff', password: 'password-of-the-smoke-test' };
const BOOTSTRAP = fileURLToPath(new URL('../../local/bootstrap.mjs', import.meta.url));

let database: SqlDatabase;
let server: LocalServer;
let proxy: AlteringProxy;
beforeAll(async () => {
  database = await openEmptyDatabase();
  server = await startLocalServer({
    databaseUrl: database.url,
    environment: 'test',
    settings: {
      METRICS_TOKEN,
      PROXY_SECRET,
      ADMIN_USERNAME: ADMIN.username,
      ADMIN_PASSWORD: ADMIN.password,
    },
  });
  proxy = await startAlteringProxy(server.url);
});
afterEach(() => {
  proxy.alter = undefined;
});
afterAll(async () => {
  await proxy?.close();
  await server?.close();
  await database?.remove();
});

const removePatient = (session: string) => removeSyntheticPatient(session, { DATABASE_URL: database.url });

const at = (wanted: string, altered: (text: string) => Altered) => (path: string, text: string) =>
  path.startsWith(wanted) ? altered(text) : undefined;

function namesOf(report: SmokeReport, outcome: string): string[] {
  return report.checks.filter((check) => check.outcome === outcome).map(({ name }) => name);
}

describe('a healthy target', () => {
  it('passes every check that applies, and says what it is', async () => {
    const report = await runSmoke({
      url: server.url,
      admin: ADMIN,
      metricsToken: METRICS_TOKEN,
      proxySecret: PROXY_SECRET,
      removePatient,
    });
    expect(report).toMatchObject({
      ok: true,
      failed: 0,
      target: 'node',
      commit: COMMIT,
      schema: SCHEMA_VERSION,
    });
    expect(namesOf(report, 'skipped')).toEqual([
      'metrics refuse a stranger',
      'every published function answers',
    ]);
    expect(report.passed).toBe(report.checks.length - 2);
  });

  it('has no row more afterwards: no patient, no number, no route, no event', async () => {
    const tables = [
      'patients',
      'queues',
      'routes',
      'events',
      'pin_attempts',
      'idempotency_keys',
      'qr_sessions',
    ];
    const counts = () =>
      Promise.all(
        tables.map(async (table) => [table, await database.value(`select count(*)::int from ${table}`)]),
      );
    const before = await counts();
    expect(await runSmoke({ url: server.url, admin: ADMIN, removePatient })).toMatchObject({ ok: true });
    expect(await counts()).toEqual(before);
  });

  it('keeps one synthetic patient at most when its database cannot be reached', async () => {
    for (let run = 0; run < 3; run += 1) await runSmoke({ url: server.url });
    expect(await database.rows('select patient_id, gender from patients')).toEqual([
      { patient_id: '000000000000', gender: 'male' },
    ]);
    expect(await runSmoke({ url: server.url, removePatient })).toMatchObject({ ok: true });
    expect(await database.value('select count(*)::int from patients')).toBe(0);
  });

  it('gets GETs only with --read-only, and passes', async () => {
    const from = proxy.requests.length;
    const report = await runSmoke({
      url: proxy.url,
      readOnly: true,
      metricsToken: METRICS_TOKEN,
      admin: ADMIN,
    });
    expect(namesOf(report, 'failed')).toEqual([]);
    const sent = proxy.requests.slice(from);
    expect(sent.length).toBeGreaterThan(15);
    expect(sent.filter((request) => !request.startsWith('GET '))).toEqual([]);
  });

  it('passes while Redis is away, and says so', async () => {
    proxy.alter = at('/health', (text) => ({ body: text.replace('"healthy"', '"degraded"') }));
    const report = await runSmoke({ url: proxy.url, readOnly: true });
    expect(report).toMatchObject({ ok: true });
    expect(report.checks[0]).toMatchObject({
      outcome: 'passed',
      detail: 'degraded: Redis does not answer',
    });
  });

  it('passes behind a path, as the functions of Supabase are', async () => {
    const behind = await startAlteringProxy(server.url, '/functions/v1');
    try {
      expect(await runSmoke({ url: `${behind.url}/`, removePatient })).toMatchObject({ ok: true });
    } finally {
      await behind.close();
    }
  });
});

describe('a target that is not what was deployed', () => {
  it('does not believe another secret than its own', async () => {
    const report = await runSmoke({
      url: server.url,
      readOnly: true,
      proxySecret: PROXY_SECRET.replace('t', 'T'),
    });
    expect(report.checks.filter(({ outcome }) => outcome === 'failed')).toMatchObject([
      { name: 'it believes the front', detail: expect.stringContaining('PROXY_SECRET') },
    ]);
  });

  it.each([
    [{ target: 'cloudflare' }, 'this is node, not cloudflare'],
    [{ commit: 'f00d' }, `the commit is ${COMMIT}, not f00d`],
    [{ schema: '9999_later' }, `the build expects schema ${SCHEMA_VERSION}, not 9999_later`],
  ])('%j fails with what it found', async (expected, detail) => {
    const report = await runSmoke({ url: server.url, readOnly: true, expect: expected });
    expect(report.checks.filter(({ outcome }) => outcome === 'failed')).toMatchObject([
      { name: 'the version that was deployed', detail },
    ]);
  });

  it('is given the time to change', async () => {
    let asked = 0;
    proxy.alter = (path, text) => {
      if (path !== '/health') return undefined;
      asked += 1;
      return asked === 1
        ? { status: 502, body: '' }
        : asked === 2
          ? { body: text.replace(COMMIT, 'older') }
          : undefined;
    };
    const report = await runSmoke({
      url: proxy.url,
      readOnly: true,
      expect: { commit: COMMIT },
      waitMs: 20_000,
    });
    expect(report).toMatchObject({ ok: true });
    expect(asked).toBe(3);
  });
});

type Breakage = readonly [
  what: string,
  check: string,
  alter: (path: string, text: string) => Altered | undefined,
];

const BREAKAGES: readonly Breakage[] = [
  ['the service is down', 'health', at('/health', (text) => ({ body: text.replace('"healthy"', '"down"') }))],
  [
    "a refused login ends in the page's HTML",
    'a refused login is seen as one',
    at('/auth/denied', () => ({ status: 200, type: 'text/html', body: '<html>' })),
  ],
  [
    'the database has an older schema',
    'the database has the schema of this build',
    at('/health/ready', (text) => ({ body: text.replace(/("schema_version_db":)"\w+"/, '$1"0001_tables"') })),
  ],
  [
    'cookies are readable for other sites',
    'headers of every answer',
    at('/health/live', () => ({ headers: { 'access-control-allow-credentials': 'true' } })),
  ],
  [
    'CORS headers are lost',
    'headers of every answer',
    at('/health/live', () => ({ headers: { 'access-control-allow-origin': undefined } })),
  ],
  [
    'unknown paths are answered by a page',
    'unknown path: 404 as JSON',
    at('/api/v1/smoke-unknown', () => ({ status: 200, type: 'text/html', body: '<html>' })),
  ],
  [
    'ids are shown',
    'a line, without ids',
    at('/api/v1/queue/status?clinic=lab', (text) => ({
      body: text.replace('"waiting":[', '"waiting":[{"ticket":1,"visitId":"somebody","issuedAt":""}'),
    })),
  ],
  [
    'PINs are shown',
    'no PIN and no patient without a token',
    at('/api/v1/admin/status', (text) => ({ body: text.replace('"pin":null', '"pin":"42"') })),
  ],
  [
    'staff calls need no token',
    'staff writes need a token',
    at('/api/v1/queue/call', () => ({ status: 200, body: '{"success":true}' })),
  ],
  [
    'the tick needs no secret',
    'staff reads and the tick need a token',
    at('/api/system/tick', () => ({ status: 200, body: '{"success":true}' })),
  ],
  [
    'writes fail',
    'a synthetic patient logs in',
    at('/api/v1/patient/login', () => ({
      status: 503,
      body: '{"success":false,"code":"DATABASE_UNAVAILABLE"}',
    })),
  ],
  ['JSON is cut off', 'statistics', at('/api/v1/stats/queues', (text) => ({ body: text.slice(0, 40) }))],
];

describe('a broken target', () => {
  it.each(BREAKAGES)('where %s fails in: %s', async (_what, check, alter) => {
    proxy.alter = alter;
    const report = await runSmoke({ url: proxy.url, removePatient });
    expect(report.ok).toBe(false);
    expect(namesOf(report, 'failed')).toContain(check);
  });

  it('that answers with a page is told apart from the API, and nothing else is sent', async () => {
    proxy.alter = () => ({ status: 200, type: 'text/html; charset=utf-8', body: '<!doctype html>' });
    const from = proxy.requests.length;
    const report = await runSmoke({ url: proxy.url });
    expect(report).toMatchObject({ ok: false, failed: 1, passed: 0, target: undefined });
    expect(report.checks[0]?.detail).toBe('/health answered 200 with HTML: that is a page, not the API');
    expect(proxy.requests.slice(from)).toEqual(['GET /health']);
  });

  it('that does not answer ends within the time limit', async () => {
    proxy.alter = () => 'silence';
    const began = performance.now();
    const report = await runSmoke({ url: proxy.url, timeoutMs: 300 });
    expect(report.checks[0]?.detail).toBe('no answer within 0.3 s');
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  it('that is not there is unreachable', async () => {
    const report = await runSmoke({ url: `http://127.0.0.1:${await freePort()}` });
    expect(report.checks[0]).toMatchObject({ outcome: 'failed', detail: 'unreachable (ECONNREFUSED)' });
  });
});

describe('npm run smoke', () => {
  const SECRETS = {
    METRICS_TOKEN,
    PROXY_SECRET,
    SMOKE_ADMIN_USERNAME: ADMIN.username,
    SMOKE_ADMIN_PASSWORD: ADMIN.password,
  };

  function smoke(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    const { DATABASE_URL: _, ...inherited } = process.env;
    const child = spawn(process.execPath, [BOOTSTRAP, 'smoke', ...args], {
      env: { ...inherited, ...environment },
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    return new Promise<{ code: number | null; output: string }>((resolve) =>
      child.once('close', (code) => resolve({ code, output })),
    );
  }

  it('prints a plain table without a terminal, no secret, and ends with 0', async () => {
    const { code, output } = await smoke([server.url], { ...SECRETS, DATABASE_URL: database.url });
    expect(output).toMatch(/^✓ health +\d+ ms$/m);
    expect(output).toMatch(/^✓ the synthetic patient is removed +\d+ ms$/m);
    expect(output).toMatch(/\d+ passed, 0 failed, 2 skipped in/);
    expect(output).not.toContain('\u001b');
    for (const secret of [METRICS_TOKEN, PROXY_SECRET, ADMIN.password, database.url])
      expect(output).not.toContain(secret);
    expect(code).toBe(0);
  });

  it('ends with 1 when a check fails, and gives JSON alone with --json', async () => {
    const { code, output } = await smoke([server.url, '--json', '--read-only', '--target', 'vercel']);
    expect(JSON.parse(output)).toMatchObject({ ok: false, failed: 1, readOnly: true, target: 'node' });
    expect(code).toBe(1);
  });

  it.each([
    [[]],
    [['ftp://example.com']],
    [['https://user:pw@example.com']],
    [['https://example.com', '--timeout', 'soon']],
    [['https://example.com', '--redonly']],
  ])('%j ends with the help and 2', async (args) => {
    const { code, output } = await smoke(args);
    expect(output).toContain('npm run smoke -- URL');
    expect(output).not.toContain('pw@');
    expect(code).toBe(2);
  });
});
