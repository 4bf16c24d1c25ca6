// HTTP as a well-behaved client does it: waits as long as Retry-After says, repeats only what may be repeated, and
// never leaves a request behind when the demo ends.

import { LATER, type OperationName, REFUSAL } from './contract.ts';
import type { Ledger } from './ledger.ts';
import { pause } from './pause.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: Readonly<Record<string, unknown>>;
  readonly token?: string;
  readonly ifNoneMatch?: string | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly etag: string | null;
  readonly retryAfter: string | null;
  readonly requestId: string | null;
  readonly isJson: boolean;
  readonly body: unknown;
  readonly sentAt: number;
  readonly answeredAt: number;
}

// Longer than the longest hold that the contract allows (20 s).
const TIMEOUT_MS = 30_000;
const TRIES_ON_BROKEN_CONNECTION = 4;

function parseJson(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Sends the demo's requests to one server. */
export class HttpClient {
  readonly #base: string;
  readonly #ledger: Ledger;
  readonly #run: AbortSignal;

  constructor(base: string, ledger: Ledger, run: AbortSignal) {
    this.#base = base;
    this.#ledger = ledger;
    this.#run = run;
  }

  /**
   * Sends until there is an answer that is not "later". Undefined when the connection broke: at once where repeating
   * is not harmless, else after some tries. Throws only when the day has ended.
   */
  async send(
    operation: OperationName,
    request: HttpRequest,
    repeatable: boolean,
  ): Promise<HttpAnswer | undefined> {
    for (let broken = 0; ; ) {
      const answer = await this.#sendOnce(request);
      if (answer === undefined) {
        broken += 1;
        this.#ledger.connectionBroke();
        if (!repeatable) return undefined;
        if (broken >= TRIES_ON_BROKEN_CONNECTION) {
          this.#ledger.breach(operation, `no answer to ${broken} tries: the connection broke or timed out`);
          return undefined;
        }
        this.#ledger.tried('requests sent again after a broken connection');
        await pause(250 * broken, this.#run);
        continue;
      }
      const held = request.ifNoneMatch !== undefined;
      this.#ledger.answered(operation, held ? undefined : answer.answeredAt - answer.sentAt);
      const wait = this.#waitFor(operation, answer);
      if (wait === undefined) return answer;
      // What a 503 did is not known; only a repeatable request may be sent again by itself.
      if (!repeatable && answer.status === 503) {
        await pause(wait, this.#run);
        return undefined;
      }
      await pause(wait, this.#run);
    }
  }

  #waitFor(operation: OperationName, answer: HttpAnswer): number | undefined {
    const refusal = REFUSAL.safeParse(answer.body);
    if (!refusal.success || LATER[refusal.data.code] !== answer.status) return undefined;
    this.#ledger.tried('waits because of Retry-After');
    if (answer.retryAfter === null || !/^\d+$/.test(answer.retryAfter)) {
      this.#ledger.breach(
        operation,
        `${answer.status} ${refusal.data.code} without a Retry-After in seconds`,
      );
      return 1000;
    }
    // Never earlier than asked; a little later, so that not everybody comes back at the same instant.
    return Number(answer.retryAfter) * 1000 + Math.random() * 300;
  }

  async #sendOnce(request: HttpRequest): Promise<HttpAnswer | undefined> {
    this.#run.throwIfAborted();
    const controller = new AbortController();
    const stop = (): void => controller.abort();
    const timer = setTimeout(stop, TIMEOUT_MS);
    this.#run.addEventListener('abort', stop, { once: true });
    const sentAt = performance.now();
    try {
      const query = request.query === undefined ? '' : `?${new URLSearchParams(request.query)}`;
      const response = await fetch(`${this.#base}${request.path}${query}`, {
        method: request.method,
        redirect: 'manual',
        signal: controller.signal,
        headers: {
          ...(request.body === undefined ? {} : { 'Content-Type': 'application/json' }),
          ...(request.token === undefined ? {} : { Authorization: `Bearer ${request.token}` }),
          ...(request.ifNoneMatch === undefined ? {} : { 'If-None-Match': request.ifNoneMatch }),
        },
        ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
      });
      const text = await response.text();
      return {
        status: response.status,
        etag: response.headers.get('etag'),
        retryAfter: response.headers.get('retry-after'),
        requestId: response.headers.get('x-request-id'),
        isJson: /^application\/json\b/.test(response.headers.get('content-type') ?? ''),
        body: parseJson(text),
        sentAt,
        answeredAt: performance.now(),
      };
    } catch {
      this.#run.throwIfAborted();
      return undefined;
    } finally {
      clearTimeout(timer);
      this.#run.removeEventListener('abort', stop);
    }
  }
}
