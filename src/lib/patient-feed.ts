// The stream of one patient: changes of the own state, told once, whatever else happens in the clinics.
import type { Clock } from './clock.ts';
import type { EventChannel } from './event-channel.ts';
import { later } from './event-cursor.ts';
import type { StreamEvent } from './event-frame.ts';
import type { Changes } from './event-hub.ts';
import type { Feed, StreamStart } from './feed.ts';
import { type PatientState, patientFrame } from './patient-frames.ts';

export class PatientFeed implements Feed {
  readonly admin = undefined;
  readonly user: string;
  readonly #channel: EventChannel;
  readonly #clock: Clock;
  readonly #states = new Map<string, PatientState>();
  /** The last call in each clinic. */
  readonly #calls = new Map<string, StreamEvent>();
  #clinic: string | null = null;
  #day = '';
  #lastId = '0-0';

  constructor(channel: EventChannel, clock: Clock, user: string) {
    this.#channel = channel;
    this.#clock = clock;
    this.user = user;
  }

  begin({ clinic, after, cursor, notifications, states }: StreamStart, day: string): void {
    this.#clinic = clinic;
    this.#day = day;
    this.#lastId = after ?? '0-0';
    for (const { newer, ...state } of states) {
      this.#states.set(state.clinic, state);
      if (newer && notifications) this.#tell(undefined, state, state.event ?? cursor);
    }
  }

  changed(day: string, { events, states, cursor, notifications }: Changes): void {
    if (day < this.#day) return;
    if (day > this.#day) {
      this.#day = day;
      this.#states.clear();
      this.#calls.clear();
    }
    for (const event of events) {
      if (event.type === 'CALLED' && event.user === this.user && event.clinic !== null) {
        this.#calls.set(event.clinic, event);
      }
    }
    for (const state of states) {
      if (state.user !== this.user || (this.#clinic !== null && state.clinic !== this.#clinic)) continue;
      const before = this.#states.get(state.clinic);
      if (before && before.version >= state.version) continue;
      this.#states.set(state.clinic, state);
      if (!notifications) continue;
      const call = this.#overtakenCall(before, state);
      if (call) this.#tell(before, { ...state, status: 'CALLED', display_number: 0 }, call.id);
      this.#tell(before, state, state.event ?? cursor);
    }
  }

  stopped(): void {
    this.#channel.end();
  }

  /** The call between two states that were read at one time: it is told too, however soon the next move came. */
  #overtakenCall(before: PatientState | undefined, now: PatientState): StreamEvent | undefined {
    const wasCalled = before?.number === now.number && before.status !== 'WAITING';
    if (wasCalled || (now.status !== 'IN_SERVICE' && now.status !== 'DONE')) return undefined;
    const call = this.#calls.get(now.clinic);
    return call?.number === now.number ? call : undefined;
  }

  #tell(before: PatientState | undefined, now: PatientState, id: string): void {
    const data = patientFrame(before, now, this.#clock.now().getTime());
    if (!data) return;
    this.#lastId = later(id, this.#lastId);
    this.#channel.send({ event: 'queue_update', data, id: this.#lastId });
  }
}
