import { type Context, Hono } from 'hono';
import type { AppEnv } from '../lib/app-env.ts';
import { health, liveness, readiness } from '../lib/health.ts';

const answerHealth = async (c: Context<AppEnv>) => {
  const { status, body, headers } = await health(c.var.ctx);
  return c.json(body, status, headers);
};

export const healthRoutes = new Hono<AppEnv>()
  .get('/health', answerHealth)
  .get('/api/health', answerHealth)
  .get('/api/v1/health', answerHealth)
  .get('/api/v1/health/status', answerHealth)
  .get('/api/v1/status', answerHealth)
  .get('/health/live', (c) => c.json(liveness(c.var.ctx)))
  .get('/health/ready', async (c) => {
    const { status, body, headers } = await readiness(c.var.ctx);
    return c.json(body, status, headers);
  });
