// `queue:list:<clinic>` and `queue:user:<clinic>:<user>`: both tell of the same visits, each a little.
import type { Source } from './ledger.ts';
import { fieldsOf, idOf, OptionalFields, statusOf, wholeNumber } from './previous-values.ts';
import type { Reading } from './reading.ts';
import type { EntryRow, Line, Row } from './rows.ts';
import { refuse } from './unreadable.ts';

/** An entry of a line as one key has it. */
export interface Visit {
  readonly clinic: string;
  readonly user: string;
  readonly number: number;
  readonly status: string;
  readonly entered: string | undefined;
  readonly called: string | undefined;
  readonly left: string | undefined;
  readonly source: Source;
  readonly optional: OptionalFields;
}

const MAX_NUMBER = 1_000_000;

/** Throws `Unreadable` for what is no visit. `user` is the key's, where the value names none. */
export function visitOf(
  clinic: string | undefined,
  user: string | undefined,
  source: Source,
  reading: Reading,
): Visit {
  const code = reading.clinicOf(clinic);
  const fields = fieldsOf(source.value) ?? refuse('no object');
  const patient = idOf(fields.user ?? user) ?? refuse('its patient has no id that a request could name');
  const number = wholeNumber(fields.number, 1, MAX_NUMBER) ?? refuse('its number is missing or unreadable');
  const optional = new OptionalFields(fields);
  const left = optional.take('exit_time', reading.timeOf);
  const stated = fields.status ?? (left === undefined ? 'WAITING' : 'DONE');
  return {
    clinic: code,
    user: patient,
    number,
    status: statusOf(stated) ?? refuse('a status that does not exist here'),
    entered: optional.take('entered_at', reading.timeOf) ?? optional.take('entry_time', reading.timeOf),
    called: optional.take('called_at', reading.timeOf),
    left,
    source,
    optional,
  };
}

/** One line for each clinic and service day. A visit without a time has that of the other key, or is rejected. */
export function linesOf(visits: readonly Visit[], { dayOf, ledger, mention }: Reading): Line[] {
  const entries = new Map<string, { clinic: string; day: string; visits: Visit[] }>();
  const lastDay = new Map<string, string>();
  const add = (visit: Visit, day: string) => {
    const key = `${day}:${identityOf(visit)}`;
    const entry = entries.get(key) ?? { clinic: visit.clinic, day, visits: [] };
    entry.visits.push(visit);
    entries.set(key, entry);
    mention(visit.source, visit.optional);
  };
  for (const visit of visits) {
    const time = timeOf(visit);
    if (time === undefined) continue;
    add(visit, dayOf(time));
    lastDay.set(identityOf(visit), dayOf(time));
  }
  for (const visit of visits) {
    if (timeOf(visit) !== undefined) continue;
    const day = lastDay.get(identityOf(visit));
    if (day === undefined) {
      ledger.reject(visit.source, 'its time is missing or unreadable, so its day is unknown');
    } else add(visit, day);
  }

  const lines = new Map<string, { clinic: string; day: string; entries: Row<EntryRow>[] }>();
  for (const { clinic, day, visits: same } of entries.values()) {
    const line = lines.get(`${clinic}:${day}`) ?? { clinic, day, entries: [] };
    line.entries.push({ sent: mergedEntry(same), from: same.map(({ source }) => source) });
    lines.set(`${clinic}:${day}`, line);
  }
  return [...lines.values()].sort((one, other) =>
    `${one.day}:${one.clinic}`.localeCompare(`${other.day}:${other.clinic}`),
  );
}

const identityOf = ({ clinic, user, number }: Visit) => `${clinic}:${number}:${user}`;

const timeOf = ({ entered, called, left }: Visit) => entered ?? called ?? left;

const PROGRESS = ['WAITING', 'CALLED', 'IN_PROGRESS', 'NO_SHOW', 'CANCELLED', 'COMPLETED'];

/** What came first of the entering, and whatever is furthest along. One of the visits has a time. */
function mergedEntry(visits: readonly Visit[]): EntryRow {
  const [furthest] = visits.toSorted(
    (one, other) => PROGRESS.indexOf(other.status) - PROGRESS.indexOf(one.status),
  );
  const earliest = (of: (visit: Visit) => string | undefined) =>
    visits
      .map(of)
      .filter((time) => time !== undefined)
      .sort()[0];
  const [called, left] = [earliest((visit) => visit.called), earliest((visit) => visit.left)];
  const entered = earliest((visit) => visit.entered) ?? called ?? left;
  if (furthest === undefined || entered === undefined) return refuse('a visit without a time');
  return {
    user: furthest.user,
    number: furthest.number,
    status: furthest.status,
    entered_at: entered,
    called_at: called,
    completed_at: furthest.status === 'COMPLETED' ? left : undefined,
  };
}
