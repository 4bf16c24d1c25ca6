// What a patient is told, in both languages. One table for the notices of the last hour and the frames of the stream.

export interface NoticeText {
  readonly message: string;
  readonly messageEn: string;
}

/** Changes of a patient's own state, by the subtype of their frame. */
export const STATE_TEXTS = {
  YOUR_TURN: {
    message: '🔔 حان دورك الآن! توجه إلى العيادة',
    messageEn: '🔔 Your turn now! Go to the clinic',
  },
  IN_SERVICE: { message: '🏥 أنت الآن داخل العيادة', messageEn: '🏥 You are now in the clinic' },
  NEXT_IN_LINE: {
    message: '⏰ أنت التالي - استعد من فضلك',
    messageEn: '⏰ You are next - Please get ready',
  },
  NEAR_TURN: { message: '⏰ اقترب دورك - أنت الثاني', messageEn: '⏰ Near your turn - You are second' },
  ALMOST_READY: { message: '📋 استعد - أنت الثالث', messageEn: '📋 Get ready - You are third' },
  COMPLETED: { message: '✅ تم الانتهاء من الفحص', messageEn: '✅ Examination completed' },
} as const satisfies Record<string, NoticeText>;

/** The text of `POSITION_UPDATE`: somebody entered at place 4 or later. */
export function placeText(place: number, waiting: number): NoticeText {
  return { message: `📊 موقعك: ${place} من ${waiting}`, messageEn: `📊 Position: ${place} of ${waiting}` };
}

/** Events that concern one patient, by their name. */
export const EVENT_TEXTS = {
  ENTERED: { message: 'تم دخولك الطابور', messageEn: 'You entered the queue' },
  CALLED: STATE_TEXTS.YOUR_TURN,
  COMPLETED: STATE_TEXTS.COMPLETED,
  CANCELLED: { message: 'تم إلغاء دورك', messageEn: 'Your turn was cancelled' },
  NO_SHOW: { message: 'لم تحضر بعد استدعائك', messageEn: 'You did not come when called' },
} as const satisfies Record<string, NoticeText>;

export type PatientEvent = keyof typeof EVENT_TEXTS;
