/** What people, clocks and faults may do in a simulated committee, chosen by a seed. */
import type { Random } from '../support/sql-random.ts';

export const CLINICS = ['lab', 'xray', 'ecg'] as const;
export type Clinic = (typeof CLINICS)[number];

/**
 * What happens to the attempt: `repeated` is sent again under its key; so is `unheard`, whose answer was lost on the way;
 * `undone` dies before its commit, so it never was; `late` was held up over midnight and still carries the day before;
 * `without Redis` finds it away, until the next step finds it back and empty.
 */
export type Mishap = 'repeated' | 'unheard' | 'undone' | 'late' | 'without Redis';

type Action =
  | { readonly does: 'enter'; readonly clinic: Clinic; readonly user: string; readonly priority: number }
  | { readonly does: 'call'; readonly clinic: Clinic; readonly capacity?: number }
  | {
      readonly does: 'leave';
      readonly clinic: Clinic;
      readonly user: string;
      /** `staff`: without a PIN, and only who was called. */
      readonly by: 'right pin' | 'wrong pin' | 'staff';
    }
  | { readonly does: 'check in'; readonly clinic: Clinic; readonly user: string }
  | { readonly does: 'expire'; readonly clinic: Clinic };

export type Step =
  | (Action & { readonly mishap?: Mishap })
  | { readonly does: 'tick' }
  | { readonly does: 'wait'; readonly seconds: number }
  | { readonly does: 'forget cache' };

/** Which steps a system knows. */
export interface Repertoire {
  readonly staff: boolean;
  readonly priorities: boolean;
  readonly mishaps: readonly Mishap[];
  readonly cache: boolean;
}

const USERS = 9;

/** So many steps, of few people in few clinics, so that they get in each other's way all the time. */
export function randomSteps(random: Random, count: number, repertoire: Repertoire): Step[] {
  const steps = guessing(random);
  while (steps.length < count) {
    if (random.chance(0.01)) steps.push(...guessing(random));
    else steps.push(randomStep(random, repertoire));
  }
  return steps.slice(0, count);
}

/** By chance nobody would guess often enough to be locked: one patient over a day, or several at once. */
function guessing(random: Random): Step[] {
  const clinic = random.pick(CLINICS);
  const guess = (user: number): Step => ({ does: 'leave', clinic, user: `user-${user}`, by: 'wrong pin' });
  const five = (user: number): Step[] => [
    { does: 'enter', clinic, user: `user-${user}`, priority: 0 },
    ...Array.from({ length: 5 }, () => guess(user)),
  ];
  const pause: Step = { does: 'wait', seconds: 61 };
  const user = random.below(USERS - 3);
  const last: Step = { does: 'leave', clinic, user: `user-${user}`, by: 'right pin' };
  return random.chance(0.5)
    ? [...five(user), pause, ...five(user), pause, ...five(user), pause, guess(user), last]
    : [...five(user + 1), ...five(user + 2), ...five(user + 3), ...five(user), last];
}

function randomStep(random: Random, { staff, priorities, mishaps, cache }: Repertoire): Step {
  const chance = random.below(100);
  if (chance < 12) return { does: 'wait', seconds: random.pick([1, 5, 29, 60, 61, 301, 3_600, 40_000]) };
  if (chance < 15) return { does: 'tick' };
  if (chance < 17 && cache) return { does: 'forget cache' };
  const [mishap] = random.chance(0.15) ? [mishaps[random.below(mishaps.length)]] : [];
  return { ...randomAction(random, staff, priorities), ...(mishap && { mishap }) };
}

function randomAction(random: Random, staff: boolean, priorities: boolean): Action {
  const clinic = random.pick(CLINICS);
  const user = `user-${random.below(USERS)}`;
  const priority = priorities && random.chance(0.2) ? 1 + random.below(2) : 0;
  const enter: Action = { does: 'enter', clinic, user, priority };
  const call: Action = {
    does: 'call',
    clinic,
    ...(staff && random.chance(0.3) && { capacity: 1 + random.below(3) }),
  };
  const leave = (by: 'right pin' | 'wrong pin' | 'staff'): Action => ({ does: 'leave', clinic, user, by });
  return random.pick<Action>([
    enter,
    enter,
    enter,
    call,
    call,
    leave('right pin'),
    leave('wrong pin'),
    leave('wrong pin'),
    ...(staff
      ? [leave('staff'), { does: 'check in', clinic, user } as const, { does: 'expire', clinic } as const]
      : []),
  ]);
}
