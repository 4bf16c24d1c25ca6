/** A made-up export of the previous backend: as racy and as untidy as the real one, from a seed. */
import { seededRandom } from './sql-random.ts';

export interface PreviousExport {
  readonly text: string;
  /** Lines of the file. */
  readonly lines: number;
  /** Visits of today by canonical clinic: who has which number in what state. */
  readonly today: readonly { readonly clinic: string; readonly user: string; readonly number: number }[];
  /** How many lines cannot be taken over, or not as they are. */
  readonly unreadable: number;
  readonly routes: number;
  readonly patients: number;
}

type Spelling = readonly [spelling: string, code: string];

/** Spellings of both vocabularies, and Arabic ones, with what they mean. */
const SPELLINGS: readonly [Spelling, ...Spelling[]] = [
  ['lab', 'lab'],
  ['LAB', 'lab'],
  ['clinic1', 'lab'],
  ['xray', 'xray'],
  ['XR', 'xray'],
  ['bio', 'vitals'],
  ['vitals', 'vitals'],
  ['EYE', 'eyes'],
  ['eyes', 'eyes'],
  ['الباطنية', 'internal'],
  ['int', 'internal'],
  ['dnt', 'dental'],
];

export const SECRET_OF_STAFF = 'plain-password-of-1999';

/** About `size` lines. Numbers repeat, both kinds of keys tell of one visit, some lines are broken. */
export function previousExport(seed: number, size: number, now: Date): PreviousExport {
  const { below, pick } = seededRandom(seed);
  const before = (minutes: number) => new Date(now.getTime() - minutes * 60_000).toISOString();
  const lines: string[] = [];
  const put = (key: string, value: unknown) =>
    lines.push(JSON.stringify({ key, value: below(2) === 0 ? JSON.stringify(value) : value }));
  const today: { clinic: string; user: string; number: number }[] = [];
  const lists = new Map<string, object[]>();
  let unreadable = 0;
  let routes = 0;
  let patients = 0;

  for (let visit = 0; lines.length < size - 60; visit += 1) {
    const user = `${1_760_000_000_000 + visit}-${below(1e9).toString(36)}`;
    const [spelling, clinic] = pick(SPELLINGS);
    const isToday = below(4) > 0;
    const minutes = (isToday ? 1 : 3 * 24 * 60) + below(30);
    // Two patients at once read the same last number: the race of the previous backend.
    const number = 1 + Math.floor(visit / 18) - below(2) * below(2);
    const entered = before(minutes);
    const state = pick(['WAITING', 'WAITING', 'CALLED', 'IN_SERVICE', 'DONE', 'waiting']);
    const entry = { number: Math.max(1, number), status: state, user, clinic: spelling };
    put(`queue:user:${spelling}:${user}`, {
      ...entry,
      entered_at: entered,
      ...(state !== 'WAITING' && { called_at: before(minutes - 1) }),
      ...(state === 'DONE' && { exit_time: before(minutes - 1), duration_minutes: 4 }),
    });
    lists.set(spelling, [
      ...(lists.get(spelling) ?? []),
      { number: entry.number, user, entered_at: entered, status: 'WAITING' },
    ]);
    if (isToday) today.push({ clinic, user, number: entry.number });

    if (below(3) === 0) {
      patients += 1;
      put(`patient:${user}`, {
        id: user,
        patientId:
          below(2) === 0 ? String(200_000 + visit) : `${200_000 + visit}`.replace(/\d/g, arabicDigit),
        gender: pick(['male', 'F', 'أنثى', '']),
        loginTime: entered,
        status: 'logged_in',
      });
    }
    if (below(4) === 0) {
      routes += 1;
      put(`route:${user}`, {
        patientId: user,
        examType: pick(['courses', 'تجنيد']),
        gender: 'male',
        stations: [{ id: spelling, name: 'مختبر' }, 'ENT', { id: 'derma', status: 'locked' }],
        currentStep: below(3),
        createdAt: entered,
        status: 'active',
      });
    }
    if (visit % 50 === 0) {
      lines.push(`{"key": "queue:user:lab:broken-${visit}", "value": {"number": 4,`);
      put(`queue:user:ghost:${user}`, { number: 1, status: 'WAITING', entered_at: entered });
      put(`queue:user:lab:no-time-${visit}`, { number: 1, status: 'WAITING' });
      put(`something:else:${visit}`, 'غير معروف');
      unreadable += 4;
      put(`session:${user}`, { user });
      put(`event:${visit}`, { type: 'CALLED' });
    }
  }
  for (const [spelling, list] of lists) put(`queue:list:${spelling}`, list);
  const date = new Intl.DateTimeFormat('en-CA', { timeZone: 'Asia/Qatar' }).format(now);
  put(`pins:daily:${date}`, { lab: '41', XR: { pin: '42' }, bio: '41', الباطنية: '٥٧' });
  put('pins:daily:2024-01-01', { lab: '99' });
  put('pin:eyes', '58');
  put('pin:lab', '11');
  put('pin:ecg', '7');
  put('queue:interval:ent', { interval_minutes: 10 });
  put('queue:interval:lab', { interval_minutes: 'often' });
  unreadable += 2;
  // Two clinics with one PIN: one of them gets another.
  unreadable += 1;
  put('admin:credentials', { username: 'admin', password: SECRET_OF_STAFF, role: 'admin' });
  lines.push(`{"key": "admin:credentials", "value": {"password": "${SECRET_OF_STAFF}"`);
  unreadable += 1;
  return { text: lines.join('\n'), lines: lines.length, today, unreadable, routes, patients };
}

const arabicDigit = (digit: string) => String.fromCharCode(0x660 + Number(digit));
