// What must hold before a deployment may begin. All gates are asked, so that a person learns every reason at once.

import { removalsSince } from './expand-only.ts';
import type { Platform } from './platforms/platform.ts';
import { readMonitoringRecord, readTestRecord } from './records.ts';
import type { Release, Repository } from './repository.ts';
import { servingOf } from './serving.ts';
import type { Target, TargetHealth } from './targets.ts';
import { currentOf, previousOf, type Versions, versionsOf } from './versions.ts';

export interface Gate {
  readonly name: string;
  /** Why it is closed; undefined when it is open. */
  readonly refusal: string | undefined;
  /** What it found, for a person. */
  readonly detail?: string;
}

export interface GateContext {
  readonly root: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly repository: Repository;
  readonly release: Release;
  readonly versions: Versions;
  readonly target: Target;
  /** A person wants what was deployed there before, or something older, or to take the place of what nobody recorded. */
  readonly again: boolean;
  /** Throws when its program is missing. */
  readonly platform: () => Platform;
  /** What the target said when the first gate asked. */
  readonly health: () => Promise<TargetHealth>;
}

type Check = (context: GateContext) => Promise<{ refusal?: string; detail?: string }>;

/** More files than these are only counted. */
const NAMED = 5;

/** Asks every gate in order; one that breaks is closed. */
export async function askGates(context: GateContext): Promise<Gate[]> {
  const gates: Gate[] = [];
  for (const [name, check] of Object.entries(GATES)) {
    const { refusal, detail } = await check(context).catch((error: unknown) => ({
      refusal: error instanceof Error ? error.message : String(error),
      detail: undefined,
    }));
    gates.push({ name, refusal, ...(detail !== undefined && { detail }) });
  }
  return gates;
}

const GATES: Readonly<Record<string, Check>> = {
  async 'the tree is clean'({ repository }) {
    const files = repository.changedFiles();
    if (files.length === 0) return {};
    const more = files.length > NAMED ? ` and ${files.length - NAMED} more` : '';
    return { refusal: `not committed: ${files.slice(0, NAMED).join(', ')}${more}` };
  },
  async 'the tests passed on this tree'({ root, release }) {
    const record = await readTestRecord(root, release.tree);
    return record
      ? { detail: `${record.passed} tests, ${record.skipped} skipped, ${record.time}` }
      : { refusal: `no result of the whole suite for the tree ${release.tree.slice(0, 12)}: run npm test` };
  },
  async 'the monitoring was proved on this tree'({ root, release }) {
    const record = await readMonitoringRecord(root, release.tree);
    return record
      ? { detail: `${record.alert} came and went, ${record.time}` }
      : { refusal: `no proof for the tree ${release.tree.slice(0, 12)}: run npm run monitor:proof` };
  },
  async 'it is newer than what was deployed there'({ repository, release, versions, target, again }) {
    const known = versionsOf(versions, target);
    const current = currentOf(known);
    // After a rollback the version before is the one that was gone back from.
    const held = [current, previousOf(known)].find(
      (version) => version && repository.isPartOf(release.commit, version.commit),
    );
    if (!held) return {};
    const commit = release.commit.slice(0, 12);
    let what = `${commit} is older than ${held.version}, which was deployed there`;
    if (held.commit === release.commit) {
      what =
        held === current
          ? `${held.version} is there already`
          : `${held.version} was there and made way for ${current?.version ?? 'nothing'}`;
    }
    return again ? { detail: what } : { refusal: `${what}: --again deploys ${commit} all the same` };
  },
  async 'this is no test environment'({ environment }) {
    if (environment.ENVIRONMENT === 'test') return { refusal: 'ENVIRONMENT is test' };
    if (environment.RATE_LIMITS === 'off') return { refusal: 'RATE_LIMITS is off' };
    return {};
  },
  async 'the database can be reached for its migrations'({ environment }) {
    return environment.DATABASE_URL ? {} : { refusal: 'DATABASE_URL is not set' };
  },
  async 'the settings of the target are there'({ platform, environment }) {
    const { settings, settingNames } = platform();
    const names = await settingNames();
    const missing = settings.filter((name) => !names.includes(name));
    const [url, token] = ['UPSTASH_REDIS_REST_URL', 'UPSTASH_REDIS_REST_TOKEN'];
    if (names.includes(url) !== names.includes(token)) missing.push(names.includes(url) ? token : url);
    // A target that does not know the front's secret takes the front for the client of every request.
    if (environment.PROXY_SECRET && !names.includes('PROXY_SECRET')) missing.push('PROXY_SECRET');
    return missing.length === 0 ? {} : { refusal: `missing on the platform: ${missing.join(', ')}` };
  },
  async 'the target answers'({ versions, target, health }) {
    const isFirst = currentOf(versionsOf(versions, target)) === undefined;
    const { httpStatus, problem, url } = await health();
    if (httpStatus !== undefined) return { detail: problem ?? url };
    return isFirst ? { detail: 'not deployed yet' } : { refusal: `${url} is ${problem ?? 'unreachable'}` };
  },
  async 'what serves there is recorded'({ versions, target, again, health }) {
    const known = versionsOf(versions, target);
    const { stranger } = servingOf(known, await health());
    if (stranger === undefined) return {};
    const back = `--again takes its place, with ${known.current} as the way back`;
    return again
      ? { detail: stranger }
      : { refusal: `${stranger}: merge those of whoever deployed it; ${back}` };
  },
  async 'the migrations only add'({ root, repository, versions }) {
    // Those that serve, and those that a rollback would let serve again.
    const needed = new Set(
      Object.values(versions.targets).flatMap((known) =>
        [currentOf(known), previousOf(known)].flatMap((version) => version?.commit ?? []),
      ),
    );
    for (const commit of needed) {
      if (!repository.hasCommit(commit)) {
        return { refusal: `the commit ${commit.slice(0, 12)}, which is deployed, is not in this clone` };
      }
      const removals = await removalsSince(root, repository, commit);
      const [first] = removals;
      if (first) {
        const more = removals.length > 1 ? ` (and ${removals.length - 1} more)` : '';
        return {
          refusal: `${first.migration} takes away what ${commit.slice(0, 12)} uses: ${first.what}${more}`,
        };
      }
    }
    return {};
  },
};
