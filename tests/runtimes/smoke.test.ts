/** The smoke test passes on the real runtime of every target, as it must on the deployed one. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runSmoke } from '../../deployment/smoke/run-smoke.ts';
import { type LocalService, openLocalService } from '../../local/local-service.ts';
import { RUNTIMES, type RuntimeName } from '../../local/runtimes/runtimes.ts';
import { builtOutput } from '../support/shared-parts.ts';

const METRICS_TOKEN = 'metrics-token-of-the-smoke-test';
const PROXY_SECRET = 'the-secret-of-the-front-and-its-targets';
const ADMIN = { username: 'smoke-staff', password: 'password-of-the-smoke-test' };

/** Where the paths begin, and what the runtime calls itself. */
const TARGETS: Readonly<Record<RuntimeName, { base: string; target: string }>> = {
  cloudflare: { base: '', target: 'cloudflare' },
  supabase: { base: '/functions/v1', target: 'supabase' },
  vercel: { base: '', target: 'vercel' },
  'vercel-edge': { base: '', target: 'vercel' },
};

let root: string;
let service: LocalService;
beforeAll(async () => {
  root = await builtOutput();
  service = await openLocalService({
    environment: 'test',
    settings: {
      METRICS_TOKEN,
      PROXY_SECRET,
      ADMIN_USERNAME: ADMIN.username,
      ADMIN_PASSWORD: ADMIN.password,
    },
  });
}, 180_000);
afterAll(() => service?.close());

describe('the smoke test', () => {
  it.each(Object.entries(TARGETS))('passes on %s', async (name, { base, target }) => {
    const { environment } = service;
    const runtime = await RUNTIMES[name as RuntimeName]({ root, port: 0, environment });
    try {
      const report = await runSmoke({
        url: runtime.url + base,
        expect: { target },
        admin: ADMIN,
        metricsToken: METRICS_TOKEN,
        proxySecret: PROXY_SECRET,
      });
      expect(report.checks.filter(({ outcome }) => outcome === 'failed')).toEqual([]);
      expect(report.checks.find(({ name }) => name === 'it believes the front')?.outcome).toBe('passed');
      expect(report.passed).toBeGreaterThan(20);
    } finally {
      await runtime.stop();
    }
  });
});
