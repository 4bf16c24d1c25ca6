/** The front before the page's own host: its answers where no target has a part in them. */
import { describe, expect, it } from 'vitest';
import { createFront } from './front.ts';

const front = createFront({
  environment: { PAGE_ORIGINS: 'https://page.example' },
  clientIp: () => '192.0.2.1',
});

describe('the address of a form', () => {
  it.each(['/admin/login', '/admin/logout', '/admin/login/'])(
    '%s leads whoever looks at it to the page, where the page is',
    async (path) => {
      for (const method of ['GET', 'HEAD']) {
        const answer = await front.request(`https://page.example${path}?from=mail`, { method });
        expect([answer.status, answer.headers.get('location')]).toEqual([303, '/admin']);
        expect(answer.headers.get('cache-control')).toBe('private, no-store');
      }
    },
  );

  it('is for POST only where there is no page', async () => {
    const answer = await front.request('https://api.example/admin/login');
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST, OPTIONS']);
  });

  it('is for POST only everywhere else, too', async () => {
    const answer = await front.request('https://page.example/admin/login', { method: 'PUT' });
    expect(answer.status).toBe(405);
  });
});

describe('a path that no target has', () => {
  it.each(['/admin', '/', '/qr', '/auth/none', '/auth/denied/more', '/%61pi/v1/status', '//api/v1/status'])(
    '%s is not found, without a look at any setting',
    async (path) => {
      const answer = await front.request(`https://page.example${path}`);
      expect(answer.status).toBe(404);
      expect(await answer.json()).toMatchObject({ success: false, code: 'NOT_FOUND' });
    },
  );
});

describe('a method that no platform passes on', () => {
  it('is refused with those that are', async () => {
    const answer = await front.request('https://api.example/api/v1/status', { method: 'PURGE' });
    expect([answer.status, answer.headers.get('allow')]).toEqual([
      405,
      'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS',
    ]);
  });
});
