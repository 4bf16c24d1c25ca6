import { describe, expect, it } from 'vitest';
import { EventChannel } from './event-channel.ts';
import type { StreamEvent } from './event-frame.ts';
import type { Changes } from './event-hub.ts';
import type { StreamStart } from './feed.ts';
import { randomIds } from './ids.ts';
import { PatientFeed } from './patient-feed.ts';
import type { PatientState } from './patient-frames.ts';
import { createStreamRegistry } from './stream-registry.ts';

const DAY = '2025-10-29';
const CLOCK = { now: () => new Date('2025-10-29T12:00:00.000Z'), simulated: true };

function state(version: number, change: Partial<PatientState> = {}): PatientState {
  return {
    clinic: 'lab',
    user: 'me',
    number: 7,
    status: 'WAITING',
    display_number: 1,
    ahead: 0,
    total_waiting: 3,
    current: null,
    remaining: true,
    version,
    event: `${version}0-1`,
    ...change,
  };
}

const called = (id: string, change: Partial<StreamEvent> = {}): StreamEvent => ({
  id,
  type: 'CALLED',
  clinic: 'lab',
  user: 'me',
  number: 7,
  position: null,
  data: {},
  timestamp: '2025-10-29T12:00:00.000Z',
  ...change,
});

function changes(change: Partial<Changes>): Changes {
  return {
    events: [],
    cursor: '1000-0',
    more: false,
    hidden: false,
    versions: {},
    told: {},
    states: [],
    notifications: true,
    admins: [],
    ...change,
  };
}

const START: StreamStart = {
  clinic: null,
  admin: false,
  after: null,
  cursor: '5-0',
  notifications: true,
  states: [],
};

/** A feed of the patient `me`, and what its client was told: subtype and id of each frame. */
async function follow(
  work: (feed: PatientFeed) => void,
  start: Partial<StreamStart> = {},
): Promise<string[]> {
  const streams = createStreamRegistry();
  const streamLifeMs = Number.POSITIVE_INFINITY;
  const { signal } = new AbortController();
  const parts = { clock: CLOCK, ids: randomIds, streams, streamLifeMs, clientIp: '::1', signal };
  const channel = new EventChannel(parts);
  const feed = new PatientFeed(channel, CLOCK, 'me');
  feed.begin({ ...START, ...start }, DAY);
  work(feed);
  channel.end();
  const text = await new Response(channel.body).text();
  return [...text.matchAll(/id: (\S+)\ndata: .*?"subtype":"(\w+)".*?"clinic":"(\w+)"/g)].map(
    ([, id, subtype, clinic]) => `${clinic} ${subtype} ${id}`,
  );
}

const waiting = state(1);
const done = state(3, { status: 'DONE', display_number: -1 });

describe('a patient’s feed', () => {
  it('says nothing of the state it begins with, and nothing twice', async () => {
    const told = await follow(
      (feed) => {
        feed.changed(DAY, changes({ states: [waiting] }));
        feed.changed(DAY, changes({ states: [state(2, { status: 'CALLED' })] }));
        feed.changed(DAY, changes({ states: [state(2, { status: 'CALLED' })] }));
        feed.changed(DAY, changes({ states: [waiting] }));
      },
      { states: [{ ...waiting, newer: false }] },
    );
    expect(told).toEqual(['lab YOUR_TURN 20-1']);
  });

  it('tells a call that the next move overtook, under its own id', async () => {
    const told = await follow(
      (feed) => feed.changed(DAY, changes({ events: [called('15-2')], states: [done] })),
      { states: [{ ...waiting, newer: false }] },
    );
    expect(told).toEqual(['lab YOUR_TURN 15-2', 'lab COMPLETED 30-1']);
  });

  it('tells an overtaken call also when the state came a look after it', async () => {
    const told = await follow((feed) => {
      feed.changed(DAY, changes({ events: [called('15-2')] }));
      feed.changed(DAY, changes({ states: [done] }));
    });
    expect(told).toEqual(['lab YOUR_TURN 15-2', 'lab COMPLETED 30-1']);
  });

  it.each([
    ['of somebody else', called('15-2', { user: 'other' })],
    ['of an earlier entry', called('15-2', { number: 2 })],
    ['in another clinic', called('15-2', { clinic: 'xray' })],
  ])('does not take a call %s for its own', async (_, event) => {
    const told = await follow((feed) => feed.changed(DAY, changes({ events: [event], states: [done] })));
    expect(told).toEqual(['lab COMPLETED 30-1']);
  });

  it('does not repeat a call that was told as a state', async () => {
    const told = await follow((feed) => {
      feed.changed(DAY, changes({ states: [state(2, { status: 'CALLED' })] }));
      feed.changed(DAY, changes({ events: [called('15-2')], states: [done] }));
    });
    expect(told).toEqual(['lab YOUR_TURN 20-1', 'lab COMPLETED 30-1']);
  });

  it('gives each clinic’s news its own id, so that a break between two loses none', async () => {
    const told = await follow((feed) =>
      feed.changed(DAY, changes({ states: [waiting, state(4, { clinic: 'xray', status: 'CALLED' })] })),
    );
    expect(told).toEqual(['lab NEXT_IN_LINE 10-1', 'xray YOUR_TURN 40-1']);
  });

  it('never sends an id below one that was sent', async () => {
    const told = await follow((feed) => feed.changed(DAY, changes({ states: [waiting] })), { after: '99-9' });
    expect(told).toEqual(['lab NEXT_IN_LINE 99-9']);
  });

  it('after a reconnect tells the present state of each clinic where something is newer', async () => {
    const told = await follow(() => {}, {
      after: '9-1',
      states: [
        { ...waiting, newer: false },
        { ...state(4, { clinic: 'xray', status: 'CALLED' }), newer: true },
      ],
    });
    expect(told).toEqual(['xray YOUR_TURN 40-1']);
  });

  it('is silent while notices are off, and does not make up for it afterwards', async () => {
    const told = await follow((feed) => {
      feed.changed(DAY, changes({ notifications: false, states: [waiting] }));
      feed.changed(DAY, changes({ states: [waiting] }));
      feed.changed(DAY, changes({ states: [state(2, { status: 'CALLED' })] }));
    });
    expect(told).toEqual(['lab YOUR_TURN 20-1']);
    const start = { after: '9-1', notifications: false, states: [{ ...waiting, newer: true }] };
    expect(await follow(() => {}, start)).toEqual([]);
  });

  it('begins anew with the next service day, and takes nothing of the last one for it', async () => {
    const told = await follow((feed) => {
      feed.changed(DAY, changes({ states: [state(8, { status: 'CALLED' })] }));
      feed.changed('2025-10-30', changes({ states: [state(1, { event: '90-1' })] }));
      feed.changed(DAY, changes({ states: [done] }));
    });
    expect(told).toEqual(['lab YOUR_TURN 80-1', 'lab NEXT_IN_LINE 90-1']);
  });

  it('hears of its own clinic only when it asked for one', async () => {
    const both = changes({ states: [waiting, state(4, { clinic: 'xray', status: 'CALLED' })] });
    const told = await follow((feed) => feed.changed(DAY, both), { clinic: 'xray' });
    expect(told).toEqual(['xray YOUR_TURN 40-1']);
  });
});
