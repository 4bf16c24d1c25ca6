/** A target that lacks a required setting, or has a malformed one, says which in its own runtime, and never the value. */
import { describe, expect, it } from 'vitest';
import { RUNTIMES, type RuntimeName } from '../../local/runtimes/runtimes.ts';
import { ERROR_TABLE } from '../contract/error-table.ts';
import { builtOutput } from '../support/shared-parts.ts';

const GOOD = {
  DATABASE_URL: 'postgresql://user:password@127.0.0.1:1/none',
  JWT_SECRET: 'a secret for tests, of thirty-two characters',
  UPSTASH_REDIS_REST_URL: 'http://127.0.0.1:1',
  UPSTASH_REDIS_REST_TOKEN: 'token',
};

const BAD: readonly (readonly [name: keyof typeof GOOD | 'WEB_PAGE_MODE', value: string | undefined])[] = [
  ['DATABASE_URL', undefined],
  ['DATABASE_URL', 'mysql://malformed@nowhere'],
  ['JWT_SECRET', undefined],
  ['JWT_SECRET', 'malformed'],
  ['UPSTASH_REDIS_REST_TOKEN', undefined],
  ['WEB_PAGE_MODE', 'malformed'],
];

const cases = (Object.keys(RUNTIMES) as RuntimeName[]).flatMap((runtime) =>
  BAD.map(([name, value]) => ({
    runtime,
    name,
    value,
    how: value === undefined ? 'without' : 'with a wrong',
  })),
);

describe('a target', () => {
  it.each(cases)(
    'on $runtime $how $name answers BAD_ENVIRONMENT and names it',
    async ({ runtime, name, value }) => {
      const { [name as 'JWT_SECRET']: _left, ...others } = GOOD;
      const environment = { ...others, ...(value !== undefined && { [name]: value }) };
      const { url, stop } = await RUNTIMES[runtime]({ root: await builtOutput(), port: 0, environment });
      try {
        const answer = await fetch(`${url}/api/v1/queue/status?clinic=lab`);
        const body = await answer.json();
        expect(body).toMatchObject({ success: false, code: 'BAD_ENVIRONMENT' });
        expect(answer.status).toBe(ERROR_TABLE.BAD_ENVIRONMENT.status);
        expect(body.message).toContain(name);
        expect(JSON.stringify(body)).not.toContain('malformed@');
      } finally {
        await stop();
      }
    },
  );
});
