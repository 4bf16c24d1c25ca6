// Cloudflare Workers: a version is uploaded beside the one that serves, and has an address of its own.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cli } from '../platform-cli.ts';
import { deploymentOf, type Platform } from './platform.ts';

interface WranglerRecord {
  readonly type?: string;
  readonly version_id?: string;
  readonly preview_url?: string;
}

/** The Worker of wrangler.toml, through wrangler. */
export function cloudflarePlatform(cli: Cli): Platform {
  return {
    target: 'cloudflare',
    settings: ['DATABASE_URL', 'JWT_SECRET', 'METRICS_TOKEN'],
    async settingNames() {
      const secrets = JSON.parse(await cli.read(['secret', 'list', '--format', 'json'])) as {
        name: string;
      }[];
      return secrets.map(({ name }) => name);
    },
    async rehearse() {
      await cli.read(['versions', 'upload', '--dry-run']);
    },
    async upload({ commit }) {
      const folder = await mkdtemp(join(tmpdir(), 'mmc-wrangler-'));
      const records = join(folder, 'records.ndjson');
      try {
        const output = await cli.change(['versions', 'upload', '--message', commit], {
          environment: { WRANGLER_OUTPUT_FILE_PATH: records },
        });
        if (output === undefined) return undefined;
        const lines = (await readFile(records, 'utf8')).split('\n').filter((line) => line !== '');
        const upload = lines
          .map((line) => JSON.parse(line) as WranglerRecord)
          .find(({ type }) => type === 'version-upload');
        if (!upload?.version_id) throw new Error('wrangler did not say which version it uploaded');
        if (!upload.preview_url) {
          throw new Error(
            'the version got no address to be tested at: set preview_urls = true in wrangler.toml',
          );
        }
        return { deployment: upload.version_id, url: upload.preview_url };
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
    async release(version) {
      const share = `${deploymentOf(version)}@100%`;
      await cli.change(['versions', 'deploy', share, '--yes', '--message', version.commit]);
      // A version carries neither crons nor routes.
      await cli.change(['triggers', 'deploy']);
    },
    async restore(version, _instead, reason) {
      await cli.change(['rollback', deploymentOf(version), '--yes', '--message', reason]);
    },
  };
}
