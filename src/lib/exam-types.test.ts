import { describe, expect, it } from 'vitest';
import { EXAM_STATIONS, examTypeKey, stationsOfExam } from './exam-types.ts';

const GENERAL = 'lab xray vitals eyes internal surgery ent psychiatry dental derma';

/** Table 4.1 of the contract. */
const TABLE = [
  ['recruitment', 'تجنيد', GENERAL],
  ['promotion', 'ترفيع', GENERAL],
  ['transfer', 'نقل', GENERAL],
  ['referral', 'تحويل', GENERAL],
  ['contract', 'تجديد التعاقد', GENERAL],
  ['courses', 'دورات', 'lab eyes surgery internal'],
  ['aviation', 'طيران سنوي', 'lab eyes internal ent ecg audio'],
  ['cooks', 'طباخين', 'lab internal ent surgery'],
] as const;

describe('types of examination', () => {
  it.each(TABLE)('%s has the stations of the contract, under either name', (key, arabic, stations) => {
    expect(stationsOfExam(key)).toEqual(stations.split(' '));
    expect(examTypeKey(key)).toBe(key);
    expect(examTypeKey(arabic)).toBe(key);
  });

  it('are no more than those', () => {
    expect(Object.keys(EXAM_STATIONS)).toEqual(TABLE.map(([key]) => key));
  });

  it.each(['', 'Courses', 'any other', 'constructor', '__proto__', 'toString', 'دوره'])(
    'do not include %s',
    (text) => {
      expect(stationsOfExam(text)).toBeUndefined();
      expect(examTypeKey(text)).toBe(text);
    },
  );
});
