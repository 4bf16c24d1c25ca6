/** Makes a failing history short by leaving out what it does not need, in ever smaller pieces. */

/** A history that still fails, of which no single step can be left out. `fails` plays one from the beginning. */
export async function shortestHistory<Step>(
  failing: readonly Step[],
  fails: (steps: readonly Step[]) => Promise<boolean>,
): Promise<readonly Step[]> {
  let steps = failing;
  for (let size = Math.ceil(steps.length / 2); ; size = Math.ceil(size / 2)) {
    for (let at = 0; at < steps.length; ) {
      const shorter = [...steps.slice(0, at), ...steps.slice(at + size)];
      if (await fails(shorter)) steps = shorter;
      else at += size;
    }
    if (size <= 1) return steps;
  }
}
