/** Whether this run is `npm run test:soak`, which sets SOAK=1: the full volumes of the guarantees. */
export const soak = process.env.SOAK === '1';

/** Whether a proof may be left out on a machine that has not what it needs. Where proofs are made, it fails instead. */
export const mayBeLeftOut = !soak && !process.env.CI;

/** How many operations a test does: all of `full` in the soak, a tenth (rounded up, at least one) in `npm test`. */
export function volume(full: number): number {
  return soak ? full : Math.max(1, Math.ceil(full / 10));
}
