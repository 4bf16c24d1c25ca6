import { describe, expect, it } from 'vitest';
import { isAfter, later, readCursor } from './event-cursor.ts';

describe('a cursor that a caller sent', () => {
  it.each(['0-0', '1-2', '18446744073709551-123456789012345678'])('is taken as it is: %s', (sent) => {
    expect(readCursor(sent)).toBe(sent);
  });

  it.each([
    undefined,
    '',
    '12',
    '-1-2',
    '1-',
    '-2',
    '1-2-3',
    ' 1-2',
    '1-2\n',
    'a-b',
    '1.5-2',
    '٣-٤',
    '1-1234567890123456789',
    '12345678901234567890-1',
    "1-2'; drop table events",
  ])('is none when it cannot be read: %j', (sent) => {
    expect(readCursor(sent)).toBeUndefined();
  });
});

describe('the order of cursors', () => {
  it('is that of pairs of integers, beyond what a double can hold', () => {
    const ascending = ['0-0', '9-10', '10-0', '10-9', '10-10', '9007199254740993-1', '9007199254740993-2'];
    for (const [index, cursor] of ascending.entries()) {
      for (const [other, before] of ascending.entries()) {
        expect(isAfter(cursor, before), `${cursor} after ${before}`).toBe(index > other);
        expect(later(cursor, before)).toBe(ascending[Math.max(index, other)]);
      }
    }
  });
});
