import { describe, expect, it } from 'vitest';
import type { AnswerCounts } from '../../deployment/drill/answer-counts.ts';
import { costOfKill } from '../../deployment/drill/cost-of-kill.ts';

const counts = (answers: number, kinds: Readonly<Record<string, number>> = {}): AnswerCounts => {
  const ofServer = Object.entries(kinds).filter(([kind]) => /\b5\d\d\b/.test(kind));
  const errors = ofServer.reduce((sum, [, times]) => sum + times, 0);
  const all = Object.values(kinds).reduce((sum, times) => sum + times, 0);
  return { answers, errors, kinds: { ...kinds }, broken: all - errors };
};

describe('a hard kill', () => {
  it('may cost as many requests as were under way, whenever they failed', () => {
    const verdict = costOfKill(counts(1, { 'ECONNRESET /a': 1 }), counts(50, { 'front 503 /b': 1 }));
    expect(verdict).toMatchObject({ held: true, detail: '2 failed, 2 under way', findings: [] });
  });

  it('may not cost one more, and all kinds are told', () => {
    const verdict = costOfKill(counts(2), counts(50, { 'front 503 /b': 2, 'ECONNRESET /a': 1 }));
    expect(verdict).toMatchObject({
      held: false,
      detail: '3 failed, 2 under way',
      findings: ['2 times front 503 /b', '1 times ECONNRESET /a'],
    });
  });

  it('after which nothing was asked is no proof', () => {
    expect(costOfKill(counts(2), undefined)).toMatchObject({ held: false, findings: ['nothing was asked'] });
  });
});
