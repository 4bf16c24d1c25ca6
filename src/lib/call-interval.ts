// How often a clinic is called automatically.
import { callFunction, type RequestContext, today } from './request-context.ts';
import { invalidField, missingFields } from './validate.ts';

export interface IntervalRequest {
  readonly clinic?: string | undefined;
  readonly interval_minutes?: number | undefined;
  readonly interval?: number | undefined;
  readonly interval_seconds?: number | undefined;
}

const SHORTEST = 30;
const LONGEST = 14_400;

/** Sets the interval and switches automatic calling on; 0 switches it off. One database round trip. */
export async function setCallInterval(ctx: RequestContext, request: IntervalRequest) {
  const { clinic } = request;
  const seconds = intervalSeconds(request);
  if (clinic === undefined || seconds === undefined) {
    throw missingFields([
      ...(clinic === undefined ? ['clinic'] : []),
      ...(seconds === undefined ? ['interval_minutes'] : []),
    ]);
  }
  const set = await callFunction<{ clinic: string }>(ctx, 'set_call_interval', {
    clinic,
    seconds,
    day: today(ctx).day,
    admin: ctx.admin,
  });
  const minutes = seconds / 60;
  return {
    success: true,
    clinic: set.clinic,
    interval_minutes: minutes,
    interval_seconds: seconds,
    auto_call: seconds > 0,
    message: seconds > 0 ? `Call interval set to ${minutes} minutes` : 'Automatic calling is off',
  } as const;
}

/** The one interval that all names given agree on, in whole seconds. Throws INVALID_FIELD. */
function intervalSeconds({ interval_minutes, interval, interval_seconds }: IntervalRequest) {
  const given = [
    interval_minutes === undefined ? undefined : interval_minutes * 60,
    interval,
    interval_seconds,
  ];
  // Minutes may have any fraction: three quarters of one are 45 seconds.
  const [first, ...others] = given.filter((value) => value !== undefined).map(rounded);
  const isAllowed = first === undefined || first === 0 || (first >= SHORTEST && first <= LONGEST);
  const areWhole = [interval, interval_seconds].every(
    (value) => value === undefined || Number.isInteger(value),
  );
  if (!isAllowed || !areWhole || others.some((other) => other !== first)) {
    throw invalidField('interval_minutes');
  }
  return first;
}

/** A whole number of seconds; what is more than nothing never becomes 0, which would switch calling off. */
function rounded(seconds: number): number {
  return seconds > 0 ? Math.max(1, Math.round(seconds)) : 0;
}
