import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createStreamRegistry, createWatchedRegistry, type StreamRegistry } from './stream-registry.ts';

/** Streams as a channel holds them: ended ones are released. */
function setUp() {
  const registry = createStreamRegistry();
  const ended: string[] = [];
  const open = new Map<string, () => void>();
  const close = (name: string) => open.get(name)?.();
  function add(
    name: string,
    user: string | undefined,
    address = '10.0.0.1',
    into: StreamRegistry = registry,
  ) {
    const release = into.add({ user, address }, () => {
      ended.push(name);
      close(name);
    });
    open.set(name, release);
  }
  return { registry, ended, add, close };
}

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

describe('one patient', () => {
  it('holds six streams; the oldest makes place for each one more', () => {
    const { ended, add } = setUp();
    for (const n of numbers(6)) add(`stream ${n}`, 'patient-a', `10.0.0.${n}`);
    expect(ended).toEqual([]);
    add('stream 7', 'patient-a', '10.0.1.1');
    add('stream 8', 'patient-a', '10.0.1.2');
    expect(ended).toEqual(['stream 1', 'stream 2']);
  });

  it('has place again after streams were closed', () => {
    const { ended, add, close } = setUp();
    for (const n of numbers(6)) add(`stream ${n}`, 'patient-a');
    close('stream 3');
    close('stream 3');
    add('stream 7', 'patient-a');
    expect(ended).toEqual([]);
    add('stream 8', 'patient-a');
    expect(ended).toEqual(['stream 1']);
  });

  it('takes no place from another', () => {
    const { ended, add } = setUp();
    for (const user of ['patient-a', 'patient-b', undefined]) {
      for (const n of numbers(6)) add(`${user} ${n}`, user);
    }
    expect(ended).toEqual([]);
  });
});

describe('one address', () => {
  it('holds two thousand streams of any patients; the oldest makes place', () => {
    const { ended, add } = setUp();
    for (const n of numbers(2_000)) add(`stream ${n}`, n % 2 === 0 ? `patient-${n}` : undefined);
    add('elsewhere', undefined, '10.0.0.2');
    expect(ended).toEqual([]);
    add('one more', 'patient-x');
    expect(ended).toEqual(['stream 1']);
  });
});

describe('a shutdown', () => {
  it('ends every stream once, and each that comes later at once', () => {
    const { registry, ended, add } = setUp();
    add('of a patient', 'patient-a');
    add('of nobody', undefined);
    registry.endAll();
    expect(ended.sort()).toEqual(['of a patient', 'of nobody'].sort());
    add('too late', 'patient-b');
    expect(ended).toContain('too late');
    registry.endAll();
    expect(ended).toHaveLength(3);
  });
});

describe('where no request may end the stream of another', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  function setUpWatched() {
    const registry = createWatchedRegistry();
    const ended: string[] = [];
    function add(name: string, gone = new AbortController().signal) {
      const release = registry.add({ user: 'patient-a', address: '10.0.0.1', gone }, () => {
        ended.push(name);
        release();
      });
      return release;
    }
    return { ended, add };
  }

  it('the oldest ends itself within a second, once, and the others stay', async () => {
    const { ended, add } = setUpWatched();
    for (const n of numbers(8)) add(`stream ${n}`);
    expect(ended).toEqual([]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(ended).toEqual(['stream 1', 'stream 2']);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(ended).toHaveLength(2);
  });

  it('a stream whose client is gone takes no place, and one that ended watches no longer', async () => {
    const { ended, add } = setUpWatched();
    const leaving = new AbortController();
    add('left', leaving.signal);
    const release = add('closed');
    leaving.abort();
    release();
    for (const n of numbers(6)) add(`stream ${n}`);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(ended).toEqual([]);
    expect(vi.getTimerCount()).toBe(7);
  });
});
