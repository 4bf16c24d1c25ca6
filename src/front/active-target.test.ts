/** An isolate follows a switch within a second, and forgets nothing while the database is away. */
import { afterEach, describe, expect, it, vi } from 'vitest';
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

  it('is looked for once by all who come after a long silence, and none of them gets what was known before', async () => {
    const answers: ((answer: ActiveTargetAnswer) => void)[] = [];
    let now = 0;
    const active = createActiveTarget(
      () => new Promise((resolve) => answers.push(resolve)),
      () => now,
    );
    const first = active();
    answers[0]?.({ active: { target: 'node' } });
    await first;
    now = 60_000;
    const many = Array.from({ length: 20 }, () => active());
    answers[1]?.({ active: { target: 'vercel' } });
    expect(new Set(await Promise.all(many))).toEqual(new Set(['vercel']));
    expect(answers.length).toBe(2);
  });

  it.each([null, 'elsewhere'])('stays the last one known when the row says %s', async (target) => {
    const { state, active } = table('cloudflare');
    await active();
    state.target = target;
    for (const now of [1_000, 2_000]) {
      state.now = now;
      expect(await active()).toBe('cloudflare');
    }
    expect(state.reads).toBe(3);
  });

  it.each([null, 'elsewhere'])('is nobody when the row never said but %s', async (target) => {
    expect(await table(target).active()).toBeUndefined();
  });

  it('is nobody when the database never answered', async () => {
    const { state, active } = table('node');
    state.isAway = true;
    expect(await active()).toBeUndefined();
  });
});

describe('a database that never answers', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it('holds up who comes first for two seconds, and then one request a second', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    let reads = 0;
    const active = createActiveTarget(() => {
      reads += 1;
      return new Promise(() => {});
    });
    let answered = 0;
    const ask = () =>
      active().then((target) => {
        expect(target).toBeUndefined();
        answered += 1;
      });
    for (let i = 0; i < 10; i += 1) void ask();
    await vi.advanceTimersByTimeAsync(1_900);
    expect(answered).toBe(0);
    await vi.advanceTimersByTimeAsync(200);
    expect(answered).toBe(10);
    const before = reads;
    for (let i = 0; i < 100; i += 1) {
      void ask();
      await vi.advanceTimersByTimeAsync(50);
      // A look begins once a second and takes two: of all who came, two wait.
      expect(answered).toBeGreaterThanOrEqual(10 + i + 1 - 3);
    }
    expect(reads - before).toBeLessThanOrEqual(6);
  });
});
