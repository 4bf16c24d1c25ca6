import { describe, expect, it } from 'vitest';
import { encodeFrame, encodeRetry } from './server-sent-events.ts';

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

describe('a frame', () => {
  it('has its name, its id, its data, and ends with an empty line', () => {
    expect(text(encodeFrame({ event: 'CALLED', id: '12-3', data: { number: 4 } }))).toBe(
      'event: CALLED\nid: 12-3\ndata: {"number":4}\n\n',
    );
  });

  it('carries no id line when it carries no news', () => {
    expect(text(encodeFrame({ event: 'heartbeat', data: {} }))).toBe('event: heartbeat\ndata: {}\n\n');
  });

  it('keeps any text of its data on one line', () => {
    const data = { text: 'one\ntwo\r\n\nevent: x\u2028\u0000 🔔 حان' };
    const lines = text(encodeFrame({ event: 'queue_update', data })).split(/\r\n|\r|\n/);
    expect(lines).toHaveLength(4);
    expect(JSON.parse(String(lines[1]).slice('data: '.length))).toEqual(data);
  });
});

it('the retry line is whole milliseconds on a line of its own', () => {
  expect(text(encodeRetry(5000))).toBe('retry: 5000\n\n');
});
