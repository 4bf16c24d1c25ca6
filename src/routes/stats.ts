import { Hono } from 'hono';
import type { AppEnv } from '../lib/app-env.ts';
import { dashboard, queueStatistics } from '../lib/statistics.ts';

export const statsRoutes = new Hono<AppEnv>()
  .get('/api/v1/stats/dashboard', async (c) => c.json(await dashboard(c.var.ctx)))
  .get('/api/v1/stats/queues', async (c) => c.json(await queueStatistics(c.var.ctx)));
