import { Hono } from 'hono';
import type { AppEnv } from '../lib/app-env.ts';
import { adminOnly } from '../lib/caller.ts';
import { clinic, pin, user } from '../lib/fields.ts';
import { createEntry, queueRows } from '../lib/older-queue.ts';
import { queuePosition } from '../lib/position.ts';
import { callNext, completeVisit, enterQueue, exitClinic, queueStatus } from '../lib/queue.ts';
import { required, validate } from '../lib/validate.ts';

const entry = { clinic: required(clinic), user: required(user) };
const exit = validate('json', { ...entry, pin: required(pin) });

export const queueRoutes = new Hono<AppEnv>()
  .post('/api/v1/queue/enter', validate('json', entry), async (c) =>
    c.json(await enterQueue(c.var.ctx, c.req.valid('json'))),
  )
  .get('/api/v1/queue', async (c) => c.json(await queueRows(c.var.ctx)))
  .post('/api/v1/queue', validate('json', entry), async (c) =>
    c.json(await createEntry(c.var.ctx, c.req.valid('json')), 201),
  )
  .get(
    '/api/v1/queue/status',
    validate('query', { clinic: required(clinic) }, { missing: 'Missing clinic parameter' }),
    async (c) => c.json(await queueStatus(c.var.ctx, c.req.valid('query'))),
  )
  .get(
    '/api/v1/queue/position',
    validate('query', entry, { missing: 'clinic and user required' }),
    async (c) => {
      const { etag, body } = await queuePosition(c.var.ctx, {
        ...c.req.valid('query'),
        ifNoneMatch: c.req.header('If-None-Match'),
        // HEAD runs this handler too, and nobody waits for a body that is not sent.
        holdSeconds: c.req.method === 'HEAD' ? 0 : c.var.ctx.config.longPollSeconds,
      });
      const headers = { ETag: etag, 'Cache-Control': 'private, no-cache' };
      return body ? c.json(body, 200, headers) : c.body(null, 304, headers);
    },
  )
  .post('/api/v1/queue/call', adminOnly, validate('json', { clinic: required(clinic) }), async (c) =>
    c.json(await callNext(c.var.ctx, c.req.valid('json'))),
  )
  .post('/api/v1/queue/done', exit, async (c) => c.json(await completeVisit(c.var.ctx, c.req.valid('json'))))
  .post('/api/v1/clinic/exit', exit, async (c) => c.json(await exitClinic(c.var.ctx, c.req.valid('json'))));
