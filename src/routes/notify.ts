import { Hono } from 'hono';
import type { AppEnv } from '../lib/app-env.ts';
import {
  clinic,
  noticeLimit,
  queueNumber,
  recoverySource,
  recoveryTime,
  retries,
  user,
} from '../lib/fields.ts';
import { notifyStatus } from '../lib/notices.ts';
import { logPageRecovery } from '../lib/page-recovery.ts';
import { optional, validate } from '../lib/validate.ts';

export const notifyRoutes = new Hono<AppEnv>()
  .get(
    '/api/v1/notify/status',
    validate('query', {
      clinic: optional(clinic),
      user: optional(user),
      pin: optional(queueNumber),
      limit: optional(noticeLimit),
    }),
    async (c) => c.json(await notifyStatus(c.var.ctx, c.req.valid('query'))),
  )
  .post(
    '/api/v1/events/recovery',
    validate('json', {
      source: optional(recoverySource),
      retries: optional(retries),
      timestamp: optional(recoveryTime),
    }),
    async (c) => c.json(await logPageRecovery(c.var.ctx, c.req.valid('json'))),
  );
