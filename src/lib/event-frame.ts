// An event of the log, and its named frame.
import type { Frame } from './server-sent-events.ts';

export interface StreamEvent {
  readonly id: string;
  readonly type: string;
  readonly clinic: string | null;
  readonly user: string | null;
  readonly number: number | null;
  readonly position: number | null;
  readonly data: object;
  readonly timestamp: string;
}

/** The frame for everybody: whom the event concerns is left out. */
export function publicFrame({ user: _user, ...event }: StreamEvent): Frame {
  return { event: event.type, data: event, id: event.id };
}

/** The frame for an admin: with the session id, where the event concerns one patient. */
export function adminFrame({ user, ...event }: StreamEvent): Frame {
  return { event: event.type, data: user === null ? event : { ...event, user }, id: event.id };
}
