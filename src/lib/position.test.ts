import { describe, expect, it } from 'vitest';
import { hasSeen } from './position.ts';

const TAG = '2025-10-29.7.WAITING.3.2';

describe('If-None-Match', () => {
  it.each([
    `"${TAG}"`,
    `W/"${TAG}"`,
    TAG,
    `"${TAG}-gzip"`,
    `W/"${TAG}-br"`,
    `"${TAG};gzip"`,
    `"other", "${TAG}"`,
    `W/"other",W/"${TAG}"`,
    `  "${TAG}"  `,
    `"a","b",  "${TAG}-df"`,
  ])('%s has seen the state', (header) => {
    expect(hasSeen(header, TAG)).toBe(true);
  });

  it.each([
    undefined,
    '',
    '*',
    '""',
    ',',
    '"other"',
    `"${TAG}0"`,
    `"${TAG}.5"`,
    `"x${TAG}"`,
    `"${TAG.slice(0, -1)}"`,
    `"${TAG.replace('WAITING', 'NEXT')}"`,
    `"${TAG.replace('29', '30')}"`,
    `"${TAG.toLowerCase()}"`,
    TAG.split('').join(','),
  ])('%s has not', (header) => {
    expect(hasSeen(header, TAG)).toBe(false);
  });

  it('of a finished patient is not that of another number', () => {
    expect(hasSeen('"2025-10-29.7.DONE.-1.0"', '2025-10-29.7.DONE.-1.0')).toBe(true);
    expect(hasSeen('"2025-10-29.7.DONE.-1.0"', '2025-10-29.71.DONE.-1.0')).toBe(false);
    expect(hasSeen('"2025-10-29.71.DONE.-1.0"', '2025-10-29.7.DONE.-1.0')).toBe(false);
  });
});
