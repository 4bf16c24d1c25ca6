// Vercel: a production deployment without the domain has an address of its own; promoting it moves the domain.
import type { Cli } from '../platform-cli.ts';
import { deploymentOf, type Platform } from './platform.ts';

/** The project that is linked here or named by VERCEL_ORG_ID and VERCEL_PROJECT_ID, through its CLI. */
export function vercelPlatform(
  cli: Cli,
  environment: Readonly<Record<string, string | undefined>>,
): Platform {
  const token = environment.VERCEL_TOKEN ? ['--token', environment.VERCEL_TOKEN] : [];
  return {
    target: 'vercel',
    settings: ['DATABASE_URL', 'JWT_SECRET', 'METRICS_TOKEN', 'CRON_SECRET'],
    async settingNames() {
      const table = await cli.read(['env', 'ls', 'production', ...token]);
      return [...table.matchAll(/^\s*([A-Z][A-Z0-9_]*)\s+\S/gm)].map(([, name = '']) => name);
    },
    async upload() {
      const output = await cli.change(['deploy', '--prebuilt', '--prod', '--skip-domain', '--yes', ...token]);
      if (output === undefined) return undefined;
      const url = output.match(/https:\/\/[\w.-]+/g)?.at(-1);
      if (url === undefined) throw new Error('vercel did not say where it deployed to');
      return { deployment: url, url };
    },
    async release(version) {
      await cli.change(['promote', deploymentOf(version), '--yes', ...token]);
    },
    async restore(version, instead) {
      // `rollback` goes back in time only; after one, going forward again is a promotion.
      const isNewer = instead !== undefined && version.timestamp > instead.timestamp;
      await cli.change([isNewer ? 'promote' : 'rollback', deploymentOf(version), '--yes', ...token]);
    },
  };
}
