// The short, safe subset of the contract for a target that people are using: a few dozen requests, one after the other.
import { ADMIN_CHECKS } from './admin-checks.ts';
import { type Check, type CheckContext, Failure, Skip, type SmokeOptions } from './check.ts';
import { FRONT_CHECKS } from './front-checks.ts';
import { QUEUE_CHECKS } from './queue-checks.ts';
import { SERVICE_CHECKS } from './service-checks.ts';
import { FUNCTION_CHECKS } from './supabase-checks.ts';
import { createTargetClient } from './target-client.ts';

export interface CheckResult {
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  readonly milliseconds: number;
  /** What was found, why it failed or why it was skipped. Holds no secret. */
  readonly detail: string | undefined;
}

export interface SmokeReport {
  readonly url: string;
  readonly readOnly: boolean;
  /** What the target says of itself; undefined when it did not answer. */
  readonly target: string | undefined;
  readonly commit: string | undefined;
  readonly schema: string | undefined;
  readonly checks: readonly CheckResult[];
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly milliseconds: number;
  /** True when nothing failed. */
  readonly ok: boolean;
}

const TIMEOUT_MS = 10_000;

const CHECKS = [...SERVICE_CHECKS, ...FRONT_CHECKS, ...FUNCTION_CHECKS, ...QUEUE_CHECKS, ...ADMIN_CHECKS];

/**
 * Runs every check in order and never rejects because of the target. Takes no number in any line, calls nobody and
 * changes no setting. When the target does not answer at all, the rest is skipped.
 */
export async function runSmoke(
  options: SmokeOptions,
  onResult: (result: CheckResult) => void = () => {},
): Promise<SmokeReport> {
  const began = performance.now();
  const context: CheckContext = {
    options,
    client: createTargetClient(new URL(options.url), options.timeoutMs ?? TIMEOUT_MS),
    id: `smoke-${crypto.randomUUID()}`,
    learnt: {},
  };
  const checks: CheckResult[] = [];
  for (const check of CHECKS) {
    if (check.writes && options.readOnly) continue;
    const isAbsent = checks.length > 0 && context.learnt.target === undefined;
    const result = isAbsent ? skipped(check, 'health did not answer') : await outcomeOf(check, context);
    checks.push(result);
    onResult(result);
  }
  const count = (outcome: CheckResult['outcome']) =>
    checks.filter((check) => check.outcome === outcome).length;
  const { target, commit, schema } = context.learnt;
  return {
    url: options.url,
    readOnly: options.readOnly ?? false,
    target,
    commit,
    schema,
    checks,
    passed: count('passed'),
    failed: count('failed'),
    skipped: count('skipped'),
    milliseconds: Math.round(performance.now() - began),
    ok: count('failed') === 0,
  };
}

async function outcomeOf(check: Check, context: CheckContext): Promise<CheckResult> {
  const began = performance.now();
  const result = (outcome: CheckResult['outcome'], detail: string | undefined): CheckResult => ({
    name: check.name,
    outcome,
    milliseconds: Math.round(performance.now() - began),
    detail,
  });
  try {
    return result('passed', await check.run(context));
  } catch (error) {
    if (error instanceof Skip) return result('skipped', error.message);
    // Anything else could repeat what was sent: its text stays here.
    return result('failed', error instanceof Failure ? error.message : 'the check itself broke');
  }
}

function skipped({ name }: Check, detail: string): CheckResult {
  return { name, outcome: 'skipped', milliseconds: 0, detail };
}
