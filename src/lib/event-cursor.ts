// The cursor of the event stream: the pair (xid, seq) as one text, `<xid>-<seq>`, which is also the SSE id.

const CURSOR = /^\d{1,19}-\d{1,18}$/;

/** The cursor a caller sent, or undefined when it is none: a stream then begins now. */
export function readCursor(sent: string | undefined): string | undefined {
  return sent !== undefined && CURSOR.test(sent) ? sent : undefined;
}

/** Is `a` after `b`? Compared as a pair of integers. */
export function isAfter(a: string, b: string): boolean {
  const [xidA, seqA] = parts(a);
  const [xidB, seqB] = parts(b);
  return xidA === xidB ? seqA > seqB : xidA > xidB;
}

/** The later of two cursors. */
export function later(a: string, b: string): string {
  return isAfter(a, b) ? a : b;
}

function parts(cursor: string): [bigint, bigint] {
  const [xid = '0', seq = '0'] = cursor.split('-');
  return [BigInt(xid), BigInt(seq)];
}
