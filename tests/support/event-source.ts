/** A client of server-sent events that keeps what it got, for tests. Reconnects only when it is told to. */
import { until } from './until.ts';

export interface ReceivedFrame {
  /** Empty for an unnamed message, which the page would show to everybody. */
  readonly event: string;
  readonly id: string | undefined;
  readonly data: Readonly<Record<string, unknown>>;
  /** `performance.now()` when it arrived. */
  readonly at: number;
}

export class EventSourceClient {
  readonly response: Response;
  /** In the order of arrival. */
  readonly frames: ReceivedFrame[] = [];
  /** Milliseconds of each `retry:` line. */
  readonly retries: number[] = [];
  /** Everything as it came. */
  text = '';
  /** True once the server ended the stream or the connection broke. */
  ended = false;
  readonly #abort: AbortController;

  private constructor(response: Response, abort: AbortController) {
    this.response = response;
    this.#abort = abort;
    void this.#read();
  }

  /** Connects. The answer is there when this resolves, whatever its status. */
  static async open(url: string, headers: Readonly<Record<string, string>> = {}): Promise<EventSourceClient> {
    const abort = new AbortController();
    const response = await fetch(url, { headers, signal: abort.signal });
    return new EventSourceClient(response, abort);
  }

  /** What a browser would send as Last-Event-ID. */
  get lastId(): string | undefined {
    return this.frames.findLast(({ id }) => id !== undefined)?.id;
  }

  /** The frames with this name; those that carry news when no name is given. */
  named(event?: string): readonly ReceivedFrame[] {
    return this.frames.filter((frame) =>
      event === undefined
        ? frame.event !== 'connected' && frame.event !== 'heartbeat'
        : frame.event === event,
    );
  }

  /** Waits for at least `count` frames with this name, and gives all of them. */
  async atLeast(count: number, event?: string): Promise<readonly ReceivedFrame[]> {
    return until(
      `${count} frames ${event ?? 'with news'} have arrived`,
      () => this.named(event),
      (frames) => frames.length >= count,
    );
  }

  /** Waits until the server has ended the stream. */
  async end(): Promise<void> {
    await until(
      'the stream ends',
      () => this.ended,
      (ended) => ended,
    );
  }

  /** Breaks the connection. */
  close(): void {
    this.#abort.abort();
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = '';
    try {
      for await (const chunk of this.response.body ?? []) {
        const received = decoder.decode(chunk, { stream: true });
        this.text += received;
        const blocks = (rest + received).split('\n\n');
        rest = blocks.pop() ?? '';
        for (const block of blocks) this.#take(block);
      }
    } catch {
      // The connection is broken: as good as an end.
    }
    this.ended = true;
  }

  #take(block: string): void {
    const fields = block.split('\n').map((line) => /^(\w+): (.*)$/.exec(line)?.slice(1) ?? ['', line]);
    const field = (name: string) => fields.find(([key]) => key === name)?.[1];
    const retry = field('retry');
    if (retry !== undefined) this.retries.push(Number(retry));
    const data = field('data');
    if (data === undefined) return;
    this.frames.push({
      event: field('event') ?? '',
      id: field('id'),
      data: JSON.parse(data),
      at: performance.now(),
    });
  }
}
