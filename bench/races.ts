// What is raced against what: the loads, and who runs in each.
import { type Contender, floor, ours, oursWithRoute, plan } from './contenders.ts';
import type { Scenario } from './load.ts';

/** One scenario and the contenders that take turns in it. */
export interface Race {
  readonly title: string;
  readonly scenario: Scenario;
  readonly contenders: readonly Contender[];
  /** Whether our functions must reach the goal here. */
  readonly counts: boolean;
}

export const MOST_CLIENTS = 64;

/** A committee's day: the load moves on to a new service day after as many numbers in each clinic. */
const PEOPLE_PER_LINE = 200;

/** One wave: three lines of 200 before a single door, or 50 people before each of several. */
const waveOf = (clinics: number): number => (clinics === 1 ? 600 : 50 * clinics);
const quickWaveOf = (clinics: number): number => (clinics === 1 ? 200 : 20 * clinics);

const ALL = [ours, floor, plan];

/** The races of a full run, or the few of a quick one. */
export function racesFor(clinics: readonly string[], quick: boolean): Race[] {
  const usual = (clients: number, count: number, prepared: boolean): Scenario => ({
    clients,
    clinics: clinics.slice(0, count),
    peoplePerLine: PEOPLE_PER_LINE,
    waitingBefore: 0,
    operations: quick ? quickWaveOf(count) : waveOf(count),
    prepared,
  });
  const grid = (title: string, prepared: boolean, counts: boolean): Race[] =>
    [1, clinics.length].flatMap((count) =>
      (quick ? [16, MOST_CLIENTS] : [1, 16, MOST_CLIENTS]).map((clients) => ({
        title,
        scenario: usual(clients, count, prepared),
        contenders: ALL,
        counts,
      })),
    );
  const asSent = grid('Statements as the application sends them: parsed and planned each time', false, true);
  if (quick) return asSent;

  return [
    ...asSent,
    ...grid('Statements prepared once on each connection', true, false),
    {
      title: 'As sent, by patients with a route through all clinics',
      scenario: usual(16, clinics.length, false),
      contenders: [oursWithRoute, floor],
      counts: false,
    },
    {
      title: 'As sent, with 2,000 people in the line: far beyond a committee, shows what counting them costs',
      scenario: { ...usual(16, 1, false), waitingBefore: 2000, peoplePerLine: Number.MAX_SAFE_INTEGER },
      contenders: ALL,
      counts: false,
    },
  ];
}
