import { describe, expect, it } from 'vitest';
import { readOptions, UsageError } from './options.ts';

const read = (...args: string[]) => readOptions(args, {});

describe('the command line', () => {
  it('has defaults: 200 patients within 60 s, a random seed, its own server', () => {
    expect(read()).toMatchObject({ patients: 200, windowMs: 60_000, json: false, server: undefined });
    expect(read()).toHaveProperty('seed', expect.any(Number));
  });

  it('takes every flag', () => {
    expect(read('--patients', '20', '--seed', '7', '--minutes', '0.5', '--json')).toMatchObject({
      patients: 20,
      seed: 7,
      windowMs: 30_000,
      json: true,
    });
    expect(read('--duration', '12')).toMatchObject({ windowMs: 12_000 });
    expect(read('--help')).toBe('help');
  });

  it('takes the credentials from flags or from the environment', () => {
    const url = ['--url', 'http://127.0.0.1:8787/'];
    expect(read(...url, '--admin-user', 'a', '--admin-password', 'b')).toMatchObject({
      server: { url: 'http://127.0.0.1:8787', admin: { username: 'a', password: 'b' } },
    });
    expect(readOptions(url, { ADMIN_USERNAME: 'c', ADMIN_PASSWORD: 'd' })).toMatchObject({
      server: { admin: { username: 'c', password: 'd' } },
    });
  });

  it.each([
    [['--pateints', '3']],
    [['twelve']],
    [['--patients']],
    [['--patients', '0']],
    [['--patients', '2.5']],
    [['--patients', '1e3']],
    [['--seed', '-1']],
    [['--seed', '4294967296']],
    [['--minutes', '1', '--duration', '60']],
    [['--duration', 'long']],
    [['--url', 'ftp://host']],
    [['--url', 'http://host']],
    [['--admin-user', 'a']],
  ])('refuses %j', (args) => {
    expect(() => readOptions(args, {})).toThrow(UsageError);
  });
});
