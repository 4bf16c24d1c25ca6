// One client's connection: frames go in, bytes come out. It ends when the client is gone or too slow, at the age its
// platform allows, and when the process shuts down; the client then resumes with its last id.
import type { RequestContext } from './request-context.ts';
import { encodeFrame, encodeRetry, type Frame } from './server-sent-events.ts';

/** Milliseconds between heartbeats. */
const HEARTBEAT = 15_000;

/** Milliseconds after which a client connects again, spread so that not all come at once. */
const RETRY = { base: 4_000, spread: 2_000 } as const;

/** Bytes that may wait for a slow client before its stream is ended. */
const MAX_BACKLOG = 1024 * 1024;

type Parts = Pick<RequestContext, 'clock' | 'ids' | 'streams' | 'streamLifeMs' | 'clientIp' | 'signal'>;

export class EventChannel {
  readonly body: ReadableStream<Uint8Array>;
  readonly #parts: Parts;
  readonly #atEnd: (() => void)[] = [];
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #roomMade = () => {};

  constructor(parts: Parts) {
    this.#parts = parts;
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => this.#roomMade(),
        cancel: () => this.#close(),
      },
      { highWaterMark: MAX_BACKLOG, size: (chunk) => chunk?.byteLength ?? 0 },
    );
  }

  get isOpen(): boolean {
    return this.#controller !== undefined;
  }

  /** Counts the stream for its owner and begins it: from now on there are heartbeats. */
  open({ user, clinic }: { user: string | undefined; clinic: string | undefined }): void {
    const { clock, ids, streams, streamLifeMs, clientIp, signal } = this.#parts;
    this.onEnd(streams.add({ user, address: clientIp, gone: signal }, () => this.end()));
    this.#controller?.enqueue(encodeRetry(Math.round(RETRY.base + ids.fraction() * RETRY.spread)));
    this.send({
      event: 'connected',
      data: { status: 'ok', timestamp: clock.now().getTime(), clinic: clinic ?? null, user: user ?? null },
    });
    const heartbeat = setInterval(() => {
      this.send({ event: 'heartbeat', data: { ts: clock.now().getTime(), type: 'heartbeat' } });
    }, HEARTBEAT);
    this.onEnd(() => clearInterval(heartbeat));
    if (Number.isFinite(streamLifeMs)) {
      const life = setTimeout(() => this.end(), streamLifeMs);
      this.onEnd(() => clearTimeout(life));
    }
  }

  /** Does nothing after the end. What finds the backlog full is lost with the stream, and read again by the next. */
  send(frame: Frame): void {
    if (!this.#controller) return;
    if ((this.#controller.desiredSize ?? 0) <= 0) this.end();
    else this.#controller.enqueue(encodeFrame(frame));
  }

  /** Resolves when at most half of the backlog is in use, or after the end. */
  async room(): Promise<void> {
    while (this.#controller && (this.#controller.desiredSize ?? 0) < MAX_BACKLOG / 2) {
      await new Promise<void>((resolve) => {
        this.#roomMade = resolve;
      });
    }
  }

  /** Ends the stream after what waits; harmless when it has ended. */
  end(): void {
    const controller = this.#controller;
    this.#close();
    controller?.close();
  }

  /** Runs `work` when the stream ends, however it ends; at once when it has. */
  onEnd(work: () => void): void {
    if (this.isOpen) this.#atEnd.push(work);
    else work();
  }

  #close(): void {
    this.#controller = undefined;
    this.#roomMade();
    for (const work of this.#atEnd.splice(0)) work();
  }
}
