// The clinics with their PINs of the day, as the page's configuration. Without a current admin the PINs are masked.
import { readThroughCache } from './cached-read.ts';
import { type RequestContext, today } from './request-context.ts';

interface ClinicPins {
  readonly clinics: readonly {
    readonly id: string;
    readonly name: string;
    readonly name_en: string;
    readonly floor: string;
  }[];
  readonly pins: readonly { readonly clinic: string; readonly pin: string }[];
}

/** Every clinic, its name and its PIN; the first reader of the day makes the PINs. One database round trip. */
export async function clinicPins(ctx: RequestContext) {
  const { day, end } = today(ctx);
  const { clinics, pins } = await readThroughCache<ClinicPins>(ctx, {
    sql: 'clinic_pins',
    args: { day, day_end: end },
    key: 'pins:clinics',
    moreForAdmin: true,
  });
  return {
    success: true,
    clinics,
    pins: Object.fromEntries(pins.map(({ clinic, pin }) => [clinic, pin])),
    names: Object.fromEntries(clinics.map(({ id, name }) => [id, name])),
  } as const;
}
