// The operations of the API that a committee day needs, each with its answer held against the contract. Whatever
// the contract does not promise goes into the ledger as a breach, and the caller sees 'failed'.

import type { HttpAnswer, HttpClient, HttpRequest } from './client.ts';
import type { ClinicId } from './clinics.ts';
import { ALLOWED_REFUSALS, BODIES, type BodyOf, type OperationName, REFUSAL } from './contract.ts';
import type { Ledger } from './ledger.ts';

interface Times {
  readonly sentAt: number;
  readonly answeredAt: number;
}

export type Outcome<Name extends OperationName> =
  | ({ readonly kind: 'ok'; readonly body: BodyOf<Name>; readonly etag: string | undefined } & Times)
  | ({ readonly kind: 'refused'; readonly code: string; readonly retryAfterMs: number } & Times)
  | ({ readonly kind: 'unchanged' } & Times)
  | { readonly kind: 'failed' };

const FAILED = { kind: 'failed' } as const;

/** Where a field is, with `*` for every place in a list. */
function fieldName(path: readonly PropertyKey[]): string {
  return path.map((step) => (typeof step === 'number' ? '*' : String(step))).join('.') || 'the body';
}

/** Calls the API and checks every answer. */
export class Api {
  readonly #client: HttpClient;
  readonly #ledger: Ledger;
  #adminToken = '';

  constructor(client: HttpClient, ledger: Ledger) {
    this.#client = client;
    this.#ledger = ledger;
  }

  /** The same staff over another client. */
  through(client: HttpClient): Api {
    const api = new Api(client, this.#ledger);
    api.#adminToken = this.#adminToken;
    return api;
  }

  /** Logs the staff in; all their requests carry the token. True when it worked. */
  async adminLogin(username: string, password: string): Promise<boolean> {
    const outcome = await this.#send('admin/login', {
      method: 'POST',
      path: '/admin/login',
      body: { username, password },
    });
    if (outcome.kind === 'ok') this.#adminToken = outcome.body.token;
    return outcome.kind === 'ok';
  }

  /** A patient's login; the answer's `data.id` is the session id. Each login makes a new one. */
  patientLogin(personalId: string, gender: string): Promise<Outcome<'patient/login'>> {
    const body = { patientId: personalId, gender };
    return this.#send('patient/login', { method: 'POST', path: '/api/v1/patient/login', body });
  }

  /** Asks for a route. */
  createRoute(body: Readonly<Record<string, unknown>>): Promise<Outcome<'route/create'>> {
    return this.#send('route/create', { method: 'POST', path: '/api/v1/route/create', body });
  }

  /** Today's route of a patient. */
  getRoute(user: string): Promise<Outcome<'route/get'>> {
    return this.#send('route/get', { method: 'GET', path: '/api/v1/route/get', query: { patientId: user } });
  }

  /** Takes a number. `station` is any name of the clinic. */
  async enter(
    station: string,
    clinic: ClinicId,
    user: string,
    auto: boolean,
  ): Promise<Outcome<'queue/enter'>> {
    const body = { clinic: station, user, isAutoEntry: auto };
    const outcome = await this.#send('queue/enter', { method: 'POST', path: '/api/v1/queue/enter', body });
    this.#expectEcho('queue/enter', outcome, clinic, user);
    return outcome;
  }

  /** The place in line. With the tag of the last answer the server holds the request until something changes. */
  async position(
    station: string,
    clinic: ClinicId,
    user: string,
    ifNoneMatch: string | undefined,
  ): Promise<Outcome<'queue/position'>> {
    const query = { clinic: station, user };
    const request = { method: 'GET', path: '/api/v1/queue/position', query, ifNoneMatch } as const;
    const outcome = await this.#send('queue/position', request);
    this.#expectEcho('queue/position', outcome, clinic, user);
    return outcome;
  }

  /** Calls the next patient. Not repeated by itself: each call takes one more patient out of the line. */
  async call(clinic: ClinicId): Promise<Outcome<'queue/call'>> {
    const request = {
      method: 'POST',
      path: '/api/v1/queue/call',
      body: { clinic },
      token: this.#adminToken,
    } as const;
    const outcome = await this.#send('queue/call', request, false);
    if (outcome.kind === 'ok') {
      const { number, user, called, next_patient: next } = outcome.body;
      const same = [called, next].every((person) => person.number === number && person.user === user);
      if (!same) this.#ledger.breach('queue/call', 'the answer names different patients');
      this.#expectEcho('queue/call', outcome, clinic, user);
    }
    return outcome;
  }

  /** Leaves the clinic with its PIN. */
  async done(station: string, clinic: ClinicId, user: string, pin: string): Promise<Outcome<'queue/done'>> {
    const body = { clinic: station, user, pin };
    const outcome = await this.#send('queue/done', { method: 'POST', path: '/api/v1/queue/done', body });
    this.#expectEcho('queue/done', outcome, clinic, user);
    return outcome;
  }

  /** A clinic's line as its staff see it. */
  async status(clinic: ClinicId): Promise<Outcome<'queue/status'>> {
    const request = {
      method: 'GET',
      path: '/api/v1/queue/status',
      query: { clinic },
      token: this.#adminToken,
    } as const;
    const outcome = await this.#send('queue/status', request);
    if (outcome.kind !== 'ok') return outcome;
    const { body } = outcome;
    if (body.clinic !== clinic) this.#ledger.breach('queue/status', 'the answer is about another clinic');
    const agrees =
      body.waiting.length === body.total_waiting &&
      body.in.length === body.in_service &&
      body.done.length === body.completed;
    if (!agrees) this.#ledger.breach('queue/status', 'the counts do not agree with the lists');
    return outcome;
  }

  /** The PINs of the day, for staff. */
  pins(): Promise<Outcome<'pin/status'>> {
    return this.#send('pin/status', { method: 'GET', path: '/api/v1/pin/status', token: this.#adminToken });
  }

  #expectEcho(
    operation: OperationName,
    outcome:
      | Outcome<'queue/enter'>
      | Outcome<'queue/position'>
      | Outcome<'queue/call'>
      | Outcome<'queue/done'>,
    clinic: ClinicId,
    user: string,
  ): void {
    if (outcome.kind !== 'ok') return;
    if (outcome.body.clinic !== clinic) this.#ledger.breach(operation, 'the answer is about another clinic');
    if (outcome.body.user !== user) this.#ledger.breach(operation, 'the answer is about another user');
  }

  async #send<Name extends OperationName>(
    operation: Name,
    request: HttpRequest,
    repeatable = true,
  ): Promise<Outcome<Name>> {
    const answer = await this.#client.send(operation, request, repeatable);
    if (answer === undefined) {
      if (!repeatable) this.#ledger.callsOfUnknownOutcome += 1;
      return FAILED;
    }
    if (answer.requestId === null) this.#ledger.breach(operation, `${answer.status} without X-Request-Id`);
    const times = { sentAt: answer.sentAt, answeredAt: answer.answeredAt };
    if (answer.status === 304 && request.ifNoneMatch !== undefined) {
      if (answer.etag !== request.ifNoneMatch)
        this.#ledger.breach(operation, '304 with another ETag or none');
      return { kind: 'unchanged', ...times };
    }
    if (!answer.isJson) this.#ledger.breach(operation, `${answer.status} that is not application/json`);
    return answer.status === 200
      ? this.#success(operation, answer, times)
      : this.#refusal(operation, answer, times);
  }

  #success<Name extends OperationName>(operation: Name, answer: HttpAnswer, times: Times): Outcome<Name> {
    const parsed = BODIES[operation].safeParse(answer.body);
    if (!parsed.success) {
      const fields = parsed.error.issues.map((issue) => fieldName(issue.path));
      this.#ledger.breach(
        operation,
        `200 with wrong or missing fields: ${[...new Set(fields)].slice(0, 5).join(', ')}`,
      );
      return FAILED;
    }
    // The schema that was looked up is the one of this operation; the compiler cannot follow the index.
    return { kind: 'ok', body: parsed.data as BodyOf<Name>, etag: answer.etag ?? undefined, ...times };
  }

  #refusal<Name extends OperationName>(operation: Name, answer: HttpAnswer, times: Times): Outcome<Name> {
    const parsed = REFUSAL.safeParse(answer.body);
    if (!parsed.success) {
      this.#ledger.breach(operation, `${answer.status} without the error envelope`);
      return FAILED;
    }
    const { code } = parsed.data;
    if (ALLOWED_REFUSALS[operation]?.[code] !== answer.status) {
      this.#ledger.breach(operation, `unexpected ${answer.status} ${code}`);
      return FAILED;
    }
    if (answer.status === 429 && !/^[1-9]\d*$/.test(answer.retryAfter ?? '')) {
      this.#ledger.breach(operation, `429 ${code} without a Retry-After in seconds`);
    }
    const seconds = Number(answer.retryAfter ?? parsed.data.retry_after ?? 1);
    return {
      kind: 'refused',
      code,
      retryAfterMs: Number.isFinite(seconds) ? seconds * 1000 : 1000,
      ...times,
    };
  }
}
