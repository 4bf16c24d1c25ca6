// The row of `settings` that says which target has the patients: every front and every command reads it.
import type { Database } from '../src/lib/database.ts';
import { isTargetName, type Target } from './targets.ts';

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

/**
 * Makes a target the active one, unless somebody switched since `before` was read; says whether it did. `restored` takes
 * the place of the target that was active until now, as what came before: for a switch that is taken back.
 */
export async function writeActiveTarget(
  database: Pick<Database, 'call'>,
  target: Target,
  before: ActiveTarget | undefined,
  restored?: Pick<ActiveTarget, 'previous'>,
): Promise<{ changed: boolean; active: ActiveTarget | undefined }> {
  const answer = (await database.call('set_active_target', {
    target,
    generation: before?.generation ?? 0,
    ...(restored && { previous: restored.previous ?? null }),
  })) as Answer;
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
