// The clinics' PINs of the day. Values are shown to an admin only; the database masks them otherwise.
import { readThroughCache } from './cached-read.ts';
import { callFunction, type RequestContext, today } from './request-context.ts';

interface StoredPins {
  readonly pins: readonly { readonly clinic: string; readonly pin: string; readonly generated_at: string }[];
  readonly generated_at: string;
  readonly total_issued: number;
  readonly clinic: string | null;
  readonly admin: boolean;
}

/** The clinic whose PIN stands in `currentPin` when none is asked for. */
const DEFAULT_CLINIC = 'lab';

/** Today's PINs; the first reader of the day makes them. */
export async function pinStatus(ctx: RequestContext, clinic: string = DEFAULT_CLINIC) {
  const { day, end } = today(ctx);
  const stored = await readThroughCache<StoredPins>(ctx, {
    sql: 'get_current_pins',
    args: { day, day_end: end, clinic },
    // Masked, it is the same for every clinic; but a clinic that is none must be told so.
    clinic,
    key: 'pins:current',
    moreForAdmin: true,
  });
  return pinBody(ctx, day, stored);
}

/** Replaces the PIN of one clinic, or of all; the old ones are wrong from that moment. */
export async function rotatePins(ctx: RequestContext, clinic: string | undefined) {
  const { day, end } = today(ctx);
  const stored = await callFunction<StoredPins>(ctx, 'generate_daily_pins', {
    day,
    day_end: end,
    rotate: true,
    admin: ctx.admin,
    ...(clinic !== undefined && { clinic }),
  });
  // Asked again: under a repeated Idempotency-Key it is the day of the first request.
  const shown = { ...stored, clinic: stored.clinic ?? DEFAULT_CLINIC };
  const body = pinBody(ctx, today(ctx).day, shown);
  const message = 'PINs generated successfully';
  const rotated = stored.clinic === null ? undefined : body.pins[stored.clinic];
  if (!rotated) return { ...body, message };
  const { clinic: id, pin, generatedAt } = rotated;
  return { ...body, message, clinic: id, pin, generatedAt };
}

/** Of the day that was asked for: it may have ended meanwhile. */
function pinBody(ctx: RequestContext, day: string, stored: StoredPins) {
  const selected = stored.pins.find(({ clinic }) => clinic === stored.clinic);
  return {
    success: true,
    date: day,
    dateKey: day,
    reset_time: ctx.config.serviceDayStart,
    timezone: ctx.config.timezone,
    generated_at: stored.generated_at,
    pins: Object.fromEntries(
      stored.pins.map(({ clinic, pin, generated_at }) => [
        clinic,
        { pin, clinic, active: true, generatedAt: generated_at } as const,
      ]),
    ),
    totalIssued: stored.total_issued,
    currentPin: stored.admin ? (selected?.pin ?? null) : null,
    allPins: stored.admin ? stored.pins.map(({ pin }) => pin) : [],
  } as const;
}
