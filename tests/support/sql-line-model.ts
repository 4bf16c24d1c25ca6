/**
 * One clinic's line as a single caller would see it. Answers that were given concurrently are replayed here in the
 * order of their versions: when the model agrees with each, the calls were as good as one after the other.
 */
import type { Answer } from './sql-database.ts';

/** A call that changed a line, or looked at it under its lock. */
export interface LineChange {
  readonly kind: 'enter' | 'call' | 'complete';
  readonly priority: number;
  readonly capacity: number | undefined;
  readonly answer: Answer;
}

interface Waiting {
  readonly user: string;
  readonly number: number;
  readonly priority: number;
}

export class LineModel {
  #lastNumber = 0;
  #lastVersion = 0;
  #waiting: Waiting[] = [];
  readonly #inside = new Set<string>();

  /** What the line would have answered, in the fields that decide; equal to `observed` when the answer was right. */
  expected(change: LineChange): object {
    const { version, ok } = change.answer;
    // A refused call changes nothing, so it carries the version it saw.
    const later = ok ? version > this.#lastVersion : version >= this.#lastVersion;
    this.#lastVersion = version;
    switch (change.kind) {
      case 'enter':
        return { later, ...this.#enter(change) };
      case 'call':
        return { later, ...this.#call(change) };
      case 'complete':
        return { later, ...this.#complete(change) };
    }
  }

  /** The same fields as they were answered. */
  static observed({ kind, answer }: LineChange): object {
    if (kind === 'enter')
      return { later: true, number: answer.number, ahead: answer.ahead, waiting: answer.total_waiting };
    if (kind === 'call')
      return { later: true, said: answer.code ?? answer.user, waiting: answer.waiting ?? null };
    return { later: true, waiting: answer.remaining_in_queue };
  }

  #enter({ answer: { user }, priority }: LineChange) {
    this.#lastNumber += 1;
    const ahead = this.#waiting.filter((other) => other.priority >= priority).length;
    this.#waiting.splice(ahead, 0, { user, number: this.#lastNumber, priority });
    return { number: this.#lastNumber, ahead, waiting: this.#waiting.length };
  }

  #call({ capacity }: LineChange) {
    if (capacity !== undefined && this.#inside.size >= capacity)
      return { said: 'CAPACITY_FULL', waiting: null };
    const head = this.#waiting.shift();
    if (head === undefined) return { said: 'NO_PATIENTS_WAITING', waiting: null };
    this.#inside.add(head.user);
    return { said: head.user, waiting: this.#waiting.length };
  }

  #complete({ answer: { user } }: LineChange) {
    this.#inside.delete(user);
    this.#waiting = this.#waiting.filter((other) => other.user !== user);
    return { waiting: this.#waiting.length };
  }
}
