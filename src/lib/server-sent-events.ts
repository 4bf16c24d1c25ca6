// The text form of server-sent events.

export interface Frame {
  /** Every data frame is named: the page would show an unnamed one to everybody. */
  readonly event: string;
  readonly data: object;
  /** The cursor at which a client resumes; absent for frames that carry no news. */
  readonly id?: string;
}

const encoder = new TextEncoder();

/** One frame as bytes. JSON has no raw line breaks, so the data is always one line. */
export function encodeFrame({ event, data, id }: Frame): Uint8Array {
  const idLine = id === undefined ? '' : `id: ${id}\n`;
  return encoder.encode(`event: ${event}\n${idLine}data: ${JSON.stringify(data)}\n\n`);
}

/** The line that tells a client how many milliseconds to wait before it connects again. */
export function encodeRetry(milliseconds: number): Uint8Array {
  return encoder.encode(`retry: ${milliseconds}\n\n`);
}
