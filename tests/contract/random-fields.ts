/** Random values for every field of the contract (1.4): right ones, and such as break the field's rule. */
import fc from 'fast-check';
import { CLINICS } from './queue-client.ts';

export interface Field {
  readonly good: fc.Arbitrary<unknown>;
  /** Texts that a query can carry too; undefined where every text is right or means nothing. */
  readonly bad?: fc.Arbitrary<unknown>;
  /** Values that only a body can hold, beside those of another type. */
  readonly badInBody?: fc.Arbitrary<unknown>;
  /** True where a value of any type is right or means nothing. */
  readonly anyType?: true;
}

const names = Object.entries(CLINICS).flatMap(([id, { aliases }]) => [id, ...aliases]);
const known = new Set<string>(names);

const padded = (text: fc.Arbitrary<string>) =>
  fc.tuple(fc.constantFrom('', ' ', '\t'), text, fc.constantFrom('', ' ')).map((parts) => parts.join(''));
const anyCase = (text: fc.Arbitrary<string>) =>
  fc.tuple(text, fc.boolean()).map(([value, upper]) => (upper ? value.toUpperCase() : value));
const numberOrText = (value: fc.Arbitrary<number>) =>
  fc.tuple(value, fc.boolean()).map(([number, asText]) => (asText ? String(number) : number));

/** Any text that is not blank and has a form in UTF-8. */
export const wild = fc
  .string({
    unit: fc.oneof(
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
      fc.constantFrom("'", '"', '\\', '%', '\u202e', '٣', '\0'),
    ),
    maxLength: 90,
  })
  .filter((text) => text.trim() !== '');

const storable = wild.filter((text) => text.trim().length <= 64 && !text.includes('\0'));
const wildBut = (isRight: (trimmed: string) => boolean) => wild.filter((text) => !isRight(text.trim()));

/** What is neither text nor number. */
export const otherType = fc.oneof(
  fc.boolean(),
  fc.array(fc.jsonValue(), { minLength: 1, maxLength: 3 }),
  fc.dictionary(fc.string({ maxLength: 8 }), fc.jsonValue(), { maxKeys: 3 }),
);

export const blank = fc.constantFrom('', ' ', '\t\n', '   ');

const SESSION = /^[A-Za-z0-9_-]{1,64}$/;
const DIGIT = '[0-9\u0660-\u0669\u06f0-\u06f9]';
const shaped = (pattern: RegExp) => (text: string) => pattern.test(text);

export const clinic: Field = {
  good: padded(anyCase(fc.constantFrom(...names))),
  bad: fc
    .oneof(
      wildBut((text) => SESSION.test(text) && known.has(text.toLowerCase())),
      fc.constantFrom('lab,xray', 'lab/', 'nowhere', 'admin ', '0', '14'),
    )
    .filter((text) => text.trim() !== 'admin'),
};

/** The older staff routes also take the position among all clinics. */
export const clinicOrNumber: Field = {
  good: fc.oneof(clinic.good, numberOrText(fc.integer({ min: 1, max: 13 }))),
  bad: (clinic.bad ?? wild).filter((text) => !/^([1-9]|1[0-3])$/.test(String(text).trim())),
};

const PEOPLE = 12;

/** A small crowd, so that the same people meet again, and anybody. */
export const user = (seed: number): Field => ({
  good: fc.oneof(
    { weight: 6, arbitrary: fc.nat(PEOPLE - 1).map((index) => `r${seed}-${index}`) },
    { weight: 1, arbitrary: fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/) },
    { weight: 1, arbitrary: numberOrText(fc.nat(2 ** 40)) },
    {
      weight: 1,
      arbitrary: fc.tuple(fc.nat(2 ** 41), fc.stringMatching(/^[a-z0-9]{1,9}$/)).map((id) => id.join('-')),
    },
  ),
  bad: fc.oneof(wildBut(shaped(SESSION)), fc.stringMatching(/^[A-Za-z0-9_-]{65,120}$/)),
});

export const routeId: Field = {
  good: fc.stringMatching(/^[A-Za-z0-9_-]{20,64}$/),
  bad: wildBut(shaped(SESSION)),
};

/** Anything that is no PIN is a wrong one, so no text breaks the rule. */
export const pin: Field = {
  good: fc.oneof(
    numberOrText(fc.integer({ min: 10, max: 99 })),
    fc.stringMatching(new RegExp(`^${DIGIT}{2}$`)),
    wild,
  ),
};

export const emergencyCode: Field = { good: fc.oneof(fc.stringMatching(/^[0-9]{6,10}$/), wild) };

export const gender: Field = {
  good: padded(anyCase(fc.constantFrom('male', 'female', 'm', 'f'))),
  bad: wildBut(shaped(/^(male|female|m|f)$/i)),
};

export const personalNumber: Field = {
  good: fc.oneof(
    padded(fc.stringMatching(new RegExp(`^${DIGIT}{2,12}$`))),
    fc.integer({ min: 10, max: 10 ** 12 - 1 }),
  ),
  bad: fc.oneof(wildBut(shaped(new RegExp(`^${DIGIT}{2,12}$`))), fc.stringMatching(/^([0-9]|[0-9]{13,20})$/)),
};

export const examType: Field = {
  good: padded(
    fc.constantFrom(
      ...['recruitment', 'promotion', 'transfer', 'referral', 'contract', 'courses', 'aviation', 'cooks'],
      ...['تجنيد', 'ترفيع', 'نقل', 'تحويل', 'تجديد التعاقد', 'دورات', 'طيران سنوي', 'طباخين'],
    ),
  ),
  bad: fc.constantFrom('conversion', 'recruit', 'x'.repeat(65), "' or 1=1", 'طيران'),
};

export const examText: Field = {
  good: fc.oneof(examType.good, storable),
  bad: fc
    .string({ unit: 'grapheme-ascii', minLength: 65, maxLength: 90 })
    .filter((text) => text.trim().length > 64),
};

const stationIds = fc.uniqueArray(fc.constantFrom(...Object.keys(CLINICS)), { minLength: 1, maxLength: 13 });
const stationText = fc.oneof(storable, fc.constant(null), fc.nat(999));
const station = (id: string) =>
  fc.oneof(
    fc.constant(id),
    fc.record(
      {
        id: fc.constant(id),
        name: stationText,
        nameAr: stationText,
        floor: stationText,
        note: stationText,
        roomNumber: stationText,
        weight: fc.oneof(fc.integer(), fc.jsonValue()),
        unknown: fc.jsonValue(),
      },
      { requiredKeys: ['id'] },
    ),
  );

export const stations: Field = {
  good: stationIds.chain((ids) => fc.tuple(...ids.map(station))),
  badInBody: fc.oneof(
    stationIds.map((ids) => [...ids, ids[0]]),
    stationIds.map((ids) => [...ids, 'nowhere']),
    stationIds.map((ids) => ids.map((id) => ({ clinic: id }))),
    fc.array(fc.constantFrom('lab', 'xr'), { minLength: 21, maxLength: 30 }),
    fc.constantFrom<unknown>(
      'lab',
      7,
      [null],
      [[]],
      [true],
      [{ id: 'lab', note: 'x'.repeat(201) }],
      [{ id: 'lab', name: {} }],
    ),
  ),
};

export const device: Field = {
  good: padded(fc.constantFrom('iOS', 'Android', 'Desktop')),
  bad: wildBut(shaped(/^(iOS|Android|Desktop)$/)),
};

export const token: Field = { good: fc.stringMatching(/^[A-Za-z0-9_-]{43}$/), bad: wildBut(shaped(SESSION)) };

export const queueNumber: Field = {
  good: numberOrText(fc.nat(200)),
  bad: wildBut(shaped(new RegExp(`^${DIGIT}{1,9}$`))),
};

export const noticeLimit: Field = {
  good: numberOrText(fc.integer({ min: 1, max: 50 })),
  bad: fc.oneof(wildBut(shaped(/^[0-9]+$/)), fc.constantFrom('0', '51', '-1', '1.5', '1e1', '007')),
};

export const priority: Field = {
  good: numberOrText(fc.integer({ min: 0, max: 3 })),
  bad: fc.oneof(wildBut(shaped(/^[0-3]$/)), fc.constantFrom('4', '-1', '1.5', '03')),
};

export const flag: Field = {
  good: fc.oneof(fc.boolean(), fc.constantFrom('true', 'false', '1', 0), wild),
  anyType: true,
};

/** A text that nobody looks at. */
export const ignored: Field = { good: fc.oneof(wild, fc.jsonValue()), anyType: true };

export const username: Field = { good: storable, bad: fc.stringMatching(/^[a-z]{65,80}$/) };
export const password: Field = { good: wild, bad: fc.constant('x'.repeat(1_025)) };

export const cursor: Field = {
  good: fc.oneof(
    wild,
    fc.tuple(fc.nat(), fc.nat()).map((id) => id.join('-')),
  ),
};

const YESTERDAY = new Date(Date.now() - 86_400_000);
const pastDay = fc
  .date({ min: new Date('2000-01-01T00:00:00Z'), max: YESTERDAY, noInvalidDate: true })
  .map((date) => date.toISOString().slice(0, 10));

export const pastDate: Field = {
  good: padded(pastDay),
  bad: fc.oneof(
    wildBut(shaped(/^\d{4}-\d{2}-\d{2}$/)),
    fc.constantFrom(
      '2025-02-29',
      '2025-13-01',
      '2025-00-10',
      '1999-12-31',
      '2101-01-01',
      '2100-12-31',
      '0000-00-00',
    ),
    pastDay.map((day) => day.replaceAll('-', '/')),
    pastDay.map((day) => `${day}T00:00:00Z`),
  ),
};

export const pastYear: Field = {
  good: numberOrText(fc.integer({ min: 2000, max: YESTERDAY.getUTCFullYear() - 1 })),
  bad: fc.oneof(
    wildBut(shaped(/^[0-9]+$/)),
    fc.constantFrom('1999', '2101', '2100', '-2025', '20.25', '02025'),
  ),
};

export const month: Field = {
  good: numberOrText(fc.integer({ min: 1, max: 12 })),
  bad: fc.oneof(wildBut(shaped(/^[0-9]+$/)), fc.constantFrom('0', '13', '-1', '1.5', '00012')),
};

export const reportFormat: Field = {
  good: fc.constantFrom('json', 'csv'),
  bad: wildBut(shaped(/^(json|csv)$/)),
};

export const oneOf = (...values: readonly string[]): Field => ({
  good: padded(fc.constantFrom(...values)),
  bad: wildBut((text) => values.includes(text)),
});

export const seconds: Field = {
  good: numberOrText(fc.oneof(fc.constant(0), fc.integer({ min: 30, max: 14_400 }))),
  bad: fc.oneof(
    wildBut(shaped(/^[0-9.]+$/)),
    numberOrText(fc.integer({ min: 1, max: 29 })),
    numberOrText(fc.integer({ min: 14_401, max: 10 ** 9 })),
    fc.constantFrom('-60', '60.5', '1e3', 'Infinity'),
  ),
};

export const minutes: Field = {
  good: numberOrText(
    fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 240 }), fc.constantFrom(0.5, 1.25, 2.5)),
  ),
  bad: fc.oneof(wildBut(shaped(/^[0-9.]+$/)), fc.constantFrom('-1', '0.25', '241', '1e9', 'NaN')),
};

const time = fc
  .tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }))
  .map((parts) => parts.map((part) => String(part).padStart(2, '0')).join(':'));
const bool = fc.constantFrom<unknown>(true, false, 'true', 'false');
const whole = (max: number): Field => ({
  good: numberOrText(fc.integer({ min: 1, max })),
  bad: fc.oneof(fc.constantFrom<unknown>(0, -1, max + 1, 1.5, null, [], {}, 'many', true)),
});
const yesNo: Field = { good: bool, bad: fc.constantFrom<unknown>('yes', 2, null, [], {}, 'TRUE!') };
const hour: Field = {
  good: time,
  bad: fc.constantFrom<unknown>('24:01', '7:00', '12:60', 'noon', 12, null, [], {}),
};

/** Settings under the names they go by. */
export const SETTINGS: Readonly<Record<string, Field>> = {
  grace_minutes: whole(120),
  graceMinutes: whole(120),
  max_capacity_per_clinic: whole(100),
  maxCapacity: whole(100),
  enable_auto_routing: yesNo,
  autoRouting: yesNo,
  notifications: yesNo,
  working_hours_start: hour,
  working_hours_end: hour,
  emergency_pin: {
    good: fc.oneof(fc.stringMatching(/^[0-9]{6,10}$/), fc.constant(null)),
    bad: fc.constantFrom<unknown>('12345', '12345678901', 'abcdef', true, [], {}),
  },
  current_theme: {
    good: fc.stringMatching(/^[a-z-]{1,64}$/),
    bad: fc.constantFrom<unknown>('x'.repeat(65), 7, true, [], {}),
  },
  enable_theme_selector: yesNo,
  showThemePreview: yesNo,
  cadenceMinutes: whole(60),
  workingHours: {
    good: fc.record({ start: time, end: time }),
    bad: fc.constantFrom<unknown>('09:00', {}, { start: '25:00' }, null, [], 9),
  },
};
