// A write under an Idempotency-Key. The database keeps what its SQL function returned, together with the time and the
// id of the first request: the same code makes the same bytes of the three, so no answer's text need be stored, and
// no PIN or code that only the body holds.
import type { Clock } from './clock.ts';
import type { Database } from './database.ts';
import { ERRORS } from './errors.ts';
import type { SqlFunction } from './sql-functions.ts';
import { invalidField } from './validate.ts';

/** The request header: 1 to 255 printable ASCII characters. */
export const IDEMPOTENCY_KEY = 'Idempotency-Key';

/** How the front's own keys begin (front/own-key.ts); each of them goes with one body only. */
export const FRONT_KEY = 'front-';

/** Credentials must not be kept, and repeating a login is harmless; a suggestion writes nothing. */
const IGNORED_ON: ReadonlySet<string> = new Set([
  '/admin/login',
  '/api/v1/auth/login',
  '/api/v1/patient/login',
  '/api/session/create',
  '/api/v1/path/choose',
]);

/** Whether a key means anything on a request like this. */
export function honoursIdempotencyKey(method: string, path: string): boolean {
  return (method === 'POST' || method === 'PUT') && !IGNORED_ON.has(path);
}

/** Keyed hashes of whose key it is, of the key and of the body. */
export interface HashedIdentity {
  readonly scope: string;
  readonly key: string;
  readonly request_hash: string;
}

/** `also`: the same under the previous secret, while it is rotated. */
export interface IdempotencyIdentity extends HashedIdentity {
  readonly also?: HashedIdentity;
}

/** What `with_idempotency` returns unless it refuses; `first` when the answer is a kept one. */
export interface KeptOutcome {
  readonly ok: true;
  readonly answer: unknown;
  readonly first: { readonly at: string; readonly request_id: string } | null;
}

/** Refusals that are answers: repeated under their key. Every other failure leaves the key free. */
const KEPT: Readonly<Record<string, number>> = Object.fromEntries(
  Object.entries(ERRORS)
    .filter(([code, { status }]) => [403, 404, 409].includes(status) && code !== 'IDEMPOTENCY_IN_PROGRESS')
    .map(([code, { status }]) => [code, status]),
);

/** One request under a key: what it asks the database, and the time and id that its answer shows. */
export class IdempotentRequest {
  readonly #clock: Clock;
  readonly #identity: IdempotencyIdentity | undefined;
  #at: Date;
  #requestId: string;
  #isAsked = false;
  #isReplayed = false;

  /** Without an identity the key was not one: the first use throws INVALID_FIELD. */
  constructor(identity: IdempotencyIdentity | undefined, clock: Clock, requestId: string) {
    this.#identity = identity;
    this.#clock = clock;
    this.#at = clock.now();
    this.#requestId = requestId;
  }

  /** Stands still, so that an answer made twice shows one time: when the first request came. */
  get clock(): Clock {
    return { now: () => new Date(this.#at), simulated: this.#clock.simulated };
  }

  /** The id that an error's body shows: the first request's. */
  get requestId(): string {
    return this.#requestId;
  }

  /** True once the database was asked, whatever it said. */
  get isAsked(): boolean {
    return this.#isAsked;
  }

  /** True when the answer is the first request's. */
  get isReplayed(): boolean {
    return this.#isReplayed;
  }

  /** As `database.call`, once: runs the function and keeps what it returns, or gives back what is kept. */
  async call(database: Database, name: SqlFunction, args: object): Promise<unknown> {
    if (this.#isAsked)
      throw new Error('One request, one write: a second one would get the answer of the first');
    const outcome = await database.call(
      'with_idempotency',
      this.question({ function: name, arguments: args }),
    );
    return (outcome as { ok: boolean }).ok ? this.take(outcome as KeptOutcome) : outcome;
  }

  /** The arguments of `with_idempotency`. Throws INVALID_FIELD for a malformed key. */
  question(work: object): Record<string, unknown> {
    if (!this.#identity) throw invalidField(IDEMPOTENCY_KEY);
    this.#isAsked = true;
    return {
      ...this.#identity,
      at: this.#at.toISOString(),
      request_id: this.#requestId,
      kept: KEPT,
      ...(this.#clock.simulated && { now: this.#clock.now().toISOString() }),
      ...work,
    };
  }

  /** The answer of an outcome; from now on time and id are those of the request that it was made for. */
  take({ answer, first }: KeptOutcome): unknown {
    if (first) {
      this.#at = new Date(first.at);
      this.#requestId = first.request_id;
      this.#isReplayed = true;
    }
    return answer;
  }
}
