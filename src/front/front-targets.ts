// The deployed targets by name, where each begins, and the order in which one takes over for another.
import { badEnvironment } from '../lib/config.ts';
import type { Target } from '../lib/services.ts';

export interface FrontTarget {
  /** As in its `X-MMC-Target`. */
  readonly name: Target;
  /** Where its paths begin, without a slash at the end; may have a path, e.g. `https://<ref>.supabase.co/functions/v1`. */
  readonly url: string;
}

/** The names of all targets. */
export const TARGET_NAMES = ['supabase', 'cloudflare', 'vercel', 'node'] as const satisfies readonly Target[];

/** Narrows a text to the name of a target. */
export function isTargetName(name: unknown): name is Target {
  return TARGET_NAMES.some((known) => known === name);
}

/**
 * The targets of `TARGETS`, a JSON object from name to URL (https, or on this machine), in the order of failover: `FAILOVER_ORDER` (names with commas
 * between) first, then those it leaves out in the order of the object. Throws BAD_ENVIRONMENT.
 */
export function readTargets(environment: Readonly<Record<string, unknown>>): readonly FrontTarget[] {
  const targets = targetsOf(environment.TARGETS);
  const { FAILOVER_ORDER: order = '' } = environment;
  if (typeof order !== 'string') throw badEnvironment('FAILOVER_ORDER');
  const first = order
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
    .map((name) => {
      const target = targets.find((known) => known.name === name);
      if (!target) throw badEnvironment('FAILOVER_ORDER', 'names a target that TARGETS does not have');
      return target;
    });
  return [...new Set([...first, ...targets])];
}

function targetsOf(setting: unknown): readonly FrontTarget[] {
  const targets = Object.entries(objectOf(setting)).map(([name, url]) => {
    const isUrl = typeof url === 'string' && URL.canParse(url) && /^https?:\/\//.test(url);
    if (!isTargetName(name) || !isUrl) throw badEnvironment('TARGETS');
    if (!isPrivate(new URL(url))) throw badEnvironment('TARGETS', `has an address of ${name} without https`);
    return { name, url: url.replace(/\/+$/, '') };
  });
  if (targets.length === 0) throw badEnvironment('TARGETS');
  return targets;
}

/** Passwords, tokens and the front's secret travel there. */
function isPrivate({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}

function objectOf(setting: unknown): object {
  try {
    const value: unknown = JSON.parse(String(setting));
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    throw badEnvironment('TARGETS');
  }
}
