/** The page's patient screen: what it asks, in its order, and what it then shows. */
import { randomBytes } from 'node:crypto';
import { until } from '../support/until.ts';
import type { PageBrowser, Seen } from './page-browser.ts';
import { CLINICS, type Clinic } from './queue-client.ts';

/** What stands on the patient's screen. */
export interface Display {
  readonly display_number: number;
  readonly ahead: number;
  readonly total_waiting: number;
  readonly estimated_wait_minutes: number;
}

export interface PageStation {
  readonly id: string;
  readonly clinic: Clinic;
}

/** The ten stations of a recruit, by the codes that the page sends. */
export const RECRUITMENT: readonly Clinic[] = [
  'lab',
  'xray',
  'vitals',
  'eyes',
  'internal',
  'surgery',
  'ent',
  'psychiatry',
  'dental',
  'derma',
];

/** An id as the page makes its own: epoch milliseconds and nine of [a-z0-9]. */
export function pageId(): string {
  const letters = [...randomBytes(9)].map((byte) => (byte % 36).toString(36)).join('');
  return `${Date.now()}-${letters}`;
}

/** A PIN as somebody types it on an Arabic keyboard. */
export function typed(pin: string): string {
  return ` ${[...pin].map((digit) => String.fromCharCode(0x660 + Number(digit))).join('')} `;
}

export class PagePatient {
  readonly browser: PageBrowser;
  readonly user: string;
  /** Answers to `queue/position` that the screen could not read. */
  readonly failures: Seen[] = [];
  display: Display | undefined;
  #watching: { stop: AbortController; ended: Promise<void> } | undefined;

  constructor(browser: PageBrowser, user: string) {
    this.browser = browser;
    this.user = user;
  }

  /** The route as the page computes and sends it: the shortest line first, a weight that it could not read as []. */
  async createRoute(): Promise<{ answer: Seen; stations: readonly PageStation[] }> {
    const stations = await Promise.all(
      RECRUITMENT.map(async (clinic) => {
        const { arabic, floorCode, code } = CLINICS[clinic];
        const { body } = await this.browser.get(`/api/v1/queue/status?clinic=${code.toLowerCase()}`);
        const weight: unknown = clinic === 'derma' ? [] : body.total_waiting;
        return {
          id: code.toLowerCase(),
          clinic,
          name: arabic,
          nameAr: arabic,
          floor: `F${floorCode}`,
          floorCode,
          code,
          weight,
        };
      }),
    );
    stations.sort((one, other) => Number(one.weight) - Number(other.weight));
    const answer = await this.browser.post('/api/v1/route/create', {
      patientId: this.user,
      examType: 'recruitment',
      gender: 'male',
      stations: stations.map(({ clinic: _clinic, ...sent }) => sent),
    });
    return { answer, stations };
  }

  enter(clinic: string, isAutoEntry: boolean): Promise<Seen> {
    return this.browser.post('/api/v1/queue/enter', { clinic, user: this.user, isAutoEntry });
  }

  done(clinic: string, pin: string): Promise<Seen> {
    return this.browser.post('/api/v1/queue/done', { clinic, user: this.user, pin });
  }

  /** Asks for the place again as soon as there is an answer, until `leave`. */
  watch(clinic: string): void {
    const stop = new AbortController();
    this.display = undefined;
    this.#watching = { stop, ended: this.#ask(clinic, stop.signal) };
  }

  async leave(): Promise<void> {
    this.#watching?.stop.abort();
    await this.#watching?.ended;
  }

  /** Milliseconds from now until the screen shows it. */
  async shows(what: string, accept: (display: Display) => boolean): Promise<number> {
    const from = performance.now();
    await until(
      `the screen shows ${what}`,
      () => this.display,
      (display) => display !== undefined && accept(display),
    );
    return performance.now() - from;
  }

  async #ask(clinic: string, signal: AbortSignal): Promise<void> {
    const path = `/api/v1/queue/position?clinic=${clinic}&user=${this.user}`;
    while (!signal.aborted) {
      const answer = await this.browser.get(path, signal).catch(() => undefined);
      if (answer === undefined || signal.aborted) return;
      const { success, display_number, ahead } = answer.body;
      if (answer.ok && success && display_number >= -1 && ahead >= 0) this.display = answer.body;
      else {
        this.failures.push(answer);
        return;
      }
    }
  }
}
