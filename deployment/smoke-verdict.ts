// The smoke test as deployments ask it: one yes or no, with the reason.
import { runSmoke } from './smoke/run-smoke.ts';
import { smokeSettings } from './smoke/smoke-settings.ts';
import { deployedTargets, type Target } from './targets.ts';

export interface SmokeVerdict {
  readonly ok: boolean;
  /** What failed, for a person; empty when nothing did. */
  readonly problem: string;
}

export interface VerdictOptions {
  readonly url: string;
  readonly target: Target;
  readonly commit: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Milliseconds to wait for that commit: a new version needs a moment to be everywhere. */
  readonly waitMs: number;
  /** Sends GETs only. */
  readonly readOnly?: boolean;
}

const TIMEOUT_MS = 5_000;

/** How often Redis may be late, and the pause between: a target remembers for a second what it found. */
const REDIS = { looks: 3, pauseMs: 1_100 } as const;

/**
 * Runs it. A service that calls itself a test one fails as well: there, limits may be off. So does one whose Redis is away
 * while another of TARGETS has it: that is its own settings' fault. Away for all of them, it is no reason against one.
 */
export async function smokeVerdict(options: VerdictOptions): Promise<SmokeVerdict> {
  const { url, target, commit, environment, waitMs, readOnly = false } = options;
  const report = await runSmoke({
    url,
    readOnly,
    expect: { target, commit },
    waitMs,
    ...smokeSettings(environment),
  });
  const failed = report.checks.filter(({ outcome }) => outcome === 'failed');
  if (failed.length > 0) {
    return no(failed.map(({ name, detail }) => `${name}: ${detail}`).join('; '));
  }
  const { environment: name } = await healthOf(url);
  if (name === undefined) return no('it stopped answering');
  if (name === 'test') return no('it calls itself a test environment');
  return (await isAloneWithoutRedis(options))
    ? no('its Redis does not answer, but that of another target does: look at its settings')
    : { ok: true, problem: '' };
}

const no = (problem: string): SmokeVerdict => ({ ok: false, problem });

async function isAloneWithoutRedis({ url, environment }: VerdictOptions): Promise<boolean> {
  const others = deployedTargets(environment).filter((other) => other.url !== url);
  for (let look = 1; ; look += 1) {
    if ((await healthOf(url)).status !== 'degraded') return false;
    const theirs = await Promise.all(others.map((other) => healthOf(other.url)));
    if (!theirs.some(({ checks }) => checks?.redis?.ok === true)) return false;
    if (look === REDIS.looks) return true;
    await new Promise((wake) => setTimeout(wake, REDIS.pauseMs));
  }
}

interface Health {
  readonly environment?: unknown;
  readonly status?: unknown;
  readonly checks?: { readonly redis?: { readonly ok?: unknown } };
}

/** Empty when it does not answer. */
async function healthOf(url: string): Promise<Health> {
  try {
    const answer = await fetch(`${url}/health`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    return (await answer.json()) as Health;
  } catch {
    return {};
  }
}
