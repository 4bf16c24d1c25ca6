/** Faults of a stage, one after the other under load, and a line for each. */
import { expect } from 'vitest';
import { volume } from '../support/volume.ts';
import type { CommitteeLoad } from './committee-load.ts';

/** Milliseconds for which each fault lasts: it is what is tested, not a wait for something. */
const LASTS = volume(12_000);

/** Milliseconds for a test of one fault: until the load is steady, the fault, and the recovery. */
export const FAULT_LIMIT = 2 * 60_000;

export interface Fault {
  readonly name: string;
  /** Breaks something, and mends it after the given time unless it mends itself. */
  strike(lasts: number): Promise<void>;
}

/** Lets it happen; the rate must be back at 98 % of the earlier one within ten seconds after it ended. */
export async function survive(load: CommitteeLoad, { name, strike }: Fault): Promise<void> {
  const earlier = await load.steadyRate();
  expect(earlier, 'the rate before').toBeGreaterThan(0.9 * load.pace);
  const began = load.now;
  await strike(LASTS);
  const ended = load.now;
  const recovery = await load.recovery(ended, earlier);
  const during = load.rate(began, ended);
  console.info(
    `${name}: ${earlier.toFixed(1)}/s before, ${during.toFixed(1)}/s in its ${Math.round(ended - began)} ms, ` +
      `back after ${recovery ?? 'more than 10000'} ms`,
  );
  expect(recovery, `the rate after: ${name}`).toBeDefined();
}

/** One line with the share of 5xx, which it also gives back. */
export function reportServerErrors(load: CommitteeLoad): number {
  const { count, answers } = load.serverErrors();
  const share = count / answers;
  console.info(
    `${answers} answers, ${load.entered.length} patients, ${load.called.length} calls: ` +
      `${count} answers of 5xx (${(share * 100).toFixed(3)} %)`,
  );
  return share;
}
