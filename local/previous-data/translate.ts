// From keys of the previous backend to rows of this one. Pure: knows neither a file nor a database.
import { createHash } from 'node:crypto';
import { serviceDay } from '../../src/lib/service-day.ts';
import { CREDENTIALS_KEY, type ExportedEntry, type Rejected } from './export-file.ts';
import {
  type Fields,
  fieldsOf,
  genderOf,
  idOf,
  statusOf,
  textOf,
  timeOf,
  wholeNumber,
} from './previous-values.ts';

/** What the database says of itself (the SQL function `import_state`). */
export interface ImportState {
  readonly day: string;
  readonly day_end: string;
  readonly timezone: string;
  readonly service_day_start: string;
  readonly clinics: readonly {
    readonly code: string;
    readonly aliases: readonly string[];
    readonly names: readonly (string | null)[];
  }[];
}

export interface PatientRow {
  readonly patient_id: string;
  readonly session_id: string | undefined;
  readonly gender: string | undefined;
  readonly login_time: string | undefined;
  readonly status: string | undefined;
}

export interface EntryRow {
  readonly user: string;
  readonly number: number;
  readonly status: string;
  readonly entered_at: string;
  readonly called_at: string | undefined;
  readonly completed_at: string | undefined;
}

export interface Line {
  readonly clinic: string;
  readonly day: string;
  readonly entries: readonly EntryRow[];
}

export interface RouteRow {
  readonly route_id: string;
  readonly user: string;
  readonly day: string;
  readonly exam_type: string | undefined;
  readonly gender: string | undefined;
  readonly created_at: string;
  readonly cancelled: boolean;
  readonly stations: readonly object[];
}

export interface Translated {
  readonly patients: readonly PatientRow[];
  readonly lines: readonly Line[];
  /** Of the present service day only: earlier ones are worth nothing. */
  readonly pins: readonly { readonly clinic: string; readonly pin: string }[];
  /** The newest first. */
  readonly routes: readonly RouteRow[];
  readonly intervals: readonly { readonly clinic: string; readonly seconds: number }[];
  /** How many keys of a kind are left out on purpose. */
  readonly skipped: Readonly<Record<string, number>>;
  readonly rejected: readonly Rejected[];
}

/** What lives shortly, is worked out anew, or must not be taken over. The first that fits counts. */
const SKIPPED: readonly (readonly [kind: string, key: RegExp])[] = [
  ['credentials', new RegExp(`^${CREDENTIALS_KEY}$`)],
  ['sessions', /^session:/],
  ['locks', /^lock:/],
  ['rate limits', /^ratelimit:/],
  ['events and notices', /^(event|notify):/],
  ['derived counters', /^queue:(current|status):/],
];

const MAX_NUMBER = 1_000_000;

/** Reads every entry. Nothing gets lost: what is neither a row nor skipped is rejected with its reason. */
export function translate(entries: readonly ExportedEntry[], state: ImportState): Translated {
  const clinicOf = clinicNames(state);
  const dayOf = (time: string) => serviceDay(new Date(time), state.timezone, state.service_day_start).day;
  const patients: PatientRow[] = [];
  const visits: Visit[] = [];
  const pins = new Map<string, { pin: string; isDated: boolean }>();
  const routes = new Map<string, RouteRow>();
  const intervals: { clinic: string; seconds: number }[] = [];
  const skipped: Record<string, number> = {};
  const rejected: Rejected[] = [];

  const readers: readonly (readonly [key: RegExp, read: Reader])[] = [
    [/^patient:(.+)$/, ([session], value) => patients.push(patientOf(session, value))],
    [
      /^queue:list:(.+)$/,
      ([clinic], value, key) => {
        for (const element of listOf(value, 'the list')) {
          attempt(key, element, () =>
            visits.push(visitOf(clinicOf(clinic), fieldsOf(element)?.user, element, key)),
          );
        }
      },
    ],
    [
      /^queue:user:([^:]+):(.+)$/,
      ([clinic, user], value, key) => visits.push(visitOf(clinicOf(clinic), user, value, key)),
    ],
    [
      /^queue:interval:(.+)$/,
      ([clinic], value) => {
        const minutes = Number(textOf(fieldsOf(value)?.interval_minutes ?? value));
        const seconds = Math.round(minutes * 60);
        if (!(seconds >= 30 && seconds <= 14_400)) throw new Unreadable('an interval has 0.5 to 240 minutes');
        intervals.push({ clinic: clinicOf(clinic), seconds });
      },
    ],
    [
      /^pins:daily:(.+)$/,
      ([date], value, key) => {
        if (date !== state.day) return skip('PINs of other days');
        for (const [clinic, pin] of Object.entries(fieldsOf(value) ?? refuse('no object of PINs'))) {
          attempt(key, { [clinic]: pin }, () =>
            pins.set(clinicOf(clinic), { pin: pinOf(pin), isDated: true }),
          );
        }
      },
    ],
    [
      /^pin:(.+)$/,
      ([clinic], value) => {
        const code = clinicOf(clinic);
        const pin = pinOf(value);
        if (!pins.get(code)?.isDated) pins.set(code, { pin, isDated: false });
      },
    ],
    [/^route:(.+)$/, ([user], value, key) => addRoute(routeOf(user, undefined, value, key))],
    [/^path:([^:]+):(.+)$/, ([user, exam], value, key) => addRoute(routeOf(user, exam, value, key))],
    [/^report:/, () => refuse('reports are worked out from the entries; this one has another form')],
  ];

  function skip(kind: string): void {
    skipped[kind] = (skipped[kind] ?? 0) + 1;
  }

  function attempt(key: string, value: unknown, read: () => void): void {
    try {
      read();
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      rejected.push({ reason: error.message, key, value });
    }
  }

  function addRoute(route: RouteRow): void {
    routes.set(route.route_id, route);
  }

  function routeOf(rawUser: string | undefined, rawExam: string | undefined, value: unknown, key: string) {
    const fields = Array.isArray(value) ? { route: value } : (fieldsOf(value) ?? refuse('no object'));
    const user = idOf(rawUser) ?? refuse('its patient has no id that a request could name');
    const created = timeOf(fields.createdAt ?? fields.created_at ?? fields.timestamp);
    if (created === undefined)
      throw new Unreadable('its time is missing or unreadable, so its day is unknown');
    const status = textOf(fields.status)?.toLowerCase();
    const isOver = status === 'completed' || status === 'done';
    const step = wholeNumber(fields.currentStep, 0, 100) ?? 0;
    const stations = new Map<string, object>();
    for (const [index, element] of listOf(fields.stations ?? fields.route, 'its stations').entries()) {
      attempt(key, element, () => {
        const station = stationOf(element, clinicOf, isOver || index < step);
        if (!stations.has(station.clinic)) stations.set(station.clinic, station);
      });
    }
    if (stations.size === 0) throw new Unreadable('it has no station');
    return {
      route_id: digest(key, created),
      user,
      day: dayOf(created),
      exam_type: textOf(fields.examType ?? rawExam)?.slice(0, 64),
      gender: genderOf(fields.gender),
      created_at: created,
      cancelled: status === 'cancelled' || status === 'canceled',
      stations: [...stations.values()],
    };
  }

  for (const { key, value } of entries) {
    const kind = SKIPPED.find(([, pattern]) => pattern.test(key))?.[0];
    if (kind !== undefined) {
      skip(kind);
      continue;
    }
    const reader = readers.find(([pattern]) => pattern.test(key));
    attempt(key, value, () => {
      if (reader === undefined) throw new Unreadable('a key of an unknown kind');
      reader[1]((key.match(reader[0]) ?? []).slice(1), value, key);
    });
  }

  const { lines, undated } = linesOf(visits, dayOf);
  for (const { key, value } of undated) {
    rejected.push({ reason: 'its time is missing or unreadable, so its day is unknown', key, value });
  }
  return {
    patients: newestOf(patients),
    lines,
    pins: [...pins].map(([clinic, { pin }]) => ({ clinic, pin })),
    routes: [...routes.values()].sort((one, other) => other.created_at.localeCompare(one.created_at)),
    intervals,
    skipped,
    rejected,
  };
}

type Reader = (parts: readonly (string | undefined)[], value: unknown, key: string) => unknown;

/** Why one entry cannot be taken over. */
class Unreadable extends Error {}

function refuse(reason: string): never {
  throw new Unreadable(reason);
}

/** Resolves every spelling of a clinic: a code wins over an alias, an alias over a name. */
function clinicNames({ clinics }: ImportState): (name: string | undefined) => string {
  const codes = new Map<string, string>();
  const spellings = [
    (clinic: ImportState['clinics'][number]) => [clinic.code],
    (clinic: ImportState['clinics'][number]) => clinic.aliases,
    (clinic: ImportState['clinics'][number]) => clinic.names,
  ];
  for (const namesOf of spellings) {
    for (const clinic of clinics) {
      for (const name of namesOf(clinic)) {
        const spelled = name?.toLowerCase().trim();
        if (spelled && !codes.has(spelled)) codes.set(spelled, clinic.code);
      }
    }
  }
  return (name) => codes.get(name?.toLowerCase().trim() ?? '') ?? refuse('no clinic of this name');
}

function listOf(value: unknown, what: string): readonly unknown[] {
  return Array.isArray(value) ? value : refuse(`${what} is no list`);
}

function patientOf(key: string | undefined, value: unknown): PatientRow {
  const fields = fieldsOf(value) ?? refuse('no object');
  const number = textOf(fields.patientId);
  if (number === undefined || !/^\d{2,12}$/.test(number))
    throw new Unreadable('no patient number of 2 to 12 digits');
  return {
    patient_id: number,
    session_id: idOf(fields.id ?? key),
    gender: genderOf(fields.gender),
    login_time: timeOf(fields.loginTime),
    status: textOf(fields.status)?.slice(0, 64),
  };
}

/** Each person once, and each session with one person: the newest login has both. */
function newestOf(patients: readonly PatientRow[]): PatientRow[] {
  const people = new Map<string, PatientRow>();
  const sessions = new Set<string>();
  const newestFirst = patients.toSorted((one, other) =>
    (other.login_time ?? '').localeCompare(one.login_time ?? ''),
  );
  for (const patient of newestFirst) {
    if (people.has(patient.patient_id)) continue;
    const { session_id: session } = patient;
    const isTaken = session !== undefined && sessions.has(session);
    people.set(patient.patient_id, isTaken ? { ...patient, session_id: undefined } : patient);
    if (session !== undefined) sessions.add(session);
  }
  return [...people.values()];
}

/** An entry of a line as one of the two kinds of keys has it. */
interface Visit {
  readonly clinic: string;
  readonly user: string;
  readonly number: number;
  readonly status: string;
  readonly entered: string | undefined;
  readonly called: string | undefined;
  readonly left: string | undefined;
  readonly key: string;
  readonly value: unknown;
}

function visitOf(clinic: string, rawUser: unknown, value: unknown, key: string): Visit {
  const fields: Fields = fieldsOf(value) ?? refuse('no object');
  const user = idOf(fields.user ?? rawUser) ?? refuse('its patient has no id that a request could name');
  const number = wholeNumber(fields.number, 1, MAX_NUMBER) ?? refuse('its number is missing or unreadable');
  const left = timeOf(fields.exit_time);
  const stated = fields.status === undefined ? (left ? 'DONE' : 'WAITING') : fields.status;
  return {
    clinic,
    user,
    number,
    status: statusOf(stated) ?? refuse('a status that does not exist here'),
    entered: timeOf(fields.entered_at ?? fields.entry_time),
    called: timeOf(fields.called_at),
    left,
    key,
    value,
  };
}

const PROGRESS = ['WAITING', 'CALLED', 'IN_PROGRESS', 'NO_SHOW', 'CANCELLED', 'COMPLETED'];

/** Both kinds of keys tell of the same visits: those of one patient, number and day become one entry. */
function linesOf(visits: readonly Visit[], dayOf: (time: string) => string) {
  const dated = new Map<string, { clinic: string; day: string; visits: Visit[] }>();
  const lastDay = new Map<string, string>();
  const undated: Visit[] = [];
  const identity = ({ clinic, user, number }: Visit) => `${clinic}:${number}:${user}`;
  const timesOf = ({ entered, called, left }: Visit) =>
    [entered, called, left].filter((time) => time !== undefined);
  const add = (visit: Visit, day: string) => {
    const group = dated.get(`${day}:${identity(visit)}`) ?? { clinic: visit.clinic, day, visits: [] };
    group.visits.push(visit);
    dated.set(`${day}:${identity(visit)}`, group);
  };
  for (const visit of visits) {
    const [time] = timesOf(visit);
    if (time === undefined) continue;
    add(visit, dayOf(time));
    lastDay.set(identity(visit), dayOf(time));
  }
  for (const visit of visits.filter((each) => timesOf(each).length === 0)) {
    const day = lastDay.get(identity(visit));
    if (day === undefined) undated.push(visit);
    else add(visit, day);
  }

  const lines = new Map<string, { clinic: string; day: string; entries: EntryRow[] }>();
  for (const { clinic, day, visits: same } of dated.values()) {
    const line = lines.get(`${clinic}:${day}`) ?? { clinic, day, entries: [] };
    const entry = mergedEntry(same);
    if (entry) line.entries.push(entry);
    lines.set(`${clinic}:${day}`, line);
  }
  const sorted = [...lines.values()].sort((one, other) =>
    `${one.day}:${one.clinic}`.localeCompare(`${other.day}:${other.clinic}`),
  );
  return { lines: sorted, undated };
}

/** What came first of the entering, and whatever is furthest along. */
function mergedEntry(visits: readonly Visit[]): EntryRow | undefined {
  const [furthest] = visits.toSorted(
    (one, other) => PROGRESS.indexOf(other.status) - PROGRESS.indexOf(one.status),
  );
  if (furthest === undefined) return undefined;
  const earliest = (of: (visit: Visit) => string | undefined) =>
    visits
      .map(of)
      .filter((time) => time !== undefined)
      .sort()[0];
  const [called, left] = [earliest((visit) => visit.called), earliest((visit) => visit.left)];
  const entered = earliest((visit) => visit.entered) ?? called ?? left;
  if (entered === undefined) return undefined;
  return {
    user: furthest.user,
    number: furthest.number,
    status: furthest.status,
    entered_at: entered,
    called_at: called,
    completed_at: furthest.status === 'COMPLETED' ? left : undefined,
  };
}

function pinOf(value: unknown): string {
  const pin = textOf(fieldsOf(value)?.pin ?? value);
  return pin !== undefined && /^[1-9]\d$/.test(pin) ? pin : refuse('a PIN has two digits, the first not 0');
}

/** What a station may say for itself, at most 200 characters each, as `route/create` takes it. */
const STATION_TEXTS = ['name', 'nameAr', 'floor', 'floorCode', 'code', 'note', 'roomNumber'];

function stationOf(element: unknown, clinicOf: (name: string | undefined) => string, isBefore: boolean) {
  const fields = fieldsOf(element);
  const names = fields
    ? [fields.id, fields.clinic, fields.clinicId, fields.clinic_id, fields.code, fields.nameAr, fields.name]
    : [element];
  const [first] = names.flatMap((name) => {
    try {
      return [clinicOf(textOf(name))];
    } catch {
      return [];
    }
  });
  const sent = STATION_TEXTS.flatMap((name) => {
    const text = typeof fields?.[name] === 'string' ? fields[name].slice(0, 200) : undefined;
    return text === undefined ? [] : [[name, text]];
  });
  const id = idOf(fields ? fields.id : element)?.toLowerCase();
  const status = textOf(fields?.status)?.toLowerCase();
  return {
    clinic: first ?? refuse('no clinic of this name'),
    sent: { ...(id !== undefined && { id }), ...Object.fromEntries(sent) },
    weight: wholeNumber(fields?.weight, 0, MAX_NUMBER) ?? 0,
    finished: isBefore || status === 'completed' || status === 'done',
  };
}

/** The same route gets the same id at every import. It tells no more than the patient's id, of which it is made. */
function digest(...parts: readonly string[]): string {
  return createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 32);
}
