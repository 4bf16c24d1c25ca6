// The one error of reading an export: something in it cannot be taken over, and why.

/** Its message is the reason that stands in the file of rejected entries: it quotes nothing of the export. */
export class Unreadable extends Error {}

/** Throws it. */
export function refuse(reason: string): never {
  throw new Unreadable(reason);
}
