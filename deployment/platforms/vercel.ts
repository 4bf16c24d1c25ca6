// Vercel: a production deployment without the domain has an address of its own; promoting it moves the domain.
import type { Cli } from '../platform-cli.ts';
import { deploymentOf, type Platform } from './platform.ts';

/**
 * The project that is linked here or named by VERCEL_ORG_ID and VERCEL_PROJECT_ID, through its CLI; it finds VERCEL_TOKEN
 * itself, so that no list of processes shows it.
 */
export function vercelPlatform(cli: Cli): Platform {
  return {
    target: 'vercel',
    settings: ['DATABASE_URL', 'JWT_SECRET', 'METRICS_TOKEN', 'CRON_SECRET'],
    async settingNames() {
      const table = await cli.read(['env', 'ls', 'production']);
      return [...table.matchAll(/^\s*([A-Z][A-Z0-9_]*)\s+\S/gm)].map(([, name = '']) => name);
    },
    async upload() {
      const output = await cli.change(['deploy', '--prebuilt', '--prod', '--skip-domain', '--yes']);
      if (output === undefined) return undefined;
      const url = output.match(/https:\/\/[\w.-]+/g)?.at(-1);
      if (url === undefined) throw new Error('vercel did not say where it deployed to');
      return { deployment: url, url };
    },
    async release(version) {
      await cli.change(['promote', deploymentOf(version), '--yes']);
    },
    async restore(version, instead) {
      // `rollback` goes back in time only; after one, going forward again is a promotion.
      const isNewer = instead !== undefined && version.timestamp > instead.timestamp;
      await cli.change([isNewer ? 'promote' : 'rollback', deploymentOf(version), '--yes']);
      return undefined;
    },
  };
}
