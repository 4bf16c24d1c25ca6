import { describe, expect, it } from 'vitest';
import { DomainError } from './errors.ts';
import { NO_SUGGESTION, suggestPath } from './path-suggestion.ts';

const NOW = new Date('2025-10-29T12:00:00.000Z');
const FULL = 'lab xray vitals ecg audio eyes internal ent surgery dental psychiatry derma bones';

describe('a suggestion by exam', () => {
  it.each([
    ['recruitment', 'vitals lab xray ecg audio eyes internal ent surgery dental psychiatry derma bones'],
    ['transfer', 'vitals lab xray internal ent surgery'],
    ['promotion', 'vitals lab xray ecg eyes internal'],
    ['aviation', 'vitals lab xray ecg audio eyes internal'],
    ['courses', 'vitals lab xray'],
    ['cooks', 'vitals lab xray derma'],
    ['conversion', 'vitals lab xray internal'],
    ['contract_renewal', 'vitals lab xray internal'],
    ['any other', 'vitals lab xray internal'],
    ['toString', 'vitals lab xray internal'],
    ['__proto__', 'vitals lab xray internal'],
  ])('for %s is the previous backend’s', (examType, route) => {
    const expected = route.split(' ');
    expect(suggestPath({ patientId: 'p', examType, gender: 'female' }, NOW)).toStrictEqual({
      success: true,
      sticky: true,
      route: expected,
      path: expected,
      patientId: 'p',
      examType,
      gender: 'female',
      created_at: '2025-10-29T12:00:00.000Z',
    });
  });

  it('is for a male when nobody says otherwise, whatever path says', () => {
    const asked = { patientId: 'p', examType: 'cooks' };
    expect(suggestPath(asked, NOW)).toMatchObject({ gender: 'male' });
    expect(suggestPath({ ...asked, path: 'female' }, NOW)).toMatchObject({ gender: 'male' });
  });
});

describe('a suggestion by gender', () => {
  it.each([
    [{ gender: 'male' }, 'male', FULL],
    [{ path: 'male' }, 'male', FULL],
    [{ gender: 'female' }, 'female', FULL.replace(' surgery', '').replace(' bones', '')],
    [{ path: 'female' }, 'female', FULL.replace(' surgery', '').replace(' bones', '')],
    [{ gender: 'male', path: 'female' }, 'male', FULL],
    [{ gender: 'male', patientId: 'p' }, 'male', FULL],
  ] as const)('for %j', (request, gender, route) => {
    expect(suggestPath(request, NOW)).toStrictEqual({
      success: true,
      sticky: false,
      route: route.split(' '),
      path: route.split(' '),
      gender,
    });
  });
});

describe('no suggestion', () => {
  it.each([
    [{}, ['patientId', 'examType']],
    [{ patientId: 'p' }, ['examType']],
    [{ examType: 'cooks' }, ['patientId']],
    [{ examType: 'cooks', gender: 'male' }, ['patientId']],
  ] as const)('for %j, which lacks %j', (request, missing) => {
    let thrown: unknown;
    try {
      suggestPath(request, NOW);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(DomainError);
    expect(thrown).toMatchObject({
      code: 'MISSING_FIELDS',
      details: { missingFields: missing, error: `Missing required fields: ${missing.join(', ')}` },
    });
  });

  it('is an empty list: the page shows a placeholder for each element', () => {
    expect(NO_SUGGESTION).toStrictEqual({ success: true, sticky: false, route: [], path: [] });
  });
});
