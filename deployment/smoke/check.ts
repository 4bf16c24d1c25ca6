// What a smoke check is, and how one says that the target is not as it should be.
import type { TargetClient } from './target-client.ts';

/** What a deployed target is expected to be; absent: not compared. */
export interface Expectations {
  /** `X-MMC-Target`: cloudflare, supabase, vercel or node. */
  readonly target?: string | undefined;
  /** The commit that was deployed. */
  readonly commit?: string | undefined;
  /** The migration that the deployed build expects, e.g. `0022_key_rotation`. */
  readonly schema?: string | undefined;
}

export interface SmokeOptions {
  /** Where the target's paths begin; may have a path, e.g. `https://<ref>.supabase.co/functions/v1`. */
  readonly url: string;
  /** Sends GETs only. */
  readonly readOnly?: boolean;
  readonly expect?: Expectations;
  /** Milliseconds that one answer may take; 10 s unless told. */
  readonly timeoutMs?: number;
  /** Milliseconds to wait until the expected commit answers: a new version needs a moment to be everywhere. */
  readonly waitMs?: number;
  /** A staff account for the admin checks; best one of its own. */
  readonly admin?: { readonly username: string; readonly password: string } | undefined;
  readonly metricsToken?: string | undefined;
  /** What the front and its targets know each other by; needs web page mode, by which a target shows that it believes. */
  readonly proxySecret?: string | undefined;
  /** Deletes the synthetic patient of this session from the target's database; resolves to the rows deleted. */
  readonly removePatient?: ((session: string) => Promise<number>) | undefined;
}

/** What the checks of one run have in common. */
export interface CheckContext {
  readonly options: SmokeOptions;
  readonly client: TargetClient;
  /** A text that no patient and no other run has; begins with `smoke-`. */
  readonly id: string;
  /** What was learnt on the way. */
  readonly learnt: {
    target?: string;
    commit?: string;
    schema?: string;
    token?: string;
    session?: string;
  };
}

export interface Check {
  readonly name: string;
  /** True when it sends something else than a GET, or has something to clean up. */
  readonly writes?: boolean;
  /** Resolves to a word for the table; throws Skip, or anything else for a failure. */
  run(context: CheckContext): Promise<string | undefined>;
}

/** The check does not apply to this target or to what the caller gave. */
export class Skip extends Error {}

/** The target is not as it should be; the message is for a person and holds no secret. */
export class Failure extends Error {}

/** Throws a Failure unless it holds. */
export function ensure(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Failure(otherwise);
}
