/** The targets are read as they were meant, and a wrong setting is named. */
import { describe, expect, it } from 'vitest';
import { DomainError } from '../lib/errors.ts';
import { readTargets } from './front-targets.ts';

const TARGETS = JSON.stringify({
  node: 'http://127.0.0.1:1/',
  supabase: 'https://x.supabase.co/functions/v1',
});

describe('the targets of the front', () => {
  it('stand in the order of failover, then in their own', () => {
    expect(readTargets({ TARGETS }).map(({ name }) => name)).toEqual(['node', 'supabase']);
    expect(readTargets({ TARGETS, FAILOVER_ORDER: ' supabase ' })).toEqual([
      { name: 'supabase', url: 'https://x.supabase.co/functions/v1' },
      { name: 'node', url: 'http://127.0.0.1:1' },
    ]);
  });

  it.each([
    ['TARGETS', {}],
    ['TARGETS', { TARGETS: '{' }],
    ['TARGETS', { TARGETS: '[]' }],
    ['TARGETS', { TARGETS: '{"elsewhere": "https://x.example"}' }],
    ['TARGETS', { TARGETS: '{"node": "ftp://x.example"}' }],
    ['TARGETS has an address of node without https', { TARGETS: '{"node": "http://10.0.0.7:8787"}' }],
    ['FAILOVER_ORDER', { TARGETS, FAILOVER_ORDER: 'vercel' }],
  ])('%s is named when the settings are %o', (name, environment) => {
    expect(() => readTargets(environment)).toThrow(DomainError);
    expect(() => readTargets(environment)).toThrow(name);
  });
});
