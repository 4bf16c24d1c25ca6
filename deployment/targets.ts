// The deployed targets as commands see them: where each is, and what it says of its own state.
import { type FrontTarget, readTargets } from '../src/front/front-targets.ts';
import { TARGET_HEADER } from '../src/lib/answer-headers.ts';
import { badEnvironment } from '../src/lib/config.ts';
import type { Target } from '../src/lib/services.ts';

export { isTargetName, TARGET_NAMES } from '../src/front/front-targets.ts';
export type { FrontTarget as DeployedTarget, Target };

type Environment = Readonly<Record<string, string | undefined>>;

/** What a target's `/health/ready` says; fields are undefined where it did not answer. */
export interface TargetHealth {
  readonly name: Target;
  readonly url: string;
  /** The address that was asked. */
  readonly healthUrl: string;
  /** True when it serves: 200, from the target of this name. */
  readonly ready: boolean;
  /** The status of HTTP, or undefined when no answer came. */
  readonly httpStatus: number | undefined;
  /** `X-MMC-Target`. */
  readonly servedBy: string | undefined;
  readonly version: string | undefined;
  readonly commit: string | undefined;
  /** The migration that the build expects, and the last one of its database. */
  readonly schema: string | undefined;
  readonly databaseSchema: string | undefined;
  /** The median of the answers' milliseconds, undefined when none came. */
  readonly p50Ms: number | undefined;
  /** Why it is not ready, for a person; holds no secret. */
  readonly problem: string | undefined;
}

/** All of `TARGETS` in the order of failover, or none where the setting is absent. Throws BAD_ENVIRONMENT. */
export function deployedTargets(environment: Environment): readonly FrontTarget[] {
  return environment.TARGETS?.trim() ? readTargets(environment) : [];
}

/** The one of this name. Throws BAD_ENVIRONMENT when `TARGETS` does not have it. */
export function deployedTarget(environment: Environment, name: Target): FrontTarget {
  const target = deployedTargets(environment).find((known) => known.name === name);
  if (!target) throw badEnvironment('TARGETS', `has no ${name}`);
  return target;
}

/** `PUBLIC_URL`: where patients reach the service, whichever target answers. Throws BAD_ENVIRONMENT. */
export function publicUrl({ PUBLIC_URL: url = '' }: Environment): string {
  if (!URL.canParse(url) || !/^https?:\/\//.test(url)) throw badEnvironment('PUBLIC_URL');
  return url.replace(/\/+$/, '');
}

/** Asks `/health/ready` `samples` times (1), one after the other; each may take `timeoutMs` (5 s). Never rejects. */
export async function fetchHealth(
  { name, url }: FrontTarget,
  { samples = 1, timeoutMs = 5_000 }: { readonly samples?: number; readonly timeoutMs?: number } = {},
): Promise<TargetHealth> {
  const healthUrl = `${url}/health/ready`;
  const latencies: number[] = [];
  let last: Pick<TargetHealth, 'httpStatus' | 'servedBy' | 'problem'> & { body: Record<string, unknown> };
  do {
    const began = performance.now();
    last = await askOnce(healthUrl, timeoutMs);
    if (last.httpStatus === undefined) break;
    latencies.push(performance.now() - began);
  } while (latencies.length < samples);
  const { httpStatus, servedBy, body } = last;
  const text = (key: string) => (typeof body[key] === 'string' ? body[key] : undefined);
  const problem =
    last.problem ??
    (servedBy !== name ? `${servedBy ?? 'something else'} answers there` : undefined) ??
    (httpStatus !== 200 ? `answers ${httpStatus}${text('code') ? ` ${text('code')}` : ''}` : undefined);
  return {
    name,
    url,
    healthUrl,
    ready: problem === undefined,
    httpStatus,
    servedBy,
    version: text('version'),
    commit: text('commit'),
    schema: text('schema_version'),
    databaseSchema: text('schema_version_db'),
    p50Ms: medianOf(latencies),
    problem,
  };
}

async function askOnce(healthUrl: string, timeoutMs: number) {
  try {
    const answer = await fetch(healthUrl, { redirect: 'manual', signal: AbortSignal.timeout(timeoutMs) });
    const body = (await answer.json().catch(() => ({}))) as Record<string, unknown>;
    const servedBy = answer.headers.get(TARGET_HEADER) ?? undefined;
    return { httpStatus: answer.status, servedBy, body, problem: undefined };
  } catch (error) {
    const slow = error instanceof Error && error.name === 'TimeoutError';
    const problem = slow ? `no answer within ${timeoutMs / 1000} s` : 'unreachable';
    return { httpStatus: undefined, servedBy: undefined, body: {}, problem };
  }
}

function medianOf(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = sorted[Math.floor((sorted.length - 1) / 2)];
  return middle === undefined ? undefined : Math.round(middle * 10) / 10;
}
