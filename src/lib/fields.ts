// The fields callers send: their accepted names, their rule, and the form in which the rest of the code sees them.
import * as z from 'zod/mini';
import { examTypeKey } from './exam-types.ts';

/** One field. `Wire` is what a typed client sends, `Value` what a handler gets. */
export interface Field<Value, Wire> {
  /** The name that INVALID_FIELD reports. */
  readonly canonical: string;
  /** Accepted names; if several are sent, the leftmost wins. */
  readonly names: readonly string[];
  /** A text field is trimmed, takes a number as its text, and is missing when blank. */
  readonly kind: 'text' | 'verbatim' | 'any';
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

/** A clinic's id or alias. A text that can be no clinic's name becomes the empty name, which no clinic has. */
export const clinic: Field<string, string> = {
  canonical: 'clinic',
  names: ['clinic', 'clinicId', 'clinic_id', 'stationId'],
  kind: 'text',
  schema: z.pipe(
    z.string(),
    z.transform((name) => (/^[A-Za-z0-9_-]{1,64}$/.test(name) ? name.toLowerCase() : '')),
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

export const username: Field<string, string> = {
  canonical: 'username',
  names: ['username'],
  kind: 'text',
  schema: text(64),
};

/** Taken as it is, blanks and all. */
export const password: Field<string, string> = {
  canonical: 'password',
  names: ['password'],
  kind: 'verbatim',
  schema: z.string().check(z.maxLength(1024)),
};

export const routeId: Field<string, string> = {
  canonical: 'routeId',
  names: ['routeId'],
  kind: 'text',
  schema: session,
};

const stationText = z.optional(z.nullable(text(200)));

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
  id: z.string().check(z.regex(/^\s*[A-Za-z0-9_-]{1,64}\s*$/), z.trim()),
  name: stationText,
  nameAr: stationText,
  floor: stationText,
  floorCode: stationText,
  code: stationText,
  note: stationText,
  roomNumber: stationText,
  weight: z.pipe(
    z.unknown(),
    z.transform((weight) => (Number.isSafeInteger(weight) ? Math.max(0, Number(weight)) : 0)),
  ),
});

const stationList = z.pipe(
  z.pipe(
    z.array(z.unknown()).check(z.maxLength(20)),
    z.transform((list) => list.map((item) => (typeof item === 'string' ? { id: item } : item))),
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
