// The smoke test as deployments ask it: one yes or no, with the reason.
import { runSmoke } from './smoke/run-smoke.ts';
import type { Target } from './targets.ts';

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

/** Runs it. A service that calls itself a test one fails as well: there, limits may be off. */
export async function smokeVerdict(options: VerdictOptions): Promise<SmokeVerdict> {
  const { url, target, commit, environment, waitMs, readOnly = false } = options;
  const { METRICS_TOKEN, SMOKE_ADMIN_USERNAME: username, SMOKE_ADMIN_PASSWORD: password } = environment;
  const report = await runSmoke({
    url,
    readOnly,
    expect: { target, commit },
    waitMs,
    ...(METRICS_TOKEN && { metricsToken: METRICS_TOKEN }),
    ...(username && password && { admin: { username, password } }),
    ...(environment.DATABASE_URL && {
      removePatient: async (session: string) =>
        (await import('./smoke/synthetic-patient.ts')).removeSyntheticPatient(session, environment),
    }),
  });
  const failed = report.checks.filter(({ outcome }) => outcome === 'failed');
  if (failed.length > 0) {
    return { ok: false, problem: failed.map(({ name, detail }) => `${name}: ${detail}`).join('; ') };
  }
  return (await environmentOf(url)) === 'test'
    ? { ok: false, problem: 'it calls itself a test environment' }
    : { ok: true, problem: '' };
}

async function environmentOf(url: string): Promise<unknown> {
  const answer = await fetch(`${url}/health`, { signal: AbortSignal.timeout(10_000) });
  return ((await answer.json()) as { environment?: unknown }).environment;
}
