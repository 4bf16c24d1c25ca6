// `events/stream`: server-sent events that resume on any isolate and on any target without loss or repetition.
import { AdminFeed } from './admin-feed.ts';
import { ClinicFeed } from './clinic-feed.ts';
import { EventChannel } from './event-channel.ts';
import type { StreamEvent } from './event-frame.ts';
import type { Feed, StreamStart } from './feed.ts';
import { PatientFeed } from './patient-feed.ts';
import { agreeWithDatabase, callFunction, type RequestContext, today } from './request-context.ts';

/** Events of one page when a stream catches up. */
const PAGE = 500;

/** What the page calls the stream of all clinics. */
const ALL_CLINICS = 'admin';

export interface Subscription {
  readonly user?: string | undefined;
  readonly clinic?: string | undefined;
  /** The cursor at which the client's last stream ended. */
  readonly after?: string | undefined;
}

/**
 * Opens the stream. Rejects before it begins with UNKNOWN_CLINIC or DATABASE_UNAVAILABLE; later failures of the
 * database leave it open.
 */
export async function openEventStream(
  ctx: RequestContext,
  { user, clinic, after }: Subscription,
): Promise<ReadableStream<Uint8Array>> {
  const channel = new EventChannel(ctx);
  const feed = feedFor(ctx, channel, { user, clinic });
  if (!feed) {
    channel.open({ user, clinic });
    return channel.body;
  }
  // The hub knows no request, so what a database without our schema says would be an unknown error there.
  await agreeWithDatabase(ctx);
  // Listening first, reading the start second: what happens in between is kept, and skipped where the start has it.
  await ctx.eventHub.attach(feed);
  channel.onEnd(() => ctx.eventHub.detach(feed));
  try {
    const { day } = today(ctx);
    const start = await callFunction<StreamStart>(ctx, 'stream_start', {
      day,
      ...(feed.user !== undefined && { user }),
      ...(clinic !== undefined && clinic !== ALL_CLINICS && { clinic }),
      ...(feed.admin && { admin: feed.admin }),
      ...(after !== undefined && { after }),
    });
    channel.open({ user, clinic: start.clinic ?? clinic });
    await feed.begin(start, day);
    void catchUp(ctx, channel, feed, start);
    return channel.body;
  } catch (error) {
    channel.end();
    throw error;
  }
}

/** Undefined for a subscription that gets nothing but heartbeats. The stream of all clinics is for admins only. */
function feedFor(
  ctx: RequestContext,
  channel: EventChannel,
  { user, clinic }: Subscription,
): Feed | undefined {
  if (clinic === ALL_CLINICS) return ctx.admin && new AdminFeed(ctx, channel);
  if (user !== undefined) return new PatientFeed(channel, ctx.clock, user);
  return clinic === undefined ? undefined : new ClinicFeed(channel);
}

/** Sends what the client missed, as fast as it takes it, then lets the hub go on. Never rejects. */
async function catchUp(
  ctx: RequestContext,
  channel: EventChannel,
  feed: Feed,
  start: StreamStart,
): Promise<void> {
  let after = feed.show ? start.after : null;
  try {
    while (after !== null && channel.isOpen) {
      const { events } = await callFunction<{ events: readonly StreamEvent[] }>(ctx, 'missed_events', {
        after,
        until: start.cursor,
        limit: PAGE,
        ...(start.clinic !== null && { clinic: start.clinic }),
      });
      for (const event of events) feed.show?.(event);
      after = events.length < PAGE ? null : (events.at(-1)?.id ?? null);
      await channel.room();
    }
  } catch {
    // The rest is what the client misses when it comes back.
    channel.end();
  }
  ctx.eventHub.begin(feed, start.cursor);
}
