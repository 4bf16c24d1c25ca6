// The thirteen clinics as the web page knows them: what it shows, and what it sends when it names one.

export const CLINIC_IDS = [
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
] as const;

export type ClinicId = (typeof CLINIC_IDS)[number];

interface Clinic {
  readonly nameAr: string;
  readonly floor: string;
  readonly floorCode: string;
  /** The code that the page's patient screens send, in lower case. */
  readonly pageId: string;
  /** Other names by which the same line must be reached, in any case. */
  readonly aliases: readonly string[];
}

const mezzanine = { floor: 'الميزانين', floorCode: 'M' };
const second = { floor: 'الطابق 2', floorCode: '2' };
const third = { floor: 'الطابق 3', floorCode: '3' };

export const CLINICS: Readonly<Record<ClinicId, Clinic>> = {
  lab: { nameAr: 'المختبر', ...mezzanine, pageId: 'lab', aliases: ['clinic1', 'LAB'] },
  xray: { nameAr: 'الأشعة', ...mezzanine, pageId: 'xr', aliases: ['xray', 'XR'] },
  vitals: { nameAr: 'القياسات الحيوية', ...second, pageId: 'bio', aliases: ['vitals', 'Bio'] },
  ecg: { nameAr: 'تخطيط القلب', ...second, pageId: 'ecg', aliases: ['ECG'] },
  audio: { nameAr: 'قياس السمع', ...second, pageId: 'aud', aliases: ['audiology', 'AUDIO'] },
  eyes: { nameAr: 'العيون', ...second, pageId: 'eye', aliases: ['ophthalmology', 'Eyes'] },
  internal: { nameAr: 'الباطنية', ...second, pageId: 'int', aliases: ['internal'] },
  ent: { nameAr: 'أنف وأذن وحنجرة', ...second, pageId: 'ent', aliases: ['ENT'] },
  surgery: { nameAr: 'الجراحة العامة', ...second, pageId: 'sur', aliases: ['surgery'] },
  dental: { nameAr: 'الأسنان', ...second, pageId: 'dnt', aliases: ['dental'] },
  psychiatry: { nameAr: 'الطب النفسي', ...second, pageId: 'psy', aliases: ['psychology'] },
  derma: { nameAr: 'الجلدية', ...third, pageId: 'der', aliases: ['dermatology'] },
  bones: { nameAr: 'العظام', ...second, pageId: 'bones', aliases: ['ortho', 'Orthopedics'] },
};

/** Whether a text is one of the thirteen canonical ids. */
export function isClinicId(text: string): text is ClinicId {
  return (CLINIC_IDS as readonly string[]).includes(text);
}

/** A station exactly as the page sends it in route/create; its weight may be an empty list. */
export function pageStation(clinic: ClinicId): Record<string, unknown> {
  const { nameAr, floor, floorCode, pageId } = CLINICS[clinic];
  return { id: pageId, name: nameAr, nameAr, floor, floorCode, code: pageId.toUpperCase(), weight: [] };
}
