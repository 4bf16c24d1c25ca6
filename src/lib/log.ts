// One line of JSON per event. Only the fields named here can be written: no id of a person, no PIN, no secret.

export interface LogFields {
  readonly event: string;
  readonly request_id?: string;
  readonly route?: string;
  readonly status?: number;
  /** The class of an error and the SQLSTATE behind it, never its text. */
  readonly error?: string;
  readonly sql_state?: string;
  /** Where an unforeseen error was thrown: the first frames of its stack, without its text. */
  readonly at?: readonly string[];
  /** How often a page refreshed in vain before it reloaded itself. */
  readonly retries?: number;
}

export type Log = (level: 'info' | 'warn' | 'error', fields: LogFields) => void;

/** Writes to the console, which every target collects. */
export const consoleLog: Log = (level, fields) => {
  console[level](JSON.stringify({ level, time: new Date().toISOString(), ...fields }));
};
