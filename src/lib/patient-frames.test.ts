import { describe, expect, it } from 'vitest';
import { type PatientState, patientFrame } from './patient-frames.ts';

const NOW = 1_761_739_200_000;

/** A state at a place of a line of ten, or in another status. */
function state(change: Partial<PatientState> = {}): PatientState {
  return {
    clinic: 'lab',
    user: '1761739200000-abc',
    number: 7,
    status: 'WAITING',
    display_number: 1,
    ahead: 0,
    total_waiting: 10,
    current: 3,
    remaining: true,
    version: 1,
    event: '5-1',
    ...change,
  };
}

const atPlace = (place: number) => state({ ahead: place - 1, display_number: place });
const called = state({ status: 'CALLED', display_number: 0 });
const inService = state({ status: 'IN_SERVICE', display_number: 0 });
const done = state({ status: 'DONE', display_number: -1 });
const doneAtLast = state({ status: 'DONE', display_number: -1, remaining: false });

const frame = (before: PatientState | undefined, now: PatientState) => patientFrame(before, now, NOW);

describe('each change of the table has its frame', () => {
  it.each([
    [
      'called',
      atPlace(1),
      called,
      'YOUR_TURN',
      'YOUR_TURN',
      '🔔 حان دورك الآن! توجه إلى العيادة',
      '🔔 Your turn now! Go to the clinic',
    ],
    [
      'in service',
      called,
      inService,
      'YOUR_TURN',
      'IN_SERVICE',
      '🏥 أنت الآن داخل العيادة',
      '🏥 You are now in the clinic',
    ],
    [
      'place 1',
      atPlace(2),
      atPlace(1),
      'NEAR_TURN',
      'NEXT_IN_LINE',
      '⏰ أنت التالي - استعد من فضلك',
      '⏰ You are next - Please get ready',
    ],
    [
      'place 1 by entering',
      undefined,
      atPlace(1),
      'NEAR_TURN',
      'NEXT_IN_LINE',
      '⏰ أنت التالي - استعد من فضلك',
      '⏰ You are next - Please get ready',
    ],
    [
      'place 2',
      atPlace(3),
      atPlace(2),
      'NEAR_TURN',
      'NEAR_TURN',
      '⏰ اقترب دورك - أنت الثاني',
      '⏰ Near your turn - You are second',
    ],
    [
      'place 2 by entering',
      undefined,
      atPlace(2),
      'NEAR_TURN',
      'NEAR_TURN',
      '⏰ اقترب دورك - أنت الثاني',
      '⏰ Near your turn - You are second',
    ],
    [
      'back to place 2',
      atPlace(1),
      atPlace(2),
      'NEAR_TURN',
      'NEAR_TURN',
      '⏰ اقترب دورك - أنت الثاني',
      '⏰ Near your turn - You are second',
    ],
    [
      'place 3',
      atPlace(4),
      atPlace(3),
      'NEAR_TURN',
      'ALMOST_READY',
      '📋 استعد - أنت الثالث',
      '📋 Get ready - You are third',
    ],
    [
      'place 3 by entering',
      undefined,
      atPlace(3),
      'NEAR_TURN',
      'ALMOST_READY',
      '📋 استعد - أنت الثالث',
      '📋 Get ready - You are third',
    ],
    [
      'entry at place 4',
      undefined,
      atPlace(4),
      'START_HINT',
      'POSITION_UPDATE',
      '📊 موقعك: 4 من 10',
      '📊 Position: 4 of 10',
    ],
    [
      'entry at place 9',
      undefined,
      atPlace(9),
      'START_HINT',
      'POSITION_UPDATE',
      '📊 موقعك: 9 من 10',
      '📊 Position: 9 of 10',
    ],
    [
      'done',
      inService,
      done,
      'STEP_DONE_NEXT',
      'COMPLETED',
      '✅ تم الانتهاء من الفحص',
      '✅ Examination completed',
    ],
    [
      'done without a call',
      atPlace(2),
      done,
      'STEP_DONE_NEXT',
      'COMPLETED',
      '✅ تم الانتهاء من الفحص',
      '✅ Examination completed',
    ],
  ])('%s', (_, before, now, type, subtype, message, messageEn) => {
    expect(frame(before, now)).toStrictEqual({
      type,
      subtype,
      clinic: 'lab',
      user: '1761739200000-abc',
      number: 7,
      position: now.display_number,
      ahead: now.ahead,
      total: 10,
      current: 3,
      message,
      messageEn,
      timestamp: NOW,
    });
  });

  it('a new entry with a new number begins anew, whatever the old one was', () => {
    expect(frame(state({ status: 'CALLED', number: 2 }), atPlace(5))?.type).toBe('START_HINT');
    expect(frame({ ...atPlace(1), number: 2 }, atPlace(1))?.subtype).toBe('NEXT_IN_LINE');
    expect(frame(state({ status: 'CALLED', number: 2 }), called)?.subtype).toBe('YOUR_TURN');
  });
});

describe('nothing else is sent', () => {
  const states = [
    atPlace(1),
    atPlace(2),
    atPlace(3),
    atPlace(4),
    atPlace(9),
    called,
    inService,
    done,
    doneAtLast,
  ];

  it.each(states)('not for a state that stays as it is: $status at $display_number', (same) => {
    expect(frame(same, { ...same, version: 9, total_waiting: 30, current: 5 })).toBeUndefined();
  });

  it.each([
    ['a move at place 4 or later', atPlace(9), atPlace(4)],
    ['a step back to place 4', atPlace(3), atPlace(4)],
    ['the last completion', inService, doneAtLast],
    ['the last completion, seen for the first time', undefined, doneAtLast],
  ])('not for %s', (_, before, now) => {
    expect(frame(before, now)).toBeUndefined();
  });

  it('no frame has a type but the four that the page knows', () => {
    const types = [undefined, ...states].flatMap((before) => states.map((now) => frame(before, now)?.type));
    expect(new Set(types)).toEqual(
      new Set([undefined, 'YOUR_TURN', 'NEAR_TURN', 'START_HINT', 'STEP_DONE_NEXT']),
    );
  });
});
