// What a patient's stream says, derived from the change between two states: never a snapshot, never a repetition.
import { type NoticeText, placeText, STATE_TEXTS } from './notice-texts.ts';
import type { ShownStatus } from './position.ts';

/** A patient's state in one clinic, as the database returns it. */
export interface PatientState {
  readonly clinic: string;
  readonly user: string;
  readonly number: number;
  readonly status: ShownStatus;
  readonly display_number: number;
  readonly ahead: number;
  readonly total_waiting: number;
  readonly current: number | null;
  /** True while another station remains in today's route. */
  readonly remaining: boolean;
  readonly version: number;
  /** The cursor of the line's last event; null when the log has none any more. */
  readonly event: string | null;
}

interface Notice extends NoticeText {
  readonly type: 'YOUR_TURN' | 'NEAR_TURN' | 'START_HINT' | 'STEP_DONE_NEXT';
  readonly subtype: string;
}

const YOUR_TURN = notice('YOUR_TURN', 'YOUR_TURN');
const IN_SERVICE = notice('YOUR_TURN', 'IN_SERVICE');
const COMPLETED = notice('STEP_DONE_NEXT', 'COMPLETED');

/** By the number of people ahead. */
const NEAR: readonly Notice[] = [
  notice('NEAR_TURN', 'NEXT_IN_LINE'),
  notice('NEAR_TURN', 'NEAR_TURN'),
  notice('NEAR_TURN', 'ALMOST_READY'),
];

function notice(type: Notice['type'], subtype: keyof typeof STATE_TEXTS): Notice {
  return { type, subtype, ...STATE_TEXTS[subtype] };
}

/**
 * The data of the frame for a change from `before` (undefined: no entry) to `now`, or undefined when there is nothing
 * to say: moves at place 4 or later, the last station's end.
 */
export function patientFrame(before: PatientState | undefined, now: PatientState, timestamp: number) {
  const notice = noticeOf(before?.number === now.number ? before : undefined, now);
  if (!notice) return undefined;
  return {
    type: notice.type,
    subtype: notice.subtype,
    clinic: now.clinic,
    user: now.user,
    number: now.number,
    position: now.display_number,
    ahead: now.ahead,
    total: now.total_waiting,
    current: now.current,
    message: notice.message,
    messageEn: notice.messageEn,
    timestamp,
  };
}

function noticeOf(before: PatientState | undefined, now: PatientState): Notice | undefined {
  const entered = before?.status !== now.status;
  switch (now.status) {
    case 'CALLED':
      return entered ? YOUR_TURN : undefined;
    case 'IN_SERVICE':
      return entered ? IN_SERVICE : undefined;
    case 'DONE':
      return entered && now.remaining ? COMPLETED : undefined;
    case 'WAITING': {
      const place = now.ahead + 1;
      if (!entered && before?.ahead === now.ahead) return undefined;
      return NEAR[now.ahead] ?? (entered ? startHint(place, now.total_waiting) : undefined);
    }
  }
}

function startHint(place: number, total: number): Notice {
  return { type: 'START_HINT', subtype: 'POSITION_UPDATE', ...placeText(place, total) };
}
