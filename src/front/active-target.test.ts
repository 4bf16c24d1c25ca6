/** An isolate follows a switch within a second, and forgets nothing while the database is away. */
import { describe, expect, it } from 'vitest';
import { type ActiveTargetAnswer, createActiveTarget } from './active-target.ts';

function table(target: string | null) {
  const state = { target, reads: 0, now: 0, isAway: false };
  const read = async (): Promise<ActiveTargetAnswer> => {
    state.reads += 1;
    if (state.isAway) throw new Error('away');
    return { active: state.target === null ? null : { target: state.target } };
  };
  return { state, active: createActiveTarget(read, () => state.now) };
}

describe('the active target', () => {
  it('is read once for all requests of half a second, and never used for longer than a second', async () => {
    const { state, active } = table('node');
    for (const now of [0, 100, 499]) {
      state.now = now;
      expect(await active()).toBe('node');
    }
    expect(state.reads).toBe(1);
    state.target = 'vercel';
    state.now = 1_000;
    expect(await active()).toBe('vercel');
  });

  it('is asked for by one request, while those beside it use what is known', async () => {
    const answers: ((answer: ActiveTargetAnswer) => void)[] = [];
    let now = 0;
    const active = createActiveTarget(
      () => new Promise((resolve) => answers.push(resolve)),
      () => now,
    );
    const first = active();
    answers[0]?.({ active: { target: 'node' } });
    expect(await first).toBe('node');
    now = 600;
    const asking = active();
    now = 700;
    expect(await active()).toBe('node');
    expect(answers.length).toBe(2);
    answers[1]?.({ active: { target: 'vercel' } });
    expect(await asking).toBe('vercel');
    expect(await active()).toBe('vercel');
  });

  it('stays the last one known while the database is away, which is asked once a second', async () => {
    const { state, active } = table('cloudflare');
    await active();
    state.isAway = true;
    for (let now = 1_000; now < 4_000; now += 100) {
      state.now = now;
      expect(await active()).toBe('cloudflare');
    }
    expect(state.reads).toBe(1 + 3);
    state.isAway = false;
    state.target = 'node';
    state.now = 4_000;
    expect(await active()).toBe('node');
  });

  it.each([null, 'elsewhere'])('is nobody when the row says %s', async (target) => {
    expect(await table(target).active()).toBeUndefined();
  });

  it('is nobody when the database never answered', async () => {
    const { state, active } = table('node');
    state.isAway = true;
    expect(await active()).toBeUndefined();
  });
});
