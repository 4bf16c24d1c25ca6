// `pins:daily:<date>`, `pin:<clinic>` and `queue:interval:<clinic>`: one value for each clinic, whichever of its names
// the key has.
import type { Source } from './ledger.ts';
import { fieldsOf, textOf } from './previous-values.ts';
import type { Reading } from './reading.ts';
import type { IntervalRow, PinRow, Row } from './rows.ts';
import { refuse, Unreadable } from './unreadable.ts';

/** Gathers what clinics have. Several names of a clinic may say different things: the last one counts. */
export class ClinicValues {
  readonly #reading: Reading;
  readonly #pins = new Map<string, Row<PinRow> & { readonly isDated: boolean }>();
  readonly #intervals = new Map<string, Row<IntervalRow>>();

  constructor(reading: Reading) {
    this.#reading = reading;
  }

  /** The PINs of one date by clinic. Throws `Unreadable` for what is none. */
  readDailyPins(date: string | undefined, source: Source): void {
    const { ledger, today, attempt } = this.#reading;
    if (date === undefined || !/^\d{4}-\d{2}-\d{2}$/.test(date))
      throw new Unreadable('its date is unreadable');
    if (date !== today) {
      ledger.skip(source.entry, 'PINs of other days');
      return;
    }
    const pins = Object.entries(fieldsOf(source.value) ?? refuse('no object of PINs'));
    if (pins.length === 0) ledger.skip(source.entry, 'empty');
    for (const [place, [clinic, pin]] of pins.entries()) {
      const unnamed = { entry: source.entry, value: pin, part: `member ${place + 1}` };
      attempt(unnamed, () => {
        // Its name is shown once it is known to be a clinic's: it could be a PIN itself.
        const code = this.#reading.clinicOf(clinic);
        attempt({ ...unnamed, part: clinic }, () =>
          this.#addPin(code, pin, { ...unnamed, part: clinic }, true),
        );
      });
    }
  }

  /** A PIN without a date: it counts where the PINs of today have none. */
  readPin(clinic: string | undefined, source: Source): void {
    this.#addPin(this.#reading.clinicOf(clinic), source.value, source, false);
  }

  readInterval(clinic: string | undefined, source: Source): void {
    const minutes = Number(textOf(fieldsOf(source.value)?.interval_minutes ?? source.value));
    const seconds = Math.round(minutes * 60);
    if (!(seconds >= 30 && seconds <= 14_400)) throw new Unreadable('an interval has 0.5 to 240 minutes');
    const code = this.#reading.clinicOf(clinic);
    const known = this.#intervals.get(code);
    const isSame = known?.sent.seconds === seconds;
    if (known && !isSame) this.#reject(known.from, 'another interval of the same clinic comes later');
    const from = known && isSame ? [...known.from, source] : [source];
    this.#intervals.set(code, { sent: { clinic: code, seconds }, from });
  }

  pins(): Row<PinRow>[] {
    return [...this.#pins.values()];
  }

  intervals(): Row<IntervalRow>[] {
    return [...this.#intervals.values()];
  }

  #addPin(code: string, value: unknown, source: Source, isDated: boolean): void {
    const pin = textOf(fieldsOf(value)?.pin ?? value);
    if (pin === undefined || !/^[1-9]\d$/.test(pin))
      throw new Unreadable('a PIN has two digits, the first not 0');
    const row = { sent: { clinic: code, pin }, from: [source], isDated };
    const known = this.#pins.get(code);
    if (known === undefined) this.#pins.set(code, row);
    else if (known.sent.pin === pin) {
      this.#pins.set(code, { ...row, from: [...known.from, source], isDated: isDated || known.isDated });
    } else if (known.isDated && !isDated) this.#leaveOut([source]);
    else {
      if (isDated && !known.isDated) this.#leaveOut(known.from);
      else this.#reject(known.from, 'another PIN of the same clinic comes later');
      this.#pins.set(code, row);
    }
  }

  #leaveOut(sources: readonly Source[]): void {
    for (const { entry } of sources) this.#reading.ledger.skip(entry, 'PINs that those of today replace');
  }

  #reject(sources: readonly Source[], reason: string): void {
    for (const source of sources) this.#reading.ledger.reject(source, reason);
  }
}
