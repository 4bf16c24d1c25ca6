// Requests to a deployed target: each has a time limit, and a failure says what came instead, never with a body.
import { Failure } from './check.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The fields of a JSON object; empty for any other body. */
  readonly body: Readonly<Record<string, unknown>>;
}

export interface Sent {
  readonly method?: 'GET' | 'POST' | 'OPTIONS';
  /** Sent as JSON. */
  readonly json?: object;
  /** Sent as it is, called JSON. */
  readonly raw?: string;
  readonly token?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface TargetClient {
  /** Throws a Failure when no answer comes in time. */
  request(path: string, sent?: Sent): Promise<Answer>;
  /** As `request`; throws a Failure unless the answer is JSON with this status and, for an error, this code. */
  json(path: string, status: number, sent?: Sent & { readonly code?: string }): Promise<Answer>;
  /** Reads a stream until `enough` says so, and closes it. */
  stream(path: string, enough: (text: string) => boolean): Promise<{ headers: Headers; text: string }>;
}

/** Paths are the canonical ones, behind whatever path the base has. */
export function createTargetClient(base: URL, timeoutMs: number): TargetClient {
  const prefix = base.href.replace(/\/+$/, '');

  async function open(path: string, sent: Sent, signal: AbortSignal): Promise<Response> {
    const { method = 'GET', json, raw, token, headers } = sent;
    const body = json === undefined ? raw : JSON.stringify(json);
    try {
      return await fetch(prefix + path, {
        method,
        redirect: 'manual',
        signal,
        headers: {
          ...(body !== undefined && { 'Content-Type': 'application/json' }),
          ...(token !== undefined && { Authorization: `Bearer ${token}` }),
          ...headers,
        },
        ...(body !== undefined && { body }),
      });
    } catch (error) {
      throw new Failure(reasonOf(error, timeoutMs));
    }
  }

  async function request(path: string, sent: Sent = {}): Promise<Answer> {
    const response = await open(path, sent, AbortSignal.timeout(timeoutMs));
    const { status, headers } = response;
    const text = await response.text().catch((error: unknown) => {
      throw new Failure(reasonOf(error, timeoutMs));
    });
    return { status, headers, text, body: fieldsOf(text) };
  }

  return {
    request,
    async json(path, status, sent = {}) {
      const answer = await request(path, sent);
      const type = answer.headers.get('content-type') ?? 'no content type';
      if (type.startsWith('text/html')) {
        throw new Failure(`${path} answered ${answer.status} with HTML: that is a page, not the API`);
      }
      const { code } = answer.body;
      const got = `${answer.status}${typeof code === 'string' ? ` ${shown(code)}` : ''}`;
      const wanted = `${status}${sent.code === undefined ? '' : ` ${sent.code}`}`;
      if (answer.status !== status || (sent.code !== undefined && code !== sent.code)) {
        throw new Failure(`${path} answered ${got}, not ${wanted}`);
      }
      if (!type.startsWith('application/json')) {
        throw new Failure(`${path} answered ${status} with ${shown(type)}, not with JSON`);
      }
      if (Object.keys(answer.body).length === 0) {
        throw new Failure(`${path} answered ${status} with a body that is no JSON object`);
      }
      return answer;
    },
    async stream(path, enough) {
      const stop = new AbortController();
      const limit = setTimeout(() => stop.abort(new DOMException('', 'TimeoutError')), timeoutMs);
      try {
        const response = await open(path, {}, stop.signal);
        if (response.status !== 200) throw new Failure(`${path} answered ${response.status}, not 200`);
        let text = '';
        const decoder = new TextDecoder();
        for await (const bytes of response.body ?? []) {
          text += decoder.decode(bytes, { stream: true });
          if (enough(text)) return { headers: response.headers, text };
        }
        throw new Failure(`${path} ended before its first frames`);
      } catch (error) {
        if (error instanceof Failure) throw error;
        throw new Failure(`${path} sent no first frames: ${reasonOf(error, timeoutMs)}`);
      } finally {
        clearTimeout(limit);
        stop.abort();
      }
    },
  };
}

function fieldsOf(text: string): Answer['body'] {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
  } catch {
    return {};
  }
}

/** Node hides why a fetch failed in causes within causes. */
function reasonOf(error: unknown, timeoutMs: number): string {
  if (error instanceof Error && error.name === 'TimeoutError')
    return `no answer within ${timeoutMs / 1000} s`;
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  const { code } = (cause ?? {}) as { code?: unknown };
  return `unreachable${typeof code === 'string' ? ` (${code})` : ''}`;
}

/** What a stranger's server says goes to the terminal: short, and nothing that a terminal would obey. */
export function shown(text: unknown): string {
  return String(text)
    .replace(/[^\x20-\x7e]/g, '?')
    .slice(0, 80);
}
