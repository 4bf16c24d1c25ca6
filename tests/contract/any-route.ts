/** One request to any route at all: JSON, pages, files and streams, which have no end. */
import { EventSourceClient } from '../support/event-source.ts';
import { type Answer, expectCommonHeaders } from './http.ts';

export interface AnyRequest {
  readonly headers?: Readonly<Record<string, string>>;
  /** The query of a GET or HEAD. */
  readonly query?: URLSearchParams;
  /** The body of a write. */
  readonly raw?: BodyInit;
}

/** Asks, and fails unless the answer has the headers of every answer. Of a stream the first frame is enough. */
export async function askAnyRoute(
  url: string,
  method: string,
  path: string,
  { headers = {}, query, raw }: AnyRequest = {},
): Promise<Answer> {
  const whole = url + path + (query && query.size > 0 ? `?${query}` : '');
  const isStream = method === 'GET' && path === '/api/v1/events/stream';
  if (isStream) return firstFrame(whole, headers);
  const response = await fetch(whole, {
    method,
    redirect: 'manual',
    headers: { ...(raw !== undefined && { 'Content-Type': 'application/json' }), ...headers },
    ...(raw !== undefined && { body: raw }),
  });
  const text = await response.text();
  expectCommonHeaders(response.headers, response.headers.get('cache-control') ?? '');
  return answerOf(response, text);
}

async function firstFrame(url: string, headers: Readonly<Record<string, string>>): Promise<Answer> {
  const stream = await EventSourceClient.open(url, headers);
  if (stream.response.status === 200) await stream.atLeast(1, 'connected');
  else await stream.end();
  stream.close();
  return answerOf(stream.response, stream.text);
}

function answerOf({ status, headers }: Response, text: string): Answer {
  const isJson = text !== '' && headers.get('content-type') === 'application/json; charset=utf-8';
  return { status, headers, text, body: isJson ? JSON.parse(text) : {} };
}
