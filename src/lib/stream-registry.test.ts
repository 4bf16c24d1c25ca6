import { describe, expect, it } from 'vitest';
import { createStreamRegistry, type StreamRegistry } from './stream-registry.ts';

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
