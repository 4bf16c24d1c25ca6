/**
 * A browser as far as the page's requests show it: Origin and Referer, one cookie, redirects, the HTTP cache that turns
 * a 304 into the kept 200, and named server-sent events.
 */

export interface Seen {
  readonly ok: boolean;
  readonly status: number;
  /** Where redirects ended. */
  readonly url: string;
  readonly headers: Headers;
  /** Untyped, as it is for the page: each test says what a screen reads. */
  readonly body: ReturnType<JSON['parse']>;
}

/** One request on the wire. */
export interface Sent {
  readonly at: number;
  readonly method: string;
  readonly path: string;
  /** Brings the tag of an answer that was kept. */
  readonly conditional: boolean;
}

export interface Frame {
  /** `message` for one without a name, which the page would show to everybody. */
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

interface Kept {
  readonly etag: string;
  readonly text: string;
}

export class PageBrowser {
  readonly sent: Sent[] = [];
  readonly #origin: string;
  readonly #kept = new Map<string, Kept>();
  readonly #closed = new AbortController();
  #cookie: string | undefined;

  constructor(url: string) {
    this.#origin = new URL(url).origin;
  }

  get hasCookie(): boolean {
    return this.#cookie !== undefined;
  }

  /** `fetch(path)` without a cache option. */
  async get(path: string, signal?: AbortSignal): Promise<Seen> {
    const kept = this.#kept.get(path);
    const answer = await this.#send(
      'GET',
      path,
      { ...(kept && { 'If-None-Match': kept.etag }) },
      undefined,
      signal,
    );
    const text = await answer.text();
    if (answer.status === 304 && kept) return seen(answer, kept.text, 200);
    const etag = answer.headers.get('etag');
    const mayKeep = !/no-store/.test(answer.headers.get('cache-control') ?? '');
    if (answer.ok && etag !== null && mayKeep) this.#kept.set(path, { etag, text });
    return seen(answer, text);
  }

  async post(path: string, json: unknown): Promise<Seen> {
    const answer = await this.#send(
      'POST',
      path,
      { 'Content-Type': 'application/json' },
      JSON.stringify(json),
    );
    return seen(answer, await answer.text());
  }

  /** A form, with the redirect followed as a browser does. */
  async submit(path: string, fields: Readonly<Record<string, string>>): Promise<Seen> {
    const answer = await this.#send('POST', path, {}, new URLSearchParams(fields));
    const location = answer.headers.get('location');
    if (answer.status !== 303 || location === null) return seen(answer, await answer.text());
    await answer.text();
    return this.get(location);
  }

  /** `new EventSource(path)`: the frames until the browser closes, in a list that grows. */
  async openStream(path: string): Promise<readonly Frame[]> {
    const answer = await this.#send(
      'GET',
      path,
      { Accept: 'text/event-stream' },
      undefined,
      this.#closed.signal,
    );
    if (!answer.ok || answer.body === null) throw new Error(`${path} answered ${answer.status}`);
    const frames: Frame[] = [];
    void this.#read(answer.body, frames);
    return frames;
  }

  /** Closes every stream. */
  close(): void {
    this.#closed.abort();
  }

  async #read(stream: ReadableStream<Uint8Array>, frames: Frame[]): Promise<void> {
    const decoder = new TextDecoder();
    let text = '';
    try {
      for await (const chunk of stream) {
        text += decoder.decode(chunk, { stream: true });
        const blocks = text.split('\n\n');
        text = blocks.pop() ?? '';
        for (const block of blocks) {
          const frame = frameOf(block);
          if (frame) frames.push(frame);
        }
      }
    } catch (cause) {
      if (!this.#closed.signal.aborted) throw cause;
    }
  }

  async #send(
    method: string,
    path: string,
    headers: Record<string, string>,
    body?: BodyInit,
    signal?: AbortSignal,
  ): Promise<Response> {
    this.sent.push({ at: performance.now(), method, path, conditional: 'If-None-Match' in headers });
    const answer = await fetch(this.#origin + path, {
      method,
      redirect: 'manual',
      headers: {
        ...headers,
        Referer: `${this.#origin}/`,
        ...(method === 'POST' && { Origin: this.#origin }),
        ...(this.#cookie !== undefined && { Cookie: this.#cookie }),
      },
      ...(body !== undefined && { body }),
      ...(signal && { signal }),
    });
    for (const cookie of answer.headers.getSetCookie()) this.#cookie = cookie.split(';', 1)[0];
    return answer;
  }
}

function seen(answer: Response, text: string, status = answer.status): Seen {
  const isJson = /json/.test(answer.headers.get('content-type') ?? 'json');
  return {
    ok: status >= 200 && status < 300,
    status,
    url: answer.url,
    headers: answer.headers,
    body: isJson && text !== '' ? JSON.parse(text) : text,
  };
}

function frameOf(block: string): Frame | undefined {
  const lines = block.split('\n').map((line) => /^(\w+): ?(.*)$/.exec(line));
  const field = (name: string) => lines.find((line) => line?.[1] === name)?.[2];
  const data = field('data');
  return data === undefined ? undefined : { event: field('event') ?? 'message', data: JSON.parse(data) };
}
