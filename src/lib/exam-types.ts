// Types of examination and the stations each one needs.

const GENERAL = [
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
] as const;

/** Stations of a route by type of examination, in base order (canonical clinic ids). */
export const EXAM_STATIONS: Readonly<Record<string, readonly string[]>> = {
  recruitment: GENERAL,
  promotion: GENERAL,
  transfer: GENERAL,
  referral: GENERAL,
  contract: GENERAL,
  courses: ['lab', 'eyes', 'surgery', 'internal'],
  aviation: ['lab', 'eyes', 'internal', 'ent', 'ecg', 'audio'],
  cooks: ['lab', 'internal', 'ent', 'surgery'],
};

const ARABIC_NAMES: Readonly<Record<string, string>> = {
  تجنيد: 'recruitment',
  ترفيع: 'promotion',
  نقل: 'transfer',
  تحويل: 'referral',
  'تجديد التعاقد': 'contract',
  دورات: 'courses',
  'طيران سنوي': 'aviation',
  طباخين: 'cooks',
};

/** The English key of a type of examination sent in either language; any other text as it is. */
export function examTypeKey(sent: string): string {
  return Object.hasOwn(ARABIC_NAMES, sent) ? (ARABIC_NAMES[sent] ?? sent) : sent;
}

/** The stations of a type of examination, or undefined when there is no such type. */
export function stationsOfExam(examType: string): readonly string[] | undefined {
  return Object.hasOwn(EXAM_STATIONS, examType) ? EXAM_STATIONS[examType] : undefined;
}
