// Web page mode at the front: a dead target must not look to the page like a dead server, after which it would report
// success and replay.
import { createMiddleware } from 'hono/factory';
import type { AppEnv } from '../lib/app-env.ts';
import type { WebPageSettings } from '../lib/config.ts';
import { answerForPage, isFromPage } from '../lib/web-page-mode.ts';

/** Rewrites failures only, the front's and those a target let through; what a target rewrote stays. */
export const pageAnswers = ({ enabled, pageOrigins }: WebPageSettings) =>
  createMiddleware<AppEnv>(async (c, next) => {
    const request = {
      method: c.req.method,
      path: c.req.path,
      host: new URL(c.req.url).host,
      origin: c.req.header('Origin'),
      referer: c.req.header('Referer'),
    };
    await next();
    if (!enabled || c.res.status < 400 || !isFromPage(request, pageOrigins)) return;
    const answer = await answerForPage(request, c.res);
    if (answer === c.res) return;
    // Hono copies the headers of the answer before into the next one, unless there is none: the cookie must go.
    c.res = undefined;
    c.res = answer;
  });
