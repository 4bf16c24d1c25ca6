// `route:<patientId>` and `path:<patientId>:<exam>`: the stations of a patient, in their order.
import { createHash } from 'node:crypto';
import { examTypeKey } from '../../src/lib/exam-types.ts';
import type { Source } from './ledger.ts';
import {
  type Fields,
  fieldsOf,
  genderOf,
  idOf,
  OptionalFields,
  storableText,
  textOf,
  wholeNumber,
} from './previous-values.ts';
import type { Reading } from './reading.ts';
import type { RouteRow, Row } from './rows.ts';
import { refuse, Unreadable } from './unreadable.ts';

/** Throws `Unreadable` for what is no route. A station that cannot be read is rejected, the others are the route. */
export function routeOf(
  rawUser: string | undefined,
  rawExam: string | undefined,
  source: Source,
  reading: Reading,
): Row<RouteRow> {
  const { value } = source;
  const fields: Fields = Array.isArray(value) ? { route: value } : (fieldsOf(value) ?? refuse('no object'));
  const user = idOf(rawUser) ?? refuse('its patient has no id that a request could name');
  const created =
    reading.timeOf(fields.createdAt ?? fields.created_at ?? fields.timestamp) ??
    refuse('its time is missing or unreadable, so its day is unknown');
  const optional = new OptionalFields({ ...fields, examType: fields.examType ?? rawExam });
  const status = optional.take('status', textOf)?.toLowerCase();
  const isOver = status === 'completed' || status === 'done';
  const step = optional.take('currentStep', (number) => wholeNumber(number, 0, 100)) ?? 0;
  const sent = {
    route_id: digest(source.entry.key, created),
    user,
    day: reading.dayOf(created),
    exam_type: optional.take('examType', examTypeOf),
    gender: optional.take('gender', genderOf),
    created_at: created,
    cancelled: status === 'cancelled' || status === 'canceled',
    stations: stationsOf(fields.stations ?? fields.route, source, reading, (place) => isOver || place < step),
  };
  reading.mention(source, optional);
  return { sent, from: [source] };
}

function examTypeOf(value: unknown): string | undefined {
  const text = storableText(value, 64)?.trim();
  return text === undefined ? undefined : examTypeKey(text);
}

function stationsOf(
  value: unknown,
  { entry }: Source,
  reading: Reading,
  isBefore: (place: number) => boolean,
): readonly object[] {
  if (!Array.isArray(value)) return refuse('its stations are no list');
  const stations = new Map<string, object>();
  for (const [place, element] of value.entries()) {
    const source = { entry, value: element };
    reading.attempt(source, () => {
      const station = stationOf(source, reading, isBefore(place));
      if (stations.has(station.clinic)) throw new Unreadable('the route has this clinic already');
      stations.set(station.clinic, station);
    });
  }
  return stations.size > 0 ? [...stations.values()] : refuse('it has no station');
}

/** What a station may say for itself, at most 200 characters each, as `route/create` takes it. */
const STATION_TEXTS = ['name', 'nameAr', 'floor', 'floorCode', 'code', 'note', 'roomNumber'];

const MAX_WEIGHT = 1_000_000;

function stationOf(source: Source, reading: Reading, isBefore: boolean) {
  const fields = fieldsOf(source.value) ?? { id: source.value };
  const clinic = clinicOfStation(fields, reading) ?? refuse('no clinic of this name');
  const optional = new OptionalFields(fields);
  const texts = STATION_TEXTS.flatMap((name) => {
    const text = optional.take(name, (value) => storableText(value, 200));
    return text === undefined ? [] : [[name, text]];
  });
  // It need not fit: a clinic's Arabic name is no id, and leads to the clinic all the same.
  const id = idOf(fields.id)?.toLowerCase();
  const weight = optional.take('weight', (value) => wholeNumber(value, 0, MAX_WEIGHT)) ?? 0;
  const status = optional.take('status', textOf)?.toLowerCase();
  reading.mention(source, optional);
  return {
    clinic,
    sent: { ...(id !== undefined && { id }), ...Object.fromEntries(texts) },
    weight,
    finished: isBefore || status === 'completed' || status === 'done',
  };
}

/** The first of its names that a clinic has. */
function clinicOfStation(fields: Fields, { clinicOf }: Reading): string | undefined {
  for (const name of ['id', 'clinic', 'clinicId', 'clinic_id', 'code', 'nameAr', 'name']) {
    try {
      return clinicOf(textOf(fields[name]));
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
    }
  }
  return undefined;
}

/** The same route gets the same id at every import. It tells no more than the patient's id, of which it is made. */
function digest(...parts: readonly string[]): string {
  return createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 32);
}
