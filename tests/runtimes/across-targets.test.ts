/** What begins at one target goes on at another: streams with Last-Event-ID, and who is held while another writes. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId, request } from '../contract/http.ts';
import { QueueClient } from '../contract/queue-client.ts';
import { TURN_TIMEOUT } from '../contract/target.ts';
import { EventSourceClient } from '../support/event-source.ts';
import { report } from '../support/sql-report.ts';
import { type AllTargets, type NamedTarget, openAllTargets } from './all-targets.ts';

/** Events that come while a stream is open, and as many while none is. */
const LIVE = 3;
const STREAM = '/api/v1/events/stream';

let all: AllTargets;
let staff: QueueClient;
beforeAll(async () => {
  all = await openAllTargets();
  staff = await QueueClient.open(at(0));
}, TURN_TIMEOUT);
afterAll(() => all?.close());

/** The targets in a ring. */
function at(index: number): NamedTarget {
  const target = all.targets[index % all.targets.length];
  if (!target) throw new Error('no target');
  return target;
}

async function enter(target: NamedTarget, clinic: string): Promise<string> {
  const user = newId('across');
  const answer = await request(target.url, 'POST', '/api/v1/queue/enter', { json: { clinic, user } });
  expect(answer.status, answer.text).toBe(200);
  return user;
}

describe('a stream', { timeout: 120_000 }, () => {
  it('goes on at every other target with Last-Event-ID: each event once, in its order, none lost', async () => {
    const clinic = 'ecg';
    const received: unknown[] = [];
    let entered = 0;
    let lastId: string | undefined;
    for (let round = 0; round < 2 * all.targets.length; round += 1) {
      const headers: Record<string, string> = lastId === undefined ? {} : { 'Last-Event-ID': lastId };
      const stream = await EventSourceClient.open(`${at(round).url}${STREAM}?clinic=${clinic}`, headers);
      await stream.atLeast(1, 'connected');
      // Written at another target than the one that streams.
      for (let count = 0; count < LIVE; count += 1) await enter(at(round + 1 + count), clinic);
      entered += LIVE;
      const frames = await stream.atLeast(entered - received.length, 'ENTERED');
      stream.close();
      received.push(...frames.map(({ data }) => numberOf(data)));
      lastId = stream.lastId;
      for (let count = 0; count < LIVE; count += 1) await enter(at(round + count), clinic);
      entered += LIVE;
    }
    const late = await EventSourceClient.open(`${at(0).url}${STREAM}?clinic=${clinic}`, {
      'Last-Event-ID': lastId ?? '',
    });
    const frames = await late.atLeast(entered - received.length, 'ENTERED');
    late.close();
    received.push(...frames.map(({ data }) => numberOf(data)));
    expect(received).toStrictEqual(Array.from({ length: entered }, (_, index) => index + 1));
    report('events of a stream that changed its target, each once', entered);
  });
});

/** The queue number of an event, wherever the frame has it. */
function numberOf(data: Readonly<Record<string, unknown>>): unknown {
  return data.queue_number ?? (data.data as Record<string, unknown> | undefined)?.queue_number ?? data.number;
}

describe('whoever is held at one target', { timeout: 120_000 }, () => {
  it('is answered soon after a call at any other', async () => {
    const clinic = 'derma';
    for (const [index, target] of all.targets.entries()) {
      await staff.drain(clinic);
      const user = await enter(target, clinic);
      const path = `/api/v1/queue/position?clinic=${clinic}&user=${user}`;
      const seen = await request(target.url, 'GET', path);
      const began = performance.now();
      const headers = { 'If-None-Match': seen.headers.get('etag') ?? '' };
      const held = request(target.url, 'GET', path, { headers });
      const called = await request(at(index + 1).url, 'POST', '/api/v1/queue/call', {
        json: { clinic },
        token: staff.token,
      });
      expect(called.status, called.text).toBe(200);
      const { status, body } = await held;
      expect([target.name, status, body.status]).toStrictEqual([target.name, 200, 'CALLED']);
      expect(performance.now() - began, target.name).toBeLessThan(target.longPollSeconds * 500);
    }
  });

  it('has the numbers of one line, without gap or duplicate, when all targets hand them out at once', async () => {
    const count = 20 * all.targets.length;
    const numbers = await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const json = { clinic: 'audio', user: newId('across') };
        const answer = await request(at(index).url, 'POST', '/api/v1/queue/enter', { json });
        return Number(answer.body.number);
      }),
    );
    expect(numbers.sort((one, other) => one - other)).toStrictEqual(
      Array.from({ length: count }, (_, index) => index + 1),
    );
    report('numbers handed out by all targets at once, each once', count);
  });
});
