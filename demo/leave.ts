// The door of a clinic: the patient types the PIN that staff told, sometimes a wrong one first.

import type { Outcome } from './api.ts';
import { CLINIC_IDS, type ClinicId } from './clinics.ts';
import { type Day, insist } from './day.ts';
import { inArabicDigits } from './day-plan.ts';
import type { Visit } from './ledger.ts';
import { pause } from './pause.ts';
import type { Random } from './random.ts';

const PERSIAN_DIGITS = '۰۱۲۳۴۵۶۷۸۹';
/** So many wrong PINs answer WRONG_PIN; every try after them is refused for a minute. */
const WRONG_TRIES_BEFORE_LOCK = 5;
const TRIES = 6;

/** The right PIN as people type it. */
function typed(pin: string, random: Random, day: Day): string {
  if (random.chance(0.65)) return pin;
  day.ledger.tried('PINs typed with spaces or Arabic digits');
  const persian = pin.replace(/[0-9]/g, (digit) => PERSIAN_DIGITS[Number(digit)] ?? digit);
  return random.pick([` ${pin} `, inArabicDigits(pin), `${inArabicDigits(pin)} `, persian]);
}

/** A PIN that is not this clinic's: another clinic's, a slip of the finger, or nonsense. */
function wrongPin(clinic: ClinicId, random: Random, day: Day): string {
  const right = day.pins.of(clinic);
  const others = CLINIC_IDS.filter((other) => other !== clinic).map((other) => day.pins.of(other));
  const slip = String(10 + ((Number(right) - 10 + random.integer(1, 89)) % 90));
  return random.pick([slip, random.pick(['5', ...others]), inArabicDigits(slip), 'abc', `${right}0`]);
}

/** Tries a wrong PIN, and looks at the screen whether the patient is still in. */
async function tryWrongPin(visit: Visit, station: string, random: Random, day: Day): Promise<void> {
  const { api, ledger } = day;
  const outcome = await insist(day, () =>
    api.done(station, visit.clinic, visit.user, wrongPin(visit.clinic, random, day)),
  );
  if (outcome.kind === 'failed') return;
  ledger.tried('wrong PINs');
  visit.wrongPins += 1;
  if (outcome.kind === 'ok') {
    visit.letOutByWrongPin += 1;
    return;
  }
  if (outcome.kind === 'refused' && outcome.code !== 'WRONG_PIN') {
    ledger.breach('queue/done', `${outcome.code} for wrong PIN number ${visit.wrongPins}`);
  }
  const position = await api.position(station, visit.clinic, visit.user, undefined);
  if (position.kind === 'ok' && position.body.status !== 'CALLED' && position.body.status !== 'IN_SERVICE') {
    visit.letOutByWrongPin += 1;
  }
}

/** Tries wrong PINs until even the right one is refused, and waits as long as the answer says. */
async function getLockedOut(visit: Visit, station: string, random: Random, day: Day): Promise<void> {
  for (let tries = 0; tries < WRONG_TRIES_BEFORE_LOCK; tries += 1) {
    await tryWrongPin(visit, station, random, day);
  }
  day.ledger.tried('right PINs at a locked door');
  const outcome = await day.api.done(station, visit.clinic, visit.user, day.pins.of(visit.clinic));
  if (outcome.kind === 'ok') {
    day.ledger.breach('queue/done', `the right PIN was taken after ${visit.wrongPins} wrong ones`);
    noteLeft(visit, outcome, day);
  } else if (outcome.kind === 'refused') {
    await pause(outcome.retryAfterMs, day.signal);
  }
}

function noteLeft(visit: Visit, outcome: Outcome<'queue/done'>, day: Day): void {
  if (outcome.kind !== 'ok') return;
  const { number, exit_time: exitTime } = outcome.body;
  day.ledger.left(visit, { number, exitTime, answeredAt: outcome.answeredAt });
  day.doors.leave(visit.clinic, visit.user);
}

/** Sends the right PIN again for somebody who has left: the answer must stay the same. */
export async function replayDone(visit: Visit, station: string, random: Random, day: Day): Promise<void> {
  day.ledger.tried('replayed dones');
  visit.repeats += 1;
  const pin = typed(day.pins.of(visit.clinic), random, day);
  const outcome = await insist(day, () => day.api.done(station, visit.clinic, visit.user, pin));
  if (outcome.kind === 'refused') day.ledger.breach('queue/done', `${outcome.code} for a repeated request`);
  noteLeft(visit, outcome, day);
}

/** Leaves the clinic. `next` is the clinic that comes after it, null after the last one. False when stuck inside. */
export async function leave(
  visit: Visit,
  options: { station: string; next: ClinicId | null; stubborn: boolean; random: Random },
  day: Day,
): Promise<boolean> {
  const { station, random } = options;
  if (options.stubborn) {
    await getLockedOut(visit, station, random, day);
  } else if (random.chance(0.12)) {
    const wrongTries = random.integer(1, 2);
    for (let tries = 0; tries < wrongTries; tries += 1) await tryWrongPin(visit, station, random, day);
  }
  const clicks = random.chance(0.12) ? 2 : 1;
  if (clicks === 2) day.ledger.tried('double dones');
  for (let tries = 0; tries < TRIES; tries += 1) {
    const pin = typed(day.pins.of(visit.clinic), random, day);
    const outcomes = await Promise.all(
      Array.from({ length: clicks }, () =>
        insist(day, () => day.api.done(station, visit.clinic, visit.user, pin)),
      ),
    );
    visit.repeats += clicks - 1;
    for (const outcome of outcomes) {
      noteLeft(visit, outcome, day);
      if (outcome.kind === 'ok') checkProgress(outcome.body, options.next, day);
    }
    if (visit.doneAt !== undefined) return true;
    await afterRefusal(outcomes, visit, day);
  }
  return false;
}

function checkProgress(
  body: { next_clinic: ClinicId | null; route_completed: boolean },
  next: ClinicId | null,
  day: Day,
): void {
  if (body.next_clinic !== next)
    day.ledger.breach('queue/done', 'next_clinic is not the next unfinished station');
  if (body.route_completed !== (next === null)) day.ledger.breach('queue/done', 'route_completed is wrong');
}

async function afterRefusal(
  outcomes: readonly Outcome<'queue/done'>[],
  visit: Visit,
  day: Day,
): Promise<void> {
  let waitMs = 500;
  for (const outcome of outcomes) {
    if (outcome.kind !== 'refused') continue;
    if (outcome.code === 'PIN_LOCKED') {
      waitMs = Math.max(waitMs, outcome.retryAfterMs);
      if (visit.wrongPins < WRONG_TRIES_BEFORE_LOCK) {
        day.ledger.breach('queue/done', `PIN_LOCKED after ${visit.wrongPins} wrong PINs`);
      }
    } else {
      day.ledger.breach('queue/done', `${outcome.code} for the PIN of the clinic`);
    }
  }
  await pause(waitMs, day.signal);
  await day.pins.read(day.api);
}
