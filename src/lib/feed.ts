// What a kind of subscription does between the hub, which reads for all, and its own client.

import type { StreamEvent } from './event-frame.ts';
import type { Listener } from './event-hub.ts';
import type { PatientState } from './patient-frames.ts';

/** Where a stream begins, as the database found it. */
export interface StreamStart {
  readonly clinic: string | null;
  readonly admin: boolean;
  /** The cursor at which the client's last stream ended; null when there was none. */
  readonly after: string | null;
  /** Everything up to here is part of the start. */
  readonly cursor: string;
  readonly notifications: boolean;
  readonly states: readonly (PatientState & { readonly newer: boolean })[];
}

export interface Feed extends Listener {
  /** Sends what stands right after `connected`. */
  begin(start: StreamStart, day: string): void | Promise<void>;
  /** Sends an event; absent where what was missed is told as one state. */
  show?(event: StreamEvent): void;
}
