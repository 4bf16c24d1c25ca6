// Time, as a part that tests replace.

export interface Clock {
  now(): Date;
  /** True when this clock is not the real one: its time is then handed to the database too. */
  readonly simulated: boolean;
}

export const systemClock: Clock = { now: () => new Date(), simulated: false };
