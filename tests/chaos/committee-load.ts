/**
 * Patients who come at a steady pace, wait, are called and leave, staff who call them, and a steady stream of small
 * requests by which the rate is measured. Everybody repeats what was not answered, as the page's people do.
 */
import { randomUUID } from 'node:crypto';
import { tally } from '../support/sql-report.ts';
import { soak } from '../support/volume.ts';
import type { Stage } from './stage.ts';

/** One request. Times in milliseconds since the load began; status 0: there was no answer. */
export interface Sample {
  /** Without its query. */
  readonly path: string;
  readonly at: number;
  readonly took: number;
  readonly status: number;
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

/** What somebody was told. */
export interface Told {
  readonly clinic: string;
  readonly number: number;
  readonly user: string;
}

/** Milliseconds in which all who waited out the faults must be served, on a machine that does everything at once. */
export const SETTLE_LIMIT = 5 * 60_000;

const CLINICS = ['lab', 'xray', 'ecg'] as const;
const STAFF_PER_CLINIC = 2;
/** Milliseconds between two patients, two probes, two attempts, and two looks at an empty line. */
const ARRIVAL = soak ? 250 : 500;
const PROBE = 100;
const REPEAT = 250;
const IDLE = 600;
/** Milliseconds beyond which nobody doubles the pause between two attempts. */
const LONGEST_REPEAT = 2_000;
/** Milliseconds after which a client gives up; and after which an answer is too late to count for the rate. */
const PATIENCE = 8_000;
const PROMPT = 2_000;
/** The window of a rate, which share of the earlier one must be back, and how long that may take. */
const WINDOW = 1_000;
const BACK = 0.98;
export const RECOVERY_LIMIT = 10_000;
/** How long a machine that other tests keep busy may take until a fault can be told from its own slowness. */
const STEADY_LIMIT = 40_000;
const WHOLE_LIMIT = 10_000;
const CALM_LIMIT = 60_000;
/** People underway at the same time, where nobody waits for long. */
const CALM = 16;

/** Windows begin with a probe, so that all of one length hold the same number of them. */
const nextProbe = (moment: number) => Math.ceil(moment / PROBE) * PROBE;

const pause = (milliseconds: number) => new Promise<void>((wake) => setTimeout(wake, milliseconds));

export class CommitteeLoad {
  /** Every request of patients, staff and probes. */
  readonly samples: Sample[] = [];
  readonly entered: Told[] = [];
  readonly called: Told[] = [];
  readonly left: Told[] = [];
  readonly #probes: Omit<Sample, 'path'>[] = [];
  readonly #start = performance.now();
  readonly #patients: Promise<void>[] = [];
  readonly #others: Promise<void>[] = [];
  readonly stage: Stage;
  readonly #token: string;
  readonly #pins: Readonly<Record<string, { readonly pin: string }>>;
  #arriving = true;
  #working = true;

  private constructor(stage: Stage, token: string, pins: Readonly<Record<string, { readonly pin: string }>>) {
    this.stage = stage;
    this.#token = token;
    this.#pins = pins;
  }

  /** Begins, on a stage that works. */
  static async begin(stage: Stage): Promise<CommitteeLoad> {
    const post = (path: string, body: object) =>
      fetch(stage.url + path, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
      });
    const { token } = (await (await post('/api/v1/auth/login', stage.admin)).json()) as { token: string };
    const answer = await fetch(`${stage.url}/api/v1/pin/status`, {
      headers: { Authorization: `Bearer ${token}` },
    });
    const { pins } = (await answer.json()) as { pins: Record<string, { pin: string }> };
    const load = new CommitteeLoad(stage, token, pins);
    for (const clinic of CLINICS) {
      for (let count = 0; count < STAFF_PER_CLINIC; count += 1) load.#others.push(load.#callPatients(clinic));
    }
    load.#others.push(load.#letPatientsCome(), load.#probe());
    return load;
  }

  /** Lets everybody who came finish, then stops. Rejects when somebody does not within the limit. */
  async settle(): Promise<void> {
    this.#arriving = false;
    const late = AbortSignal.timeout(SETTLE_LIMIT);
    const tooLate = new Promise<never>((_, reject) =>
      late.addEventListener('abort', () => reject(this.#unfinished())),
    );
    await Promise.race([Promise.all(this.#patients), tooLate]).finally(() => {
      this.#working = false;
    });
    await Promise.all(this.#others);
  }

  #unfinished(): Error {
    const recent = this.samples.filter(({ at }) => at > this.now - PROMPT).map(({ status }) => `${status}`);
    return new Error(
      `${this.#patients.length} came, ${this.entered.length} entered, ${this.called.length} were called, ` +
        `${this.left.length} left; last answers ${JSON.stringify(tally(recent))}; ${this.stage.changes.slice(-6)}`,
    );
  }

  /** Probes sent a second. */
  readonly pace = 1000 / PROBE;

  get now(): number {
    return performance.now() - this.#start;
  }

  /** Probes a second that were sent within this time and promptly answered with success. */
  rate(from: number, to: number): number {
    const good = this.#probes.filter(
      ({ at, took, status }) => at >= from && at < to && status >= 200 && status < 300 && took < PROMPT,
    );
    return (good.length * 1000) / (to - from);
  }

  /** The rate of the first whole window without a failure, or of the last one looked at. */
  async steadyRate(): Promise<number> {
    const since = this.now;
    for (;;) {
      const from = nextProbe(this.now);
      await this.#until(from + WINDOW);
      const rate = this.rate(from, from + WINDOW);
      if (rate >= this.pace || this.now > since + STEADY_LIMIT) return rate;
    }
  }

  /** Until nothing of an earlier fault is held back; on a machine too slow for Redis' 300 ms that never lasts. */
  async whole(): Promise<void> {
    for (const end = this.now + WHOLE_LIMIT; !this.stage.isWhole() && this.now < end; ) await pause(10);
  }

  /** Until nobody is there but whoever came just now; not for ever on a machine that is too slow for those who come. */
  async calm(): Promise<void> {
    const underway = () => this.#patients.length - this.left.length;
    for (const end = this.now + CALM_LIMIT; underway() > CALM && this.now < end; ) await pause(10);
  }

  /**
   * Milliseconds from `since` until the rate is at least this share of the earlier one for a whole window, or
   * undefined when it is not within the limit.
   */
  async recovery(since: number, earlier: number, limit = RECOVERY_LIMIT): Promise<number | undefined> {
    for (let from = nextProbe(since); from <= since + limit; from += PROBE) {
      await this.#until(from + WINDOW);
      if (this.rate(from, from + WINDOW) >= earlier * BACK) return Math.round(from - since);
    }
    return undefined;
  }

  /** Answers of 500 and above, of all requests that were answered. */
  serverErrors(): { readonly count: number; readonly answers: number } {
    const answers = this.samples.filter(({ status }) => status > 0);
    return { count: answers.filter(({ status }) => status >= 500).length, answers: answers.length };
  }

  /** Until every probe sent before this moment was answered, or is too late to count. */
  async #until(moment: number): Promise<void> {
    while (this.now < moment || this.#pending(moment)) await pause(10);
  }

  #pending(moment: number): boolean {
    return [...this.#open].some((at) => at < moment && at > this.now - PROMPT);
  }

  readonly #open = new Set<number>();

  async #letPatientsCome(): Promise<void> {
    for (let index = 0; this.#arriving; index += 1) {
      await pause(index * ARRIVAL - this.now);
      if (!this.#arriving) return;
      const clinic = CLINICS[index % CLINICS.length] ?? 'lab';
      this.#patients.push(this.#visit(clinic, `chaos-${index}`));
    }
  }

  /** Half of them write, half read, at fixed moments: a slow answer delays none of those that follow. */
  async #probe(): Promise<void> {
    const running = new Set<Promise<void>>();
    for (let index = 0; this.#working; index += 1) {
      // The moment it was due: a machine that is late with one is not taken for a service that is slow.
      const at = index * PROBE;
      await pause(at - this.now);
      const sent = this.now;
      this.#open.add(at);
      const asked =
        index % 2 === 0
          ? this.#ask('POST', '/api/v1/queue/enter', { clinic: 'bones', user: 'probe' })
          : this.#ask('GET', '/api/v1/queue/status?clinic=bones');
      const work = asked.then((answer) => {
        this.#probes.push({ at, took: this.now - sent, status: answer?.status ?? 0 });
        this.#open.delete(at);
        running.delete(work);
      });
      running.add(work);
    }
    await Promise.all(running);
  }

  async #visit(clinic: string, user: string): Promise<void> {
    const entry = await this.#insist('POST', '/api/v1/queue/enter', { clinic, user });
    this.entered.push({ clinic, user, number: Number(entry.body.number) });
    let tag = '';
    for (let status = ''; status !== 'CALLED'; ) {
      const place = await this.#insist(
        'GET',
        `/api/v1/queue/position?clinic=${clinic}&user=${user}`,
        undefined,
        tag === '' ? {} : { 'If-None-Match': tag },
      );
      tag = place.headers.get('etag') ?? '';
      if (place.status === 200) status = String(place.body.status);
    }
    const pin = this.#pins[clinic]?.pin;
    const exit = await this.#insist('POST', '/api/v1/queue/done', { clinic, user, pin });
    this.left.push({ clinic, user, number: Number(exit.body.number) });
  }

  /** One member of the staff. The key makes a repeated call the same call. */
  async #callPatients(clinic: string): Promise<void> {
    while (this.#working) {
      const { status, body } = await this.#insist(
        'POST',
        '/api/v1/queue/call',
        { clinic },
        { Authorization: `Bearer ${this.#token}`, 'Idempotency-Key': randomUUID() },
        [404],
      );
      if (status === 200) {
        this.called.push({ clinic, user: String(body.user), number: Number(body.number) });
      } else {
        await pause(IDLE);
      }
    }
  }

  /** Asks until there is an answer that is one. Throws for a refusal that is not expected. */
  async #insist(
    method: string,
    path: string,
    json?: object,
    headers: Readonly<Record<string, string>> = {},
    expected: readonly number[] = [],
  ): Promise<Answer> {
    for (let attempt = 0; ; attempt += 1) {
      const answer = await this.#ask(method, path, json, headers);
      if (answer && (answer.status < 400 || expected.includes(answer.status))) return answer;
      const isInProgress = answer?.body.code === 'IDEMPOTENCY_IN_PROGRESS';
      if (answer && answer.status < 500 && !isInProgress) {
        throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
      }
      await pause(Math.min(LONGEST_REPEAT, REPEAT * 2 ** attempt) * (0.5 + Math.random() / 2));
    }
  }

  async #ask(
    method: string,
    path: string,
    json?: object,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer | undefined> {
    const at = this.now;
    let status = 0;
    try {
      const answer = await fetch(this.stage.url + path, {
        method,
        headers: { ...(json && { 'Content-Type': 'application/json' }), ...headers },
        ...(json && { body: JSON.stringify(json) }),
        signal: AbortSignal.timeout(PATIENCE),
      });
      const text = await answer.text();
      status = answer.status;
      return { status, headers: answer.headers, body: text === '' ? {} : JSON.parse(text) };
    } catch {
      return undefined;
    } finally {
      this.samples.push({ path: path.split('?')[0] ?? path, at, took: this.now - at, status });
    }
  }
}
