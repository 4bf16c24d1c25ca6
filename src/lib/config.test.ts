import { describe, expect, it } from 'vitest';
import { badEnvironment, readConfig } from './config.ts';
import { DomainError } from './errors.ts';

const REQUIRED = {
  DATABASE_URL: 'postgresql://user:pass@db.example/app',
  JWT_SECRET: 'thirty-two characters at the least',
};

/** The message of the error that reading throws. */
function refusal(environment: Record<string, unknown>): string {
  try {
    readConfig(environment);
  } catch (error) {
    expect(error).toBeInstanceOf(DomainError);
    expect((error as DomainError).code).toBe('BAD_ENVIRONMENT');
    return (error as DomainError).message;
  }
  throw new Error('was accepted');
}

describe('the settings', () => {
  it('have the defaults of the contract', () => {
    expect(readConfig(REQUIRED)).toMatchObject({
      databaseUrl: REQUIRED.DATABASE_URL,
      databaseHttpUrl: undefined,
      redis: undefined,
      jwtSecret: REQUIRED.JWT_SECRET,
      jwtSecretPrevious: undefined,
      logLevel: 'info',
      environment: 'production',
      pageOrigins: [],
      longPollSeconds: 8,
      timezone: 'Asia/Qatar',
      serviceDayStart: '00:00',
    });
  });

  it('are taken as they are given', () => {
    const config = readConfig({
      ...REQUIRED,
      DATABASE_HTTP_URL: 'https://db.example/sql',
      UPSTASH_REDIS_REST_URL: 'https://redis.example',
      UPSTASH_REDIS_REST_TOKEN: 'token',
      JWT_SECRET_PREVIOUS: 'the secret before, thirty-two characters',
      LOG_LEVEL: 'debug',
      ENVIRONMENT: 'test',
      PAGE_ORIGINS: ' https://a.example , ,https://b.example:8443',
      LONG_POLL_SECONDS: '15',
      TIMEZONE: 'Europe/Berlin',
      SERVICE_DAY_START: '05:00',
      SOMETHING_ELSE: 'ignored',
    });
    expect(config).toMatchObject({
      databaseUrl: REQUIRED.DATABASE_URL,
      databaseHttpUrl: 'https://db.example/sql',
      redis: { url: 'https://redis.example', token: 'token' },
      jwtSecret: REQUIRED.JWT_SECRET,
      jwtSecretPrevious: 'the secret before, thirty-two characters',
      logLevel: 'debug',
      environment: 'test',
      pageOrigins: ['https://a.example', 'https://b.example:8443'],
      longPollSeconds: 15,
      timezone: 'Europe/Berlin',
      serviceDayStart: '05:00',
    });
  });

  it('that are empty, blank or no text count as absent', () => {
    const config = readConfig({
      ...REQUIRED,
      LONG_POLL_SECONDS: ' ',
      TIMEZONE: '',
      ENVIRONMENT: undefined,
      // A Worker's environment holds bindings besides texts.
      SERVICE_DAY_START: { fetch() {} },
    });
    expect(config).toMatchObject({ longPollSeconds: 8, timezone: 'Asia/Qatar', serviceDayStart: '00:00' });
    expect(readConfig({ ...REQUIRED, LONG_POLL_SECONDS: '0' }).longPollSeconds).toBe(0);
  });

  it.each(Object.keys(REQUIRED))('must hold %s', (name) => {
    expect(refusal({ ...REQUIRED, [name]: undefined })).toBe(`The setting ${name} is missing or malformed`);
    expect(refusal({ ...REQUIRED, [name]: '  ' })).toBe(`The setting ${name} is missing or malformed`);
  });

  it.each([
    ['DATABASE_URL', 'mysql://secret-value@db/app'],
    ['DATABASE_URL', 'secret-value'],
    ['DATABASE_HTTP_URL', 'ftp://secret-value.example'],
    ['UPSTASH_REDIS_REST_URL', 'redis://secret-value:6379'],
    ['JWT_SECRET', 'secret-value-too-short'],
    ['JWT_SECRET_PREVIOUS', 'secret-value-too-short'],
    ['LOG_LEVEL', 'secret-value'],
    ['ENVIRONMENT', 'secret-value'],
    ['LONG_POLL_SECONDS', '16'],
    ['LONG_POLL_SECONDS', '-1'],
    ['LONG_POLL_SECONDS', '1.5'],
    ['LONG_POLL_SECONDS', 'secret-value'],
    ['TIMEZONE', 'secret-value/Nowhere'],
    ['SERVICE_DAY_START', '24:00'],
    ['SERVICE_DAY_START', '5:00'],
    ['SERVICE_DAY_START', '05:60'],
    ['SERVICE_DAY_START', '05:00:00'],
    ['METRICS_TOKEN', 'secret-value with blanks'],
  ])('are refused by name when malformed, never by value: %s=%s', (name, value) => {
    const message = refusal({ ...REQUIRED, [name]: value });
    expect(message).toBe(`The setting ${name} is missing or malformed`);
  });

  it('may switch the limits off in tests only', () => {
    expect(readConfig({ ...REQUIRED, RATE_LIMITS: 'off', ENVIRONMENT: 'test' }).rateLimits).toBe('off');
    expect(readConfig({ ...REQUIRED, RATE_LIMITS: '{"write":90}' }).rateLimits).toMatchObject({
      write: 90,
      read: 600,
    });
    expect(refusal({ ...REQUIRED, RATE_LIMITS: '{"write":"90"}' })).toBe(
      'The setting RATE_LIMITS is missing or malformed',
    );
    for (const ENVIRONMENT of ['production', 'development', undefined]) {
      expect(refusal({ ...REQUIRED, RATE_LIMITS: 'off', ENVIRONMENT })).toBe(
        'The setting RATE_LIMITS may be off only where ENVIRONMENT is test',
      );
    }
  });

  it('of Redis come both or not at all', () => {
    expect(refusal({ ...REQUIRED, UPSTASH_REDIS_REST_URL: 'https://redis.example' })).toContain(
      'UPSTASH_REDIS_REST_TOKEN',
    );
    expect(refusal({ ...REQUIRED, UPSTASH_REDIS_REST_TOKEN: 'token' })).toContain('UPSTASH_REDIS_REST_URL');
  });
});

describe('badEnvironment', () => {
  it('names the setting and the reason', () => {
    expect(badEnvironment('TIMEZONE', 'does not agree')).toMatchObject({
      code: 'BAD_ENVIRONMENT',
      details: { message: 'The setting TIMEZONE does not agree' },
    });
  });
});
