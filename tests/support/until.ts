/** Tests wait for a state, never for a time. */

const DEADLINE_MS = 10_000;
const PAUSE_MS = 10;

/**
 * Asks `probe` again and again until its value is accepted, and gives that value. Throws after ten seconds, or
 * `patience` milliseconds, with what was awaited and the value seen last.
 */
export async function until<T>(
  awaited: string,
  probe: () => T | Promise<T>,
  accept: (value: T) => boolean,
  patience = DEADLINE_MS,
): Promise<T> {
  const deadline = Date.now() + patience;
  for (;;) {
    const value = await probe();
    if (accept(value)) return value;
    if (Date.now() > deadline)
      throw new Error(`waited in vain until ${awaited}; last seen: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
