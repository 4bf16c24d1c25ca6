import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createKeyedHash, hex } from './keyed-hash.ts';

const SECRET = 'a secret of at least thirty-two characters';

describe('a keyed hash', () => {
  it('is the first 128 bits of an HMAC-SHA256, in hex', async () => {
    const expected = createHmac('sha256', `keyed-hash:${SECRET}`)
      .update('client-ip:203.0.113.7')
      .digest('hex');
    expect(await createKeyedHash(SECRET)('client-ip', '203.0.113.7')).toBe(expected.slice(0, 32));
  });

  it('is the same for the same value, in every isolate', async () => {
    const hash = createKeyedHash(SECRET);
    const first = await hash('patient', 'u1');
    expect(await hash('patient', 'u1')).toBe(first);
    expect(await createKeyedHash(SECRET)('patient', 'u1')).toBe(first);
  });

  it('differs by value, label and secret, and shows none of them', async () => {
    const hash = createKeyedHash(SECRET);
    const all = await Promise.all([
      hash('patient', 'u1'),
      hash('patient', 'u2'),
      hash('client-ip', 'u1'),
      createKeyedHash(`${SECRET}!`)('patient', 'u1'),
      hash('patient', ''),
      hash('patient', 'المختبر'),
    ]);
    expect(new Set(all).size).toBe(all.length);
    for (const value of all) expect(value).toMatch(/^[0-9a-f]{32}$/);
  });

  it('stays right for more values than are remembered', async () => {
    const hash = createKeyedHash(SECRET);
    const values = Array.from({ length: 2_100 }, (_, i) => `u${i}`);
    const first = await Promise.all(values.map((value) => hash('patient', value)));
    expect(new Set(first).size).toBe(values.length);
    expect(await Promise.all(values.map((value) => hash('patient', value)))).toEqual(first);
  });

  it('is right also for callers who come first together', async () => {
    const hash = createKeyedHash(SECRET);
    const [one, other] = await Promise.all([hash('patient', 'u1'), hash('patient', 'u1')]);
    expect(one).toBe(other);
  });
});

describe('hex', () => {
  it('has two digits for each byte', () => {
    expect(hex(new Uint8Array([0, 1, 0x7f, 0x80, 0xff]))).toBe('00017f80ff');
    expect(hex(new Uint8Array())).toBe('');
  });
});
