/** The table of the function names, held against the application itself: known paths, methods, and all the rest. */
import { describe, expect, it } from 'vitest';
import { createIsolate, fromHeader } from '../../src/targets/isolate.ts';
import { functionHandler } from '../../supabase-adapter/function-handler.ts';
import {
  BUILT_FUNCTIONS,
  CANDIDATE,
  canonicalPath,
  FUNCTION_NAMES,
} from '../../supabase-adapter/functions.ts';

/** Well-formed; nothing listens at the address. */
const ENVIRONMENT = {
  DATABASE_URL: 'postgresql://user:password@127.0.0.1:1/none',
  JWT_SECRET: 'a secret for tests, of thirty-two characters',
  ENVIRONMENT: 'test',
  RATE_LIMITS: 'off',
  LOG_LEVEL: 'error',
};

const OWN_PATHS: Readonly<Record<string, readonly string[]>> = {
  admin: ['/admin/login', '/admin/logout'],
  config: ['/config/clinic-pins'],
  health: ['/health', '/health/live', '/health/ready'],
  metrics: ['/metrics'],
};

const THIN = FUNCTION_NAMES.filter((name) => name !== 'api' && !(name in OWN_PATHS));

/** The paths are the names, with one exception. */
const pathOf = (name: string) =>
  name === 'admin-login' ? '/admin/login' : `/api/v1/${name.replace('-', '/')}`;

const direct = createIsolate({
  target: 'supabase',
  environment: ENVIRONMENT,
  clientIp: fromHeader('cf-connecting-ip'),
});

async function seen(answer: Response | Promise<Response>) {
  const response = await answer;
  const body = (await response.json()) as Record<string, unknown>;
  return {
    status: response.status,
    code: body.code,
    field: body.field,
    missing: body.missing_fields,
    allow: response.headers.get('allow'),
  };
}

const ask = (name: string, path: string, init?: RequestInit) =>
  seen(functionHandler(name, ENVIRONMENT, () => {})(new Request(`https://project.example${path}`, init)));
const askDirectly = (path: string, init?: RequestInit) =>
  seen(direct.fetch(new Request(`https://project.example${path}`, init), () => {}));

const MALFORMED = {
  method: 'POST',
  body: '{',
  headers: { 'Content-Type': 'application/json' },
} as const;

describe('the functions', () => {
  it('are the 27 of one purpose and api', () => {
    expect(FUNCTION_NAMES).toHaveLength(28);
    expect(THIN).toHaveLength(23);
    for (const name of BUILT_FUNCTIONS) expect(name).toMatch(/^[A-Za-z][A-Za-z0-9_-]*$/);
  });
});

describe.each(THIN)('%s', (name) => {
  it('is its one path, with and without a slash, for any method, query and body', async () => {
    expect(canonicalPath(name, `/${name}`)).toBe(pathOf(name));
    for (const init of [{ method: 'DELETE' }, MALFORMED]) {
      const expected = await askDirectly(`${pathOf(name)}?a=1`, init);
      expect(expected.code).not.toBe('NOT_FOUND');
      expect(await ask(name, `/${name}?a=1`, init)).toEqual(expected);
      expect(await ask(name, `/${name}/?a=1`, init)).toEqual(expected);
    }
  });

  it('has nothing below it', async () => {
    for (const path of [`/${name}/x`, `/${name}//`, `/${name}${pathOf(name)}`]) {
      expect(await ask(name, path)).toMatchObject({ status: 404, code: 'NOT_FOUND' });
    }
  });
});

describe.each(Object.entries(OWN_PATHS))('%s', (name, paths) => {
  it('has the paths that begin with its name, and no other', async () => {
    for (const path of paths) {
      expect(await ask(name, path, { method: 'DELETE' })).toEqual(
        await askDirectly(path, { method: 'DELETE' }),
      );
      expect(await ask(name, path, { method: 'DELETE' })).toMatchObject({ status: 405 });
    }
    expect(await ask(name, `/${name}/x`)).toMatchObject({ status: 404, code: 'NOT_FOUND' });
  });
});

describe('api', () => {
  it.each(['/api/v1/queue/enter', '/api/health', '/api/system/tick', '/api/admin/settings'])(
    'has %s under its own path',
    async (path) => {
      expect(await ask('api', path, { method: 'DELETE' })).toMatchObject({ status: 405 });
    },
  );

  it.each(['/api', '/api/nothing', '/docs', '/openapi.json', '/auth/denied'])('has no %s', async (path) => {
    expect(await ask('api', path)).toMatchObject({ status: 404, code: 'NOT_FOUND' });
  });
});

describe('the candidate, where new code is tested before the others get it', () => {
  it.each(['/health/live', '/metrics', '/admin/login', '/api/v1/queue/enter', '/config/clinic-pins'])(
    'has %s below its name',
    async (path) => {
      const expected = await askDirectly(path, { method: 'DELETE' });
      expect(expected.status).toBe(405);
      expect(await ask(CANDIDATE, `/${CANDIDATE}${path}`, { method: 'DELETE' })).toEqual(expected);
    },
  );

  it.each(['', '/', '/docs', '/auth/denied', '/api/nothing'])('has no %s', async (path) => {
    expect(await ask(CANDIDATE, `/${CANDIDATE}${path}`)).toMatchObject({ status: 404, code: 'NOT_FOUND' });
  });
});
