// The stream of one clinic: what happens in its line, without a word about whom.
import type { EventChannel } from './event-channel.ts';
import { publicFrame, type StreamEvent } from './event-frame.ts';
import type { Changes } from './event-hub.ts';
import type { Feed, StreamStart } from './feed.ts';

/** The other events are for admins. */
const SHOWN = new Set(['ENTERED', 'CALLED', 'COMPLETED', 'CANCELLED', 'NO_SHOW']);

export class ClinicFeed implements Feed {
  readonly user = undefined;
  readonly admin = undefined;
  readonly #channel: EventChannel;
  #clinic: string | null = null;

  constructor(channel: EventChannel) {
    this.#channel = channel;
  }

  begin({ clinic }: StreamStart): void {
    this.#clinic = clinic;
  }

  show(event: StreamEvent): void {
    if (event.clinic === this.#clinic && SHOWN.has(event.type)) this.#channel.send(publicFrame(event));
  }

  changed(_day: string, { events }: Changes): void {
    for (const event of events) this.show(event);
  }

  stopped(): void {
    this.#channel.end();
  }
}
