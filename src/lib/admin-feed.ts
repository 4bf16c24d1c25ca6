// The stream of an admin: every event of all clinics, and after each change the picture of all of them.
import type { Admin } from './admin-token.ts';
import { readAdminView } from './admin-view.ts';
import { DomainError } from './errors.ts';
import type { EventChannel } from './event-channel.ts';
import { adminFrame, type StreamEvent } from './event-frame.ts';
import type { Changes } from './event-hub.ts';
import type { Feed, StreamStart } from './feed.ts';
import type { RequestContext } from './request-context.ts';

/** Milliseconds between two pictures. */
const PACE = 1_000;

export class AdminFeed implements Feed {
  readonly user = undefined;
  /** Undefined once the token is not valid any more: the stream then goes on without a word. */
  admin: Admin | undefined;
  readonly #ctx: RequestContext;
  readonly #channel: EventChannel;
  #day = '';
  /** Everything up to here was shown. */
  #shownTo = '0-0';
  #picturedAt = 0;
  #isPictureOld = false;
  #isPictureDue = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(ctx: RequestContext, channel: EventChannel) {
    this.#ctx = ctx;
    this.#channel = channel;
    this.admin = ctx.admin;
    channel.onEnd(() => clearTimeout(this.#timer));
  }

  /** The first picture carries the cursor at which the client left off: what it missed follows. */
  async begin({ admin, after, cursor }: StreamStart, day: string): Promise<void> {
    this.#day = day;
    this.#shownTo = after ?? cursor;
    if (admin) await this.#sendPicture();
    else this.admin = undefined;
  }

  show(event: StreamEvent): void {
    if (!this.admin) return;
    this.#channel.send(adminFrame(event));
    this.#shownTo = event.id;
  }

  changed(day: string, { events, cursor, admins }: Changes): void {
    const { admin } = this;
    const isCurrent = admins.some(({ sub, ver }) => sub === admin?.sub && ver === admin.ver);
    if (!isCurrent || this.#hasExpired()) this.admin = undefined;
    if (!this.admin) return;
    for (const event of events) this.show(event);
    this.#shownTo = cursor;
    if (events.length > 0 || day !== this.#day) this.#renewPicture();
    this.#day = day;
  }

  stopped(): void {
    this.#channel.end();
  }

  #hasExpired(): boolean {
    return (this.admin?.exp ?? 0) * 1000 <= this.#ctx.clock.now().getTime();
  }

  /** At most one a second, one at a time, and always one after the last change. */
  #renewPicture(): void {
    this.#isPictureOld = true;
    if (this.#isPictureDue) return;
    this.#isPictureDue = true;
    this.#timer = setTimeout(
      async () => {
        this.#isPictureOld = false;
        await this.#sendPicture().catch((error) => this.#pictureFailed(error));
        this.#isPictureDue = false;
        if (this.#isPictureOld && this.admin && this.#channel.isOpen) this.#renewPicture();
      },
      Math.max(0, this.#picturedAt + PACE - performance.now()),
    );
  }

  async #sendPicture(): Promise<void> {
    const data = await readAdminView(this.#ctx);
    this.#picturedAt = performance.now();
    if (this.admin) this.#channel.send({ event: 'queue_update', data, id: this.#shownTo });
  }

  #pictureFailed(error: unknown): void {
    this.#picturedAt = performance.now();
    if (error instanceof DomainError && error.code === 'UNAUTHORIZED') this.admin = undefined;
    // Else the database is away: the picture is still wanted when it is back.
    else this.#isPictureOld = true;
  }
}
