import { afterEach, describe, expect, it, vi } from 'vitest';
import { createLog, LOG_LEVELS, type LogFields } from './log.ts';

afterEach(() => vi.restoreAllMocks());

/** What a log of this level writes for one line of each level. */
function writtenAt(shown: (typeof LOG_LEVELS)[number], fields: LogFields = { event: 'job_done' }): string[] {
  const lines: string[] = [];
  for (const level of LOG_LEVELS) vi.spyOn(console, level).mockImplementation((line) => lines.push(line));
  const log = createLog(shown);
  for (const level of LOG_LEVELS) log(level, fields);
  return lines;
}

describe('the log', () => {
  it.each([
    ['error', ['error']],
    ['warn', ['error', 'warn']],
    ['info', ['error', 'warn', 'info']],
    ['debug', ['error', 'warn', 'info', 'debug']],
  ] as const)('at LOG_LEVEL=%s writes %j', (level, expected) => {
    expect(writtenAt(level).map((line) => JSON.parse(line).level)).toEqual(expected);
  });

  it('writes one line of JSON, with its time', () => {
    const [line = ''] = writtenAt('error', { event: 'unhandled_error', error: 'two\nlines', at: ['a', 'b'] });
    expect(line).not.toContain('\n');
    expect(JSON.parse(line)).toStrictEqual({
      level: 'error',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      event: 'unhandled_error',
      error: 'two\nlines',
      at: ['a', 'b'],
    });
  });

  it('leaves out whatever an object brings besides the named fields, at any depth', () => {
    const context = { event: 'request', status: 200, patientId: 'p-canary', at: [{ pin: 'pin-canary' }] };
    const [line = ''] = writtenAt('error', context as unknown as LogFields);
    expect(JSON.parse(line)).toMatchObject({ event: 'request', status: 200 });
    expect(line).not.toContain('canary');
  });
});
