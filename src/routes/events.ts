import { Hono } from 'hono';
import type { AppEnv } from '../lib/app-env.ts';
import { readCursor } from '../lib/event-cursor.ts';
import { openEventStream } from '../lib/event-stream.ts';
import { clinic, lastEventId, user } from '../lib/fields.ts';
import { optional, validate } from '../lib/validate.ts';

const STREAM_HEADERS = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  'Cache-Control': 'private, no-store, no-transform',
  'X-Accel-Buffering': 'no',
};

export const eventRoutes = new Hono<AppEnv>().get(
  '/api/v1/events/stream',
  validate('query', { user: optional(user), clinic: optional(clinic), lastEventId: optional(lastEventId) }),
  async (c) => {
    const { lastEventId: asked, ...subscription } = c.req.valid('query');
    const after = readCursor(c.req.header('Last-Event-ID')) ?? readCursor(asked);
    const stream = await openEventStream(c.var.ctx, { ...subscription, after });
    if (c.req.method !== 'HEAD') return c.body(stream, 200, STREAM_HEADERS);
    // HEAD runs this handler too, and nobody would read the stream to its end.
    await stream.cancel();
    return c.body(null, 200, STREAM_HEADERS);
  },
);
