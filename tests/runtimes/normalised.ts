/** An answer without what differs from one request to the next, so that those of two targets can be compared. */
import type { Answer } from '../contract/http.ts';

export interface Normalised {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** What belongs to the connection or to the server before the application. */
const OF_THE_CONNECTION = new Set([
  'connection',
  'content-length',
  'date',
  'keep-alive',
  'transfer-encoding',
  // Deno compresses by itself, and says then on what that depends.
  'content-encoding',
  'vary',
]);

/** Headers that are there, with values of their own in each answer. */
const OWN_VALUES = new Set(['x-request-id', 'x-served-by', 'x-mmc-target', 'server-timing', 'etag']);

/** Fields whose numbers and texts are those of the moment, of the target or of chance. */
const OF_THE_MOMENT =
  /^(uptime_seconds|target|commit|request_id|executionTime|latency_ms|responseTime|p\d+|.*_ms|pin|currentPin|token|sessionId|qrUrl|url|id|routeId|patientId|user|visitId)$/i;

/** `ids` are those that the request itself sent; `numbers` says whether numbers are of the moment too, as after a write. */
export function normalised(answer: Answer, ids: readonly string[], numbers: boolean): Normalised {
  const headers: Record<string, string> = {};
  for (const [name, value] of answer.headers) {
    if (OF_THE_CONNECTION.has(name)) continue;
    headers[name] = OWN_VALUES.has(name) ? 'own' : textOf(value, ids);
  }
  const isJson = answer.headers.get('content-type')?.startsWith('application/json') ?? false;
  const body = isJson && answer.text !== '' ? plain(answer.body, ids, numbers) : proseOf(answer, ids);
  return { status: answer.status, headers, body };
}

/** Metrics count what each target did, so their names are compared and not their values. */
function proseOf({ headers, text }: Answer, ids: readonly string[]): string {
  const isMetrics = headers.get('content-type')?.startsWith('text/plain') ?? false;
  return isMetrics ? text.replaceAll(/^[^#].*$\n/gm, '') : textOf(text, ids);
}

function plain(value: unknown, ids: readonly string[], numbers: boolean): unknown {
  if (typeof value === 'string') return textOf(value, ids);
  if (typeof value === 'number') return numbers ? 'number' : value;
  if (Array.isArray(value)) return value.map((one) => plain(one, ids, numbers));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      const isOwn = OF_THE_MOMENT.test(name) && typeof inner !== 'object';
      return [name, isOwn ? typeof inner : plain(inner, ids, numbers)];
    }),
  );
}

function textOf(text: string, ids: readonly string[]): string {
  return ids
    .filter((id) => id.length > 5)
    .reduce((rest, id) => rest.replaceAll(id, 'ID'), text)
    .replaceAll(/\d{4}-\d{2}-\d{2}T[\d:.]+Z/g, 'TIME')
    .replaceAll(/\b1[6-9]\d{11}\b/g, 'MILLISECONDS')
    .replaceAll(/^\d{2}$/g, 'PIN')
    .replaceAll(/\b(development|[0-9a-f]{40}(-dirty)?)\b/g, 'COMMIT')
    .replaceAll(/retry: \d+/g, 'retry: N')
    .replaceAll(/admin_token=[^;]+/g, 'admin_token=TOKEN')
    .replaceAll(/"(target|connection_?id)":"[^"]*"/gi, '"$1":"own"')
    .replaceAll(/\b\d+-\d+\b/g, 'CURSOR');
}
