// QR sessions: staff hand a patient a token for one use; the page that opens it uses it up.
import type { Device } from './fields.ts';
import { callFunction, type RequestContext, today } from './request-context.ts';

const DONE = { ok: true, success: true } as const;

/** Makes a token for a patient. Throws UNAUTHORIZED. */
export async function createSession(ctx: RequestContext, { patientId }: { readonly patientId: string }) {
  const token = ctx.ids.secret();
  const { expires_at } = await callFunction<{ expires_at: string }>(ctx, 'create_qr_session', {
    token,
    user: patientId,
    day: today(ctx).day,
    minutes: ctx.config.qrTokenMinutes,
    admin: ctx.admin,
  });
  return { ...DONE, token, expires_at } as const;
}

/** Uses a token up: of many callers at once exactly one succeeds. Throws one of the three SESSION errors. */
export async function validateSession(ctx: RequestContext, { token }: { readonly token: string }) {
  await callFunction(ctx, 'use_qr_session', { token });
  return DONE;
}

/** Notes the kind of device behind a token, used or not. Throws SESSION_NOT_FOUND. */
export async function setSessionDevice(
  ctx: RequestContext,
  { token, device }: { readonly token: string; readonly device: Device },
) {
  await callFunction(ctx, 'set_qr_session_device', { token, device });
  return DONE;
}

interface StoredStats {
  readonly total: number;
  readonly active: number;
  readonly used: number;
  readonly expired: number;
  readonly ios: number;
  readonly android: number;
  readonly desktop: number;
}

/** Counts of the tokens made in this service day. Throws UNAUTHORIZED. */
export async function sessionStats(ctx: RequestContext) {
  const { total, active, used, expired, ios, android, desktop } = await callFunction<StoredStats>(
    ctx,
    'qr_session_stats',
    { day: today(ctx).day, admin: ctx.admin },
  );
  const byDevice = { iOS: ios, Android: android, Desktop: desktop };
  return { ...DONE, stats: { total, active, used, expired, byDevice } } as const;
}
