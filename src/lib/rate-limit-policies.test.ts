import { describe, expect, it } from 'vitest';
import { type CountedRequest, countedIn, DEFAULT_LIMITS, parseRateLimits } from './rate-limit-policies.ts';

const counted = (method: string, path: string, more: Partial<CountedRequest> = {}) =>
  countedIn({
    method,
    path,
    clientIp: '192.0.2.1',
    admin: undefined,
    session: undefined,
    username: undefined,
    ...more,
  }).map(({ name, whose }) => `${name}: ${whose}`);

describe('a request counts', () => {
  it.each(['/admin/login', '/api/v1/auth/login'])('as an attempt to log in: %s', (path) => {
    expect(counted('POST', path, { username: 'nurse' })).toEqual([
      'admin_login: 192.0.2.1 nurse',
      'login_ip: ip 192.0.2.1',
      'login_account: nurse',
    ]);
    expect(counted('POST', path)).toEqual([
      'admin_login: 192.0.2.1 ',
      'login_ip: ip 192.0.2.1',
      'login_account: ',
    ]);
  });

  it('as a write of its session and of its address', () => {
    const session = 'abc';
    const both = ['write: abc', 'write_ip: ip 192.0.2.1'];
    expect(counted('POST', '/api/v1/queue/enter', { session })).toEqual(both);
    expect(counted('PUT', '/api/admin/settings', { session })).toEqual(both);
    expect(counted('POST', '/api/session/validate')).toEqual([
      'write: ip 192.0.2.1',
      'write_ip: ip 192.0.2.1',
    ]);
  });

  it('for its address only when a patient logs in', () => {
    expect(counted('POST', '/api/v1/patient/login', { session: '1234567' })).toEqual([
      'write_ip: ip 192.0.2.1',
    ]);
  });

  it('for the admin, whatever the session and the address', () => {
    const admin = { sub: 'nurse', ver: 3 };
    expect(counted('POST', '/api/v1/queue/call', { admin, session: 'abc' })).toEqual([
      'write_admin: nurse 3',
    ]);
  });

  it('as a read of its session, where there is one, and of its address', () => {
    expect(counted('GET', '/api/v1/queue/status')).toEqual(['read_ip: ip 192.0.2.1']);
    expect(counted('HEAD', '/api/v1/route/get', { session: 'abc' })).toEqual([
      'read: abc',
      'read_ip: ip 192.0.2.1',
    ]);
  });

  it.each([
    ['GET', '/api/v1/events/stream'],
    ['GET', '/api/v1/queue/position'],
    ['HEAD', '/api/v1/queue/position'],
    ['GET', '/health'],
    ['GET', '/health/live'],
    ['GET', '/health/ready'],
    ['GET', '/api/health'],
    ['GET', '/api/v1/health'],
    ['GET', '/api/v1/health/status'],
    ['GET', '/api/v1/status'],
    ['GET', '/metrics'],
    ['GET', '/api/system/tick'],
    ['POST', '/api/system/tick'],
  ])('never: %s %s', (method, path) => {
    expect(counted(method, path, { session: 'abc' })).toEqual([]);
  });
});

describe('RATE_LIMITS', () => {
  it('is the contract’s table and the logins of one address when it is not set', () => {
    expect(parseRateLimits(undefined)).toEqual({
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
    });
  });

  it('changes single numbers', () => {
    expect(parseRateLimits('{"write":120,"read_ip":6000}')).toEqual({
      ...DEFAULT_LIMITS,
      write: 120,
      read_ip: 6_000,
    });
    expect(parseRateLimits('off')).toBe('off');
  });

  it.each(['on', '{', '[]', '7', 'null', '{"writes":1}', '{"write":0}', '{"write":1.5}', '{"write":"9"}'])(
    'is malformed: %s',
    (setting) => {
      expect(parseRateLimits(setting)).toBeUndefined();
    },
  );
});
