import { Hono } from 'hono';
import type { AppEnv } from '../lib/app-env.ts';
import { docsPage } from '../lib/docs-page.ts';
import { openApiDocument } from '../lib/openapi.ts';

export const docsRoutes = new Hono<AppEnv>()
  .get('/openapi.json', (c) => c.json(openApiDocument()))
  .get('/docs', async (c) => {
    const { html, contentSecurityPolicy } = await docsPage();
    return c.body(html, 200, {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': contentSecurityPolicy,
    });
  });
