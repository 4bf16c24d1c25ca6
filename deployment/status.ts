// Every target in one table: does it answer, what is on it, and which one has the patients?

import { openRepository } from './repository.ts';
import { type DeployedTarget, fetchHealth, type Target, type TargetHealth } from './targets.ts';
import { currentOf, readNewestVersions, type Versions, versionsOf } from './versions.ts';

export interface TargetStatus {
  readonly target: Target;
  readonly active: boolean;
  readonly url: string;
  /** `ready`, or why not. */
  readonly health: string;
  /** What was deployed by `npm run deploy`. */
  readonly version: string | null;
  readonly commit: string | null;
  readonly schema: string | null;
  readonly p50_ms: number | null;
  /** True when another commit answers than the one that was deployed. */
  readonly differs: boolean;
}

/** Requests of which the median is taken. */
const SAMPLES = 5;

/** Asks all targets at once. `active` is undefined when nobody could tell. */
export async function statusOf(
  root: string,
  targets: readonly DeployedTarget[],
  active: Target | undefined,
): Promise<TargetStatus[]> {
  const versions = await readNewestVersions(root, openRepository(root));
  return Promise.all(
    targets.map(async (target) => rowOf(await fetchHealth(target, { samples: SAMPLES }), versions, active)),
  );
}

function rowOf(health: TargetHealth, versions: Versions, active: Target | undefined): TargetStatus {
  const deployed = currentOf(versionsOf(versions, health.name));
  return {
    target: health.name,
    active: health.name === active,
    url: health.url,
    health: health.problem ?? 'ready',
    version: deployed?.version ?? null,
    commit: health.commit ?? null,
    schema: health.schema ?? null,
    p50_ms: health.p50Ms ?? null,
    differs: deployed !== undefined && health.commit !== undefined && deployed.commit !== health.commit,
  };
}

const HEADS = ['', 'target', 'health', 'version', 'commit', 'schema', 'p50', 'url'];

/** The table; `*` is the active target, `!` behind a commit says that another one was deployed. */
export function statusTable(rows: readonly TargetStatus[]): string {
  const cells = [
    HEADS,
    ...rows.map((row) => [
      row.active ? '*' : '',
      row.target,
      row.health,
      row.version ?? '-',
      row.commit === null ? '-' : `${row.commit.slice(0, 12)}${row.differs ? '!' : ''}`,
      row.schema ?? '-',
      row.p50_ms === null ? '-' : `${row.p50_ms} ms`,
      row.url,
    ]),
  ];
  const widths = HEADS.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
