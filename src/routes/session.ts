import { Hono } from 'hono';
import type { AppEnv } from '../lib/app-env.ts';
import { adminOnly } from '../lib/caller.ts';
import { device, token, user } from '../lib/fields.ts';
import { createSession, sessionStats, setSessionDevice, validateSession } from '../lib/qr-sessions.ts';
import { required, validate } from '../lib/validate.ts';

export const sessionRoutes = new Hono<AppEnv>()
  .post('/api/session/create', adminOnly, validate('json', { patientId: required(user) }), async (c) =>
    c.json(await createSession(c.var.ctx, c.req.valid('json'))),
  )
  .post('/api/session/validate', validate('json', { token: required(token) }), async (c) =>
    c.json(await validateSession(c.var.ctx, c.req.valid('json'))),
  )
  .post(
    '/api/session/device',
    validate('json', { token: required(token), device: required(device) }),
    async (c) => c.json(await setSessionDevice(c.var.ctx, c.req.valid('json'))),
  )
  .get('/api/session/stats', adminOnly, async (c) => c.json(await sessionStats(c.var.ctx)));
