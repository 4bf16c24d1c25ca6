import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AdminFeed } from './admin-feed.ts';
import type { Admin } from './admin-token.ts';
import { BREAKER_CONFIGS, CircuitBreaker } from './circuit-breaker.ts';
import { readConfig } from './config.ts';
import { EventChannel } from './event-channel.ts';
import type { StreamEvent } from './event-frame.ts';
import type { Changes } from './event-hub.ts';
import type { StreamStart } from './feed.ts';
import type { RequestContext } from './request-context.ts';
import { createServices } from './services.ts';
import { Timing } from './timing.ts';

const DAY = '2025-10-29';
const ADMIN: Admin = { sub: 'nurse', role: 'admin', ver: 3, exp: Date.parse('2025-10-29T20:00:00Z') / 1000 };
const CONFIG = readConfig({
  DATABASE_URL: 'postgresql://user:pass@db.example/app',
  JWT_SECRET: 'thirty-two characters at the least',
});
const VIEW = { ok: true, waiting: 1, active_queues: 1, completed: 0, average_wait: 0, queues: [] };

beforeEach(() => {
  vi.useFakeTimers({ now: new Date('2025-10-29T12:00:00Z') });
});
afterEach(() => {
  vi.useRealTimers();
});

function event(id: string): StreamEvent {
  const timestamp = '2025-10-29T12:00:00.000Z';
  return { id, type: 'CALLED', clinic: 'lab', user: 'u', number: 1, position: null, data: {}, timestamp };
}

function changes(change: Partial<Changes> = {}): Changes {
  return {
    events: [],
    cursor: '1000-0',
    more: false,
    hidden: false,
    versions: {},
    told: {},
    states: [],
    notifications: true,
    admins: [{ sub: 'nurse', ver: 3 }],
    ...change,
  };
}

const START: StreamStart = {
  clinic: null,
  admin: true,
  after: null,
  cursor: '100-0',
  notifications: true,
  states: [],
};

/** An admin's feed over a database that a test lets answer; `told` is what its client got so far. */
function setUp() {
  const view = vi.fn(async (): Promise<unknown> => VIEW);
  const services = createServices('node', CONFIG, {
    clock: { now: () => new Date(), simulated: true },
    database: { call: view, breaker: new CircuitBreaker(BREAKER_CONFIGS.database) },
    agreement: { checked: true },
  });
  const ctx: RequestContext = {
    ...services,
    ...services.waiting(),
    requestId: 'test',
    timing: new Timing(),
    admin: ADMIN,
    foreignOrigin: false,
    clientIp: '::1',
    admitted: Promise.resolve(),
    signal: new AbortController().signal,
    waitUntil: () => undefined,
  };
  const channel = new EventChannel(ctx);
  const feed = new AdminFeed(ctx, channel);
  const told: string[] = [];
  void (async () => {
    for await (const chunk of channel.body) {
      const [, name, id] = /^event: (\w+)\nid: (\S+)/.exec(new TextDecoder().decode(chunk)) ?? [];
      told.push(`${name} ${id}`);
    }
  })();
  return { feed, channel, view, told };
}

const second = () => vi.advanceTimersByTimeAsync(1_000);

describe('an admin’s feed', () => {
  it('begins with the picture, and shows each event and then a picture that carries the last cursor', async () => {
    const { feed, told } = setUp();
    await feed.begin(START, DAY);
    feed.changed(DAY, changes({ events: [event('101-1'), event('102-2')], cursor: '103-0' }));
    await second();
    expect(told).toEqual(['queue_update 100-0', 'CALLED 101-1', 'CALLED 102-2', 'queue_update 103-0']);
  });

  it('that comes back gives the first picture the id where it left off, so that a break loses nothing', async () => {
    const { feed, told } = setUp();
    await feed.begin({ ...START, after: '90-4' }, DAY);
    feed.show(event('95-1'));
    await second();
    expect(told).toEqual(['queue_update 90-4', 'CALLED 95-1']);
  });

  it('has one picture a second at most, one read at a time, and one after the last change', async () => {
    const { feed, view, told } = setUp();
    await feed.begin(START, DAY);
    let answer = () => {};
    view.mockImplementation(
      () =>
        new Promise((resolve) => {
          answer = () => resolve(VIEW);
        }),
    );
    feed.changed(DAY, changes({ events: [event('101-1')], cursor: '102-0' }));
    await vi.advanceTimersByTimeAsync(999);
    expect(view).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(view).toHaveBeenCalledTimes(2);
    feed.changed(DAY, changes({ events: [event('102-2')], cursor: '103-0' }));
    await vi.advanceTimersByTimeAsync(3_000);
    expect(view).toHaveBeenCalledTimes(2);
    answer();
    await vi.advanceTimersByTimeAsync(999);
    expect(view).toHaveBeenCalledTimes(2);
    await vi.advanceTimersByTimeAsync(1);
    expect(view).toHaveBeenCalledTimes(3);
    answer();
    await second();
    expect(told.filter((name) => name.startsWith('queue_update'))).toHaveLength(3);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(view).toHaveBeenCalledTimes(3);
  });

  it('tries the picture again while the database is away', async () => {
    const { feed, view, told } = setUp();
    await feed.begin(START, DAY);
    view.mockRejectedValue(new Error('the database is away'));
    feed.changed(DAY, changes({ events: [event('101-1')], cursor: '102-0' }));
    await vi.advanceTimersByTimeAsync(5_000);
    expect(told).toEqual(['queue_update 100-0', 'CALLED 101-1']);
    view.mockResolvedValue(VIEW);
    await second();
    expect(told.at(-1)).toBe('queue_update 102-0');
  });

  it('shows the new day without an event', async () => {
    const { feed, told } = setUp();
    await feed.begin(START, DAY);
    feed.changed(DAY, changes());
    await second();
    expect(told).toHaveLength(1);
    feed.changed('2025-10-30', changes());
    await second();
    expect(told).toHaveLength(2);
  });

  it('leaves no timer behind', async () => {
    const { feed, channel } = setUp();
    await feed.begin(START, DAY);
    feed.changed(DAY, changes({ events: [event('101-1')] }));
    channel.end();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a token that is not valid any more', () => {
  it.each<[string, (parts: ReturnType<typeof setUp>) => void]>([
    ['was revoked', ({ feed }) => feed.changed(DAY, changes({ events: [event('101-1')], admins: [] }))],
    [
      'is of an older version of the account',
      ({ feed }) =>
        feed.changed(DAY, changes({ events: [event('101-1')], admins: [{ sub: 'nurse', ver: 4 }] })),
    ],
    [
      'has expired',
      ({ feed }) => {
        vi.setSystemTime(ADMIN.exp * 1000);
        feed.changed(DAY, changes({ events: [event('101-1')] }));
      },
    ],
  ])('shows nothing any more, not even the rest of the look: it %s', async (_, ends) => {
    const parts = setUp();
    await parts.feed.begin(START, DAY);
    ends(parts);
    parts.feed.changed(DAY, changes({ events: [event('102-1')] }));
    parts.feed.show(event('103-1'));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(parts.told).toEqual(['queue_update 100-0']);
    expect(parts.feed.admin).toBeUndefined();
    expect(parts.channel.isOpen).toBe(true);
  });

  it('is noticed by the picture too', async () => {
    const { feed, view, told } = setUp();
    await feed.begin(START, DAY);
    feed.changed(DAY, changes({ events: [event('101-1')] }));
    view.mockResolvedValue({ ok: false, code: 'UNAUTHORIZED' });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(told).toEqual(['queue_update 100-0', 'CALLED 101-1']);
    expect(feed.admin).toBeUndefined();
    expect(view).toHaveBeenCalledTimes(2);
  });

  it('shows nothing from the start', async () => {
    const { feed, view, told } = setUp();
    await feed.begin({ ...START, admin: false }, DAY);
    feed.changed(DAY, changes({ events: [event('101-1')] }));
    await second();
    expect(told).toEqual([]);
    expect(view).not.toHaveBeenCalled();
  });
});
