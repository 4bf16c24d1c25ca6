// The fields callers send: their accepted names, their rule, and the form in which the rest of the code sees them.
import * as z from 'zod/mini';
import { examTypeKey } from './exam-types.ts';

/** One field. `Wire` is what a typed client sends, `Value` what a handler gets. */
export interface Field<Value, Wire> {
  /** The name that INVALID_FIELD reports. */
  readonly canonical: string;
  /** Accepted names; if several are sent, the leftmost wins. */
  readonly names: readonly string[];
  /** A text field is trimmed, takes a number as its text, and is missing when blank. Of a value null counts too. */
  readonly kind: 'text' | 'verbatim' | 'any' | 'value';
  readonly schema: z.ZodMiniType<Value, Wire>;
}

export type Gender = 'male' | 'female';

// Postgres cannot keep U+0000, and a lone surrogate has no UTF-8 form.
const storable = z
  .string()
  .check(z.refine((value) => !value.includes('\0') && !/\p{Surrogate}/u.test(value)));

const text = (max: number) => storable.check(z.maxLength(max));

const session = z.string().check(z.regex(/^[A-Za-z0-9_-]{1,64}$/));

/** Arabic-Indic and Extended Arabic-Indic digits as 0-9. */
export function westernDigits(value: string): string {
  return value.replace(/[\u0660-\u0669\u06F0-\u06F9]/g, (digit) => String(digit.charCodeAt(0) & 0xf));
}

const CLINIC_NAME = /^[A-Za-z0-9_-]{1,64}$/;

/** A clinic's id or alias. A text that can be no clinic's name becomes the empty name, which no clinic has. */
export const clinic: Field<string, string> = {
  canonical: 'clinic',
  names: ['clinic', 'clinicId', 'clinic_id', 'stationId'],
  kind: 'text',
  schema: z.pipe(
    z.string(),
    z.transform((name) => (CLINIC_NAME.test(name) ? name.toLowerCase() : '')),
  ),
};

/** A session id: opaque, its owner's only credential. The page makes its own. */
export const user: Field<string, string> = {
  canonical: 'user',
  names: ['user', 'patientId', 'patient_id', 'visitId', 'personalId'],
  kind: 'text',
  schema: session,
};

/** A PIN as typed. A text that can be no PIN becomes the empty one, which is wrong everywhere. */
export const pin: Field<string, string> = {
  canonical: 'pin',
  names: ['pin', 'ticket'],
  kind: 'text',
  schema: z.pipe(
    z.string(),
    z.transform((typed) => {
      const digits = westernDigits(typed);
      return /^[0-9]{2}$/.test(digits) ? digits : '';
    }),
  ),
};

const genders: Readonly<Record<string, Gender>> = { male: 'male', m: 'male', female: 'female', f: 'female' };

const genderSchema = z.pipe(
  z.pipe(
    z.string(),
    z.transform((value) => genders[value.toLowerCase()]),
  ),
  z.enum(['male', 'female']),
);

export const gender: Field<Gender, string> = {
  canonical: 'gender',
  names: ['gender'],
  kind: 'text',
  schema: genderSchema,
};

/** An old synonym of gender in `path/choose`; another value there means nothing. */
export const genderPath: Field<Gender | undefined, string> = {
  canonical: 'path',
  names: ['path'],
  kind: 'text',
  schema: z.catch(genderSchema, undefined as never),
};

/** A type of examination as its English key, or any other text of up to 64 characters. */
export const examType: Field<string, string> = {
  canonical: 'examType',
  names: ['examType', 'exam', 'queueType'],
  kind: 'text',
  schema: z.pipe(text(64), z.transform(examTypeKey)),
};

/** A type of examination as it was sent: `path/choose` answers any text. */
export const examText: Field<string, string> = { ...examType, schema: text(64) };

/** A person's number: 2 to 12 digits after digit conversion. */
export const personalNumber: Field<string, string> = {
  canonical: 'patientId',
  names: ['patientId', 'personalId'],
  kind: 'text',
  schema: z.pipe(z.pipe(z.string(), z.transform(westernDigits)), z.string().check(z.regex(/^[0-9]{2,12}$/))),
};

/** Longest name of an account. */
const MAX_USERNAME = 64;

/** A text that can be no account's name becomes the empty name, which no account has. */
export const username: Field<string, string> = {
  canonical: 'username',
  names: ['username'],
  kind: 'text',
  schema: z.pipe(
    z.string(),
    z.transform((name) => (storable.safeParse(name).success && name.length <= MAX_USERNAME ? name : '')),
  ),
};

/** Taken as it is, blanks and all. */
export const password: Field<string, string> = {
  canonical: 'password',
  names: ['password'],
  kind: 'verbatim',
  schema: z.string(),
};

export const routeId: Field<string, string> = {
  canonical: 'routeId',
  names: ['routeId'],
  kind: 'text',
  schema: session,
};

/** Largest int of Postgres. */
const MAX_INT = 2_147_483_647;

const numberAsText = z.transform((value: unknown) => (typeof value === 'number' ? String(value) : value));

const stationText = z.optional(z.nullable(z.pipe(numberAsText, text(200))));

/** One station as a caller sends it: its id (any accepted name of a clinic) and texts that are kept as sent. */
export interface SentStation {
  readonly id: string;
  readonly name?: string | null | undefined;
  readonly nameAr?: string | null | undefined;
  readonly floor?: string | null | undefined;
  readonly floorCode?: string | null | undefined;
  readonly code?: string | null | undefined;
  readonly note?: string | null | undefined;
  readonly roomNumber?: string | null | undefined;
  readonly weight?: unknown;
}

const stationSchema = z.object({
  // Any text: what is no clinic's name is UNKNOWN_CLINIC, as everywhere.
  id: z.pipe(numberAsText, text(200).check(z.trim())),
  name: stationText,
  nameAr: stationText,
  floor: stationText,
  floorCode: stationText,
  code: stationText,
  note: stationText,
  roomNumber: stationText,
  weight: z.optional(
    z.pipe(
      z.unknown(),
      z.transform((weight) =>
        typeof weight === 'number' ? Math.min(Math.max(0, Math.round(weight)), MAX_INT) : 0,
      ),
    ),
  ),
});

const stationList = z.pipe(
  z.pipe(
    z.array(z.unknown()).check(z.maxLength(20)),
    z.transform((list) => list.map((item) => (typeof item === 'object' ? item : { id: item }))),
  ),
  z.array(stationSchema),
);

/** 1 to 20 stations, as objects with at least `id` or as clinic names. An empty list counts as absent. */
export const stations: Field<readonly SentStation[], readonly (string | SentStation)[]> = {
  canonical: 'stations',
  names: ['stations'],
  kind: 'any',
  schema: stationList as z.ZodMiniType<readonly SentStation[], readonly (string | SentStation)[]>,
};

/** The same list under its older name. */
export const clinics: Field<readonly SentStation[], readonly (string | SentStation)[]> = {
  ...stations,
  canonical: 'clinics',
  names: ['clinics'],
};

/** The cursor of a stream that comes back; what is no cursor counts as none. */
export const lastEventId: Field<string, string> = {
  canonical: 'lastEventId',
  names: ['lastEventId'],
  kind: 'text',
  schema: z.string(),
};

/** A QR token. A text that can be none becomes the empty token, which nobody has. */
export const token: Field<string, string> = {
  canonical: 'token',
  names: ['token'],
  kind: 'text',
  schema: z.pipe(
    z.string(),
    z.transform((sent) => (/^[A-Za-z0-9_-]{1,64}$/.test(sent) ? sent : '')),
  ),
};

export type Device = 'iOS' | 'Android' | 'Desktop';

/** The kind of device on which a QR code was opened. */
export const device: Field<Device, Device> = {
  canonical: 'device',
  names: ['device'],
  kind: 'text',
  schema: z.enum(['iOS', 'Android', 'Desktop']),
};

/** The number of an entry in its line, which older clients call the pin. */
export const queueNumber: Field<string, string> = {
  canonical: 'pin',
  names: ['pin', 'ticket'],
  kind: 'text',
  schema: z.pipe(z.pipe(z.string(), z.transform(westernDigits)), z.string().check(z.regex(/^[0-9]{1,9}$/))),
};

/** How many notices are wanted: 1 to 50. */
export const noticeLimit: Field<number, string> = {
  canonical: 'limit',
  names: ['limit'],
  kind: 'text',
  schema: z.pipe(z.string().check(z.regex(/^([1-9]|[1-4][0-9]|50)$/)), z.transform(Number)),
};

/** Precedence in the line: 0 to 3. */
export const priority: Field<number, string | number> = {
  canonical: 'priority',
  names: ['priority'],
  kind: 'text',
  schema: z.pipe(z.string().check(z.regex(/^[0-3]$/)), z.transform(Number)) as z.ZodMiniType<
    number,
    string | number
  >,
};

/** An emergency code as typed. A text that can be no code becomes the empty one, which is always wrong. */
export const emergencyCode: Field<string, string> = {
  canonical: 'emergencyCode',
  names: ['emergencyCode'],
  kind: 'text',
  schema: z.pipe(
    z.string(),
    z.transform((typed) => {
      const digits = westernDigits(typed);
      return /^[0-9]{6,10}$/.test(digits) ? digits : '';
    }),
  ),
};

/** A switch that is on for `true` or 1 and off for everything else. */
function flag(name: string): Field<boolean, boolean | string> {
  return {
    canonical: name,
    names: [name],
    kind: 'text',
    schema: z.pipe(
      z.unknown(),
      z.transform((sent) => /^(true|1)$/i.test(String(sent))),
    ) as z.ZodMiniType<boolean, boolean | string>,
  };
}

/** Ignore the working hours. */
export const force = flag('force');

/** Show the people of a line too. */
export const detailed = flag('detailed');

export type StaffAction = 'complete' | 'process_code';

/** What staff do with a patient at the clinic. */
export const staffAction: Field<StaffAction, StaffAction> = {
  canonical: 'action',
  names: ['action'],
  kind: 'text',
  schema: z.enum(['complete', 'process_code']),
};

/** The code on a clinic's door: its page code, id or alias. It is answered as sent. */
export const clinicCode: Field<{ sent: string; clinic: string }, string> = {
  canonical: 'clinicCode',
  names: ['clinicCode'],
  kind: 'text',
  schema: z.pipe(
    z.string(),
    z.transform((sent) => ({ sent, clinic: CLINIC_NAME.test(sent) ? sent.toLowerCase() : '' })),
  ),
};

/** How often the page tried in vain; what is no number means nothing. */
export const retries: Field<number | undefined, string | number> = {
  canonical: 'retries',
  names: ['retries'],
  kind: 'text',
  schema: z.catch(
    z.pipe(z.string().check(z.regex(/^[0-9]{1,9}$/)), z.transform(Number)),
    undefined as never,
  ) as z.ZodMiniType<number | undefined, string | number>,
};

/** A text that a caller may send and nobody looks at. */
function ignored(name: string): Field<unknown, string> {
  return {
    canonical: name,
    names: [name],
    kind: 'any',
    schema: z.unknown() as z.ZodMiniType<unknown, string>,
  };
}

export const recoverySource = ignored('source');
export const recoveryTime = ignored('timestamp');

export type SettingType = 'system' | 'theme';

/** Which settings to read. */
export const settingSelection: Field<SettingType | 'all', SettingType | 'all'> = {
  canonical: 'type',
  names: ['type'],
  kind: 'text',
  schema: z.enum(['all', 'system', 'theme']),
};

/** Which settings are sent. */
export const settingType: Field<SettingType, SettingType> = {
  canonical: 'type',
  names: ['type'],
  kind: 'text',
  schema: z.enum(['system', 'theme']),
};

/** A setting as a caller sends it; working hours come as a pair. */
export type SentSetting =
  | string
  | number
  | boolean
  | null
  | { readonly start?: string; readonly end?: string };

/** Values by their keys, as they came: what each may be, lib/settings.ts and the database know. */
export const settings: Field<Readonly<Record<string, unknown>>, Readonly<Record<string, SentSetting>>> = {
  canonical: 'settings',
  names: ['settings'],
  kind: 'any',
  schema: z
    .unknown()
    .check(
      z.refine((sent) => typeof sent === 'object' && sent !== null && !Array.isArray(sent)),
    ) as z.ZodMiniType<Readonly<Record<string, unknown>>, Readonly<Record<string, SentSetting>>>,
};

export const settingKey: Field<string, string> = {
  canonical: 'key',
  names: ['key'],
  kind: 'text',
  schema: text(64),
};

export const settingValue: Field<unknown, SentSetting> = {
  canonical: 'value',
  names: ['value'],
  kind: 'value',
  schema: z.unknown() as z.ZodMiniType<unknown, SentSetting>,
};

/** A number that is not negative. The three names of one interval report the same field. */
function intervalNumber(name: string): Field<number, number> {
  return {
    canonical: 'interval_minutes',
    names: [name],
    kind: 'text',
    schema: z.pipe(
      z.string().check(z.regex(/^[0-9]{1,6}(\.[0-9]{1,20})?$/)),
      z.transform(Number),
    ) as unknown as z.ZodMiniType<number, number>,
  };
}

export const intervalInMinutes = intervalNumber('interval_minutes');
export const intervalInSeconds = intervalNumber('interval_seconds');
/** The older name of the same seconds. */
export const interval = intervalNumber('interval');

const FIRST_YEAR = 2000;
const LAST_YEAR = 2100;

/** A day of the calendar, in the years that reports know. */
const calendarDay = z
  .string()
  .check(
    z.refine(
      (day) =>
        /^\d{4}-\d{2}-\d{2}$/.test(day) &&
        Number(day.slice(0, 4)) >= FIRST_YEAR &&
        Number(day.slice(0, 4)) <= LAST_YEAR &&
        new Date(`${day}T00:00:00Z`).toJSON()?.slice(0, 10) === day,
    ),
  );

const wholeNumber = (from: number, to: number) =>
  z.pipe(
    z.pipe(z.string().check(z.regex(/^[0-9]{1,4}$/)), z.transform(Number)),
    z.number().check(z.gte(from), z.lte(to)),
  ) as unknown as z.ZodMiniType<number, number>;

/** The service day of a daily report. */
export const reportDate: Field<string, string> = {
  canonical: 'date',
  names: ['date'],
  kind: 'text',
  schema: calendarDay,
};

/** The first of the seven days of a weekly report. */
export const reportWeek: Field<string, string> = { ...reportDate, canonical: 'week', names: ['week'] };

export const reportYear: Field<number, number> = {
  canonical: 'year',
  names: ['year'],
  kind: 'text',
  schema: wholeNumber(FIRST_YEAR, LAST_YEAR),
};

export const reportMonth: Field<number, number> = {
  canonical: 'month',
  names: ['month'],
  kind: 'text',
  schema: wholeNumber(1, 12),
};

/** The form of a report. */
export const reportFormat: Field<'json' | 'csv', 'json' | 'csv'> = {
  canonical: 'format',
  names: ['format'],
  kind: 'text',
  schema: z.enum(['json', 'csv']),
};
