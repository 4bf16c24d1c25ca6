// After a switch: the records name the versions of the target that has the patients now, for a rollback that cannot ask
// the database, and for whoever checks the last stable commit out.
import type { Repository } from './repository.ts';
import type { Target } from './targets.ts';
import { readNewestVersions, recordedActive, withRecords, writeVersions } from './versions.ts';

/**
 * Puts the versions of the active target at the top of `deployment/versions.json`, its commit into
 * `.last-stable-version` (which stays where nothing was deployed to it by a command), and commits both unless told
 * otherwise. Says whether it committed something. Throws when they cannot be written, and what git says when it refuses the commit.
 */
export async function recordActive(
  root: string,
  repository: Pick<Repository, 'commitRecords' | 'newerRecords'>,
  active: Target,
  { commit = true }: { readonly commit?: boolean } = {},
): Promise<boolean> {
  return withRecords(root, async () => {
    const versions = await readNewestVersions(root, repository);
    if (recordedActive(versions) !== active) await writeVersions(root, versions, active);
    return commit && repository.commitRecords(`${active} has the patients`);
  });
}
