// What patients and staff of one day share: the API, the book, the time scale, and what people in one building
// know of each other without asking a server.

import type { Api, Outcome } from './api.ts';
import { CLINIC_IDS, type ClinicId } from './clinics.ts';
import type { OperationName } from './contract.ts';
import type { Ledger } from './ledger.ts';
import { pause } from './pause.ts';
import type { Random } from './random.ts';

/** How long things take on this day. */
export interface Pace {
  readonly serviceMs: number;
  /** From one clinic to the next. */
  readonly walkMs: number;
  /** How long staff wait for a called patient to come and leave before they call the next one. */
  readonly patienceMs: number;
}

export interface Day {
  readonly api: Api;
  readonly ledger: Ledger;
  readonly pace: Pace;
  readonly random: Random;
  readonly pins: PinBoard;
  readonly doors: Doors;
  readonly signal: AbortSignal;
}

/**
 * Scales the day: the busiest clinics see nearly everybody, so their two workers have twice the time between two
 * arrivals for each patient. Most of it is service; the rest is for the server and for catching up after the rush.
 */
export function paceOf(patients: number, windowMs: number): Pace {
  const slotMs = (2 * windowMs) / patients;
  const serviceMs = Math.min(120_000, Math.max(20, slotMs * 0.85));
  return { serviceMs, walkMs: serviceMs / 3, patienceMs: 2500 + serviceMs * 4 };
}

/** The PINs as the staff of each clinic know them. */
export class PinBoard {
  readonly #pins = new Map<ClinicId, string>();

  /** Reads the PINs of the day; true when every clinic has one of its own. */
  async read(api: Api): Promise<boolean> {
    const outcome = await api.pins();
    if (outcome.kind !== 'ok') return false;
    for (const clinic of CLINIC_IDS) {
      const pin = outcome.body.pins[clinic]?.pin;
      if (pin === undefined) return false;
      this.#pins.set(clinic, pin);
    }
    return new Set(this.#pins.values()).size === CLINIC_IDS.length;
  }

  /** What the staff of the clinic tell the patient. */
  of(clinic: ClinicId): string {
    return this.#pins.get(clinic) ?? '';
  }
}

/** The doors between the rooms: staff see a patient leave, and need no request for it. */
export class Doors {
  readonly #gone = new Set<string>();
  readonly #watchers = new Map<string, () => void>();

  /** The patient has left the clinic. */
  leave(clinic: ClinicId, user: string): void {
    const key = `${clinic} ${user}`;
    this.#gone.add(key);
    this.#watchers.get(key)?.();
  }

  /** Waits until the patient has left, at most as long as patience lasts, or until the signal ends the wait. */
  watch(clinic: ClinicId, user: string, patienceMs: number, signal: AbortSignal): Promise<void> {
    const key = `${clinic} ${user}`;
    if (this.#gone.has(key) || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        this.#watchers.delete(key);
        resolve();
      };
      const timer = setTimeout(end, patienceMs);
      signal.addEventListener('abort', end, { once: true });
      this.#watchers.set(key, end);
    });
  }
}

/** Does as the page does after an answer it cannot use: tries three times more, then gives up. */
export async function insist<Name extends OperationName>(
  day: Day,
  ask: () => Promise<Outcome<Name>>,
): Promise<Outcome<Name>> {
  for (let tries = 1; ; tries += 1) {
    const outcome = await ask();
    if (outcome.kind !== 'failed' || tries > 3) return outcome;
    await pause(500 * tries, day.signal);
  }
}
