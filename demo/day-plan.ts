// Who comes on this day, when, for which examination, and how they ask for their route. Made before the first
// request, from the seed alone.

import { CLINIC_IDS, CLINICS, type ClinicId, pageStation } from './clinics.ts';
import { EXAM_TYPES } from './exam-types.ts';
import type { Random } from './random.ts';

/** How the stations are named in route/create: not at all, as the page's objects, or as plain codes. */
export type StationRequest =
  | { readonly kind: 'dynamic' }
  | { readonly kind: 'page'; readonly stations: readonly Record<string, unknown>[] }
  | { readonly kind: 'codes'; readonly codes: readonly string[] };

export interface PatientPlan {
  readonly index: number;
  readonly arrivesAfterMs: number;
  /** As typed into the login form; without one the page made the session id itself. */
  readonly personalId: string | undefined;
  readonly gender: string;
  readonly examType: string;
  /** The examType that the route must be stored under. */
  readonly storedExamType: string;
  readonly request: StationRequest;
  /** The stations in their order, or for a dynamic route in any order. */
  readonly clinics: readonly ClinicId[];
  /** Enters the laboratory at once, whatever the first station is: the page does that after the choice. */
  readonly entersLabFirst: boolean;
  /** Tries wrong PINs until the door is locked for a minute. */
  readonly stubborn: boolean;
}

const ARABIC_DIGITS = '٠١٢٣٤٥٦٧٨٩';

/** Writes the digits of a text in Arabic-Indic form, as many phones here type them. */
export function inArabicDigits(text: string): string {
  return text.replace(/[0-9]/g, (digit) => ARABIC_DIGITS[Number(digit)] ?? digit);
}

function codesOf(clinics: readonly ClinicId[], random: Random): string[] {
  return clinics.map((clinic) => random.pick([CLINICS[clinic].pageId, ...CLINICS[clinic].aliases]));
}

interface Visitor {
  readonly examType: string;
  readonly storedExamType: string;
  readonly request: StationRequest;
  readonly clinics: readonly ClinicId[];
}

// Lists that no exam type has: the only way to audiometry and orthopaedics for most people.
const SPECIAL_LISTS: readonly (readonly ClinicId[])[] = [
  CLINIC_IDS,
  ['bones', 'ecg', 'audio', 'dental'],
  ['audio', 'bones', 'xray'],
  ['ecg', 'dental', 'bones', 'eyes'],
  ['bones', 'audio', 'ecg', 'internal', 'xray'],
];

function specialVisitor(turn: number, random: Random): Visitor {
  const clinics = random.shuffled(SPECIAL_LISTS[turn % SPECIAL_LISTS.length] ?? CLINIC_IDS);
  const examType = 'special committee';
  return {
    examType,
    storedExamType: examType,
    request: { kind: 'codes', codes: codesOf(clinics, random) },
    clinics,
  };
}

function ordinaryVisitor(turn: number, dynamic: boolean, random: Random): Visitor {
  // Every type comes round in English and in Arabic before one comes a third time.
  const exam = EXAM_TYPES[turn % EXAM_TYPES.length] ?? EXAM_TYPES[0];
  if (exam === undefined) throw new Error('there is no exam type');
  const arabic = Math.floor(turn / EXAM_TYPES.length) % 2 === 1;
  const name = arabic ? exam.arabic : exam.key;
  if (dynamic) {
    return { examType: name, storedExamType: exam.key, request: { kind: 'dynamic' }, clinics: exam.stations };
  }
  const clinics = random.shuffled(exam.stations);
  return {
    examType: name,
    storedExamType: exam.key,
    request: { kind: 'page', stations: clinics.map(pageStation) },
    clinics,
  };
}

function personalIdOf(random: Random): string {
  const digits = Array.from({ length: random.integer(2, 12) }, () => random.integer(0, 9)).join('');
  return random.chance(0.15) ? inArabicDigits(digits) : digits;
}

/** When somebody comes, as a part of the day: there is a rush in the first half, so that lines build up. */
function arrivalTime(random: Random): number {
  return random.chance(0.3) ? 0.15 + 0.25 * random.next() : random.next();
}

/** Plans the day. With at least one patient all clinics have a visitor; with sixteen all exam names occur. */
export function planDay(options: {
  patients: number;
  windowMs: number;
  random: Random;
  withStubbornPatient: boolean;
}): PatientPlan[] {
  const arrivals = Array.from(
    { length: options.patients },
    () => arrivalTime(options.random) * options.windowMs,
  );
  arrivals.sort((a, b) => a - b);
  let special = 0;
  let ordinary = 0;
  return arrivals.map((arrivesAfterMs, index) => {
    const random = options.random.branch(`plan ${index}`);
    // The second one to come, with a short route: the minute at the locked door must not outlast the day.
    const stubborn = options.withStubbornPatient && index === 1;
    const visitor = stubborn
      ? ordinaryVisitor(EXAM_TYPES.length - 1, true, random)
      : index % 6 === 0
        ? specialVisitor(special++, random)
        : ordinaryVisitor(ordinary++, random.chance(0.6), random);
    return {
      ...visitor,
      index,
      arrivesAfterMs,
      personalId: random.chance(0.85) ? personalIdOf(random) : undefined,
      gender: random.pick(['male', 'female', 'male', 'M', 'F']),
      entersLabFirst: !stubborn && visitor.clinics.includes('lab') && random.chance(0.05),
      stubborn,
    };
  });
}
