// One line of JSON per event. Only the fields named here can be written: no id of a person, no PIN, no secret.

/** From the few to the many: a level shows itself and all before it. */
export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;

export type LogLevel = (typeof LOG_LEVELS)[number];

/** The names that monitors search for. They never change their meaning. */
export type LogEvent =
  | 'request'
  | 'breaker_changed'
  | 'job_done'
  | 'tick_step_failed'
  | 'unhandled_error'
  | 'queue_gauges_unavailable'
  | 'client_address_missing'
  | 'page_recovery';

export interface LogFields {
  readonly event: LogEvent;
  readonly request_id?: string;
  readonly method?: string;
  /** A path of the route table, or `unmatched`: never the path that was asked for. */
  readonly route?: string;
  /** As in the metrics: before web page mode rewrote it. */
  readonly status?: number;
  /** The code of a refused request. */
  readonly code?: string;
  /** Milliseconds, without those for which a long-poll was held. */
  readonly duration_ms?: number;
  readonly db_ms?: number;
  readonly redis_ms?: number;
  readonly target?: string;
  /** The dependency whose circuit breaker went from one state to another. */
  readonly service?: string;
  readonly from?: string;
  readonly to?: string;
  readonly job?: string;
  /** How many steps of a job failed. */
  readonly failed?: number;
  /** The class of an error and the SQLSTATE behind it, never its text. */
  readonly error?: string;
  readonly sql_state?: string;
  /** Where an unforeseen error was thrown: the first frames of its stack, without its text. */
  readonly at?: readonly string[];
  /** How often a page refreshed in vain before it reloaded itself. */
  readonly retries?: number;
}

/** What a line may hold. The type alone would not stop an object that brings more fields than it shows. */
const WRITTEN: Readonly<Record<keyof LogFields | 'level' | 'time', true>> = {
  level: true,
  time: true,
  event: true,
  request_id: true,
  method: true,
  route: true,
  status: true,
  code: true,
  duration_ms: true,
  db_ms: true,
  redis_ms: true,
  target: true,
  service: true,
  from: true,
  to: true,
  job: true,
  failed: true,
  error: true,
  sql_state: true,
  at: true,
  retries: true,
};

const ALLOWED = Object.keys(WRITTEN);

export type Log = (level: LogLevel, fields: LogFields) => void;

/** Writes to the console, which every target collects, what is at least as grave as `shown`. */
export function createLog(shown: LogLevel): Log {
  const count = LOG_LEVELS.indexOf(shown);
  return (level, fields) => {
    if (LOG_LEVELS.indexOf(level) > count) return;
    console[level](JSON.stringify({ level, time: new Date().toISOString(), ...fields }, ALLOWED));
  };
}

/** For what happens where no settings could be read. */
export const consoleLog = createLog('info');
