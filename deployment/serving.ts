// Which recorded version serves: somebody may have gone back, or deployed, without these records knowing it.
import type { TargetHealth } from './targets.ts';
import { currentOf, type DeployedVersion, previousOf, type TargetVersions } from './versions.ts';

export interface Serving {
  /** The proved version that serves; undefined where the target does not say, or where what serves was never proved. */
  readonly proved?: DeployedVersion;
  /** For a person: something serves that the records do not know at all. */
  readonly stranger?: string;
}

/** What serves, by the commit that the target says. Nothing is a stranger before the first recorded deployment. */
export function servingOf(
  known: TargetVersions,
  { name, servedBy, commit }: Pick<TargetHealth, 'name' | 'servedBy' | 'commit'>,
): Serving {
  const current = currentOf(known);
  if (!current || commit === undefined || servedBy !== name) return {};
  const likeliest = [current, previousOf(known), ...known.versions.toReversed()];
  const candidates = likeliest.filter((version) => version?.commit === commit);
  const proved = candidates.find((version) => version?.status === 'stable');
  if (proved) return { proved };
  if (candidates.length > 0) return {};
  return { stranger: `${commit.slice(0, 12)} serves, which the records do not know` };
}
