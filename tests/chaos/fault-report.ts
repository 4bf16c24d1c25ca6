/** Faults of a stage, one after the other under load, and a line for each. */
import { expect } from 'vitest';
import { soak } from '../support/volume.ts';
import { type Capacity, capacityOf } from './capacity.ts';
import { type CommitteeLoad, RECOVERY_LIMIT, type Sample } from './committee-load.ts';

/** Milliseconds for which a fault lasts that shows at once; every one in the soak. What is tested, not a wait. */
const SHORT = 1_200;
const LONG = 12_000;

/** Windows of a capacity, in milliseconds and before a fault; and how much of it must be back after one. */
const WINDOW = soak ? 1_000 : 300;
const WINDOWS = 3;
/** A machine that does other things beside a short test cannot tell 98 from 100 % of what it can do at most. */
const BACK = soak ? { share: 0.98, p95: 2 } : { share: 0.5, p95: 3 };

/** Milliseconds for a test of one fault: until the load is steady, the fault, and the recovery. */
export const FAULT_LIMIT = (soak ? 5 : 2) * 60_000;

/** What was seen while a fault was there. */
export interface Seen {
  /** Every request that began meanwhile. */
  readonly samples: readonly Sample[];
  /** Every change of a breaker meanwhile, as `service from to`. */
  readonly changes: readonly string[];
}

export interface Fault {
  readonly name: string;
  /** Milliseconds, where the fault needs more than a moment until anybody feels it. */
  readonly lasts?: number;
  /** Whether its capacity is measured outside the soak too: it costs all that the machine has. */
  readonly fill?: boolean;
  /** Breaks something, and mends it after the given time unless it mends itself. */
  strike(lasts: number): Promise<void>;
  /** Whether it did what it is for: nothing is proved by a fault that nobody felt. */
  felt?(seen: Seen): boolean | Promise<boolean>;
}

/**
 * Lets it happen; within ten seconds after it ended the rate must be back at 98 % of the earlier one. Once all are served
 * who waited meanwhile, which has no such limit, the service must within ten seconds do as much as before, as quickly.
 */
export async function survive(load: CommitteeLoad, fault: Fault): Promise<void> {
  const { name, lasts = SHORT, fill = soak, felt = () => true } = fault;
  const earlier = await load.steadyRate();
  expect(earlier, 'the rate before').toBeGreaterThan(0.9 * load.pace);
  await load.whole();
  const full = fill ? await usualCapacity(load) : undefined;
  const changesBefore = load.stage.changes.length;
  const began = load.now;
  await fault.strike(soak ? LONG : lasts);
  const ended = load.now;
  const changes = load.stage.changes.slice(changesBefore);
  const recovery = await load.recovery(ended, earlier);
  const during = load.rate(began, ended);
  console.info(
    `${name}: ${earlier.toFixed(1)}/s before, ${during.toFixed(1)}/s in its ${Math.round(ended - began)} ms, ` +
      `back after ${recovery ?? 'more than 10000'} ms`,
  );
  expect(recovery, `the rate after: ${name}`).toBeDefined();
  if (full) await expectCapacity(load, full);
  const samples = load.samples.filter(({ at }) => at >= began && at < ended);
  expect(await felt({ samples, changes }), `somebody felt it: ${name}`).toBe(true);
}

/** Of several windows the one in the middle, by what the machine could do in that moment: others use it, too. */
async function usualCapacity(load: CommitteeLoad): Promise<Capacity> {
  const windows: Capacity[] = [];
  await load.calm();
  while (windows.length < WINDOWS) windows.push(await capacityOf(load.stage.url, WINDOW));
  return middle(windows);
}

function middle(windows: readonly Capacity[]): Capacity {
  const sorted = windows.toSorted((a, b) => a.rate / a.bare - b.rate / b.bare);
  return sorted[(WINDOWS - 1) / 2] ?? { rate: 0, p95: 0, bare: 0 };
}

async function expectCapacity(load: CommitteeLoad, full: Capacity): Promise<void> {
  const windows: Capacity[] = [];
  // Whoever waited out the fault comes first, and each of their moves wakes all the others.
  await load.calm();
  const end = load.now + RECOVERY_LIMIT;
  const isBack = () => {
    const { rate, p95, bare } = middle(windows.slice(-WINDOWS));
    const isMuch = rate / bare >= (BACK.share * full.rate) / full.bare;
    return windows.length >= WINDOWS && bare > 0 && isMuch && p95 * bare <= BACK.p95 * full.p95 * full.bare;
  };
  do windows.push(await capacityOf(load.stage.url, WINDOW));
  while (!isBack() && load.now < end);
  const shown = ({ rate, p95, bare }: Capacity) =>
    `${rate.toFixed(0)}/s (of ${bare.toFixed(0)} bare ones) with p95 ${p95.toFixed(1)} ms`;
  console.info(`  at most ${shown(full)} before, ${windows.map(shown).join('; ')} after`);
  expect(isBack(), 'it can do again what it could do').toBe(true);
}

/** One line with the share of 5xx, which it also gives back, with how many got no answer at all. */
export function reportFailures(load: CommitteeLoad): {
  readonly serverErrors: number;
  readonly unanswered: number;
} {
  const { count, answers } = load.serverErrors();
  const unanswered = load.samples.length - answers;
  console.info(
    `${answers} answers, ${load.entered.length} patients, ${load.called.length} calls: ` +
      `${count} answers of 5xx (${((count / answers) * 100).toFixed(3)} %), ${unanswered} without an answer`,
  );
  return { serverErrors: count / answers, unanswered };
}
