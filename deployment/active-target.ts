// Moving the public route from one target to another: checked before, watched after, and taken back when it fails.
import type { Database } from '../src/lib/database.ts';
import type { SmokeVerdict } from './smoke-verdict.ts';
import { type DeployedTarget, fetchHealth, isTargetName, type Target, type TargetHealth } from './targets.ts';

/** The row that says which target has the patients. */
export interface ActiveTarget {
  readonly target: Target;
  /** ISO 8601. */
  readonly changedAt: string;
  /** How many switches there were. */
  readonly generation: number;
  readonly previous: Target | undefined;
}

/** Reads the row; undefined before the first switch. Throws what the database throws. */
export async function readActiveTarget(database: Pick<Database, 'call'>): Promise<ActiveTarget | undefined> {
  return rowOf(((await database.call('active_target', {})) as Answer).active);
}

/** Makes a target the active one, unless somebody switched since `before` was read; says whether it did. */
export async function writeActiveTarget(
  database: Pick<Database, 'call'>,
  target: Target,
  before: ActiveTarget | undefined,
): Promise<{ changed: boolean; active: ActiveTarget | undefined }> {
  const generation = before?.generation ?? 0;
  const answer = (await database.call('set_active_target', { target, generation })) as Answer;
  return { changed: answer.changed === true, active: rowOf(answer.active) };
}

interface Answer {
  readonly changed?: boolean;
  readonly active: Readonly<Record<string, unknown>> | null;
}

function rowOf(row: Answer['active']): ActiveTarget | undefined {
  if (!row || !isTargetName(row.target)) return undefined;
  return {
    target: row.target,
    changedAt: new Date(String(row.changed_at)).toISOString(),
    generation: Number(row.generation),
    previous: isTargetName(row.previous) ? row.previous : undefined,
  };
}

/** How the public address is pointed at a target, besides the row that every front and every command reads. */
export interface Route {
  /** For people. */
  readonly name: string;
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
  /** The public address shows the new target. */
  | 'switched'
  | 'already-active'
  /** A dry run that would have switched. */
  | 'would-switch'
  /** Nothing was changed. */
  | 'refused'
  /** It was moved, failed in public, and was moved back. */
  | 'moved-back'
  /** It was moved, failed in public, and could not be moved back: a person must look. */
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

const SEEN_WITHIN_MS = 10_000;
const LOOK_EVERY_MS = 50;
/** Isolates of a front learn of a switch one by one: so many answers in a row must be the new target's. */
const IN_A_ROW = 3;

/** Switches. Never rejects because of a target; throws only when the row cannot be read. */
export async function switchTarget(options: SwitchOptions): Promise<SwitchResult> {
  const began = performance.now();
  const { to, targets, database, publicUrl, smoke, route, onStep = () => {} } = options;
  const before = await readActiveTarget(database);
  // Before the first switch the front takes the first in line.
  const activeName = before?.target ?? targets[0]?.name;
  const active = targets.find(({ name }) => name === activeName);
  const result = (outcome: SwitchOutcome, problem?: string, seen?: number): SwitchResult => ({
    ok: outcome === 'switched' || outcome === 'already-active' || outcome === 'would-switch',
    outcome,
    from: active?.name,
    to,
    problem,
    milliseconds: { seen, total: Math.round(performance.now() - began) },
  });
  const candidate = targets.find(({ name }) => name === to);
  if (!candidate) return result('refused', `TARGETS has no ${to}`);
  if (before?.target === to) return result('already-active');

  onStep(`health of ${to}${active ? ` and ${active.name}` : ''}`);
  const [candidateHealth, activeHealth] = await Promise.all([
    fetchHealth(candidate),
    active && fetchHealth(active),
  ]);
  const misfit = misfitOf(candidateHealth, activeHealth, options.otherCommit ?? false);
  if (misfit) return result('refused', misfit);
  const { commit = '' } = candidateHealth;
  onStep(`smoke test of ${to}`);
  const tested = await smoke(candidate.url, { target: to, commit });
  if (!tested.ok) return result('refused', `${to} failed its smoke test: ${tested.problem}`);
  if (options.dryRun) return result('would-switch');

  const move = async (target: DeployedTarget, known: ActiveTarget | undefined) => {
    const moved = await writeActiveTarget(database, target.name, known);
    if (moved.changed) await route?.point(target);
    return moved;
  };
  onStep(`${activeName} → ${to}${route ? ` through ${route.name}` : ''}`);
  const movedAt = performance.now();
  let problem: string;
  let known = before;
  let seen: number | undefined;
  try {
    const moved = await move(candidate, before);
    if (!moved.changed)
      return result('refused', `somebody else switched to ${moved.active?.target} meanwhile`);
    known = moved.active;
    const isSeen = await untilSeen(publicUrl, to, options.seenWithinMs ?? SEEN_WITHIN_MS);
    if (isSeen) {
      seen = Math.round(performance.now() - movedAt);
      onStep(`seen at ${publicUrl} after ${seen} ms; smoke test through it`);
      const verdict = await smoke(publicUrl, { target: to, commit });
      if (verdict.ok) return result('switched', undefined, seen);
      problem = `the smoke test through ${publicUrl} failed: ${verdict.problem}`;
    } else {
      problem = `${publicUrl} did not show ${to}`;
    }
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error);
  }

  if (!active) return result('stuck', `${problem}; there is no target to go back to`, seen);
  onStep(`${problem}: back to ${active.name}`);
  try {
    // What failed may have come after the row was written: what it says now counts.
    known = await readActiveTarget(database);
    if (known?.target === to) await move(active, known);
    else await route?.point(active);
    return result('moved-back', problem, seen);
  } catch (error) {
    return result(
      'stuck',
      `${problem}; going back failed: ${error instanceof Error ? error.message : error}`,
      seen,
    );
  }
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

async function untilSeen(publicUrl: string, target: Target, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  let inARow = 0;
  while (inARow < IN_A_ROW) {
    const left = deadline - performance.now();
    if (left <= 0) return false;
    const servedBy = await servedByAt(publicUrl, Math.max(1, left));
    inARow = servedBy === target ? inARow + 1 : 0;
    if (inARow === 0) await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  return true;
}

async function servedByAt(publicUrl: string, withinMs: number): Promise<string | null> {
  try {
    const answer = await fetch(`${publicUrl}/health/live`, {
      redirect: 'manual',
      signal: AbortSignal.timeout(Math.ceil(withinMs)),
    });
    await answer.body?.cancel();
    return answer.status === 200 ? answer.headers.get('X-Served-By') : null;
  } catch {
    return null;
  }
}
