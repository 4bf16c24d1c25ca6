import { Hono } from 'hono';
import type { AppEnv } from '../lib/app-env.ts';
import { metricsReader } from '../lib/caller.ts';
import { scrapeMetrics } from '../lib/metrics-scrape.ts';
import { METRICS_CONTENT_TYPE } from '../lib/metrics-text.ts';

export const metricsRoutes = new Hono<AppEnv>().get('/metrics', metricsReader, async (c) =>
  c.body(await scrapeMetrics(c.var.ctx), 200, { 'Content-Type': METRICS_CONTENT_TYPE }),
);
