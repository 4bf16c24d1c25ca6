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
      const output = await cli.change(['rollback', deploymentOf(version), '--yes', '--message', reason]);
      const secrets = replacedSecrets(output ?? '');
      if (secrets.length === 0) return undefined;
      return `${secrets.join(', ')} on cloudflare: replaced since ${version.version}, and the old value counts again. Move everybody with --target if it leaked`;
    },
  };
}

/** A version has the secrets of its time: wrangler asks whether they shall come back, and takes silence for yes. */
function replacedSecrets(output: string): string[] {
  const [, list = ''] = /secrets have changed since version .*\n((?:\s*\* .+\n?)+)/.exec(output) ?? [];
  return [...list.matchAll(/\* (\S+)/g)].map(([, name = '']) => name);
}
