// The load: a crowd that enters the lines and is called, one stretch after the other, over a number of connections.
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { Contender, Line, Statement } from './contenders.ts';

/** How a load looks. */
export interface Scenario {
  readonly clients: number;
  readonly clinics: readonly string[];
  /** Numbers a line gives before the load moves on to the next service day. */
  readonly peoplePerLine: number;
  /** People who wait in every line before the first operation, and so at any time. */
  readonly waitingBefore: number;
  /** Enters of one wave, and calls after them. */
  readonly operations: number;
  /** Whether each connection prepares its statements once, or sends them to be parsed and planned every time. */
  readonly prepared: boolean;
}

/** What one kind of operation came to in one wave. */
export interface Stretch {
  readonly seconds: number;
  readonly latenciesMs: readonly number[];
  /** What was handed out: a line and a number, or a patient; null where an operation got nothing. */
  readonly handedOut: readonly (string | null)[];
}

/** A crowd that came and was called. */
export interface Wave {
  readonly enter: Stretch;
  readonly call: Stretch;
}

/** A contender in a scenario. It goes on where it stopped: the second wave of a day takes the numbers after the first. */
export interface Load {
  /** Enters a crowd, then calls as often. */
  wave(): Promise<Wave>;
}

/** Gives out service days, each once, so that no load meets the people of another. */
export type Calendar = () => string;

/** Days from the first one on; the default lies beyond every other day in the benchmark's database. */
export function createCalendar(firstDay = '2100-01-01'): Calendar {
  const next = new Date(firstDay);
  return () => {
    const day = next.toISOString().slice(0, 10);
    next.setUTCDate(next.getUTCDate() + 1);
    return day;
  };
}

/** A load over the first `clients` connections; every line it uses is on days of its own. */
/** Makes a load that has not begun yet. */
export function createLoad(
  connections: readonly pg.Client[],
  contender: Contender,
  scenario: Scenario,
  nextDay: Calendar,
): Load {
  const { clients, clinics, peoplePerLine, waitingBefore, operations, prepared } = scenario;
  const used = connections.slice(0, clients);
  const days: string[] = [];
  let waves = 0;

  /** Around the clinics, and on to the next day when their lines are full. */
  function lineOf(operation: number): Line {
    const person = Math.floor(operation / clinics.length);
    return {
      clinic: clinics[operation % clinics.length] ?? '',
      day: days[Math.floor(person / peoplePerLine)] ?? '',
    };
  }

  async function openDaysUntil(operation: number): Promise<void> {
    while (days.length * peoplePerLine * clinics.length < operation) {
      const day = nextDay();
      days.push(day);
      if (waitingBefore === 0) continue;
      for (const clinic of clinics) {
        for (const statement of contender.fill({ clinic, day }, waitingBefore)) {
          await connections[0]?.query(asQuery(statement, false));
        }
      }
    }
  }

  async function register(visits: readonly { line: Line; patient: string }[]): Promise<void> {
    if (!contender.register) return;
    for (const day of new Set(visits.map(({ line }) => line.day))) {
      const patients = visits.filter(({ line }) => line.day === day).map(({ patient }) => patient);
      await connections[0]?.query(asQuery(contender.register(day, patients), false));
    }
  }

  return {
    async wave() {
      const first = waves * operations;
      waves += 1;
      await openDaysUntil(first + operations);
      const visits = Array.from({ length: operations }, (_, index) => ({
        line: lineOf(first + index),
        patient: randomUUID(),
      }));
      await register(visits);
      const entered = await run(
        used,
        prepared,
        visits.map(({ line, patient }) => contender.enter(line, patient)),
      );
      const called = await run(
        used,
        prepared,
        visits.map(({ line }) => contender.call(line)),
      );
      return {
        enter: stretch(entered, (result, index) => {
          const number = contender.numberOf(result);
          const line = visits[index]?.line;
          return number === null || !line ? null : `${line.clinic} ${line.day} ${number}`;
        }),
        call: stretch(called, (result) => contender.calledOf(result)),
      };
    },
  };
}

interface Run {
  readonly seconds: number;
  readonly latenciesMs: readonly number[];
  readonly results: readonly unknown[];
}

/** Each connection has one statement under way, until all are done. */
async function run(
  connections: readonly pg.Client[],
  prepared: boolean,
  statements: readonly Statement[],
): Promise<Run> {
  const latenciesMs = new Array<number>(statements.length).fill(0);
  const results = new Array<unknown>(statements.length);
  const waiting = statements.entries();
  const began = performance.now();
  await Promise.all(
    connections.map(async (connection) => {
      for (const [index, statement] of waiting) {
        const sent = performance.now();
        const { rows } = await connection.query<[unknown]>({
          ...asQuery(statement, prepared),
          rowMode: 'array',
        });
        latenciesMs[index] = performance.now() - sent;
        results[index] = rows[0]?.[0];
      }
    }),
  );
  return { seconds: (performance.now() - began) / 1000, latenciesMs, results };
}

function stretch(
  { seconds, latenciesMs, results }: Run,
  keyOf: (result: unknown, index: number) => string | null,
): Stretch {
  return { seconds, latenciesMs, handedOut: results.map(keyOf) };
}

/** Both kinds travel in the extended protocol, with their values apart. */
function asQuery({ name, text, values }: Statement, prepared: boolean): pg.QueryConfig {
  return { ...(prepared && { name }), text, values: [...values] };
}
