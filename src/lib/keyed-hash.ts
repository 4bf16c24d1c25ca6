// Ids and addresses leave the process only as keyed hashes: the same value is recognised, never read.

/** Hashes values under one secret; `label` keeps hashes of different kinds apart. 32 hex digits (128 bits). */
export type KeyedHash = (label: string, value: string) => Promise<string>;

/** A keyed hash (HMAC-SHA256) under the given secret. */
export function createKeyedHash(secret: string): KeyedHash {
  const encoder = new TextEncoder();
  let key: CryptoKey | undefined;
  return async (label, value) => {
    // Two first callers may both import it: cheaper than sharing a promise between requests.
    key ??= await crypto.subtle.importKey(
      'raw',
      encoder.encode(`keyed-hash:${secret}`),
      { name: 'HMAC', hash: 'SHA-256' },
      false,
      ['sign'],
    );
    const mac = await crypto.subtle.sign('HMAC', key, encoder.encode(`${label}:${value}`));
    return hex(new Uint8Array(mac).subarray(0, 16));
  };
}

/** Bytes as lower-case hex digits. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
