import { type Context, Hono } from 'hono';
import type { AppEnv } from '../lib/app-env.ts';
import { cronOnly } from '../lib/caller.ts';
import { lookBeforeTick, runTick } from '../lib/tick.ts';

const tick = async (c: Context<AppEnv>) => c.json(await runTick(c.var.ctx));

export const systemRoutes = new Hono<AppEnv>()
  .get('/api/system/tick', cronOnly, async (c) => {
    // HEAD runs this handler too, and a probe must not call patients.
    if (c.req.method !== 'HEAD') return tick(c);
    await lookBeforeTick(c.var.ctx);
    return c.body(null, 200, { 'Content-Type': 'application/json' });
  })
  .post('/api/system/tick', cronOnly, tick);
