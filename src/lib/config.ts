// The settings of a target, validated once. A missing or malformed one is named, its value never shown.
import * as z from 'zod/mini';
import { DomainError } from './errors.ts';
import { isTimezone } from './service-day.ts';

const text = z.string().check(z.trim(), z.minLength(1));
const url = z.url({ protocol: /^https?$/ });

const environmentSchema = z.object({
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }),
  DATABASE_HTTP_URL: z.optional(url),
  UPSTASH_REDIS_REST_URL: z.optional(url),
  UPSTASH_REDIS_REST_TOKEN: z.optional(text),
  JWT_SECRET: z.string().check(z.minLength(32)),
  ENVIRONMENT: z._default(z.enum(['production', 'development', 'test']), 'production'),
  PAGE_ORIGINS: z._default(z.string(), ''),
  LONG_POLL_SECONDS: z._default(z.coerce.number().check(z.int(), z.gte(0), z.lte(15)), 8),
  TIMEZONE: z._default(z.string().check(z.refine(isTimezone)), 'Asia/Qatar'),
  SERVICE_DAY_START: z._default(z.string().check(z.regex(/^([01]\d|2[0-3]):[0-5]\d$/)), '00:00'),
});

export interface Config {
  readonly databaseUrl: string;
  /** Where SQL goes over HTTP, when that is not the address Neon derives from the host. */
  readonly databaseHttpUrl: string | undefined;
  readonly redis: { readonly url: string; readonly token: string } | undefined;
  readonly jwtSecret: string;
  readonly environment: 'production' | 'development' | 'test';
  readonly pageOrigins: readonly string[];
  readonly longPollSeconds: number;
  readonly timezone: string;
  readonly serviceDayStart: string;
}

/** Reads the settings from a target's environment; empty values count as absent. Throws BAD_ENVIRONMENT. */
export function readConfig(environment: Readonly<Record<string, unknown>>): Config {
  const present = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => typeof value === 'string' && value.trim() !== ''),
  );
  const parsed = environmentSchema.safeParse(present);
  if (!parsed.success) {
    throw badEnvironment(String(parsed.error.issues[0]?.path[0]));
  }
  const env = parsed.data;
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
    environment: env.ENVIRONMENT,
    pageOrigins: env.PAGE_ORIGINS.split(',')
      .map((origin) => origin.trim())
      .filter((origin) => origin !== ''),
    longPollSeconds: env.LONG_POLL_SECONDS,
    timezone: env.TIMEZONE,
    serviceDayStart: env.SERVICE_DAY_START,
  };
}

/** The error that names a setting and never shows its value. */
export function badEnvironment(name: string, why = 'is missing or malformed'): DomainError {
  return new DomainError('BAD_ENVIRONMENT', { message: `The setting ${name} ${why}` });
}
