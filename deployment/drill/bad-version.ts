// A version that is wrong takes the place of a good one, and the code behind `npm run rollback` brings that one back.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Platform } from '../platforms/platform.ts';
import { rollback } from '../rollback.ts';
import type { SmokeVerdict } from '../smoke-verdict.ts';
import type { DeployedTarget } from '../targets.ts';
import { type DeployedVersion, withVersion, writeVersions } from '../versions.ts';

export interface BadVersion {
  readonly target: DeployedTarget;
  /** Where either version answers by itself. */
  readonly urls: { readonly good: string; readonly bad: string };
  /** Gives a version the target's address, as its platform would. */
  readonly pointTo: (url: string) => void;
  readonly smoke: (url: string, commit: string) => Promise<SmokeVerdict>;
}

export interface RolledBack {
  /** Why it was not, or undefined: the version before serves again, and passed its smoke test. */
  readonly problem: string | undefined;
  readonly milliseconds: number;
}

/** Rolls the target back. The records of the drill are its own, in a folder that is removed. */
export async function rollBackBadVersion({ target, urls, pointTo, smoke }: BadVersion): Promise<RolledBack> {
  const began = performance.now();
  const root = await mkdtemp(join(tmpdir(), 'mmc-drill-records-'));
  const health = await fetch(`${urls.good}/health/live`);
  const { commit, schema_version: schema } = (await health.json()) as Record<string, string>;
  const version = (name: keyof typeof urls): DeployedVersion => ({
    version: name,
    timestamp: new Date().toISOString(),
    commit: commit ?? '',
    status: 'stable',
    health_check_url: `${target.url}/health`,
    target: target.name,
    checksum: name,
    schema: schema ?? '',
    deployment: name,
  });
  const nothing = { versions: [], current: null, previous: null, targets: {} };
  const platform: Platform = {
    target: target.name,
    settings: [],
    settingNames: async () => [],
    upload: async () => undefined,
    release: async () => pointTo(urls.bad),
    async restore({ deployment }) {
      await pointTo(deployment === 'good' ? urls.good : urls.bad);
      return undefined;
    },
  };
  try {
    await mkdir(join(root, 'deployment'));
    await writeVersions(
      root,
      withVersion(withVersion(nothing, version('good')), version('bad')),
      target.name,
    );
    const { ok, problem } = await rollback(
      { root, target, active: target.name, commit: false },
      {
        repository: { commitRecords: () => false, newerRecords: () => undefined },
        platform: () => platform,
        smoke,
      },
    );
    return { problem: ok ? undefined : problem, milliseconds: Math.round(performance.now() - began) };
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}
