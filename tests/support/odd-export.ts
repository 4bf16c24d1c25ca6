/** Exports of the previous backend in which nothing can be relied on, for fast-check: any key, any value, any form. */
import fc from 'fast-check';

export interface OddExport {
  readonly content: string | Uint8Array;
  /** What the file has of keys: lines, elements or members, whether they can be read or not. */
  readonly keys: number;
}

/** Stand in generated exports wherever a password or a PIN would, and nowhere else. */
export const PLANTED_PASSWORD = 'q7zx91-of-staff';
export const PLANTED_PIN = '73915286';

/** Both vocabularies, an Arabic name, and clinics with one name only. */
const CLINICS = ['lab', 'LAB', 'clinic1', 'xr', 'xray', 'bio', 'vitals', 'الباطنية', 'int', 'ecg'];
const USERS = Array.from({ length: 25 }, (_, index) => `u-${index}`);
const NO_NAMES = ['ghost', '٤', 'مراجع', 'x'.repeat(65), 'a b'];

const mostly = <T>(good: fc.Arbitrary<T>, odd: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.oneof({ arbitrary: good as fc.Arbitrary<unknown>, weight: 60 }, { arbitrary: odd, weight: 1 });

const wildText = fc.oneof(
  fc.string({
    unit: fc.oneof(
      { arbitrary: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }), weight: 6 },
      {
        arbitrary: fc.constantFrom('\0', '\ud800', '\udfff', '"', '\\', '\n', '\u202e', '٣', ' '),
        weight: 1,
      },
    ),
    maxLength: 12,
  }),
  fc.constantFrom('', '  ', 'null', '{', '[1', '"', '{"a":1,"a":2}', `${'x'.repeat(63)}😀`, '😀'.repeat(150)),
  fc.constantFrom('x'.repeat(70_000), `${'y'.repeat(199)}😀`, '['.repeat(300) + ']'.repeat(300), '__proto__'),
);

const anyValue: fc.Arbitrary<unknown> = fc.oneof(
  wildText,
  fc.constantFrom(null, true, false, 0, -1, 0.5, 1e308, 2 ** 53, [], {}, '2026-02-31T10:00:00', 'yesterday'),
  fc.jsonValue({ maxDepth: 2 }),
);

/** An object of these members, of which one or the other is missing or anything at all; now and then no object. */
const odd = (members: Readonly<Record<string, fc.Arbitrary<unknown>>>) =>
  mostly(
    fc.record(
      Object.fromEntries(
        Object.entries(members).map(([name, value]) => [
          name,
          mostly(value, fc.oneof(anyValue, fc.constant(undefined))),
        ]),
      ),
    ),
    anyValue,
  );

/** A random export. `now` is noon of the present service day, `day` that day. */
export function oddExport(now: Date, day: string): fc.Arbitrary<OddExport> {
  const times = [0, 5, 90, 3 * 1_440, 5_000_000].flatMap((minutes) => {
    const time = new Date(now.getTime() - minutes * 60_000);
    return [time.toISOString(), time.toISOString().slice(0, 19), time.getTime(), time.toString()];
  });
  const time = fc.constantFrom(...times, day);
  const noName = fc.oneof(fc.constantFrom(...NO_NAMES), wildText);
  const clinic = mostly(fc.constantFrom(...CLINICS), noName).map(String);
  const user = mostly(fc.constantFrom(...USERS), noName).map(String);
  const status = fc.constantFrom('WAITING', 'CALLED', 'IN_SERVICE', 'DONE', 'cancelled', 'NO_SHOW');
  const entry = odd({
    number: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.constantFrom('٣', '4')),
    user,
    status,
    entered_at: time,
    called_at: time,
    exit_time: time,
    password: fc.constantFrom(undefined, PLANTED_PASSWORD),
  });
  const station = odd({
    id: clinic,
    name: fc.constantFrom('مختبر', undefined),
    note: fc.oneof(wildText, fc.constant(undefined)),
    status: fc.constantFrom('completed', 'locked'),
    weight: fc.constantFrom(1, 0, '5'),
    pin: fc.constantFrom(undefined, PLANTED_PIN),
  });
  const stations = fc.array(fc.oneof(station, clinic), { maxLength: 5 });
  const route = odd({
    stations,
    route: stations,
    examType: fc.constantFrom('courses', 'تجنيد', undefined),
    currentStep: fc.constantFrom(0, 1, 2),
    createdAt: time,
    gender: fc.constantFrom('male', 'F', undefined),
    status: fc.constantFrom('active', 'completed', 'cancelled'),
  });
  const pin = fc.oneof(
    fc.integer({ min: 5, max: 105 }).map(String),
    fc.constantFrom('٥٧', PLANTED_PIN, { pin: '44' }, { pin: PLANTED_PIN }),
  );
  const secret = fc.oneof(
    fc.constant({ username: 'admin', password: PLANTED_PASSWORD }),
    fc.constant(PLANTED_PASSWORD),
    fc.constant(`{"username":"admin","password":"${PLANTED_PASSWORD}"`),
  );

  const pairs: fc.Arbitrary<readonly [key: string, value: unknown]>[] = [
    fc.tuple(
      user.map((name) => `patient:${name}`),
      odd({
        id: user,
        patientId: fc.constantFrom('100001', '100002', '٣٤٥٦', 100_003),
        gender: fc.constantFrom('male', 'F', 'أنثى', ''),
        loginTime: time,
        status: fc.constantFrom('logged_in', 'left', undefined),
      }),
    ),
    fc.tuple(
      clinic.map((name) => `queue:list:${name}`),
      mostly(fc.array(entry, { maxLength: 6 }), anyValue),
    ),
    fc.tuple(
      fc.tuple(clinic, user).map(([at, name]) => `queue:user:${at}:${name}`),
      entry,
    ),
    fc.tuple(
      clinic.map((name) => `queue:interval:${name}`),
      fc.oneof(odd({ interval_minutes: fc.constantFrom(5, 10, '7', -1) }), anyValue),
    ),
    fc.tuple(
      fc.constantFrom(
        `pins:daily:${day}`,
        'pins:daily:2024-01-01',
        `pins:daily:${PLANTED_PIN}`,
        'pins:daily:',
      ),
      fc.oneof(
        fc.dictionary(fc.oneof(clinic, fc.constant(PLANTED_PIN)), pin, { maxKeys: 6 }),
        fc.constant(PLANTED_PIN),
        fc.constant([PLANTED_PIN]),
      ),
    ),
    fc.tuple(
      fc.oneof(clinic, fc.constant(PLANTED_PIN)).map((name) => `pin:${name}`),
      pin,
    ),
    fc.tuple(
      user.map((name) => `route:${name}`),
      fc.oneof(route, stations),
    ),
    fc.tuple(
      fc
        .tuple(user, mostly(fc.constantFrom('courses', 'طباخين'), wildText))
        .map(([name, exam]) => `path:${name}:${exam}`),
      route,
    ),
    fc.tuple(
      fc.constantFrom(
        'admin:credentials',
        'admin:backup',
        'Admin:credentials',
        'admins:1',
        'user:admin',
        'staff',
      ),
      secret,
    ),
    fc.tuple(
      fc.constantFrom('session:1', 'lock:lab', 'ratelimit:x', 'event:1', 'queue:current:lab'),
      anyValue,
    ),
    fc.tuple(fc.oneof(wildText, fc.constantFrom('report:daily:1', 'some:thing', '')), anyValue),
  ];
  const pair = fc.oneof(...pairs);

  /** A value as text: as it is, or as JSON inside a string, at times twice. */
  const valueText = (value: unknown, wraps: number): string => {
    let text = JSON.stringify(value);
    for (let wrap = 0; wrap < wraps; wrap += 1) text = JSON.stringify(text);
    return text;
  };
  const member = fc
    .tuple(pair, fc.constantFrom(0, 0, 1, 2))
    .map(([[key, value], wraps]) => ({ key: JSON.stringify(key), value: valueText(value, wraps) }));
  const entryText = member.map(({ key, value }) => `{"key":${key},"value":${value}}`);
  const notAnEntry = fc.constantFrom('5', 'null', '[1]', '{"a":1}', '{"key":5,"value":1}', '"x"');
  const twice = entryText.map((text) => `${text.slice(0, -1)},"value":1}`);
  const cut = fc
    .tuple(entryText, fc.double({ min: 0, max: 1, noNaN: true }))
    .map(([text, share]) => text.slice(0, Math.max(1, Math.floor(share * (text.length - 1)))));

  const many = <T>(each: fc.Arbitrary<T>) => fc.array(each, { maxLength: 40, size: 'max' });
  const jsonElements = many(
    fc.oneof({ arbitrary: entryText, weight: 9 }, { arbitrary: fc.oneof(notAnEntry, twice), weight: 1 }),
  );
  const lines = many(
    fc.oneof({ arbitrary: entryText, weight: 9 }, { arbitrary: fc.oneof(notAnEntry, twice, cut), weight: 1 }),
  );
  const asLines = (texts: readonly string[]) => [
    '{"key":"lock:a","value":1}',
    '{"key":"lock:b","value":1}',
    ...texts,
  ];
  return fc.oneof(
    lines.map((texts) => ({ content: asLines(texts).join('\n'), keys: texts.length + 2 })),
    lines.map((texts) => ({
      content: Buffer.concat([
        Buffer.from(`${asLines(texts).join('\r\n')}\n\n`),
        Buffer.from([0x22, 0xff, 0x22]),
      ]),
      keys: texts.length + 3,
    })),
    jsonElements.map((texts) => ({ content: `\uFEFF[${texts.join(',')}]`, keys: texts.length })),
    many(member).map((members) => ({
      content: `{${members.map(({ key, value }) => `${key} : ${value}`).join(',\n')}}`,
      keys: members.length,
    })),
  );
}
