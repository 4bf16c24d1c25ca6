import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isTimezone, serviceDay } from './service-day.ts';

const at = (now: string, timezone = 'Asia/Qatar', start = '00:00') =>
  serviceDay(new Date(now), timezone, start);

describe('the service day', () => {
  it('changes at local midnight when it starts at 00:00', () => {
    expect(at('2025-10-28T20:59:59.999Z')).toEqual({ day: '2025-10-28', end: '2025-10-28T21:00:00.000Z' });
    expect(at('2025-10-28T21:00:00.000Z')).toEqual({ day: '2025-10-29', end: '2025-10-29T21:00:00.000Z' });
  });

  it('is told apart by zone and start, also when asked in one minute', () => {
    const now = '2025-10-28T21:30:00Z';
    const days = () => [at(now).day, at(now, 'UTC').day, at(now, 'Asia/Qatar', '05:00').day];
    expect([days(), days()]).toEqual(Array(2).fill(['2025-10-29', '2025-10-28', '2025-10-28']));
  });

  it('changes at its start, so that the small hours belong to the day before', () => {
    expect(at('2025-10-29T01:59:59.999Z', 'Asia/Qatar', '05:00')).toEqual({
      day: '2025-10-28',
      end: '2025-10-29T02:00:00.000Z',
    });
    expect(at('2025-10-29T02:00:00.000Z', 'Asia/Qatar', '05:00')).toEqual({
      day: '2025-10-29',
      end: '2025-10-30T02:00:00.000Z',
    });
  });

  it.each([
    ['23:59', '2025-10-29T20:58:59.999Z', '2025-10-28'],
    ['23:59', '2025-10-29T20:59:00.000Z', '2025-10-29'],
    ['12:30', '2025-10-29T09:29:59.999Z', '2025-10-28'],
    ['12:30', '2025-10-29T09:30:00.000Z', '2025-10-29'],
  ])('may start at any minute: %s', (start, now, day) => {
    expect(at(now, 'Asia/Qatar', start).day).toBe(day);
  });

  it.each([
    ['a month', '2025-10-31T21:00:00Z', '2025-11-01'],
    ['a year', '2025-12-31T21:00:00Z', '2026-01-01'],
    ['February', '2025-02-28T21:00:00Z', '2025-03-01'],
    ['February of a leap year', '2024-02-28T21:00:00Z', '2024-02-29'],
  ])('goes on past the end of %s', (_name, now, day) => {
    expect(at(now).day).toBe(day);
  });

  it.each([
    ['America/Los_Angeles', '2025-10-29T06:59:00Z', '2025-10-28'],
    ['America/Los_Angeles', '2025-10-29T07:00:00Z', '2025-10-29'],
    ['Asia/Kathmandu', '2025-10-28T18:15:00Z', '2025-10-29'],
    ['Pacific/Kiritimati', '2025-10-28T10:00:00Z', '2025-10-29'],
    ['UTC', '2025-10-29T00:00:00Z', '2025-10-29'],
  ])('is the zone’s own, whatever its offset: %s at %s', (timezone, now, day) => {
    expect(at(now, timezone).day).toBe(day);
  });

  // Europe/Berlin: 2025-03-30 has 23 hours, 2025-10-26 has 25.
  it('ends at the local time of its start also when the clocks change in it', () => {
    expect(at('2025-03-30T00:30:00Z', 'Europe/Berlin')).toEqual({
      day: '2025-03-30',
      end: '2025-03-30T22:00:00.000Z',
    });
    expect(at('2025-10-26T00:30:00Z', 'Europe/Berlin')).toEqual({
      day: '2025-10-26',
      end: '2025-10-26T23:00:00.000Z',
    });
    expect(at('2025-03-29T23:00:00Z', 'Europe/Berlin', '05:00').end).toBe('2025-03-30T03:00:00.000Z');
    expect(at('2025-10-25T23:00:00Z', 'Europe/Berlin', '05:00').end).toBe('2025-10-26T04:00:00.000Z');
  });

  it('ends right also where the change of the clocks lies between the end and the same hour in UTC', () => {
    expect(at('2025-03-08T12:00:00Z', 'America/New_York', '05:00').end).toBe('2025-03-09T09:00:00.000Z');
    expect(at('2025-11-01T12:00:00Z', 'America/New_York', '05:00').end).toBe('2025-11-02T10:00:00.000Z');
  });

  it('lasts 23 and 25 hours around the changes of the clocks', () => {
    const hours = (first: string) => {
      const { end } = at(first, 'Europe/Berlin');
      return (Date.parse(at(end, 'Europe/Berlin').end) - Date.parse(end)) / 3_600_000;
    };
    expect(hours('2025-03-29T12:00:00Z')).toBe(23);
    expect(hours('2025-10-25T12:00:00Z')).toBe(25);
    expect(hours('2025-06-25T12:00:00Z')).toBe(24);
  });

  it('is one unbroken row of days in any zone, each ending where the next begins', () => {
    const seed = Math.trunc(Math.random() * 2 ** 31);
    console.log(`service-day: 2000 random moments, seed ${seed}`);
    // Starts outside of the hours in which clocks are turned back: there a local time comes twice.
    const start = fc.constantFrom('00:00', '04:30', '05:00', '12:00', '23:00');
    const timezone = fc.constantFrom(
      'Asia/Qatar',
      'Europe/Berlin',
      'America/New_York',
      'Australia/Lord_Howe',
      'Asia/Kathmandu',
    );
    const moment = fc.date({ min: new Date('2020-01-01'), max: new Date('2035-01-01'), noInvalidDate: true });
    fc.assert(
      fc.property(moment, timezone, start, (now, zone, from) => {
        const { day, end } = serviceDay(now, zone, from);
        const next = serviceDay(new Date(end), zone, from);
        const last = serviceDay(new Date(Date.parse(end) - 1), zone, from);
        expect(Date.parse(end)).toBeGreaterThan(now.getTime());
        expect(Date.parse(end) - now.getTime()).toBeLessThanOrEqual(25 * 3_600_000);
        expect(last).toEqual({ day, end });
        expect(Date.parse(next.day) - Date.parse(day)).toBe(24 * 3_600_000);
      }),
      { seed, numRuns: 2000 },
    );
  });
});

describe('a time zone', () => {
  it.each(['Asia/Qatar', 'UTC', 'Europe/Berlin'])('that the runtime knows: %s', (name) => {
    expect(isTimezone(name)).toBe(true);
  });

  it.each(['', 'Qatar/Asia', 'GMT+99', "'; drop table", 'local', '+03:00', '-0300', '+03'])(
    'that it does not know: %s',
    (name) => {
      expect(isTimezone(name)).toBe(false);
    },
  );
});
