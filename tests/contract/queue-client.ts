/** What patients and staff do, with what the contract says they get back. Every step fails unless it succeeds. */
import { expect } from 'vitest';
import { type Answer, type RequestOptions, request } from './http.ts';
import type { Target } from './target.ts';

export interface Entry {
  readonly number: number;
  readonly status: string;
  readonly position: number;
  readonly ahead: number;
  readonly total_waiting: number;
  readonly entry_time: string;
}

export interface Line {
  readonly list: readonly { readonly number: number; readonly user: string; readonly status: string }[];
  readonly current: number | null;
  readonly total_waiting: number;
  readonly in_service: number;
  readonly completed: number;
  readonly total: number;
  readonly waiting: readonly { readonly ticket: number; readonly visitId: string }[];
  readonly in: readonly { readonly ticket: number; readonly visitId: string }[];
  readonly done: readonly { readonly ticket: number; readonly visitId: string }[];
}

export interface Pins {
  readonly pins: Readonly<Record<string, { readonly pin: string; readonly generatedAt: string }>>;
  readonly totalIssued: number;
  readonly allPins: readonly string[];
  readonly currentPin: string | null;
}

export interface Station {
  readonly id: string;
  readonly clinic: string;
  readonly status: string;
  readonly weight: number;
  readonly entryTime: string | null;
  readonly exitTime: string | null;
}

export interface Route {
  readonly routeId: string;
  readonly stations: readonly Station[];
  readonly clinics: readonly string[];
  readonly current: string | null;
  readonly completed: readonly string[];
  readonly currentStep: number;
  readonly status: string;
}

/** The clinics of the contract (1.5), in their order, with every other name they go by. */
export const CLINICS = {
  lab: { aliases: ['clinic1'], arabic: 'المختبر', floorCode: 'M', code: 'LAB' },
  xray: { aliases: ['xr'], arabic: 'الأشعة', floorCode: 'M', code: 'XR' },
  vitals: { aliases: ['bio'], arabic: 'القياسات الحيوية', floorCode: '2', code: 'BIO' },
  ecg: { aliases: [], arabic: 'تخطيط القلب', floorCode: '2', code: 'ECG' },
  audio: { aliases: ['aud', 'audiology'], arabic: 'قياس السمع', floorCode: '2', code: 'AUD' },
  eyes: { aliases: ['eye', 'ophthalmology'], arabic: 'العيون', floorCode: '2', code: 'EYE' },
  internal: { aliases: ['int'], arabic: 'الباطنية', floorCode: '2', code: 'INT' },
  ent: { aliases: [], arabic: 'أنف وأذن وحنجرة', floorCode: '2', code: 'ENT' },
  surgery: { aliases: ['sur'], arabic: 'الجراحة العامة', floorCode: '2', code: 'SUR' },
  dental: { aliases: ['dnt'], arabic: 'الأسنان', floorCode: '2', code: 'DNT' },
  psychiatry: { aliases: ['psy', 'psychology'], arabic: 'الطب النفسي', floorCode: '2', code: 'PSY' },
  derma: { aliases: ['der', 'dermatology'], arabic: 'الجلدية', floorCode: '3', code: 'DER' },
  bones: { aliases: ['ortho', 'orthopedics'], arabic: 'العظام', floorCode: '2', code: '-' },
} as const;

export type Clinic = keyof typeof CLINICS;
export const CLINIC_IDS = Object.keys(CLINICS) as Clinic[];

/** A client of one target. `token` is an admin's, fresh for this test file. */
export class QueueClient {
  readonly url: string;
  readonly token: string;

  private constructor(url: string, token: string) {
    this.url = url;
    this.token = token;
  }

  static async open({ url, admin }: Target): Promise<QueueClient> {
    const answer = await request(url, 'POST', '/api/v1/auth/login', { json: admin });
    expect(answer.status, answer.text).toBe(200);
    return new QueueClient(url, String(answer.body.token));
  }

  get(path: string, options: RequestOptions = {}): Promise<Answer> {
    return request(this.url, 'GET', path, options);
  }

  post(path: string, json: unknown, options: RequestOptions = {}): Promise<Answer> {
    return request(this.url, 'POST', path, { json, ...options });
  }

  async enter(clinic: string, user: string): Promise<Entry> {
    return this.#ok<Entry>(this.post('/api/v1/queue/enter', { clinic, user }));
  }

  /** The line as an admin sees it. */
  async line(clinic: string): Promise<Line> {
    return this.#ok<Line>(this.get(`/api/v1/queue/status?clinic=${clinic}`, { token: this.token }));
  }

  call(clinic: string): Promise<Answer> {
    return this.post('/api/v1/queue/call', { clinic }, { token: this.token });
  }

  /** Calls patients until it is the turn of this one. */
  async callUntil(clinic: string, user: string): Promise<void> {
    for (;;) {
      const { body, status, text } = await this.call(clinic);
      expect(status, text).toBe(200);
      if (body.user === user) return;
    }
  }

  /** Calls everybody who waits. */
  async drain(clinic: string): Promise<void> {
    for (;;) {
      const { status, body } = await this.call(clinic);
      if (status === 200) continue;
      expect(body.code).toBe('NO_PATIENTS_WAITING');
      return;
    }
  }

  pins(): Promise<Pins> {
    return this.#ok<Pins>(this.get('/api/v1/pin/status', { token: this.token }));
  }

  async pin(clinic: string): Promise<string> {
    const pin = (await this.pins()).pins[clinic]?.pin;
    expect(pin).toMatch(/^[1-9][0-9]$/);
    return String(pin);
  }

  /** A PIN of two digits that no clinic has today. */
  async wrongPin(): Promise<string> {
    const { allPins } = await this.pins();
    const free = Array.from({ length: 90 }, (_, index) => String(index + 10)).find(
      (pin) => !allPins.includes(pin),
    );
    if (free === undefined) throw new Error('ninety clinics');
    return free;
  }

  done(clinic: string, user: string, pin: string | undefined): Promise<Answer> {
    return this.post('/api/v1/queue/done', { clinic, user, pin });
  }

  async route(user: string, stations: readonly unknown[]): Promise<Route> {
    const { route } = await this.#ok<{ route: Route }>(
      this.post('/api/v1/route/create', { patientId: user, stations }),
    );
    return route;
  }

  async #ok<T>(pending: Promise<Answer>): Promise<T> {
    const answer = await pending;
    expect(answer.status, answer.text).toBe(200);
    return answer.body as T;
  }
}
