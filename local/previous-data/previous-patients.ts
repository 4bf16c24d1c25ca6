// `patient:<session>`: who logged in, and when.
import type { Source } from './ledger.ts';
import { fieldsOf, genderOf, idOf, OptionalFields, storableText, textOf } from './previous-values.ts';
import type { Reading } from './reading.ts';
import type { PatientRow, Row } from './rows.ts';
import { refuse } from './unreadable.ts';

/** One login. Throws `Unreadable` when it names no person. */
export function patientOf(session: string | undefined, source: Source, reading: Reading): Row<PatientRow> {
  const fields = fieldsOf(source.value) ?? refuse('no object');
  const number = textOf(fields.patientId);
  if (number === undefined || !/^\d{2,12}$/.test(number)) {
    return refuse('no patient number of 2 to 12 digits');
  }
  const optional = new OptionalFields(fields);
  const own = optional.take('id', idOf);
  const sent = {
    patient_id: number,
    session_id: own ?? idOf(session),
    gender: optional.take('gender', genderOf),
    login_time: optional.take('loginTime', reading.timeOf),
    status: optional.take('status', (status) => storableText(status, 64)?.trim()),
  };
  if (sent.session_id === undefined && !optional.leftOut.includes('id')) optional.leftOut.push('id');
  reading.mention(source, optional);
  return { sent, from: [source] };
}

const NO_TIME = 'another login of the same person comes later, and no time says which is newer';

/**
 * Each person once, and each session with one person: the newest login has both, of two at one time the later in the
 * file. The older ones are left out, or rejected where no time says which is older.
 */
export function newestLogins(logins: readonly Row<PatientRow>[], { ledger }: Reading): Row<PatientRow>[] {
  const people = new Map<string, Row<PatientRow>>();
  const sessions = new Set<string>();
  const newestFirst = logins
    .toReversed()
    .sort((one, other) => (other.sent.login_time ?? '').localeCompare(one.sent.login_time ?? ''));
  for (const login of newestFirst) {
    const { patient_id: person, session_id: session } = login.sent;
    const newest = people.get(person);
    if (newest !== undefined) {
      const isUnknown = newest.sent.login_time === undefined;
      for (const source of login.from) {
        if (isUnknown) ledger.reject(source, NO_TIME);
        else ledger.skip(source.entry, 'older logins');
      }
      continue;
    }
    const isTaken = session !== undefined && sessions.has(session);
    people.set(person, isTaken ? { ...login, sent: { ...login.sent, session_id: undefined } } : login);
    if (isTaken) {
      for (const source of login.from) {
        ledger.reject(
          source,
          'taken over without its session, which is that of another person who logged in later',
        );
      }
    } else if (session !== undefined) sessions.add(session);
  }
  return [...people.values()];
}
