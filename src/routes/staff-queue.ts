import { Hono } from 'hono';
import type { AppEnv } from '../lib/app-env.ts';
import { adminOnly } from '../lib/caller.ts';
import { clinic, clinicCode, detailed, force, staffAction, user } from '../lib/fields.ts';
import { queueSnapshot } from '../lib/queue-snapshot.ts';
import { callNextWithinLimits, staffComplete } from '../lib/staff-queue.ts';
import { optional, required, validate } from '../lib/validate.ts';

export const staffQueueRoutes = new Hono<AppEnv>()
  .get(
    '/api/queue/status',
    validate('query', { clinicId: optional(clinic), detailed: optional(detailed) }),
    async (c) => c.json(await queueSnapshot(c.var.ctx, c.req.valid('query'))),
  )
  .post(
    '/api/queue/call-next',
    adminOnly,
    validate(
      'json',
      { clinicId: required(clinic), force: optional(force) },
      { missing: 'Clinic ID is required' },
    ),
    async (c) => c.json(await callNextWithinLimits(c.var.ctx, c.req.valid('json'))),
  )
  .post(
    '/api/queue/complete',
    adminOnly,
    validate('json', {
      patientId: optional(user),
      action: optional(staffAction),
      clinicId: optional(clinic),
      clinicCode: optional(clinicCode),
    }),
    async (c) => c.json(await staffComplete(c.var.ctx, c.req.valid('json'))),
  );
