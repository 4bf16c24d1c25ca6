// `path/choose`: a suggestion only, answered as the previous backend did. Never stored, never touches a route.
import { DomainError } from './errors.ts';
import type { Gender } from './fields.ts';

const SUGGESTIONS: Readonly<Record<string, readonly string[]>> = {
  recruitment: [
    'vitals',
    'lab',
    'xray',
    'ecg',
    'audio',
    'eyes',
    'internal',
    'ent',
    'surgery',
    'dental',
    'psychiatry',
    'derma',
    'bones',
  ],
  transfer: ['vitals', 'lab', 'xray', 'internal', 'ent', 'surgery'],
  promotion: ['vitals', 'lab', 'xray', 'ecg', 'eyes', 'internal'],
  aviation: ['vitals', 'lab', 'xray', 'ecg', 'audio', 'eyes', 'internal'],
  courses: ['vitals', 'lab', 'xray'],
  cooks: ['vitals', 'lab', 'xray', 'derma'],
};

const ANY_OTHER_EXAM = ['vitals', 'lab', 'xray', 'internal'] as const;

const BY_GENDER: Readonly<Record<Gender, readonly string[]>> = {
  male: [
    'lab',
    'xray',
    'vitals',
    'ecg',
    'audio',
    'eyes',
    'internal',
    'ent',
    'surgery',
    'dental',
    'psychiatry',
    'derma',
    'bones',
  ],
  female: [
    'lab',
    'xray',
    'vitals',
    'ecg',
    'audio',
    'eyes',
    'internal',
    'ent',
    'dental',
    'psychiatry',
    'derma',
  ],
};

export interface PathRequest {
  readonly patientId?: string | undefined;
  readonly examType?: string | undefined;
  readonly gender?: Gender | undefined;
  /** `male` or `female`: an old synonym of gender. */
  readonly path?: Gender | undefined;
}

/** The suggested clinics. Throws MISSING_FIELDS unless an exam with a patient, or a gender, is given. */
export function suggestPath(request: PathRequest, now: Date) {
  const { patientId, examType } = request;
  if (patientId !== undefined && examType !== undefined) {
    const known = Object.hasOwn(SUGGESTIONS, examType) ? SUGGESTIONS[examType] : undefined;
    const route = known ?? ANY_OTHER_EXAM;
    return {
      success: true,
      sticky: true,
      route,
      path: route,
      patientId,
      examType,
      gender: request.gender ?? 'male',
      created_at: now.toISOString(),
    };
  }
  const gender = request.gender ?? request.path;
  if (examType === undefined && gender !== undefined) {
    const route = BY_GENDER[gender];
    return { success: true, sticky: false, route, path: route, gender };
  }
  const missingFields = [
    ...(patientId === undefined ? ['patientId'] : []),
    ...(examType === undefined ? ['examType'] : []),
  ];
  throw new DomainError('MISSING_FIELDS', {
    missingFields,
    error: `Missing required fields: ${missingFields.join(', ')}`,
  });
}

/** What a question without any parameter gets: the page shows a placeholder for each element, so there is none. */
export const NO_SUGGESTION = { success: true, sticky: false, route: [], path: [] } as const;
