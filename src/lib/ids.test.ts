import { describe, expect, it } from 'vitest';
import { base64Url, randomIds } from './ids.ts';

describe('ids', () => {
  it('that are secret hold 128 bits in the characters of a session id', () => {
    const made = Array.from({ length: 1_000 }, () => randomIds.secret());
    for (const id of made) {
      expect(id).toMatch(/^[A-Za-z0-9_-]{22}$/);
      expect(Buffer.from(id, 'base64url')).toHaveLength(16);
    }
    expect(new Set(made).size).toBe(1_000);
  });

  it('that are not are UUIDs', () => {
    expect(randomIds.uuid()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(randomIds.uuid()).not.toBe(randomIds.uuid());
  });
});

describe('base64url', () => {
  it('is that of every other implementation', () => {
    for (let length = 0; length < 70; length += 1) {
      const bytes = crypto.getRandomValues(new Uint8Array(length));
      expect(base64Url(bytes)).toBe(Buffer.from(bytes).toString('base64url'));
    }
    expect(base64Url(new Uint8Array([0xfb, 0xff]))).toBe('-_8');
  });
});
