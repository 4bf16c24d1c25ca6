// The staff of one clinic: look at the list while nobody is there, call when somebody waits, and call the next one
// when their patient has left.

import type { ClinicId } from './clinics.ts';
import type { Day } from './day.ts';
import { pause } from './pause.ts';

const LOOK_EVERY_MS = 300;

/** One clinic's desk. Its workers share one screen, so they often click at the same moment. */
class Desk {
  readonly #clinic: ClinicId;
  readonly #day: Day;
  readonly #closing: AbortSignal;
  #look: Promise<void> | undefined;
  #callsUnderWay = 0;

  constructor(clinic: ClinicId, day: Day, closing: AbortSignal) {
    this.#clinic = clinic;
    this.#day = day;
    this.#closing = closing;
  }

  /** One worker's shift, until the clinic closes. */
  async work(): Promise<void> {
    while (!this.#closing.aborted) {
      await this.#untilSomebodyWaits();
      while (!this.#closing.aborted && (await this.#callAndServe())) {
        // The last answer said that more people wait: no need to look at the list.
      }
    }
  }

  #untilSomebodyWaits(): Promise<void> {
    this.#look ??= this.#watchTheList().finally(() => {
      this.#look = undefined;
    });
    return this.#look;
  }

  async #watchTheList(): Promise<void> {
    while (!this.#closing.aborted) {
      const outcome = await this.#day.api.status(this.#clinic);
      if (outcome.kind === 'ok' && outcome.body.total_waiting > 0) return;
      await pause(LOOK_EVERY_MS, this.#closing);
    }
  }

  /** Calls, and waits until the patient has left. True when more people were waiting. */
  async #callAndServe(): Promise<boolean> {
    const { api, ledger, doors, pace } = this.#day;
    if (this.#callsUnderWay > 0) ledger.tried('calls at the same moment');
    this.#callsUnderWay += 1;
    const outcome = await api.call(this.#clinic).finally(() => {
      this.#callsUnderWay -= 1;
    });
    if (outcome.kind === 'refused') {
      ledger.tried('calls with nobody waiting');
      ledger.emptyCalls.push({
        clinic: this.#clinic,
        sentAt: outcome.sentAt,
        answeredAt: outcome.answeredAt,
      });
    }
    if (outcome.kind !== 'ok') {
      await pause(LOOK_EVERY_MS, this.#closing);
      return false;
    }
    const { number, user, waiting } = outcome.body;
    const { sentAt, answeredAt } = outcome;
    ledger.called({ clinic: this.#clinic, number, user, sentAt, answeredAt });
    // Somebody left over from an earlier run will not come.
    const known = ledger.visitOf(this.#clinic, user) !== undefined;
    await doors.watch(this.#clinic, user, known ? pace.patienceMs : pace.serviceMs, this.#closing);
    return waiting > 0;
  }
}

/** Runs a clinic with its workers until it closes. */
export async function staffClinic(
  clinic: ClinicId,
  workers: number,
  day: Day,
  closing: AbortSignal,
): Promise<void> {
  const desk = new Desk(clinic, day, closing);
  await Promise.all(
    Array.from({ length: workers }, () =>
      desk.work().catch((error: unknown) => {
        // Closing interrupts a pause by throwing; anything else is a fault of the demo.
        if (!closing.aborted) throw error;
      }),
    ),
  );
}
