// The settings of a target, validated once. A missing or malformed one is named, its value never shown.
import * as z from 'zod/mini';
import { DomainError } from './errors.ts';
import { LOG_LEVELS, type LogLevel } from './log.ts';
import { parseRateLimits, type RateLimits } from './rate-limit-policies.ts';
import { isTimezone } from './service-day.ts';

const text = z.string().check(z.trim(), z.minLength(1));
const url = z.url({ protocol: /^https?$/ });

const serviceDayShape = {
  TIMEZONE: z._default(z.string().check(z.refine(isTimezone)), 'Asia/Qatar'),
  SERVICE_DAY_START: z._default(z.string().check(z.regex(/^([01]\d|2[0-3]):[0-5]\d$/)), '00:00'),
};

/** Long, and without blanks: a header could not carry them. */
const PROXY_SECRET = /^[\x21-\x7e]{32,}$/;

const environmentSchema = z.object({
  ...serviceDayShape,
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }),
  DATABASE_HTTP_URL: z.optional(url),
  UPSTASH_REDIS_REST_URL: z.optional(url),
  UPSTASH_REDIS_REST_TOKEN: z.optional(text),
  JWT_SECRET: z.string().check(z.minLength(32)),
  JWT_SECRET_PREVIOUS: z.optional(z.string().check(z.minLength(32))),
  LOG_LEVEL: z._default(z.enum(LOG_LEVELS), 'info'),
  ENVIRONMENT: z._default(z.enum(['production', 'development', 'test']), 'production'),
  PAGE_ORIGINS: z._default(z.string(), ''),
  // Read by readWebPageSettings; it stands here so that a malformed one is named.
  WEB_PAGE_MODE: z._default(z.enum(['on', 'off']), 'on'),
  LONG_POLL_SECONDS: z._default(z.coerce.number().check(z.int(), z.gte(0), z.lte(15)), 8),
  // No blanks: a header could not carry them.
  CRON_SECRET: z.optional(z.string().check(z.trim(), z.regex(/^[\x21-\x7e]+$/))),
  METRICS_TOKEN: z.optional(z.string().check(z.trim(), z.regex(/^[\x21-\x7e]+$/))),
  NO_SHOW_EXPIRY: z._default(z.enum(['on', 'off']), 'off'),
  REPORTS_PUBLIC: z._default(z.enum(['on', 'off']), 'off'),
  RATE_LIMITS: z.optional(text),
  // Read by the entry of Supabase; it stands here so that a malformed one is named.
  CLIENT_IP_HEADER: z.optional(z.string().check(z.trim(), z.regex(/^[A-Za-z0-9-]+$/))),
  // Read by readProxySecret; it stands here so that a malformed one is named.
  PROXY_SECRET: z.optional(z.string().check(z.regex(PROXY_SECRET))),
  QR_TOKEN_MINUTES: z._default(z.coerce.number().check(z.int(), z.gte(1), z.lte(1440)), 60),
});

/** The names of all settings. */
export function settingNames(): string[] {
  return Object.keys(environmentSchema.def.shape);
}

export interface Config {
  readonly databaseUrl: string;
  /** Where SQL goes over HTTP, when that is not the address Neon derives from the host. */
  readonly databaseHttpUrl: string | undefined;
  readonly redis: { readonly url: string; readonly token: string } | undefined;
  readonly jwtSecret: string;
  /** The secret before this one, while tokens that it signed are still accepted. */
  readonly jwtSecretPrevious: string | undefined;
  readonly logLevel: LogLevel;
  readonly environment: 'production' | 'development' | 'test';
  readonly pageOrigins: readonly string[];
  readonly longPollSeconds: number;
  readonly timezone: string;
  readonly serviceDayStart: string;
  /** What schedulers send as Bearer; without it only an admin may tick. */
  readonly cronSecret: string | undefined;
  /** What Prometheus sends as Bearer; without it only this machine may read the metrics. */
  readonly metricsToken: string | undefined;
  /** Whether a call that nobody followed becomes NO_SHOW after the grace time. */
  readonly noShowExpiry: boolean;
  /** Whether the four reports are shown without admin. */
  readonly reportsPublic: boolean;
  readonly qrTokenMinutes: number;
  readonly rateLimits: RateLimits;
}

/** Reads the settings from a target's environment; empty values count as absent. Throws BAD_ENVIRONMENT. */
export function readConfig(environment: Readonly<Record<string, unknown>>): Config {
  const env = parse(environmentSchema, environment);
  if ((env.UPSTASH_REDIS_REST_URL === undefined) !== (env.UPSTASH_REDIS_REST_TOKEN === undefined)) {
    throw badEnvironment(
      env.UPSTASH_REDIS_REST_URL === undefined ? 'UPSTASH_REDIS_REST_URL' : 'UPSTASH_REDIS_REST_TOKEN',
    );
  }
  return {
    databaseUrl: env.DATABASE_URL,
    databaseHttpUrl: env.DATABASE_HTTP_URL,
    redis:
      env.UPSTASH_REDIS_REST_URL && env.UPSTASH_REDIS_REST_TOKEN
        ? { url: env.UPSTASH_REDIS_REST_URL, token: env.UPSTASH_REDIS_REST_TOKEN }
        : undefined,
    jwtSecret: env.JWT_SECRET,
    jwtSecretPrevious: env.JWT_SECRET_PREVIOUS,
    logLevel: env.LOG_LEVEL,
    environment: env.ENVIRONMENT,
    pageOrigins: originsOf(env.PAGE_ORIGINS),
    longPollSeconds: env.LONG_POLL_SECONDS,
    timezone: env.TIMEZONE,
    serviceDayStart: env.SERVICE_DAY_START,
    cronSecret: env.CRON_SECRET,
    metricsToken: env.METRICS_TOKEN,
    noShowExpiry: env.NO_SHOW_EXPIRY === 'on',
    reportsPublic: env.REPORTS_PUBLIC === 'on',
    qrTokenMinutes: env.QR_TOKEN_MINUTES,
    rateLimits: rateLimitsOf(env.RATE_LIMITS, env.ENVIRONMENT),
  };
}

/** Without limits nobody may go live, so `off` is for tests only. */
function rateLimitsOf(setting: string | undefined, environment: Config['environment']): RateLimits {
  const limits = parseRateLimits(setting);
  if (limits === undefined) throw badEnvironment('RATE_LIMITS');
  if (limits === 'off' && environment !== 'test') {
    throw badEnvironment('RATE_LIMITS', 'may be off only where ENVIRONMENT is test');
  }
  return limits;
}

/** When a service day begins and where; for the migrator, which needs no other setting. Throws BAD_ENVIRONMENT. */
export function readServiceDay(
  environment: Readonly<Record<string, unknown>>,
): Pick<Config, 'timezone' | 'serviceDayStart'> {
  const env = parse(z.object(serviceDayShape), environment);
  return { timezone: env.TIMEZONE, serviceDayStart: env.SERVICE_DAY_START };
}

function parse<T extends z.ZodMiniType>(
  schema: T,
  environment: Readonly<Record<string, unknown>>,
): z.infer<T> {
  const present = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => typeof value === 'string' && value.trim() !== ''),
  );
  const parsed = schema.safeParse(present);
  if (!parsed.success) throw badEnvironment(String(parsed.error.issues[0]?.path[0]));
  return parsed.data;
}

/** Whether answers are rewritten for the deployed web page, and where that page lives besides the own host. */
export interface WebPageSettings {
  readonly enabled: boolean;
  readonly pageOrigins: readonly string[];
}

/** Never throws: the page must also understand the answer that says that the environment is bad. */
export function readWebPageSettings(environment: Readonly<Record<string, unknown>>): WebPageSettings {
  const { WEB_PAGE_MODE, PAGE_ORIGINS } = environment;
  return {
    enabled: WEB_PAGE_MODE !== 'off',
    pageOrigins: originsOf(typeof PAGE_ORIGINS === 'string' ? PAGE_ORIGINS : ''),
  };
}

/** What the front proves itself with, or undefined. Never throws: a malformed one is nobody's, and readConfig names it. */
export function readProxySecret({
  PROXY_SECRET: secret,
}: Readonly<Record<string, unknown>>): string | undefined {
  return typeof secret === 'string' && PROXY_SECRET.test(secret) ? secret : undefined;
}

/** The origins of a comma list, in the form in which browsers send them. */
function originsOf(list: string): string[] {
  return list
    .split(',')
    .map((origin) => origin.trim())
    .filter((origin) => origin !== '')
    .map((origin) => (URL.canParse(origin) ? new URL(origin).origin : origin));
}

/** The error that names a setting and never shows its value. */
export function badEnvironment(name: string, why = 'is missing or malformed'): DomainError {
  return new DomainError('BAD_ENVIRONMENT', { message: `The setting ${name} ${why}` });
}
