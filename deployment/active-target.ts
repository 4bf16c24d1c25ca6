// Moving the public route from one target to another: checked before, watched after, and taken back when it fails.
import type { Database } from '../src/lib/database.ts';
import { type ActiveTarget, readActiveTarget, writeActiveTarget } from './active-row.ts';
import { isSeenInPublic } from './public-view.ts';
import type { SmokeVerdict } from './smoke-verdict.ts';
import { type DeployedTarget, fetchHealth, type Target, type TargetHealth } from './targets.ts';

export { type ActiveTarget, readActiveTarget };

/** How the public address is pointed at a target, besides the row that every front and every command reads. */
export interface Route {
  /** For people. */
  readonly name: string;
  /** Why it could not be pointed, for a person, or undefined. Changes nothing. Throws like `point`. */
  problem(): Promise<string | undefined>;
  /** Harmless to repeat. */
  point(to: DeployedTarget): Promise<void>;
}

export interface SwitchOptions {
  readonly to: Target;
  readonly targets: readonly DeployedTarget[];
  readonly database: Pick<Database, 'call'>;
  /** Where patients reach the service. */
  readonly publicUrl: string;
  /** Tests a target at an address, by GETs only: people are waiting on the same database. */
  readonly smoke: (url: string, expected: Expected) => Promise<SmokeVerdict>;
  /**
   * Why a target is not on this database, or has another secret than the active one, which is given where it answers;
   * for a person, or undefined. Absent: only the schema's version is compared.
   */
  readonly databaseMisfit?: (
    candidate: DeployedTarget,
    active: DeployedTarget | undefined,
  ) => Promise<string | undefined>;
  /** Absent with the front worker, which reads the row itself. */
  readonly route?: Route | undefined;
  /** Everything but the move. */
  readonly dryRun?: boolean;
  /** Allows another commit than the active target's. */
  readonly otherCommit?: boolean;
  /** Milliseconds after which a public address that still shows the old target is a failure (10 s). */
  readonly seenWithinMs?: number;
  readonly onStep?: (step: string) => void;
}

export interface Expected {
  readonly target: Target;
  readonly commit: string;
}

export type SwitchOutcome =
  /** The public address shows the new target, and passes. */
  | 'switched'
  /** It did so before. */
  | 'already-active'
  /** A dry run that would have switched. */
  | 'would-switch'
  /** Nothing was changed. */
  | 'refused'
  /** It was moved, failed in public, and was moved back. */
  | 'moved-back'
  /** Somebody else switched meanwhile: what they chose stays. */
  | 'overtaken'
  /** The target does not serve as it should, or the public address does not follow: a person must look. */
  | 'stuck';

export interface SwitchResult {
  readonly ok: boolean;
  readonly outcome: SwitchOutcome;
  /** What had the patients; undefined when TARGETS does not have it any more. */
  readonly from: Target | undefined;
  readonly to: Target;
  readonly problem: string | undefined;
  readonly milliseconds: {
    /** From the move until the public address showed the new target. */
    readonly seen: number | undefined;
    readonly total: number;
  };
}

interface End {
  readonly outcome: SwitchOutcome;
  readonly problem?: string | undefined;
  readonly seen?: number | undefined;
}

/** Who had the patients: the row before the first switch is absent, and the front takes the first in line. */
interface Before {
  readonly row: ActiveTarget | undefined;
  /** Undefined when TARGETS does not have it any more. */
  readonly active: DeployedTarget | undefined;
}

const SEEN_WITHIN_MS = 10_000;
/**
 * Milliseconds after a move within which an isolate of the front may still send people to the target before: it
 * remembers the row for a second (src/front/active-target.ts), and some have not been asked since.
 */
const ALL_FOLLOW_MS = 1_200;
const GOOD: readonly SwitchOutcome[] = ['switched', 'already-active', 'would-switch'];

/** Switches. Never rejects because of a target; throws only when the row cannot be read. */
export async function switchTarget(options: SwitchOptions): Promise<SwitchResult> {
  const began = performance.now();
  const { to, targets, database } = options;
  const row = await readActiveTarget(database);
  const activeName = row?.target ?? targets[0]?.name;
  const active = targets.find(({ name }) => name === activeName);
  const candidate = targets.find(({ name }) => name === to);
  const { outcome, problem, seen } = await (!candidate
    ? ({ outcome: 'refused', problem: `TARGETS has no ${to}` } satisfies End)
    : row?.target === to
      ? confirm(options, candidate)
      : move(options, candidate, { row, active }));
  return {
    ok: GOOD.includes(outcome),
    outcome,
    from: active?.name,
    to,
    problem,
    milliseconds: { seen, total: Math.round(performance.now() - began) },
  };
}

/** The row has this target already. A switch that was cut off leaves the row written and the route where it was. */
async function confirm(options: SwitchOptions, candidate: DeployedTarget): Promise<End> {
  const { to, publicUrl, smoke, route, dryRun, onStep = () => {} } = options;
  const stuck = (problem: string): End => ({ outcome: 'stuck', problem });
  onStep(`${to} is the active target: health, and smoke test through ${publicUrl}`);
  const { ready, problem, commit = '' } = await fetchHealth(candidate);
  if (!ready) return stuck(`${to} is the active target, but ${problem}`);
  try {
    const first = await proveInPublic(options, commit);
    if (first.seen !== undefined) {
      return first.problem === undefined ? { outcome: 'already-active' } : stuck(first.problem);
    }
    if (!route) return stuck(`${to} is the active target, but ${first.problem}`);
    if (dryRun)
      return stuck(`${first.problem}; without --dry-run, ${route.name} would be pointed at it again`);
    const tested = await smoke(candidate.url, { target: to, commit });
    if (!tested.ok) return stuck(`${first.problem}, and ${to} failed its smoke test: ${tested.problem}`);
    onStep(`${first.problem}: ${route.name} → ${to} again`);
    const row = await follow(options);
    if (row?.target !== to)
      return { outcome: 'overtaken', problem: `somebody else switched to ${row?.target}` };
    const again = await proveInPublic(options, commit);
    return again.problem === undefined ? { outcome: 'switched', seen: again.seen } : stuck(again.problem);
  } catch (error) {
    return stuck(textOf(error));
  }
}

async function move(options: SwitchOptions, candidate: DeployedTarget, before: Before): Promise<End> {
  const { to, database, route, onStep = () => {} } = options;
  const { problem: refusal, commit } = await judge(options, candidate, before);
  if (refusal !== undefined) return { outcome: 'refused', problem: refusal };
  if (options.dryRun) return { outcome: 'would-switch' };

  onStep(`${before.active?.name} → ${to}${route ? ` through ${route.name}` : ''}`);
  const movedAt = performance.now();
  let shown: Shown;
  try {
    const moved = await writeActiveTarget(database, to, before.row);
    if (!moved.changed) {
      return { outcome: 'refused', problem: `somebody else switched to ${moved.active?.target} meanwhile` };
    }
    if (route) await follow(options);
    shown = await proveInPublic(options, commit, movedAt);
    if (shown.problem === undefined) return { outcome: 'switched', seen: shown.seen };
  } catch (error) {
    shown = { seen: undefined, problem: textOf(error) };
  }
  try {
    return { seen: shown.seen, ...(await takeBack(options, before, shown.problem ?? '')) };
  } catch (error) {
    const problem = `${shown.problem}; going back failed: ${textOf(error)}`;
    return { outcome: 'stuck', problem, seen: shown.seen };
  }
}

/** Everything that is looked at before anything is moved. */
async function judge(
  options: SwitchOptions,
  candidate: DeployedTarget,
  { active }: Before,
): Promise<{ problem: string | undefined; commit: string }> {
  const { to, smoke, databaseMisfit, route, onStep = () => {} } = options;
  onStep(`health of ${to}${active ? ` and ${active.name}` : ''}`);
  const [health, activeHealth] = await Promise.all([fetchHealth(candidate), active && fetchHealth(active)]);
  const { commit = '' } = health;
  const refuse = (problem: string | undefined) => ({ problem, commit });
  const misfit = misfitOf(health, activeHealth, options.otherCommit ?? false);
  if (misfit) return refuse(misfit);
  onStep(`smoke test of ${to}`);
  const tested = await smoke(candidate.url, { target: to, commit });
  if (!tested.ok) return refuse(`${to} failed its smoke test: ${tested.problem}`);
  try {
    const answering = activeHealth?.ready ? active : undefined;
    return refuse((await databaseMisfit?.(candidate, answering)) ?? (await route?.problem()));
  } catch (error) {
    return refuse(textOf(error));
  }
}

interface Shown {
  /** Milliseconds until it was seen; undefined when it was not. */
  readonly seen: number | undefined;
  readonly problem: string | undefined;
}

async function proveInPublic(
  { to, publicUrl, smoke, seenWithinMs = SEEN_WITHIN_MS, onStep = () => {} }: SwitchOptions,
  commit: string,
  since = performance.now(),
): Promise<Shown> {
  if (!(await isSeenInPublic(publicUrl, to, seenWithinMs))) {
    return { seen: undefined, problem: `${publicUrl} did not show ${to}` };
  }
  const seen = Math.round(performance.now() - since);
  onStep(`seen at ${publicUrl} after ${seen} ms; smoke test through it`);
  // One isolate that is late would fail a smoke test, and that would take a good switch back.
  await new Promise((wake) => setTimeout(wake, since + ALL_FOLLOW_MS - performance.now()));
  const { ok, problem } = await smoke(publicUrl, { target: to, commit });
  return { seen, problem: ok ? undefined : `the smoke test through ${publicUrl} failed: ${problem}` };
}

/** Takes our own switch back, and no other: what somebody else chose meanwhile stays, and the route follows it. */
async function takeBack(
  options: SwitchOptions,
  { row: before, active }: Before,
  problem: string,
): Promise<End> {
  const { to, database, onStep = () => {} } = options;
  if (!active) return { outcome: 'stuck', problem: `${problem}; there is no target to go back to` };
  // What failed may have come before the row was written or after: only the row itself says so.
  const now = await readActiveTarget(database);
  const isOurs = now?.target === to && now.generation === (before?.generation ?? 0) + 1;
  if (isOurs) {
    onStep(`${problem}: back to ${active.name}`);
    await writeActiveTarget(database, active.name, now, { previous: before?.previous });
  }
  const last = await follow(options);
  return (last?.target ?? active.name) === active.name
    ? { outcome: 'moved-back', problem }
    : { outcome: 'overtaken', problem: `somebody else switched to ${last?.target}; before that, ${problem}` };
}

/** Points the route at what the row says, again while somebody else moves the row; resolves to the row. */
async function follow({ database, targets, route }: SwitchOptions): Promise<ActiveTarget | undefined> {
  let row = await readActiveTarget(database);
  while (route) {
    const name = row?.target ?? targets[0]?.name;
    const target = targets.find((known) => known.name === name);
    if (!target) throw new Error(`TARGETS has no ${name}`);
    await route.point(target);
    const now = await readActiveTarget(database);
    if (now?.generation === row?.generation) return now;
    row = now;
  }
  return row;
}

/** Why this target must not take over. An active one that does not answer is a reason to switch, not against it. */
function misfitOf(
  candidate: TargetHealth,
  active: TargetHealth | undefined,
  otherCommit: boolean,
): string | undefined {
  if (!candidate.ready) return `${candidate.name}: ${candidate.problem}`;
  if (!active?.ready) return undefined;
  if (candidate.databaseSchema !== active.databaseSchema) {
    return `${candidate.name} is on a database with schema ${candidate.databaseSchema}, ${active.name} on ${active.databaseSchema}`;
  }
  if (!otherCommit && candidate.commit !== active.commit) {
    return `${candidate.name} has commit ${candidate.commit}, ${active.name} has ${active.commit}`;
  }
  return undefined;
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
