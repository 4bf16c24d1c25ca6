import { describe, expect, it } from 'vitest';
import {
  clinic,
  clinics,
  examText,
  examType,
  gender,
  genderPath,
  password,
  personalNumber,
  pin,
  routeId,
  stations,
  user,
  username,
  westernDigits,
} from './fields.ts';

const REFUSED = Symbol('refused');

/** Any field, whatever its types. */
interface Readable {
  readonly schema: { safeParse(value: unknown): { readonly success: boolean; readonly data?: unknown } };
}

/** What a handler gets for this value, or REFUSED. */
function read(field: Readable, value: unknown): unknown {
  const parsed = field.schema.safeParse(value);
  return parsed.success ? parsed.data : REFUSED;
}

const OTHER_TYPES = [true, {}, ['x'], null, undefined, 7];

describe('digits', () => {
  it('of both Arabic kinds become 0 to 9, and nothing else changes', () => {
    expect(westernDigits('٠١٢٣٤٥٦٧٨٩')).toBe('0123456789');
    expect(westernDigits('۰۱۲۳۴۵۶۷۸۹')).toBe('0123456789');
    expect(westernDigits('1٢a۳-४')).toBe('12a3-४');
    expect(westernDigits('\u065f\u066a\u06ef\u06fa')).toBe('\u065f\u066a\u06ef\u06fa');
  });
});

describe('the accepted names', () => {
  it.each([
    [clinic, 'clinic', ['clinic', 'clinicId', 'clinic_id', 'stationId']],
    [user, 'user', ['user', 'patientId', 'patient_id', 'visitId', 'personalId']],
    [examType, 'examType', ['examType', 'exam', 'queueType']],
    [gender, 'gender', ['gender']],
    [pin, 'pin', ['pin', 'ticket']],
    [personalNumber, 'patientId', ['patientId', 'personalId']],
  ] as const)('are those of the contract, leftmost first', (field, canonical, names) => {
    expect(field.canonical).toBe(canonical);
    expect(field.names).toEqual(names);
  });
});

describe('a session id', () => {
  it.each(['a', 'A-z_9', 'x'.repeat(64), '1761730000000-abc123xyz'])('may be %s', (id) => {
    expect(read(user, id)).toBe(id);
    expect(read(routeId, id)).toBe(id);
  });

  it.each(['', 'x'.repeat(65), 'a b', 'a\n', 'é', '٣', 'a.b', 'a\0', ...OTHER_TYPES])('is not %s', (id) => {
    expect(read(user, id)).toBe(REFUSED);
    expect(read(routeId, id)).toBe(REFUSED);
  });
});

describe('a clinic’s name', () => {
  it('loses its case', () => {
    expect(read(clinic, 'XRay')).toBe('xray');
  });

  it.each(['', 'a b', 'المختبر', 'lab\0', 'l'.repeat(65), '#', 'lab\u212a', '%'])(
    'that can be no clinic’s is the empty one, which the database does not know: %s',
    (name) => {
      expect(read(clinic, name)).toBe('');
    },
  );

  it.each(OTHER_TYPES)('is a text, not %s', (value) => {
    expect(read(clinic, value)).toBe(REFUSED);
  });
});

describe('a PIN', () => {
  it.each([
    ['42', '42'],
    ['٤٢', '42'],
    ['۴٢', '42'],
    ['00', '00'],
  ])('%s is read as %s', (typed, expected) => {
    expect(read(pin, typed)).toBe(expected);
  });

  it.each(['5', '123', 'abc', '4 2', '-4', '4.2', '42\n', '४२', '', 'x'.repeat(10_000)])(
    'that can be none is the empty one, which is wrong everywhere: %s',
    (typed) => {
      expect(read(pin, typed)).toBe('');
    },
  );

  it.each(OTHER_TYPES)('is a text, not %s', (value) => {
    expect(read(pin, value)).toBe(REFUSED);
  });
});

describe('a gender', () => {
  it.each([
    ['male', 'male'],
    ['MALE', 'male'],
    ['m', 'male'],
    ['F', 'female'],
    ['Female', 'female'],
  ])('%s is %s', (sent, expected) => {
    expect(read(gender, sent)).toBe(expected);
    expect(read(genderPath, sent)).toBe(expected);
  });

  it.each(['', 'x', 'constructor', '__proto__', 'toString', 'ذكر', ...OTHER_TYPES])('is not %s', (sent) => {
    expect(read(gender, sent)).toBe(REFUSED);
    // In `path` another value means nothing, and refuses nothing.
    expect(read(genderPath, sent)).toBeUndefined();
  });
});

describe('a type of examination', () => {
  it('is kept as its English key, in path/choose as it was sent', () => {
    expect(read(examType, 'دورات')).toBe('courses');
    expect(read(examText, 'دورات')).toBe('دورات');
    expect(read(examType, 'any text')).toBe('any text');
  });

  it.each([examType, examText])('has at most 64 characters that can be stored', (field) => {
    expect(read(field, 'ع'.repeat(64))).toBe('ع'.repeat(64));
    expect(read(field, 'x'.repeat(65))).toBe(REFUSED);
    expect(read(field, 'a\0b')).toBe(REFUSED);
    expect(read(field, 'a\ud800')).toBe(REFUSED);
    expect(read(field, '🏥')).toBe('🏥');
    for (const value of OTHER_TYPES) expect(read(field, value)).toBe(REFUSED);
  });
});

describe('a personal number', () => {
  it.each([
    ['12', '12'],
    ['٠١٢', '012'],
    ['123456789012', '123456789012'],
  ])('%s is read as %s', (sent, expected) => {
    expect(read(personalNumber, sent)).toBe(expected);
  });

  it.each(['1', '1234567890123', '12a', '1 2', '', '１２', ...OTHER_TYPES])('is not %s', (sent) => {
    expect(read(personalNumber, sent)).toBe(REFUSED);
  });
});

describe('credentials', () => {
  it('are a name, empty where it can be nobody’s, and a password taken as it is', () => {
    expect(read(username, 'مدير')).toBe('مدير');
    expect(read(username, 'x'.repeat(65))).toBe('');
    expect(read(username, 'a\0')).toBe('');
    expect(read(password, ' \0\ud800 ')).toBe(' \0\ud800 ');
    expect(read(password, 'x'.repeat(1025))).toBe('x'.repeat(1025));
    for (const value of OTHER_TYPES) {
      expect(read(username, value)).toBe(REFUSED);
      expect(read(password, value)).toBe(REFUSED);
    }
  });
});

describe.each([stations, clinics])('stations', (field) => {
  it('are objects with at least an id, or clinic names', () => {
    expect(read(field, ['lab', { id: 'xr' }, { id: ' ECG ' }, 7, { id: 8 }])).toMatchObject([
      { id: 'lab' },
      { id: 'xr' },
      { id: 'ECG' },
      { id: '7' },
      { id: '8' },
    ]);
  });

  it('keep their texts, a number as its text, and nothing that is no part of a station', () => {
    const texts = {
      name: 'n',
      nameAr: 'ن',
      floor: 'f',
      floorCode: 'M',
      code: 'C',
      note: 'o',
      roomNumber: 12,
    };
    expect(read(field, [{ id: 'lab', ...texts, weight: 2, status: 'completed', clinic: 'x' }])).toStrictEqual(
      [{ id: 'lab', ...texts, roomNumber: '12', weight: 2 }],
    );
    expect(read(field, [{ id: 'lab', note: null, name: 'x'.repeat(200) }])).toMatchObject([{ note: null }]);
  });

  it.each([
    [3, 3],
    [2.6, 3],
    [-1, 0],
    [1e300, 2_147_483_647],
    ['3', 0],
    [[], 0],
    [{}, 0],
    [true, 0],
    [null, 0],
  ])('have a weight that Postgres can keep: %s becomes %s', (weight, expected) => {
    expect(read(field, [{ id: 'lab', weight }])).toMatchObject([{ weight: expected }]);
  });

  it.each([
    [Array.from({ length: 21 }, () => 'lab')],
    ['lab'],
    [{ 0: 'lab' }],
    [[null]],
    [[['lab']]],
    [[true]],
    [[{}]],
    [[{ id: null }]],
    [[{ id: 'x'.repeat(201) }]],
    [[{ id: 'a\0' }]],
    [[{ id: 'lab', name: 'x'.repeat(201) }]],
    [[{ id: 'lab', name: {} }]],
    [[{ id: 'lab', floor: true }]],
    [[{ id: 'lab', note: 'a\0' }]],
    [[{ id: 'lab', roomNumber: '\ud800' }]],
  ])('are not %j', (value) => {
    expect(read(field, value)).toBe(REFUSED);
  });
});
