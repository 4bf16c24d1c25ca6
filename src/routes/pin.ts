import { Hono } from 'hono';
import type { AppEnv } from '../lib/app-env.ts';
import { adminOnly } from '../lib/caller.ts';
import { clinicPins } from '../lib/clinic-pins.ts';
import { clinic } from '../lib/fields.ts';
import { pinStatus, rotatePins } from '../lib/pins.ts';
import { optional, validate } from '../lib/validate.ts';

const clinicIfAny = { clinic: optional(clinic) };

export const pinRoutes = new Hono<AppEnv>()
  .get('/api/v1/pin/status', validate('query', clinicIfAny), async (c) =>
    c.json(await pinStatus(c.var.ctx, c.req.valid('query').clinic)),
  )
  .get('/config/clinic-pins', async (c) => c.json(await clinicPins(c.var.ctx)))
  .post('/api/v1/pin/generate', adminOnly, validate('json', clinicIfAny), async (c) =>
    c.json(await rotatePins(c.var.ctx, c.req.valid('json').clinic)),
  );
