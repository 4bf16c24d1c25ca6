// One commit to one target: gates, migration, upload, smoke test, traffic, smoke test; and back by itself.
import { alone } from './checkout-lock.ts';
import { askGates, type Gate } from './gates.ts';
import type { Platform, Upload } from './platforms/platform.ts';
import type { Repository } from './repository.ts';
import { servingOf } from './serving.ts';
import type { SmokeVerdict } from './smoke-verdict.ts';
import { type DeployedTarget, fetchHealth, type Target } from './targets.ts';
import {
  commitVersions,
  currentOf,
  type DeployedVersion,
  nameOf,
  openVersions,
  type VersionsFile,
  versionsOf,
  withCurrentRestored,
  withoutVersion,
  withRollback,
  withUnfinished,
  withVersion,
} from './versions.ts';

export interface Build {
  readonly checksum: string;
  /** The migration that it expects. */
  readonly schema: string;
}

/** The work that a deployment has done for it. */
export interface DeployTools {
  readonly repository: Repository;
  /** Throws when the platform's program is missing. */
  readonly platform: () => Platform;
  /** Builds the release for every target; throws when it is too heavy. */
  readonly build: (commit: string) => Promise<Build>;
  /** Brings the database to the build's schema; gives back what was applied. */
  readonly migrate: () => Promise<readonly string[]>;
  readonly smoke: (url: string, commit: string) => Promise<SmokeVerdict>;
}

export interface DeployOptions {
  readonly root: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly target: DeployedTarget;
  /** Whose versions stand at the top of the file. */
  readonly active: Target;
  readonly packageVersion: string;
  /** Asks the gates and tells what would be done. */
  readonly dryRun?: boolean;
  /** Opens the gates before what was deployed there before, or is older, and before taking the place of a stranger. */
  readonly again?: boolean;
  /** Commits the two files that record the deployment; true unless told otherwise. */
  readonly commit?: boolean;
  readonly onGate?: (gate: Gate) => void;
  readonly onStep?: (step: string) => void;
}

export interface DeployResult {
  readonly ok: boolean;
  readonly target: Target;
  readonly commit: string;
  readonly version: string | undefined;
  readonly dryRun: boolean;
  readonly gates: readonly Gate[];
  readonly applied: readonly string[];
  /** Why it ended otherwise than it should. */
  readonly problem: string | undefined;
  /** The version that got the traffic back, when the new one had it already. */
  readonly restored: string | undefined;
  /** True when the new version failed and may serve all the same: a person must go back. */
  readonly stuck: boolean;
}

/**
 * Deploys. Rejects only when another command works on the build or on this target in this checkout, and when the records
 * cannot be read or written; whatever else goes wrong is in the result.
 */
export function deploy(options: DeployOptions, tools: DeployTools): Promise<DeployResult> {
  const { root, target } = options;
  return alone(root, 'the build', () => alone(root, target.name, () => deployAlone(options, tools)));
}

async function deployAlone(options: DeployOptions, tools: DeployTools): Promise<DeployResult> {
  const { root, target, dryRun = false, onGate = () => {}, onStep = () => {} } = options;
  const { repository } = tools;
  const release = repository.release();
  const records = await openVersions(root, options.active, repository);
  const platform = lazily(tools.platform);
  const gates = await askGates({
    root,
    environment: options.environment,
    repository,
    release,
    versions: records.atFirst,
    target: target.name,
    again: options.again ?? false,
    platform,
    health: lazily(() => fetchHealth(target)),
  });
  gates.forEach(onGate);
  const base = { target: target.name, commit: release.commit, dryRun, gates };
  const refused = gates.filter(({ refusal }) => refusal !== undefined);
  if (refused.length > 0) {
    const problem = refused.map(({ refusal }) => refusal).join('; ');
    return { ...base, ...FAILED, version: undefined, problem };
  }

  const known = versionsOf(records.atFirst, target.name);
  const candidate: DeployedVersion = {
    version: nameOf(known, options.packageVersion, release.commit),
    timestamp: new Date().toISOString(),
    commit: release.commit,
    status: 'candidate',
    health_check_url: `${target.url}/health`,
    target: target.name,
    checksum: '',
    schema: '',
    deployment: null,
  };
  const journey: Journey = {
    options,
    tools,
    platform: platform(),
    records,
    candidate,
    before: undefined,
    applied: [],
    onStep,
  };
  const outcome = dryRun ? await rehearse(journey) : await travel(journey);
  return { ...base, version: candidate.version, ...outcome };
}

interface Journey {
  readonly options: DeployOptions;
  readonly tools: DeployTools;
  readonly platform: Platform;
  readonly records: VersionsFile;
  readonly candidate: DeployedVersion;
  /** What served when the candidate got the traffic: the way back. */
  before: DeployedVersion | undefined;
  applied: readonly string[];
  readonly onStep: (step: string) => void;
}

type Outcome = Pick<DeployResult, 'ok' | 'applied' | 'problem' | 'restored' | 'stuck'>;

const PASSED: Outcome = { ok: true, applied: [], problem: undefined, restored: undefined, stuck: false };
const FAILED: Outcome = { ...PASSED, ok: false };

async function rehearse({ options, tools, platform, candidate, onStep }: Journey): Promise<Outcome> {
  try {
    onStep('build');
    await tools.build(candidate.commit);
    if (platform.rehearse) {
      onStep('the program of the platform tries the build');
      await platform.rehearse();
    }
    onStep('migrate the database');
    const upload = await platform.upload(candidate);
    onStep(`smoke test of the upload${upload === undefined ? '' : ` at ${upload.url}`}`);
    await platform.release({ ...candidate, deployment: candidate.deployment ?? 'UPLOADED' });
    onStep(`smoke test of ${options.target.url}`);
    return PASSED;
  } catch (error) {
    return { ...FAILED, problem: messageOf(error) };
  }
}

/** What was reached when something failed decides what must be undone. */
async function travel(journey: Journey): Promise<Outcome> {
  const { tools, platform, options, onStep } = journey;
  let version = journey.candidate;
  let hasTraffic = false;
  try {
    onStep('build');
    version = { ...version, ...(await tools.build(version.commit)) };
    onStep('migrate the database');
    journey.applied = await tools.migrate();
    await record(journey, version);
    onStep('upload');
    const upload = await platform.upload(version);
    version = { ...version, deployment: upload?.deployment ?? null };
    await record(journey, version);
    await smokeBefore(journey, upload);
    const before = await wayBack(journey);
    journey.before = before;
    onStep('give it the traffic');
    // Before and not after: however this ends, a rollback finds that the present version may not be the one that serves.
    await journey.records.update((file) =>
      withUnfinished(before ? withRollback(file, before) : file, version),
    );
    hasTraffic = true;
    await platform.release(version);
    onStep(`smoke test of ${options.target.url}`);
    await mustPass(tools.smoke(options.target.url, version.commit));
  } catch (error) {
    return fail(journey, version, messageOf(error), hasTraffic);
  }
  await record(journey, { ...version, status: 'stable' });
  await commit(journey, `Deployed ${version.version} to ${version.target}`);
  return { ...PASSED, applied: journey.applied };
}

async function smokeBefore({ tools, candidate, onStep }: Journey, upload: Upload | undefined): Promise<void> {
  if (upload === undefined) return;
  onStep(`smoke test of the upload at ${upload.url}`);
  await mustPass(tools.smoke(upload.url, candidate.commit));
}

/** What serves now and not what was recorded: somebody may have gone back, also while this deployment ran. */
async function wayBack({ options, records, onStep }: Journey): Promise<DeployedVersion | undefined> {
  const known = versionsOf(records.atFirst, options.target.name);
  const current = currentOf(known);
  const { proved, stranger } = servingOf(known, await fetchHealth(options.target));
  if (stranger !== undefined && !options.again) throw new Error(stranger);
  if (proved && proved !== current) {
    onStep(`${proved.version} serves: somebody went back from ${current?.version}`);
  }
  return proved ?? current;
}

async function mustPass(running: Promise<SmokeVerdict>): Promise<void> {
  const { ok, problem } = await running;
  if (!ok) throw new Error(`the smoke test failed: ${problem}`);
}

async function fail(
  journey: Journey,
  version: DeployedVersion,
  reason: string,
  hasTraffic: boolean,
): Promise<Outcome> {
  const { platform, records, before, applied, onStep, tools, options } = journey;
  let problem = reason;
  let restored: string | undefined;
  if (hasTraffic && before) {
    onStep(`back to ${before.version}`);
    try {
      const warning = await platform.restore(before, version, `${version.version}: smoke test failed`);
      if (warning !== undefined) problem = `${reason}; ${warning}`;
      await mustPass(tools.smoke(options.target.url, before.commit));
      restored = before.version;
    } catch (error) {
      problem = `${problem}; and going back to ${before.version} failed: ${messageOf(error)}`;
    }
  } else if (hasTraffic) {
    problem = `${reason}; there is no version before it to go back to`;
  }
  const failed: DeployedVersion = { ...version, status: 'failed' };
  await records.update((file) => {
    // A version that never was is no version.
    if (version.deployment === null) return withoutVersion(file, version);
    const known = withVersion(file, failed);
    return restored === undefined ? known : withCurrentRestored(known, version.target);
  });
  await commit(journey, `${version.version} failed on ${version.target}`);
  return { ok: false, applied, problem, restored, stuck: hasTraffic && restored === undefined };
}

function record({ records }: Journey, version: DeployedVersion): Promise<void> {
  return records.update((file) => withVersion(file, version));
}

async function commit({ options, tools, onStep }: Journey, message: string): Promise<void> {
  if (options.commit !== false) await commitVersions(options.root, tools.repository, message, onStep);
}

function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
