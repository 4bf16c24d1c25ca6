// What happened to a patient within the last hour, in words.
import { EVENT_TEXTS, type PatientEvent } from './notice-texts.ts';
import { callFunction, type RequestContext, today } from './request-context.ts';
import { type ErrorTexts, missingFields } from './validate.ts';

/** An event of a patient as the database keeps it. */
export interface StoredNotice {
  readonly type: PatientEvent;
  readonly clinic: string;
  readonly number: number;
  readonly position: number | null;
  readonly timestamp: string;
}

export interface NoticeRequest {
  readonly clinic?: string | undefined;
  readonly user?: string | undefined;
  /** The patient's queue number in that clinic today; the older clients call it the pin. */
  readonly pin?: string | undefined;
  readonly limit?: number | undefined;
}

const DEFAULT_LIMIT = 10;
const TEXTS: ErrorTexts = { missing: 'Missing pin or clinic parameter' };

/** The newest notices of one patient in one clinic; `[]` for a number or an id that is not there. One round trip. */
export async function notifyStatus(ctx: RequestContext, asked: NoticeRequest) {
  const whose = asked.user === undefined ? asked.pin && { number: asked.pin } : { user: asked.user };
  if (asked.clinic === undefined || !whose) {
    throw missingFields(
      [...(asked.clinic === undefined ? ['clinic'] : []), ...(whose ? [] : ['user'])],
      TEXTS,
    );
  }
  const { clinic, notices } = await callFunction<{ clinic: string; notices: readonly StoredNotice[] }>(
    ctx,
    'patient_notices',
    { clinic: asked.clinic, day: today(ctx).day, limit: asked.limit ?? DEFAULT_LIMIT, ...whose },
  );
  return {
    success: true,
    pin: asked.pin ?? null,
    clinic,
    notifications: notices.map(inWords),
    count: notices.length,
    timestamp: ctx.clock.now().toISOString(),
  } as const;
}

/** A stored event as a notice in both languages. */
export function inWords({ type, clinic, number, position, timestamp }: StoredNotice) {
  const { message, messageEn } = EVENT_TEXTS[type];
  return { type, clinic, number, position, message, messageEn, timestamp } as const;
}
