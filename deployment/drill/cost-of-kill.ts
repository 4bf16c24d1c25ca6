// What a hard kill may cost: no more requests than were under way when the target died.
import type { Verdict } from '../../demo/invariants.ts';
import type { AnswerCounts } from './answer-counts.ts';

/**
 * What failed at the death and after it, all together, against what was under way: the front may also close a connection
 * over which one of these was answered, which then breaks the next request.
 */
export function costOfKill(underWay: AnswerCounts | undefined, after: AnswerCounts | undefined): Verdict {
  const failed = [underWay, after].reduce(
    (sum, counts) => sum + (counts?.errors ?? 0) + (counts?.broken ?? 0),
    0,
  );
  const [allowed, findings] = [sentUnder(underWay), [...faultsOf(underWay), ...faultsOf(after)]];
  const isHeld = after !== undefined && failed <= allowed;
  return {
    title: 'a hard kill costs no more than what was under way',
    held: isHeld,
    detail: `${failed} failed, ${allowed} under way`,
    findings: isHeld ? [] : findings,
  };
}

/** Requests that count under a heading. */
export const sentUnder = (counts: AnswerCounts | undefined) => (counts ? counts.answers + counts.broken : 0);

/** What went wrong under a heading, a text for each kind. */
export function faultsOf(counts: AnswerCounts | undefined): string[] {
  if (!counts) return ['nothing was asked'];
  return Object.entries(counts.kinds).map(([kind, times]) => `${times} times ${kind}`);
}
