import { describe, expect, it } from 'vitest';
import { createWaiting } from './waiting.ts';

const SOURCES = {
  readVersions: async () => ({}),
  subscribe: undefined,
  readChanges: () => Promise.reject(new Error('nobody listens')),
  today: () => '2025-10-29',
};

describe('what requests wait with', () => {
  it('is one for all requests on Node, where one look serves them all', () => {
    const waiting = createWaiting('node', SOURCES);
    expect(waiting()).toBe(waiting());
  });

  it.each(['cloudflare', 'supabase', 'vercel'] as const)('is each request’s own on %s', (target) => {
    const waiting = createWaiting(target, SOURCES);
    const [one, other] = [waiting(), waiting()];
    expect(one.wakeUps).not.toBe(other.wakeUps);
    expect(one.eventHub).not.toBe(other.eventHub);
  });
});
