import { expect, it } from 'vitest';
import { recoverySource, recoveryTime, retries } from './fields.ts';
import { logPageRecovery } from './page-recovery.ts';
import type { RequestContext } from './request-context.ts';

async function logged(sent: { retries?: number }): Promise<unknown[]> {
  const lines: unknown[] = [];
  const ctx = {
    requestId: 'req-1',
    log: (...line: unknown[]) => lines.push(line),
  } as unknown as RequestContext;
  expect(await logPageRecovery(ctx, sent)).toEqual({ success: true });
  return lines;
}

it('logs one line with the count and nothing else that was sent', async () => {
  const sent = { retries: 4, source: 'a patient’s name', timestamp: 'and number' };
  expect(await logged(sent)).toEqual([['warn', { event: 'page_recovery', request_id: 'req-1', retries: 4 }]]);
  expect(await logged({})).toEqual([['warn', { event: 'page_recovery', request_id: 'req-1' }]]);
});

it('takes any texts, and no count that is none', () => {
  for (const sent of ['x'.repeat(5000), {}, 7]) {
    expect(recoverySource.schema.safeParse(sent).success).toBe(true);
    expect(recoveryTime.schema.safeParse(sent).success).toBe(true);
  }
  expect(['4', '0', '-1', 'x', {}, '9'.repeat(30)].map((sent) => retries.schema.parse(sent))).toEqual([
    4,
    0,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});
