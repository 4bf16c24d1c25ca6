/** The whole queue as plain code: every rule of entering, calling, leaving, PINs and days, with one caller at a time. */
import type { Clinic, Step } from './steps.ts';

type Status = 'WAITING' | 'CALLED' | 'IN_PROGRESS' | 'COMPLETED' | 'CANCELLED' | 'NO_SHOW';

interface Entry {
  readonly clinic: string;
  readonly day: string;
  readonly user: string;
  readonly number: number;
  readonly priority: number;
  status: Status;
  calledAt: number;
  calls: number;
}

interface Tries {
  failures: number;
  since: number;
  today: number;
}

/** What a step answered, in one text: what decides, and nothing that the moment adds. */
export type Outcome = string;

const WINDOW = 60_000;
const PER_WINDOW = 5;
const PER_ADDRESS = 15;
const PER_DAY = 15;
const GRACE = 5 * 60_000;
/** Asia/Qatar has no summer time, so its day is arithmetic. */
const ZONE = 3 * 3_600_000;
const DAY = 24 * 3_600_000;

export interface ModelOptions {
  /** Whether all tries come from one address, which is counted as well. */
  readonly oneAddress: boolean;
}

export class CommitteeModel {
  readonly #entries: Entry[] = [];
  /** By clinic, user and number: the types of its events. */
  readonly #events = new Map<string, string[]>();
  readonly #numbers = new Map<string, number>();
  readonly #tries = new Map<string, Tries>();
  readonly #options: ModelOptions;
  #now: number;

  constructor(start: Date, options: ModelOptions) {
    this.#now = start.getTime();
    this.#options = options;
  }

  get now(): Date {
    return new Date(this.#now);
  }

  /** The service day: of now, or the one before. */
  day(late = false): string {
    return new Date(this.#now + ZONE - (late ? DAY : 0)).toISOString().slice(0, 10);
  }

  perform(step: Step): Outcome {
    if (step.does === 'wait') this.#now += step.seconds * 1000;
    if (step.does === 'tick') this.#closePastDays();
    if (step.does === 'wait' || step.does === 'tick' || step.does === 'forget cache') return 'done';
    // What never was committed has no answer and no effect.
    if (step.mishap === 'undone') return 'undone';
    const day = this.day(step.mishap === 'late');
    switch (step.does) {
      case 'enter':
        return this.#enter(step.clinic, day, step.user, step.priority);
      case 'call':
        return this.#call(step.clinic, day, step.capacity);
      case 'leave':
        return this.#leave(step.clinic, day, step.user, step.by);
      case 'check in':
        return this.#checkIn(step.clinic, day, step.user);
      case 'expire':
        return this.#expire(step.clinic, day);
    }
  }

  /** Every entry there ever was. */
  rows(): string[] {
    return this.#entries
      .map(
        ({ day, clinic, number, user, status, calls }) =>
          `${day} ${clinic} ${number} ${user} ${status} ${calls}`,
      )
      .sort();
  }

  /** Every event of everybody, in one row for what happened to a number. */
  events(): string[] {
    return [...this.#events].map(([of, types]) => `events of ${of} ${types.join(' ')}`);
  }

  /** What anybody sees of a clinic today: who waits, in order, and how many are inside and done. */
  line(clinic: Clinic): string {
    const today = this.#entries.filter((entry) => entry.clinic === clinic && entry.day === this.day());
    const waiting = this.#waiting(clinic, this.day()).map(({ number }) => number);
    const inside = today.filter(isInside).length;
    const done = today.filter(({ status }) => status === 'COMPLETED').length;
    return `${waiting.join(',')} inside ${inside} done ${done}`;
  }

  #enter(clinic: string, day: string, user: string, priority: number): Outcome {
    const own = this.#entries.filter((entry) => entry.clinic === clinic && entry.user === user);
    const known = own.find((entry) => entry.day === day && counts(entry));
    const later = own.find((entry) => entry.day > day && isActive(entry));
    const there = known ?? later;
    if (there) return `ALREADY_IN_QUEUE ${there.number}`;
    for (const entry of own) if (entry.day < day && isActive(entry)) this.#become(entry, 'CANCELLED');
    const number = (this.#numbers.get(`${clinic} ${day}`) ?? 0) + 1;
    this.#numbers.set(`${clinic} ${day}`, number);
    const entry: Entry = { clinic, day, user, number, priority, status: 'WAITING', calledAt: 0, calls: 0 };
    this.#entries.push(entry);
    this.#happened(entry, 'ENTERED');
    return `ENTERED ${number} at place ${this.#waiting(clinic, day).indexOf(entry) + 1}`;
  }

  #call(clinic: string, day: string, capacity: number | undefined): Outcome {
    const inside = this.#entries.filter((entry) => isAt(entry, clinic, day) && isInside(entry)).length;
    if (capacity !== undefined && inside >= capacity) return 'CAPACITY_FULL';
    const [head] = this.#waiting(clinic, day);
    if (!head) return 'NO_PATIENTS_WAITING';
    this.#become(head, 'CALLED');
    head.calledAt = this.#now;
    head.calls += 1;
    return `called ${head.number} ${head.user}, ${this.#waiting(clinic, day).length} wait`;
  }

  #leave(clinic: string, day: string, user: string, by: string): Outcome {
    const entry = this.#entries.find(
      (other) => isAt(other, clinic, day) && other.user === user && counts(other),
    );
    if (!entry) return 'NOT_IN_QUEUE';
    const refusal = by === 'staff' ? undefined : this.#tryPin(entry, by === 'right pin');
    if (refusal) return refusal;
    if (by === 'staff' && entry.status === 'WAITING') return 'NOT_CALLED';
    if (entry.status !== 'COMPLETED') this.#become(entry, 'COMPLETED');
    return `left ${entry.number}, ${this.#waiting(clinic, day).length} wait`;
  }

  #tryPin(entry: Entry, isRight: boolean): Outcome | undefined {
    const { clinic, day, user } = entry;
    const own = this.#triesOf(`${clinic} ${day} ${user}`);
    const address = this.#triesOf(`${clinic} ${day} address`);
    const inWindow = ({ since }: Tries) => this.#now < since + WINDOW;
    if (own.today >= PER_DAY) return 'PIN_LOCKED';
    if (own.failures >= PER_WINDOW && inWindow(own)) return 'PIN_LOCKED';
    const addressCounts = this.#options.oneAddress && entry.status === 'WAITING';
    if (addressCounts && address.failures >= PER_ADDRESS && inWindow(address)) return 'PIN_LOCKED';
    if (isRight) {
      own.failures = 0;
      return undefined;
    }
    for (const tries of [own, address]) {
      if (tries.failures === 0 || !inWindow(tries)) {
        tries.failures = 0;
        tries.since = this.#now;
      }
      tries.failures += 1;
      tries.today += 1;
    }
    return 'WRONG_PIN';
  }

  #triesOf(key: string): Tries {
    const tries = this.#tries.get(key) ?? { failures: 0, since: 0, today: 0 };
    this.#tries.set(key, tries);
    return tries;
  }

  #checkIn(clinic: string, day: string, user: string): Outcome {
    const entry = this.#entries.find(
      (other) => isAt(other, clinic, day) && other.user === user && isActive(other),
    );
    if (!entry) return 'NOT_IN_QUEUE';
    if (entry.status === 'WAITING') return 'NOT_CALLED';
    entry.status = 'IN_PROGRESS';
    return `inside ${entry.number}`;
  }

  #expire(clinic: string, day: string): Outcome {
    const gone = this.#entries.filter(
      (entry) => isAt(entry, clinic, day) && entry.status === 'CALLED' && entry.calledAt < this.#now - GRACE,
    );
    for (const entry of gone) this.#become(entry, 'NO_SHOW');
    return `expired ${gone.length}`;
  }

  #closePastDays(): void {
    for (const entry of this.#entries) {
      if (entry.day < this.day() && isActive(entry)) this.#become(entry, 'CANCELLED');
    }
  }

  /** Every such change is told. */
  #become(entry: Entry, status: 'CALLED' | 'COMPLETED' | 'CANCELLED' | 'NO_SHOW'): void {
    entry.status = status;
    this.#happened(entry, status);
  }

  #happened({ clinic, user, number }: Entry, type: string): void {
    const of = `${clinic} ${user} ${number}`;
    this.#events.set(of, [...(this.#events.get(of) ?? []), type].sort());
  }

  #waiting(clinic: string, day: string): Entry[] {
    return this.#entries
      .filter((entry) => isAt(entry, clinic, day) && entry.status === 'WAITING')
      .sort((a, b) => b.priority - a.priority || a.number - b.number);
  }
}

const isAt = (entry: Entry, clinic: string, day: string) => entry.clinic === clinic && entry.day === day;
const isInside = ({ status }: Entry) => status === 'CALLED' || status === 'IN_PROGRESS';
const isActive = (entry: Entry) => entry.status === 'WAITING' || isInside(entry);
const counts = ({ status }: Entry) => status !== 'CANCELLED' && status !== 'NO_SHOW';
