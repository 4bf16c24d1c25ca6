// The examinations a committee does, and the stations each one needs (section 4.1 of the API contract).

import type { ClinicId } from './clinics.ts';

interface ExamType {
  /** The key under which a route is stored, whatever name was sent. */
  readonly key: string;
  readonly arabic: string;
  readonly stations: readonly ClinicId[];
}

const general: readonly ClinicId[] = [
  'lab',
  'xray',
  'vitals',
  'eyes',
  'internal',
  'surgery',
  'ent',
  'psychiatry',
  'dental',
  'derma',
];

export const EXAM_TYPES: readonly ExamType[] = [
  { key: 'recruitment', arabic: 'تجنيد', stations: general },
  { key: 'promotion', arabic: 'ترفيع', stations: general },
  { key: 'transfer', arabic: 'نقل', stations: general },
  { key: 'referral', arabic: 'تحويل', stations: general },
  { key: 'contract', arabic: 'تجديد التعاقد', stations: general },
  { key: 'courses', arabic: 'دورات', stations: ['lab', 'eyes', 'surgery', 'internal'] },
  { key: 'aviation', arabic: 'طيران سنوي', stations: ['lab', 'eyes', 'internal', 'ent', 'ecg', 'audio'] },
  { key: 'cooks', arabic: 'طباخين', stations: ['lab', 'internal', 'ent', 'surgery'] },
];
