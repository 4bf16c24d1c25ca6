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

/** Each person once, and each session with one person: the newest login has both. The older ones are left out. */
export function newestLogins(logins: readonly Row<PatientRow>[], { ledger }: Reading): Row<PatientRow>[] {
  const people = new Map<string, Row<PatientRow>>();
  const sessions = new Set<string>();
  const newestFirst = logins.toSorted((one, other) =>
    (other.sent.login_time ?? '').localeCompare(one.sent.login_time ?? ''),
  );
  for (const login of newestFirst) {
    const { patient_id: person, session_id: session } = login.sent;
    if (people.has(person)) {
      for (const { entry } of login.from) ledger.skip(entry, 'older logins');
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
