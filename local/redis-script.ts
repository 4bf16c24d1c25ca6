/**
 * Lua scripts travel with a first line that only Upstash understands, and clients know a script by the SHA-1 of the
 * text they sent. Both facts live here.
 */
import { createHash } from 'node:crypto';

/** The name EVALSHA knows a script by. */
export function scriptSha(script: string): string {
  return createHash('sha1').update(script).digest('hex');
}

/** The script without its `#!lua …` line; the line break stays, so that error messages keep their line numbers. */
export function withoutShebang(script: string): string {
  return script.replace(/^#![^\n]*/, '');
}

/** True for a first line with a flag that a plain Redis rejects. */
export function hasUpstashShebang(script: string): boolean {
  return /^#![^\n]*allow-key-locking/.test(script);
}
