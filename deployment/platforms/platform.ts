// What deploying and rolling back need of a platform, whichever it is.
import type { Target } from '../targets.ts';
import type { DeployedVersion } from '../versions.ts';

export interface Upload {
  /** What the platform calls it. */
  readonly deployment: string;
  /** Where it answers before it gets traffic. */
  readonly url: string;
}

export interface Platform {
  readonly target: Target;
  /** Settings without which the target does not do its work. */
  readonly settings: readonly string[];
  /** The names of the settings that are set there. Throws a CliFailure: nobody logged in, no such project. */
  settingNames(): Promise<readonly string[]>;
  /** What the platform's program can try without changing anything; undefined where it can try nothing. */
  rehearse?(): Promise<void>;
  /** Brings the build there without giving it traffic; undefined in a dry run. */
  upload(version: DeployedVersion): Promise<Upload | undefined>;
  /** Gives it all traffic. */
  release(version: DeployedVersion): Promise<void>;
  /** Gives all traffic back to an earlier version; resolves to what a person must know of it, if anything. */
  restore(
    version: DeployedVersion,
    instead: DeployedVersion | undefined,
    reason: string,
  ): Promise<string | undefined>;
}

/** The platform's name of a version. Throws for one that never got there. */
export function deploymentOf({ version, deployment }: DeployedVersion): string {
  if (deployment === null) throw new Error(`${version} never reached its platform`);
  return deployment;
}
