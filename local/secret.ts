/** The one credential of the embedded cloud: how it is made, and how it is compared without telling how much of it fits. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** A fresh random token of 256 bits, safe inside a URL. */
export function newToken(): string {
  return randomBytes(32).toString('base64url');
}

/** True when both texts are equal; takes the same time wherever they differ. */
export function sameSecret(given: string, expected: string): boolean {
  return timingSafeEqual(digest(given), digest(expected));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
