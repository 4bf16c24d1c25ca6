// Ids and addresses leave the process only as keyed hashes: the same value is recognised, never read.

/** Hashes values under one secret; `label` keeps hashes of different kinds apart. 32 hex digits (128 bits). */
export type KeyedHash = (label: string, value: string) => Promise<string>;

/** Largest number of values whose hashes are remembered: who asks once mostly asks again. */
const MOST_KNOWN = 2_000;

/** Characters of a label and a value that are worth remembering; no address or session id is longer. */
const LONGEST_KNOWN = 200;

/** A keyed hash (HMAC-SHA256) under the given secret. What was hashed lately it knows without computing. */
export function createKeyedHash(secret: string): KeyedHash {
  const encoder = new TextEncoder();
  const known = new Map<string, string>();
  let key: CryptoKey | undefined;
  return async (label, value) => {
    const text = `${label}:${value}`;
    const found = known.get(text);
    if (found !== undefined) return found;
    // Two first callers may both import it: cheaper than sharing a promise between requests.
    key ??= await crypto.subtle.importKey(
      'raw',
      encoder.encode(`keyed-hash:${secret}`),
      { name: 'HMAC', hash: 'SHA-256' },
      false,
      ['sign'],
    );
    const mac = await crypto.subtle.sign('HMAC', key, encoder.encode(text));
    const hash = hex(new Uint8Array(mac).subarray(0, 16));
    if (text.length <= LONGEST_KNOWN) {
      // Forgetting all at once costs one hash each and keeps no order.
      if (known.size >= MOST_KNOWN) known.clear();
      known.set(text, hash);
    }
    return hash;
  };
}

/** Bytes as lower-case hex digits. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
