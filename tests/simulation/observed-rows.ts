/** What lies in the tables after a step, in the words of the model: entries, events and versions. */

/** Emptied before each history. */
export const TABLES =
  'queues, queue_counters, pins, pin_attempts, events, routes, idempotency_keys, reports, job_runs';

/** One column `row`: each entry with how often it was called, a counter that does not fit them, the version of each line. */
export const OBSERVED_ROWS = `
  select concat_ws(' ', service_day, clinic_code, queue_number, patient_id, status, call_count) as row from queues
  union all
  select concat_ws(' ', 'counter of', clinic_code, service_day) from queue_counters c
    where last_number <> (select count(*) from queues q
      where q.clinic_code = c.clinic_code and q.service_day = c.service_day)
  union all
  select concat_ws(' ', 'version of', clinic_code, service_day, version) from queue_counters`;

/** Likewise the events of each number, for as long as no tick deletes old ones. */
export const OBSERVED_EVENTS = `
  select concat_ws(' ', 'events of', clinic_code, patient_id, data ->> 'queue_number',
      string_agg(event_type, ' ' order by event_type collate "C")) as row
    from events where patient_id is not null group by clinic_code, patient_id, data ->> 'queue_number'`;

/** Watches versions over a history. The model has none: of them it is only known that they never go back. */
export class Versions {
  readonly #last = new Map<string, number>();

  /** The rows without those of versions, and with a complaint for each version that went back. */
  check(rows: readonly string[]): string[] {
    return rows.flatMap((row) => {
      const [, line, version] = /^version of (.*) (\d+)$/.exec(row) ?? [];
      if (line === undefined) return [row];
      const before = this.#last.get(line) ?? 0;
      this.#last.set(line, Number(version));
      return Number(version) < before ? [`version of ${line}: ${before}, then ${version}`] : [];
    });
  }

  forget(): void {
    this.#last.clear();
  }
}
