/** Whether this run is `npm run test:soak`, which sets SOAK=1: the full volumes of the guarantees. */
export const soak = process.env.SOAK === '1';

/** How many operations a test does: all of `full` in the soak, a tenth (rounded up, at least one) in `npm test`. */
export function volume(full: number): number {
  return soak ? full : Math.max(1, Math.ceil(full / 10));
}
