/** Entries of past days for tests of reports: random ones, and the reading of a CSV file. */
import { daysFrom, type Entry, type EntryStatus } from './report-model.ts';
import type { Random } from './sql-random.ts';

export const CLINICS = [
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

const FINISHED = ['COMPLETED', 'COMPLETED', 'COMPLETED', 'CANCELLED', 'NO_SHOW'] as const;
const ANY = [...FINISHED, 'WAITING', 'CALLED', 'IN_PROGRESS'] as const;
const MINUTE = 60_000;

/**
 * Some visits of one day, from `from` (UTC) on. Some patients were never called, some cancelled and came again, some
 * days have nobody.
 */
export function randomDay(random: Random, day: string, from: string, open = false): Entry[] {
  if (random.chance(0.2)) return [];
  const people = 1 + random.below(12);
  return Array.from({ length: people }, (_, person) => {
    const first = random.below(CLINICS.length);
    const clinics = [...CLINICS.slice(first), ...CLINICS.slice(0, first)].slice(0, 1 + random.below(4));
    return clinics.flatMap((clinic) => {
      const visit = () => randomVisit(random, { clinic, patient: `u-${day}-${person}`, day }, from, open);
      const own = visit();
      const cameAgain = own.status === 'CANCELLED' && random.chance(0.5);
      return cameAgain ? [own, visit()] : [own];
    });
  }).flat();
}

function randomVisit(
  random: Random,
  who: Pick<Entry, 'clinic' | 'patient' | 'day'>,
  from: string,
  open: boolean,
): Entry {
  const status: EntryStatus = open ? random.pick(ANY) : random.pick(FINISHED);
  const at = (milliseconds: number) => new Date(milliseconds).toISOString();
  const entered = Date.parse(from) + random.below(10 * 60) * MINUTE + random.below(MINUTE);
  const called = entered + random.below(120 * MINUTE);
  const started = called + random.below(5 * MINUTE);
  const completed = started + random.below(40 * MINUTE);
  const mustBeCalled = status === 'CALLED' || status === 'IN_PROGRESS' || status === 'NO_SHOW';
  const wasCalled = mustBeCalled || (status !== 'WAITING' && random.chance(0.8));
  const wasStarted = status === 'IN_PROGRESS' || (status === 'COMPLETED' && wasCalled && random.chance(0.5));
  return {
    ...who,
    status,
    entered: at(entered),
    called: wasCalled ? at(called) : null,
    started: wasStarted ? at(started) : null,
    completed: status === 'COMPLETED' ? at(completed) : null,
  };
}

/** Entries of many days, each day beginning at 04:00 UTC. */
export function randomDays(random: Random, first: string, count: number): Entry[] {
  return daysFrom(first, count).flatMap((day) => randomDay(random, day, `${day}T04:00:00Z`));
}

/** The cells of a CSV file after RFC 4180. */
export function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let rest = text;
  while (rest !== '') {
    const cell = /^(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/.exec(rest);
    if (!cell) throw new Error(`not CSV: ${rest.slice(0, 40)}`);
    row.push(cell[1]?.replaceAll('""', '"') ?? cell[2] ?? '');
    if (cell[3] === '\r\n') {
      rows.push(row);
      row = [];
    }
    rest = rest.slice(cell[0].length);
  }
  return rows;
}
