// Who may ask how often: the one table of limits, and which of them a request counts in.
import type { RateLimitPolicy } from './metrics.ts';

/**
 * Requests per minute (`emergency_day`: per day). All patients of a site share one address, so what counts per address
 * must stand a full waiting room. `pin`, `pin_ip` and the two of `emergency` count wrong codes, in the database.
 * `login_ip` counts logins: each hashes a password, and a fresh name in each would be limited by nothing else. It is not
 * `write_ip`, which one phone in the waiting room can use up: no staff member behind that address could log in then.
 */
export const DEFAULT_LIMITS = {
  admin_login: 5,
  login_account: 20,
  login_ip: 600,
  pin: 5,
  pin_ip: 15,
  emergency: 5,
  emergency_day: 20,
  write: 60,
  write_admin: 240,
  write_ip: 600,
  read: 600,
  read_ip: 3_000,
} as const satisfies Record<string, number>;

export type LimitName = keyof typeof DEFAULT_LIMITS;

/** Limits by name, or no limit on requests at all: that is for tests, demonstrations and drills. */
export type RateLimits = Readonly<Record<LimitName, number>> | 'off';

/** The window of every limit that is not the day's, in milliseconds. */
export const WINDOW_MS = 60_000;

/** The policy that a limit belongs to: the label of its metric. */
export const POLICY_OF: Readonly<Record<LimitName, RateLimitPolicy>> = {
  admin_login: 'admin_login',
  login_account: 'login_account',
  login_ip: 'admin_login',
  pin: 'pin',
  pin_ip: 'pin_ip',
  emergency: 'emergency',
  emergency_day: 'emergency',
  write: 'write',
  write_admin: 'write',
  write_ip: 'write_ip',
  read: 'read',
  read_ip: 'read',
};

/** Every attempt to log in as staff; these count in the database when Redis does not answer. */
export const LOGIN_PATHS: ReadonlySet<string> = new Set(['/admin/login', '/api/v1/auth/login']);

/** What waits, what monitors ask, and what the scheduler calls is never counted. */
const UNCOUNTED: ReadonlySet<string> = new Set([
  '/api/v1/events/stream',
  '/api/v1/queue/position',
  '/health',
  '/health/live',
  '/health/ready',
  '/api/health',
  '/api/v1/health',
  '/api/v1/health/status',
  '/api/v1/status',
  '/metrics',
  '/api/system/tick',
]);

/** A full waiting room logs in through one address, and who logs in has no session yet. */
const COUNTED_BY_ADDRESS_ONLY: ReadonlySet<string> = new Set(['/api/v1/patient/login']);

/** What a limit needs to know of a request. */
export interface CountedRequest {
  readonly method: string;
  readonly path: string;
  readonly clientIp: string;
  /** The admin whose token is valid. */
  readonly admin: { readonly sub: string; readonly ver: number } | undefined;
  /** The session id of the body or the query. */
  readonly session: string | undefined;
  /** The user name of a login. */
  readonly username: string | undefined;
}

/** One limit that a request counts in, and whose count it is. It names a person or an address: to be hashed. */
export interface Counted {
  readonly name: LimitName;
  readonly whose: string;
}

/** Everything else reads. */
export function isWrite(method: string): boolean {
  return method === 'POST' || method === 'PUT';
}

/** The limits that a request counts in, the narrowest first; none for what is never counted. */
export function countedIn(request: CountedRequest): readonly Counted[] {
  const { method, path, clientIp, admin, session, username = '' } = request;
  if (UNCOUNTED.has(path)) return [];
  const address = `ip ${clientIp}`;
  if (LOGIN_PATHS.has(path)) {
    // The account last: what its address is refused must not use up its own.
    return [
      { name: 'admin_login', whose: `${clientIp} ${username}` },
      { name: 'login_ip', whose: address },
      { name: 'login_account', whose: username },
    ];
  }
  if (!isWrite(method)) {
    return [
      ...(session === undefined ? [] : [{ name: 'read', whose: session } as const]),
      { name: 'read_ip', whose: address },
    ];
  }
  // With the version, a revoked token has a count of its own: its holder cannot use up the account's.
  if (admin) return [{ name: 'write_admin', whose: `${admin.sub} ${admin.ver}` }];
  return [
    ...(COUNTED_BY_ADDRESS_ONLY.has(path) ? [] : [{ name: 'write', whose: session ?? address } as const]),
    { name: 'write_ip', whose: address },
  ];
}

const HIGHEST = 1_000_000;

/** Reads the setting: empty, `off`, or JSON of limits by name. Undefined when it is malformed. */
export function parseRateLimits(setting: string | undefined): RateLimits | undefined {
  if (setting === undefined) return DEFAULT_LIMITS;
  if (setting === 'off') return 'off';
  let sent: unknown;
  try {
    sent = JSON.parse(setting);
  } catch {
    return undefined;
  }
  if (typeof sent !== 'object' || sent === null || Array.isArray(sent)) return undefined;
  const isLimit = ([name, limit]: [string, unknown]) =>
    Object.hasOwn(DEFAULT_LIMITS, name) &&
    Number.isInteger(limit) &&
    Number(limit) >= 1 &&
    Number(limit) <= HIGHEST;
  return Object.entries(sent).every(isLimit) ? { ...DEFAULT_LIMITS, ...sent } : undefined;
}

/** What the SQL functions that count wrong codes are told. PINs stay limited also where requests are not. */
export function limitsOfPins(limits: RateLimits) {
  const { pin, pin_ip } = limits === 'off' ? DEFAULT_LIMITS : limits;
  return { pin, pin_ip };
}

/** As limitsOfPins, for emergency codes. */
export function limitsOfEmergencyCodes(limits: RateLimits) {
  if (limits === 'off') return { emergency: HIGHEST, emergency_day: HIGHEST };
  const { emergency, emergency_day } = limits;
  return { emergency, emergency_day };
}
